"""Races: the daemons built under ThreadSanitizer exchange envelopes under load, are stopped, killed and started again.

    python3 tests/fault/races.py PROGRAMS [--seconds N] [--seed S]

Ends with 1 and prints the reports when there are any. The libraries are not built under it; tsan.supp says what is left out."""
import argparse
import glob
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{HERE}/../integration", f"{HERE}/../support"]
from base import drained, quiet  # noqa: E402
from house import Failure, House, wait_until  # noqa: E402
from officers import DELTA, Audit, Officer, Watcher  # noqa: E402


def reports(house):
    found = []
    for path in sorted(glob.glob(f"{house.folder}/tsan.*")):
        with open(path, encoding="utf-8", errors="replace") as file:
            found += [part for part in file.read().split("==================\n") if "WARNING" in part or "FATAL" in part]
    return found


def exchange(house, seed, seconds):
    """Load, with a process stopped and started now and then; at the end the books must balance, too."""
    draw = random.Random(seed)
    officers = [Officer(house.nodes[r], random.Random(draw.random()), DELTA[:3], 0.002) for r in house.nodes]
    watcher = Watcher(list(house.nodes.values()), 0.2)
    for thread in (*officers, watcher):
        thread.start()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pause = time.monotonic() + seconds / 6
        wait_until(lambda: time.monotonic() > pause, "a while", seconds)
        victim = draw.choice(house.processes)
        if draw.random() < 0.7:
            victim.stop()
        else:
            victim.kill()
        victim.start()
    for thread in (*officers, watcher):
        thread.stop()

    def settled():
        try:
            return all(n.up() and quiet(n) for n in house.nodes.values()) and drained(house)
        except Failure:
            return False
    wait_until(settled, "everything settles", 120)
    problems = Audit(house.nodes, officers, watcher).problems()
    if problems:
        raise Failure(str(problems))
    return sum(len(o.owed) for o in officers)


def main():
    parser = argparse.ArgumentParser(description="数据竞争：以 ThreadSanitizer 构建的程序在负载下交换信息")
    parser.add_argument("programs")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time_ns() % 1000000))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with House(arguments.programs, pulse_ms=1000) as house:
        house.environment["TSAN_OPTIONS"] = (f"suppressions={HERE}/tsan.supp log_path={house.folder}/tsan halt_on_error=0 exitcode=0 "
                                             "second_deadlock_stack=1 history_size=4")
        house.found(DELTA[:3], ["yangtze-delta"]).start()
        count = exchange(house, arguments.seed, arguments.seconds)
        for process in house.processes:
            process.stop(seconds=60)
        found = reports(house)
    for report in found[:10]:
        print(report)
    print(f"{count} envelopes, {len(found)} reports")
    sys.exit(1 if found else 0)


main()
