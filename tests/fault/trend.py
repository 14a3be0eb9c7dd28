"""Whether what a process holds is flat: samples, and the trend of their second half by Theil and Sen, which no single peak moves.

    python3 tests/fault/trend.py      # a check of itself: flat, saw-toothed and settling series are flat, rising ones are not"""
import os
import random
import statistics
import sys
import threading

BUCKETS = 60
SAMPLE_S = 2


class Trend:
    def __init__(self):
        self.points = []  # (events, value, certificates)

    def add(self, events, value, certificates=0):
        self.points.append((events, value, certificates))

    def half(self):
        """The second half of the samples, at most BUCKETS medians of them."""
        later = self.points[len(self.points) // 2:]
        size = -(-len(later) // BUCKETS)
        parts = [later[i:i + size] for i in range(0, len(later), size)]
        return [tuple(statistics.median(column) for column in zip(*part)) for part in parts]

    def events(self):
        half = self.half()
        return half[-1][0] - half[0][0] if half else 0

    def certificates(self):
        half = self.half()
        return half[-1][2] - half[0][2] if half else 0

    def slope(self):
        """A unit of the value per event; 0 when nothing happened."""
        half = self.half()
        slopes = [(y2 - y1) / (x2 - x1) for i, (x1, y1, _) in enumerate(half) for x2, y2, _ in half[i + 1:] if x2 > x1]
        return statistics.median(slopes) if slopes else 0.0

    def growth(self):
        """What the trend adds over the second half."""
        return self.slope() * self.events()

    def thirds(self):
        size = len(self.points) // 3
        return [statistics.median(p[1] for p in self.points[i * size:(i + 1) * size]) for i in range(3)] if size else []


class Sampler(threading.Thread):
    """What /proc says of some processes; counts() is how many events and certificates there were by then."""

    def __init__(self, processes, counts):
        super().__init__(daemon=True)
        self.counts, self.ended = counts, threading.Event()
        self.trends = {(p.name, what): Trend() for p in processes for what in ("RssAnon", "descriptors", "threads")}
        self.processes = processes

    def look(self):
        events, certificates = self.counts()
        for process in self.processes:
            for what, value in held(process).items() if process.alive() else ():
                self.trends[process.name, what].add(events, value, certificates)

    def run(self):
        while not self.ended.wait(SAMPLE_S):
            self.look()


def held(process):
    """RssAnon in KiB, open descriptors, threads."""
    folder = f"/proc/{process.child.pid}"
    with open(f"{folder}/status", encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file)
    return {"RssAnon": int(lines["RssAnon"].split()[0]), "threads": int(lines["Threads"]), "descriptors": len(os.listdir(f"{folder}/fd"))}


def check():
    draw = random.Random(1)
    shapes = {
        "flat": (lambda i: 10000 + draw.gauss(0, 100), True),
        "settling": (lambda i: 10000 - 4000 / (1 + i / 20) + draw.gauss(0, 50), True),
        "saw": (lambda i: 10000 + i % 37 * 40, True),
        "a peak": (lambda i: 10000 + (50000 if 700 < i < 760 else 0), True),
        "one KiB an event": (lambda i: 10000 + i + draw.gauss(0, 100), False),
        "steps": (lambda i: 10000 + i // 100 * 130, False),
        "saw that rises": (lambda i: 10000 + i % 37 * 40 + i * 1.2, False),
    }
    wrong = []
    for name, (shape, flat) in shapes.items():
        trend = Trend()
        for i in range(1200):
            trend.add(i, shape(i))
        print(f"{name}: {trend.growth():.0f} over {trend.events():.0f} events")
        if (trend.growth() < 512) != flat:
            wrong.append(name)
    return wrong


if __name__ == "__main__":
    bad = check()
    print(f"判断有误 / judged wrongly: {bad}" if bad else "判断无误 / all judged rightly")
    sys.exit(1 if bad else 0)
