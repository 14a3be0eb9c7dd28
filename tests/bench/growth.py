"""How cost grows: with nodes, recipients, what is kept, the disk's sync and the line. What the broker's threads use for a message, and
so what is full first on more cores than this machine has. Against nothing: short rounds, for the shape."""
import json
import os
from types import SimpleNamespace

import kept
import link
import scenarios
import systems
from systems import HERE, PUBLISHERS, RECIPIENTS

SECONDS, QUICK_SECONDS = 3.0, 0.5
FANS = {1: "420000", 4: "410000", 16: "430000"}  # recipients: their origin
SYNCS_US = (0, 200, 5000)
LINES = {"50 ms there and back": (0.025, 0), "10 Mbit/s each way": (0, 1250000)}
KEPT = (30000, 150000, 750000)
THREADS = {"ZMQbg/IO/0": "io", "ZMQbg/Reaper": "io", "keep-writer": "writer", "keep-applier": "writer",
           "keep-fetcher": "fetcher"}


def cpu_of_threads(pid):
    """{what it does: seconds} so far."""
    used = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8") as file:
                name = file.read().strip()
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                nanoseconds = int(file.read().split()[0])
        except OSError:
            continue  # it ended
        name = THREADS.get(name, name) if int(task) != pid else "core"
        used[name] = used.get(name, 0) + nanoseconds / 1e9
    return used


class Grown(systems.Lianfang):
    """Ours with another policy, a disk with another sync, a line in front."""

    def __init__(self, bench, policy=None, sync_us=None, line=None):
        super().__init__(bench)
        self.policy, self.sync_us, self.line = policy, sync_us, line
        self.link, self.before, self.used = None, {}, {}

    def start(self, scenario):
        broker = self.bench.house().broker
        if self.sync_us is not None:
            broker.environment = {"LD_PRELOAD": self.bench.house().preload(f"{HERE}/slowdisk.c"),
                                  "LIANFANG_SYNC_US": str(self.sync_us)}
        pid, port = super().start(scenario)
        self.before = cpu_of_threads(pid)
        if self.line is not None:
            self.link = link.Link(port, *self.line)
            port = self.link.port
        return pid, port

    def stop(self):
        broker = self.bench.house().broker
        if broker.alive():
            now = cpu_of_threads(broker.child.pid)
            self.used = {name: now[name] - self.before.get(name, 0) for name in now}
        super().stop()
        broker.environment = {}
        if self.link is not None:
            self.link.close()
            self.link = None

    def measure(self, scenario, seconds):
        systems.pause()
        result = json.loads(self.round(scenario, scenario.arguments(seconds) + ["--seed", "1"]))
        return {**result, "us_of": {name: 1e6 * cpu / result["deliveries"] for name, cpu in self.used.items()}}


def flow(**changes):
    return scenarios.Scenario("growth", "", "", changes.pop("options", ["--bytes", "512"]), **changes)


def fan_policy(bench):
    """A mechanism for each number of recipients, each with an origin of its own, in which it is the narrowest."""
    house, files = bench.house(), []
    others = [p for p in systems.PROVINCES if p not in FANS.values()]
    for count, origin in FANS.items():
        members = "".join(f"  - {region}\n" for region in [origin, *others[:count]])
        house.write(f"{house.folder}/fan-{count}.yaml", f"""mechanism: fan-{count}
name: {{zh: 分发 {count}, en: Fan {count}}}
in force: {{from: 2020-01-01}}
members:
{members}rules:
  - name: measures
    title: {{zh: 措施, en: Measures}}
    kinds: [measure-bulletin]
    from: [members/command]
    to: [members/command]
    lane: routine
    terms:
      sign for: 2 h, D
    keep: 1 y, D
    source: D
""")
        files.append(f"{house.folder}/fan-{count}.yaml")
    policy = f"{house.folder}/policy-fan.bin"
    house.sign_policy([*systems.MECHANISMS, *files], out=policy)
    return policy, others


def rounds(bench):
    """(what grows, how much, scenario, system)"""
    senders = [p for p in systems.PROVINCES if p not in RECIPIENTS]
    for count in (1, 5, 30):
        yield "publishers, to three recipients", count, flow(publishers=senders[:count]), Grown(bench)
    policy, others = fan_policy(bench)
    for count in (3, 10, 30):
        yield "recipients, one drawn for each message", count, flow(recipients=others[:count]), Grown(bench)
    for count, origin in FANS.items():
        yield ("recipients of each message", count,
               flow(options=["--bytes", "512", "--everybody"], flow=f"fan-{count} 3 1 2 all", publishers=[origin],
                    recipients=others[:count]), Grown(bench, policy))
    for us in SYNCS_US:
        yield "us a sync takes", us, flow(), Grown(bench, sync_us=us)
        yield ("us a sync takes, one message at a time", us,
               flow(options=["--bytes", "512", "--mode", "ping", "--pause-us", "2000"]), Grown(bench, sync_us=us))
    for name, line in LINES.items():
        yield "three publishers and recipients, each behind", name, flow(), Grown(bench, line=line)
        yield "the same, one publisher and one recipient", name, flow(
            publishers=PUBLISHERS[:1], recipients=RECIPIENTS[:1]), Grown(bench, line=line)


def said(result):
    waits = f"  in hands p50 {result['in_hands_ms']['p50']:.2f} ms" if "in_hands_ms" in result else ""
    threads = ", ".join(f"{name} {us:.1f}" for name, us in sorted(result["us_of"].items(), key=lambda pair: -pair[1])
                        if us >= 0.05)
    return f"{result['rate']:9.0f} /s{waits}  us of CPU a delivery: {threads}"


def ends_at(result):
    """Deliveries a second at which a thread of the broker is full, and on two cores both are."""
    most = max(result["us_of"], key=result["us_of"].get)
    each = result["us_of"][most]
    return most, 1e6 / each, min(1e6 / each, 2e6 / sum(result["us_of"].values()))


def run_kept(bench, arguments):
    for count in (KEPT[0] // 10, KEPT[0] // 5, KEPT[0]) if arguments.quick else KEPT:
        result = kept.run(bench, SimpleNamespace(quick=True, messages=count))
        yield "messages kept", count, result


def run(bench, arguments, results):
    seconds = arguments.seconds or (QUICK_SECONDS if arguments.quick else SECONDS)
    held = results["growth"] = {"lianfang": []}
    for what, size, scenario, system in rounds(bench):
        result = system.measure(scenario, seconds)
        most, alone, two = ends_at(result)
        held["lianfang"].append({"what": what, "size": size, **result, "fullest": most, "one_thread_ends_at": alone,
                                 "two_cores_end_at": two})
        print(f"growth {what}: {size}: {said(result)}; {most} is full at {alone:.0f}, two cores at {two:.0f}",
              flush=True)
    for what, size, result in run_kept(bench, arguments):
        held["lianfang"].append({"what": what, "size": size, **result})
