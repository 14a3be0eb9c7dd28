"""Torture: broker and nodes under continuous publishing, and everything that can happen to processes, disks, clocks and lines.

    python3 tests/fault/torture.py PROGRAMS [--cycles N] [--seed S] [--keep]

Each cycle draws faults from the seed and lets them last; after some cycles everything heals, settles, and what officers were told is
compared with what outboxes and inboxes hold. 0 lost, 0 twice, 0 misrouted, no death that was not ordered; else it prints the seed,
the cycle and what is wrong, keeps the folder and ends with 1. Processes are scheduled by the system: a repeat with the same seed
draws the same faults, not the same moments. Where the system allows it, all of it happens in a network namespace of its own, and
packets are lost.
"""
import argparse
import collections
import contextlib
import mmap
import os
import random
import shutil
import signal
import struct
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{HERE}/../integration", f"{HERE}/../support"]
import namespace  # noqa: E402
from base import drained, quiet  # noqa: E402
from disk import Disk  # noqa: E402
from house import Failure, House, wait_until  # noqa: E402
from officers import DELTA, Audit, Officer, Watcher  # noqa: E402
from proxy import Line  # noqa: E402

NORTHEAST = ["210000", "220000"]
SETTLE_EVERY = 5
SETTLE_S = 180
# deaths that are in order while a fault of this kind is on: EX_IOERR, EX_TEMPFAIL; at start EX_CONFIG, EX_UNAVAILABLE
FULL_ENDS = {69, 74, 75, 78}


class Clock:
    """What clock.c adds to the wall clock of one daemon."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as file:
            file.write(bytes(8))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8)

    def jump(self, ms):
        self.map[:8] = struct.pack("=q", ms)


class Supervised:
    """A daemon, its disk, clock and full-disk switch. `lock` is held by whoever stops or starts it."""

    def __init__(self, house, process, libraries):
        self.process, self.name = process, process.name
        self.lock = threading.Lock()
        self.expected = set()  # codes it may end with just now
        self.disk = Disk(libraries, process.data, f"{house.folder}/{process.name}-journal")
        self.clock = Clock(f"{house.folder}/{process.name}.clock")
        self.full = f"{house.folder}/{process.name}.full"
        process.environment.update(self.disk.environment, LIANFANG_CLOCK_FILE=self.clock.path, LIANFANG_FAIL_FULL=self.full,
                                   LIANFANG_FAIL_FOLDER=process.data, ASAN_OPTIONS="handle_abort=0")


class Supervisor(threading.Thread):
    """Starts again what ended, as systemd does; keeps what ended for no reason."""

    def __init__(self, all_):
        super().__init__(daemon=True)
        self.all, self.ended, self.deaths, self.starts = all_, threading.Event(), [], 0

    def run(self):
        while not self.ended.wait(0.1):
            for one in self.all:
                if one.lock.acquire(blocking=False):
                    try:
                        self.tend(one)
                    finally:
                        one.lock.release()

    def tend(self, one):
        child = one.process.child
        if child is None or child.poll() is None:
            return
        if child.returncode not in one.expected:
            self.deaths.append(f"{one.name} ended with {child.returncode}\n{one.process.tail(40)}")
        one.process.child = None
        one.process.start()
        self.starts += 1


class Torture:
    def __init__(self, house, seed, faults):
        self.house, self.random, self.faults = house, random.Random(seed), faults
        self.counts, self.moments = collections.Counter(), []

    # --- the world

    def found(self):
        house = self.house
        house.found(DELTA + NORTHEAST, ["yangtze-delta", "northeast-three"])
        libraries = house.preload(f"{HERE}/failing.c", f"{HERE}/powercut.c", f"{HERE}/../integration/clock.c")
        self.lines = {}
        for region, node in house.nodes.items():
            self.lines[region] = Line(house.broker)
            node.brokers = [(self.lines[region], "[all]")]
        self.all = [Supervised(house, process, libraries) for process in house.processes]
        self.broker, self.nodes = self.all[0], {one.process.region: one for one in self.all[1:]}
        house.start()
        self.officers = []
        for group in (DELTA, NORTHEAST):
            for region in group:
                kinds = (6, 3, 1, 1) if group is DELTA else (0, 1, 0, 0)
                self.officers.append(Officer(house.nodes[region], random.Random(self.random.random()), group, 0.05, kinds))
        self.watcher = Watcher(list(house.nodes.values()), pause=0.5)
        self.supervisor = Supervisor(self.all)
        for thread in (*self.officers, self.watcher, self.supervisor):
            thread.start()

    def end(self):
        for thread in (self.supervisor, self.watcher, *self.officers):
            thread.ended.set()
        for one in self.all:
            if one.process.alive():
                one.process.send(signal.SIGCONT)
        for line in self.lines.values():
            line.close()

    # --- faults: each returns what heals it, or None

    def anybody(self):
        return self.broker if self.random.random() < 0.35 else self.nodes[self.random.choice(sorted(self.nodes))]

    def some_line(self):
        return self.lines[self.random.choice(sorted(self.lines))]

    def kill(self):
        one = self.anybody()
        with one.lock:
            one.process.kill()
            one.process.start()

    def power(self):
        one, seeded = self.anybody(), self.random.random() < 0.7
        with one.lock:
            one.process.kill()
            one.disk.cut(self.random if seeded else None)
            one.process.start()

    def abort(self):
        one = self.anybody()
        one.expected = one.expected | {-signal.SIGABRT}
        with one.lock:
            one.process.send(signal.SIGABRT)
        return lambda: wait_until(lambda: one.process.alive(), f"{one.name} is started again")

    def pause(self):
        one = self.anybody()
        with one.lock:
            one.process.send(signal.SIGSTOP)

        def heal():
            with one.lock:
                one.process.send(signal.SIGCONT)
        return heal

    def full(self):
        one = self.anybody()
        one.expected = one.expected | FULL_ENDS
        with open(one.full, "w", encoding="ascii"):
            pass

        def heal():
            with contextlib.suppress(FileNotFoundError):  # the same disk may be drawn twice in a cycle
                os.unlink(one.full)
        return heal

    def clock(self):
        """Of the broker only what it takes for granted: after more it holds everything for a minute."""
        one = self.anybody()
        most = 25 if one is self.broker else 600
        one.clock.jump(self.random.randint(-most, most) * 1000)
        return lambda: one.clock.jump(0)

    def restore(self):
        """A node's store put back from a copy that is as old as this cycle."""
        officer = self.random.choice(self.officers)
        one = self.nodes[officer.node.region]
        copy = f"{self.house.folder}/{one.name}-copy"
        with one.lock, officer.lock:
            one.process.kill()
            shutil.copytree(one.process.data, copy)
            known = set(officer.owed)
            one.process.start()

        def heal():
            until = time.monotonic() + 3  # some of them should be published in between, if this is possible just now
            wait_until(lambda: len(officer.owed) > len(known) + 3 or time.monotonic() > until, "the store grows older")
            with one.lock, officer.lock:
                one.process.kill()
                officer.forgotten |= set(officer.owed) - known
                shutil.rmtree(one.process.data)
                os.rename(copy, one.process.data)
                one.disk.forget()
                one.process.start()
        return heal

    def reset(self):
        line, times = self.some_line(), self.random.randint(1, 4)
        for _ in range(times):
            line.reset()
            self.some_line().reset()

    def stall(self):
        line = self.some_line()
        line.stalled = frozenset(self.random.choice([("up",), ("down",), ("up", "down")]))
        return line.heal

    def delay(self):
        line = self.some_line()
        line.delay_s = self.random.uniform(0.05, 0.4)
        return line.heal

    def throttle(self):
        line = self.some_line()
        line.rate = self.random.randint(5, 100) * 1024
        return line.heal

    def half_open(self):
        line = self.some_line()
        line.half(self.random.choice(["near", "far"]))
        return line.heal

    def shut(self):
        line = self.some_line()
        line.closed = True
        line.reset()
        return line.heal

    FAULTS = ("kill", "kill", "power", "power", "abort", "pause", "full", "clock", "reset", "stall", "delay", "throttle", "half_open",
              "shut")

    def lost(self):
        """Every packet of everybody."""
        namespace.loopback(False)
        return lambda: namespace.loopback(True)

    def cycle(self, number):
        names = self.random.choices(self.faults, k=self.random.randint(1, 4))
        if number % 10 == 7:
            names.append("restore")
        lasts = self.random.uniform(0.2, 1.2)
        heals = []
        for name in names:
            heals.append(getattr(self, name)())
            self.counts[name] += 1
        until = time.monotonic() + lasts
        wait_until(lambda: time.monotonic() >= until, "the faults last", lasts + 5)
        for heal in heals:
            if heal:
                heal()
        return names

    # --- the truth

    def links_up(self):
        for region, link in self.house.broker.links().items():
            if link.get("standing") == "stopped":  # three restores in an hour: its operator says which store is right
                self.house.broker.command("accept-fork", region)
        return all(node.up() for node in self.house.nodes.values())

    def settled(self):
        try:
            return self.links_up() and all(quiet(node) for node in self.house.nodes.values()) and drained(self.house)
        except Failure:  # one that is just being started
            return False

    def settle(self, last=False):
        """Nobody publishes, nothing is wrong with anything: then all of it must become true in bounded time."""
        for officer in self.officers:
            officer.quiet.set()
        began = time.monotonic()
        wait_until(self.settled, "everything settles", SETTLE_S)
        self.moments.append(time.monotonic() - began)
        for one in self.all:
            one.expected = set()
            one.disk.trim()
        problems = Audit(self.house.nodes, self.officers, self.watcher, whole=last).problems()
        refused = [words for officer in self.officers for words in officer.refused]
        if problems or refused or self.supervisor.deaths:
            raise Failure("\n".join([f"{name}: {len(found)}: {found[:5]}" for name, found in problems.items()] +
                                    [f"refused: {refused[:5]}" for _ in refused[:1]] + self.supervisor.deaths[:3]))
        for officer in self.officers:
            officer.quiet.clear()

    def table(self, cycles, seed, seconds):
        owed = sum(len(officer.owed) for officer in self.officers)
        kinds = collections.Counter(kind for officer in self.officers for kind, _ in list(officer.owed.values()))
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))
        forgotten = sum(len(officer.forgotten) for officer in self.officers)
        return "\n".join([
            "| | |", "|---|---|", f"| cycles, seed, minutes | {cycles}, {seed}, {seconds / 60:.1f} |",
            f"| envelopes that officers were told are queued | {owed} ({', '.join(f'{k} {n}' for k, n in sorted(kinds.items()))}) |",
            f"| faults | {sum(self.counts.values())}: {faults} |",
            f"| published after the copy a store was put back from | {forgotten} |",
            f"| daemons started again after they ended by themselves | {self.supervisor.starts} |",
            f"| slowest settling | {max(self.moments):.1f} s |", "| lost, twice, misrouted, without verdict | 0, 0, 0, 0 |"])


def run(house, cycles, seed, faults):
    torture = Torture(house, seed, faults)
    began, number, names = time.monotonic(), 0, []
    try:
        torture.found()
        for number in range(1, cycles + 1):
            names = torture.cycle(number)
            if number % SETTLE_EVERY == 0 or number == cycles:
                torture.settle(last=number == cycles)
            if number % 50 == 0:
                print(f"{number} cycles, {time.monotonic() - began:.0f} s, {sum(len(o.owed) for o in torture.officers)} envelopes",
                      flush=True)
        print(torture.table(cycles, seed, time.monotonic() - began))
        return True
    except Failure as failure:
        print(f"seed {seed}, cycle {number}, last faults {names}: {failure}\n折腾失败，目录保留 / the folder is kept: {house.folder}")
        house.keep = True
        return False
    finally:
        torture.end()


def main():
    parser = argparse.ArgumentParser(description="折腾真实进程：故障之下不丢、不重、不错投")
    parser.add_argument("programs")
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("LIANFANG_SEED") or time.time_ns() % 1000000))
    parser.add_argument("--keep", action="store_true", help="保留目录 keep the folder")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    faults = Torture.FAULTS
    if namespace.enter():
        faults += ("lost",)
    else:
        print("不允许网络命名空间，不丢包 / no network namespace is allowed here: no packet is lost", flush=True)
    with House(arguments.programs, keep=arguments.keep, pulse_ms=300) as house:
        good = run(house, arguments.cycles, arguments.seed, faults)
        if house.keep:
            for process in house.processes:
                process.kill()
    sys.exit(0 if good else 1)


main()
