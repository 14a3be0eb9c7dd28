"""S5: a crowd of sessions, each of a region with certificates of its own, from one harness process."""
import json
import os
import shutil
import subprocess
import tempfile
import time

import idle
from systems import HERE, MECHANISMS, Failure, House

ORIGIN = "100000"
MEMBERS_EACH = 375  # a mechanism has at most 400 members: several share the crowd


def regions(count):
    """The first counties of today's GB/T 2260 that the table has."""
    found = []
    with open(f"{HERE}/../../proto/wire/region.csv", encoding="utf-8") as file:
        for line in file:
            fields = line.strip().split(",")
            if line.startswith("#") or len(fields) < 2 or not fields[0].isdigit() or any(fields[2:]):
                continue
            if fields[0] != ORIGIN and len(found) < count:
                found.append(fields[0])
    if len(found) < count:
        raise Failure(f"the table has {len(found)} regions, not {count}")
    return found


def mechanism(number, members):
    lines = "".join(f"  - {region}\n" for region in [ORIGIN, *members])
    return f"""mechanism: crowd-{number}
name: {{zh: 性能测量 {number}, en: Measuring {number}}}
in force: {{from: 2020-01-01}}
members:
{lines}rules:
  - name: alerts
    title: {{zh: 告警, en: Alerts}}
    kinds: [measure-bulletin]
    from: [members/command]
    to: [members/command]
    lane: flash
    terms:
      sign for: 30 min, D
    keep: 1 y, D
    source: D
"""


def found(programs, folder, crowd):
    """Certificates are many small synced files: they are made in memory where there is such a folder."""
    house = House(programs, folder=folder)
    files = []
    for number in range(0, len(crowd), MEMBERS_EACH):
        path = f"{folder}/crowd-{number // MEMBERS_EACH + 1}.yaml"
        house.write(path, mechanism(number // MEMBERS_EACH + 1, crowd[number:number + MEMBERS_EACH]))
        files.append(path)
    house.found([ORIGIN], mechanisms=[*MECHANISMS, *files])
    house.run(f"{programs}/bench-issue", house.ca, folder, f"{house.publish}/directory.bin", input="\n".join(crowd))
    with open(f"{folder}/roles", "w", encoding="utf-8") as roles:
        roles.write(f"policy 1\npublisher {ORIGIN}\n" + "".join(f"recipient {region}\n" for region in crowd) +
                    "flow national 3 1 2 all\nalert none 3 1 0 all\n" +
                    "".join(f"crowd crowd-{i + 1} 3 1 0 all\n" for i in range(len(files))))
    return house


def measure(house, count):
    broker = house.broker
    broker.start().wait_ready(120)
    harness = subprocess.Popen([f"{house.programs}/bench-lianfang", "--folder", house.folder, "--port",
                                str(broker.port), "--server-pid", str(broker.child.pid), "--publishers", "1",
                                "--recipients", str(count), "--everybody"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = harness.stdout.readline()
        if line != "idle\n":
            raise Failure(f"the harness said {line!r}; broker:\n{broker.tail(20)}")
        begun = time.perf_counter()
        broker.stop(seconds=60)
        stopped = time.perf_counter() - begun
        broker.start()
        harness.stdin.write("restarted\n")
        harness.stdin.flush()
        output = harness.stdout.read()
        if harness.wait(120) != 0:
            raise Failure(f"the harness failed; broker:\n{broker.tail(20)}")
        broker.wait_ready(120)
        restart = stopped + (idle.started_ms(broker) or 0) / 1000
        return {**json.loads(output), "sessions": count, "restart_seconds": restart}
    finally:
        if harness.poll() is None:
            harness.kill()
            harness.wait()


def run(bench, arguments):
    count = 300 if arguments.quick else 3000
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = tempfile.mkdtemp(prefix="lianfang-crowd-", dir=memory)
    data = f"{bench.folder}/crowd"
    try:
        house = found(bench.programs, folder, regions(count))
        house.broker.configure(data=data, pulse_ms=5000)
        try:
            result = measure(house, count)
        finally:
            house.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(data, ignore_errors=True)
    print(f"S5 {count} sessions: {result['rss_anon_kb_a_session']:.1f} KB RssAnon each, an alert to all in "
          f"{result['alert_to_all_seconds']:.2f} s, broker CPU at rest {100 * result['idle_cpu_share']:.1f} %, all back "
          f"{result['all_back_seconds']:.2f} s after a restart of {result['restart_seconds']:.2f} s; first connected in {result['connect_seconds']:.2f} s",
          flush=True)
    return result
