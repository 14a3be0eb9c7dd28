"""What it costs when idle and for one notice: memory, start-up, publish to the other inbox. Medians of several, from one run."""
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from house import House, wait_until  # noqa: E402

REGIONS = ["310000", "320000", "330000", "340000"]


def rss_anon_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return 0


def measure_text(i):
    return {"kind": "measure-bulletin", "status": "test",
            "payload": {"common": {"title": f"bench {i}", "issuer": "bench", "drafter": "bench", "approver": "bench",
                                   "precedence": "ordinary", "openness": "public", "disease": "-", "contact": "-"},
                        "category": ["other"], "action": "new", "region": [330000],                         "review_day": "2099-12-31", "summary": f"bench {i}", "stricter": False}}


def started_ms(process):
    """From exec to the line `ready` in its log, as the process itself counts it; its newest start."""
    for line in reversed(process.log().splitlines()):
        if " ready" in line and " ms=" in line:
            return int(line.split(" ms=")[1].split()[0])
    return None


def latency_ms(house, rounds):
    origin, to = house.nodes["330000"], house.nodes["310000"]
    seen = []
    for i in range(rounds):
        body = measure_text(i)
        body["payload"]["effective_ms"] = time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() + 8 * 3600))
        before = time.perf_counter()
        status, made = origin.api("POST", "/v1/envelopes", body)
        if status != 202:
            raise SystemExit(f"publish: {status} {made}")
        while to.api("GET", f"/v1/inbox/{made['id']}")[0] != 200:
            pass
        seen.append((time.perf_counter() - before) * 1000)
    return seen


def run(programs, rounds):
    """Prints the lines; True: all within their limits."""
    with House(programs) as house:
        house.found(REGIONS).start()
        latency_ms(house, 5)  # warm
        seen = latency_ms(house, rounds)
        wait_until(lambda: all(lane["depth"] == 0 for link in house.broker.links().values() for lane in link["lanes"]),
                   "queues drained")
        node_memory = max(rss_anon_kb(node.child.pid) for node in house.nodes.values())
        rows = [
            ("broker idle RssAnon", rss_anon_kb(house.broker.child.pid) / 1024, "MB", 30),
            ("node idle RssAnon (largest)", node_memory / 1024, "MB", 20),
            ("broker start", started_ms(house.broker) or 0, "ms", 300),
            ("node start (slowest)", max(started_ms(n) or 0 for n in house.nodes.values()), "ms", 300),
            (f"publish to the other inbox, p50 of {rounds}", statistics.median(seen), "ms", 20),
            ("publish to the other inbox, worst", max(seen), "ms", None),
        ]
    met = True
    for what, value, unit, limit in rows:
        verdict = "" if limit is None else ("met" if value < limit else "not met")
        met = met and verdict != "not met"
        print(f"{what:46s} {value:8.1f} {unit:3s} {'' if limit is None else f'< {limit}':7s} {verdict}")
    return met
