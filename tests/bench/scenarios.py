"""What is measured: the scenarios, and what each must reach."""
from dataclasses import dataclass, field

from systems import PROVINCES, PUBLISHERS, RECIPIENTS

CONTACTS = "national 1 2 1 concerned"  # contact-notice of a CDC, urgent, sealed to the region concerned
MEASURES = "national 3 1 2 all"        # measure-bulletin of a command, routine, to every member
LETTERS = "bench 4 5 2 named"          # supply-request, routine, addressed

LIANFANG, BARE, NATS, RABBITMQ, MOSQUITTO = "lianfang", "bare", "nats", "rabbitmq", "mosquitto"
PEERS = (NATS, RABBITMQ, MOSQUITTO)


@dataclass
class Scenario:
    key: str
    zh: str
    en: str
    options: list                      # of the drivers
    flow: str = CONTACTS
    publishers: list = field(default_factory=lambda: PUBLISHERS)
    recipients: list = field(default_factory=lambda: RECIPIENTS)
    systems: tuple = (LIANFANG, BARE, *PEERS)
    bench_mechanism: bool = False      # beside the mechanisms of the project
    map_mib: int = 16384
    seconds: float = 3.0
    quick_seconds: float = 1.0
    peer_window: dict = field(default_factory=dict)
    quick: bool = True                 # part of --quick
    quick_rounds: int = 1

    def arguments(self, seconds):
        return ["--publishers", str(len(self.publishers)), "--recipients", str(len(self.recipients)),
                "--seconds", str(seconds), *self.options]


ALONE = ["420000"]
BUT_HUBEI = [p for p in PROVINCES if p != "420000"] + ["810000"]
TWO = ["510000", "520000"]
BUT_TWO = [p for p in PROVINCES if p not in TWO]

SCENARIOS = [
    Scenario("S1", "吞吐：三个发送方到三个接收方，512 字节", "throughput, 3 publishers to 3 recipients, 512 B",
             ["--bytes", "512"], quick_rounds=2),
    Scenario("S3", "空闲时一条：发出到确认、到手", "one message, idle: to confirmed, into hands",
             ["--bytes", "512", "--mode", "ping", "--pause-us", "2000"]),
    # The same bytes of bulk under way as our lane lets through: 448 KiB a publisher.
    Scenario("S4", "大流量中的特急告警", "alerts while bulk runs",
             ["--bytes", "512", "--mode", "alert", "--pause-us", "20000"], bench_mechanism=True,
             systems=(LIANFANG, *PEERS), peer_window={p: 868 for p in PEERS}, seconds=6, quick_seconds=2),
    Scenario("S2-128", "128 字节", "128 B", ["--bytes", "128"], quick=False),
    Scenario("S2-4K", "4 KiB", "4 KiB", ["--bytes", "4096"], quick=False),
    Scenario("S2-31", "三十一个发送方到两个接收方", "31 publishers to 2 recipients", ["--bytes", "512"],
             publishers=BUT_TWO, recipients=TWO, quick=False),
    Scenario("S2-fan", "一条发三十三家，按送达计", "fan-out 1 to 33, counted per delivery",
             ["--bytes", "512", "--everybody"], flow=MEASURES, publishers=ALONE, recipients=BUT_HUBEI, quick=False),
    Scenario("S2b", "64 KiB", "64 KiB", ["--bytes", "65536"], flow=LETTERS, bench_mechanism=True, quick=False,
             peer_window={p: 64 for p in PEERS}),
]


# --- figures of a round -----------------------------------------------------------------------------------------------

def rate(result):
    return result["rate"]


def cpu_per_million(result):
    return result["cpu_seconds"] * 1e6 / result["deliveries"]


def latency(which, percentile):
    return lambda result: result[which + "_ms"][percentile]


@dataclass
class Line:
    """One figure of ours against others': the ratio must be at least (or, `least` False, at most) floor and goal."""
    key: str
    scenario: str
    en: str
    unit: str
    figure: object
    against: tuple
    floor: float
    goal: float = None
    least: bool = True


def more(key, scenario, en, floors):
    return [Line(key, scenario, en, "msg/s", rate, (name,), floor, goal) for name, floor, goal in floors]


def lines():
    found = more("S1", "S1", "throughput", [(NATS, 2, 4), (RABBITMQ, 5, 10), (MOSQUITTO, 6, 12), (BARE, .55, .8)])
    for key, en in (("S2-128", "128 B"), ("S2-4K", "4 KiB"), ("S2-31", "31 publishers"), ("S2-fan", "fan-out 1 to 33")):
        found.append(Line(key, key, en, "msg/s", rate, PEERS, 1, 3))
    found += [Line("S2b", "S2b", "64 KiB", "msg/s", rate, (BARE,), .8),
              Line("S2b", "S2b", "64 KiB, those that sync", "msg/s", rate, (RABBITMQ,), 1),
              Line("S2b", "S2b", "64 KiB, all", "msg/s", rate, PEERS, 0, 1)]
    for which, en in (("confirmed", "to admitted"), ("in_hands", "into hands")):
        for percentile in ("p50", "p99"):
            found.append(Line("S3", "S3", f"one message {en}, {percentile}", "ms", latency(which, percentile),
                              (RABBITMQ,), 1, None, False))
        found.append(Line("S3", "S3", f"one message {en}, p50", "ms", latency(which, "p50"), (BARE,), 1.5, 1.2, False))
    found += [Line("S4", "S4", "flash under load, p50", "ms", latency("in_hands", "p50"), PEERS, 1, None, False),
              Line("S4", "S4", "flash under load, p99", "ms", latency("in_hands", "p99"), PEERS, 1, .25, False),
              Line("S7", "S1", "server CPU per million", "s", cpu_per_million, PEERS, 1, .5, False)]
    return found


# Figures of ours that stand alone: key, what, unit, floor, goal, whether more is better.
ABSOLUTE = [
    ("S4-bulk", "bulk beside the alerts by the throughput of S1", "", .9, None, True),
    ("S8-supply", "supply requests, import to inbox", "msg/s", 20000, 50000, True),
    ("S8-contacts", "sealed contact notices, import to inbox", "msg/s", 15000, 40000, True),
    ("S8-desk", "one notice desk to desk, p50", "ms", 5, None, False),
    ("S5-memory", "RssAnon a session", "KB", 100, None, False),
    ("S5-alert", "an alert to all sessions", "s", 1, None, False),
    ("S5-restart", "that restart", "s", 2, None, False),
    ("S5-back", "all sessions back after a restart", "s", 10, None, False),
    ("S5-rest", "broker CPU at rest", "%", 2, None, False),
    ("S6-rate", "throughput at the end by that at the start", "", .9, None, True),
    ("S6-restart", "restart on what is kept", "s", 2, None, False),
    ("S6-memory", "RssAnon at the end by that at the start", "", 1.2, None, False),
    ("S6-catch-up", "catch-up by the throughput of S1", "", .7, None, True),
]
