"""S6: many messages kept while their recipient is away; a restart on top of them; the recipient comes and catches up."""
import json
import os
import shutil
import subprocess
import time

import idle
from systems import PUBLISHERS, Failure

AWAY = "510000"
BYTES_EACH = 1600  # of disk, header, payload, rows and LMDB's pages together, with room


def harness(bench, broker, messages, extra):
    command = [f"{bench.programs}/bench-lianfang", "--folder", bench.house().folder, "--port", str(broker.port),
               "--server-pid", str(broker.child.pid), "--publishers", str(len(PUBLISHERS)), "--recipients", "1",
               "--bytes", "512", "--messages", str(messages), "--extra", extra]
    result = subprocess.run(command, capture_output=True, text=True, timeout=7200)
    if result.returncode != 0:
        raise Failure(f"{' '.join(command)}: exit {result.returncode}\n{result.stderr}{broker.tail(20)}")
    return json.loads(result.stdout)


def size_of(folder):
    return sum(os.stat(os.path.join(at, name)).st_blocks * 512 for at, _, names in os.walk(folder) for name in names)


def run(bench, arguments):
    """The figures of one round; what does not fit on the disk is made smaller, and said."""
    messages = arguments.messages or (30000 if arguments.quick else 9999990)  # a multiple of publishers and tenths
    messages = messages // 30 * 30
    room = shutil.disk_usage(bench.folder).free // 2 // BYTES_EACH
    if room < messages:
        messages = room // 30 * 30
        print(f"S6: half of the free disk takes {messages} messages, so it is these", flush=True)
    house, broker = bench.house(), bench.house().broker
    data = f"{bench.folder}/kept"
    broker.configure(data=data, policy=house.policy, pulse_ms=5000, map_mib=messages * BYTES_EACH // 2**20 + 1024)
    with open(f"{house.folder}/roles", "w", encoding="utf-8") as roles:
        roles.write("policy 1\n" + "".join(f"publisher {p}\n" for p in PUBLISHERS) + f"recipient {AWAY}\n"
                    "flow national 1 2 1 concerned\nalert bench 3 1 0 named\n")
    try:
        broker.start().wait_ready()
        kept = harness(bench, broker, messages, "away=1")
        stored = size_of(data)
        broker.stop(seconds=120)
        start = time.perf_counter()
        broker.start().wait_ready(120)
        restart = time.perf_counter() - start
        caught_up = harness(bench, broker, messages, "catchup=1")
        result = {"messages": messages, "bytes_on_disk": stored, "kept": kept, "caught_up": caught_up,
                  "restart_seconds": restart, "ready_ms": idle.started_ms(broker),
                  "end_to_start": kept["rate_last_tenth"] / kept["rate_first_tenth"],
                  "memory_end_to_start": kept["rss_anon_kb_last_tenth"] / kept["rss_anon_kb_first_tenth"],
                  "catch_up_rate": caught_up["rate"]}
    finally:
        broker.stop(seconds=120)
        shutil.rmtree(data, ignore_errors=True)
    print(f"S6 {messages} messages kept, {stored / messages:.0f} bytes of disk each: "
          f"{kept['rate_first_tenth']:.0f} /s in the first tenth ({kept['cpu_us_first_tenth']:.1f} us of server CPU each), "
          f"{kept['rate_last_tenth']:.0f} in the last ({kept['cpu_us_last_tenth']:.1f}); "
          f"restart {restart:.2f} s; catch-up {caught_up['rate']:.0f} /s; RssAnon "
          f"{kept['rss_anon_kb_first_tenth'] / 1024:.1f} → {kept['rss_anon_kb_last_tenth'] / 1024:.1f} MB", flush=True)
    return result
