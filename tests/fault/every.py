"""Every n: tests/integration/failing.py with each n-th call of each plan, several houses at a time, since a run mostly waits.

    python3 tests/fault/every.py PROGRAMS [STRIDE] [--jobs J] [--plan WORDS] [--test NAME]

Job i of J takes n = i, i + J, …, and so all take about as long. --plan: only plans in whose name the words are, e.g. "get EIO";
--test: one test of failing.py. Ends with a table of the plans; with 1 when a job failed, whose output is printed."""
import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile

FAILING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration", "failing.py")


def begin(arguments, folder, job):
    stride = arguments.stride * arguments.jobs
    environment = dict(os.environ, LIANFANG_STRIDE=str(stride), LIANFANG_FIRST=str(1 + job * arguments.stride),
                       LIANFANG_TALLY=f"{folder}/tally", LIANFANG_PLAN=arguments.plan)
    with open(f"{folder}/{job}.log", "wb") as log:
        return subprocess.Popen([sys.executable, "-B", FAILING, arguments.programs, *arguments.test], stdout=log, stderr=log,
                                env=environment)


def table(path):
    """plan → how many calls there were, how many runs, what the daemon ended with."""
    plans = collections.defaultdict(lambda: [0, 0, collections.Counter()])
    with open(path, encoding="utf-8") as file:
        for line in file:
            one = json.loads(line)
            plan = plans[one["plan"]]
            plan[0] = max(plan[0], one["beyond"] - 1)
            plan[1] += one["runs"]
            plan[2].update(one["ends"])
    lines = ["| plan | calls, about | n tried | ended with (runs) |", "|---|---|---|---|"]
    for name, (calls, runs, ends) in plans.items():
        lines.append(f"| {name} | {calls} | {runs} | {', '.join(f'{end}: {count}' for end, count in sorted(ends.items()))} |")
    total = sum((ends for _, _, ends in plans.values()), collections.Counter())
    return "\n".join(lines + [f"| all | | {sum(runs for _, runs, _ in plans.values())} | "
                              f"{', '.join(f'{end}: {count}' for end, count in sorted(total.items()))} |"])


def main():
    parser = argparse.ArgumentParser(description="第 n 次调用失败：每一个 n")
    parser.add_argument("programs")
    parser.add_argument("stride", type=int, nargs="?", default=1)
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--plan", default="")
    parser.add_argument("--test", action="append", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lianfang-every-") as folder:
        jobs = [begin(arguments, folder, job) for job in range(arguments.jobs)]
        failed = [job for job, child in enumerate(jobs) if child.wait() != 0]
        for job in failed:
            with open(f"{folder}/{job}.log", encoding="utf-8", errors="replace") as log:
                print(f"--- {job + 1} of {arguments.jobs}\n{log.read()}", flush=True)
        if os.path.exists(f"{folder}/tally"):
            print(table(f"{folder}/tally"))
    print(f"{len(failed)} 项失败 / of {arguments.jobs} jobs failed" if failed else "所有承诺都兑现 / every promise was kept")
    sys.exit(1 if failed else 0)


main()
