"""What the tests on real processes share: one house a file, valid payloads, reading what nodes hold.

    python3 tests/integration/FILE.py PROGRAMS [TestCase.test_name...]

Every file is one CTest test. Random moments come from a seed, which is printed; LIANFANG_SEED=n repeats it. Nothing sleeps: waiting
is for a condition, with a deadline.
"""
import datetime
import json
import os
import random
import selectors
import signal
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from house import Broker, Failure, House, wait_until  # noqa: E402,F401

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
COMMON = {"issuer": "测试指挥部", "drafter": "测试", "approver": "测试", "precedence": "urgent", "openness": "public",
          "disease": "新型冠状病毒肺炎", "contact": "测试值班室"}
IDENTITY = "00000019900101001"  # an area code that does not exist; the check digit follows


def programs():
    return House.bin


def check_digit(first17):
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return first17 + "10X98765432"[sum(w * int(c) for w, c in zip(weights, first17)) % 11]


def now():
    return datetime.datetime.now(SHANGHAI)


def measure(region, title, status="test", summary=None, urgent=False, **more):
    """A bulletin of a measure: to every member of the narrowest mechanism of the region."""
    payload = {"common": dict(COMMON, title=title), "category": ["other"], "action": "new", "region": [int(region)],
               "effective_ms": now().strftime("%Y-%m-%dT%H:%M:%S+08:00"),
               "review_day": str(now().date() + datetime.timedelta(days=30)), "summary": summary or title,
               "stricter": False}
    if urgent:
        payload["category"] = ["traffic-control"]
    return dict({"kind": "measure-bulletin", "status": status, "payload": payload}, **more)


def notice(origin, to, name, status="test", person="测试甲", **more):
    """A notice about one person, sealed to the region concerned."""
    today = str(now().date())
    payload = {"common": dict(COMMON, title=f"密接协查 {name}", openness="not-public"), "type": "named", "case_no": name,
               "case_class": "suspected", "to_check": 1, "ask": ["find", "isolate", "feedback"],
               "observe_until_day": today,
               "person": [{"ref": "1", "name": person, "id_type": "resident", "id_no": check_digit(IDENTITY),
                           "region": int(to), "contact_class": "close", "last_contact_day": today}]}
    return dict({"kind": "contact-notice", "status": status, "concerns": [int(to)], "payload": payload,
                 "issuer": {"region": int(origin), "unit": "cdc"}}, **more)


def big_notice(origin, to, case, count, person="测试"):
    """A notice about many persons."""
    body = notice(origin, to, case)
    one = body["payload"]["person"][0]
    body["payload"]["person"] = [dict(one, ref=str(i + 1), name=f"{person}{i}") for i in range(count)]
    body["payload"]["to_check"] = count
    return body


def big_request(region, facility, lines, status="test"):
    """A list of supplies of about 1.7 KiB a line: what fills a store quickly."""
    day = str(now().date() + datetime.timedelta(days=20))
    one = {"resource": "supplies", "item": "医用防护口罩", "specification": "规格" * 249, "quantity_kind": "exact",
           "quantity": 1000, "unit": "只", "needed_day": day, "substitute": "替代" * 99}
    payload = {"common": dict(COMMON, title=f"物资需求 {facility}"), "facility": facility, "partial": True,
               "line": [dict(one, line_no=i + 1) for i in range(lines)],
               "expires_ms": (now() + datetime.timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%S+08:00")}
    return {"kind": "supply-request", "status": status, "payload": payload,
            "issuer": {"region": int(region), "unit": "logistics"}}


def publish(node, body):
    """Queued: (id, number)."""
    status, answer = node.api("POST", "/v1/envelopes", body)
    if status != 202:
        raise Failure(f"publish at {node.region}: HTTP {status} {answer}")
    return answer["id"], answer["number"]


def box(node, name, **query):
    """Every envelope of inbox or outbox, oldest first."""
    items, after = [], 0
    while True:
        words = "&".join(f"{k}={v}" for k, v in dict(query, limit=1000, oldest_first=1).items())
        status, body = node.api("GET", f"/v1/{name}?{words}" + (f"&after={after}" if after else ""))
        if status != 200:
            raise Failure(f"{node.region} {name}: HTTP {status} {body}")
        items += body["envelopes"]
        if not body["more"] or not body["envelopes"] or "order" not in body["envelopes"][-1]:
            return items
        after = body["envelopes"][-1]["order"]


def inbox(node, **query):
    return box(node, "inbox", **query)


def outbox(node, id_):
    status, body = node.api("GET", f"/v1/outbox/{id_}")
    return body if status == 200 else {}


def verdict(node, id_, seconds=30):
    return wait_until(lambda: outbox(node, id_).get("verdict"), f"verdict of {id_} at {node.region}", seconds)


def titles(node):
    return [(i.get("payload") or {}).get("common", {}).get("title") for i in inbox(node, kind="measure-bulletin")]


def received(node, id_, seconds=30):
    def look():
        status, body = node.api("GET", f"/v1/inbox/{id_}")
        return body if status == 200 else None
    return wait_until(look, f"{id_} in the inbox of {node.region}", seconds)


def quiet(node):
    """Every envelope of this node has its verdict."""
    links = node.links()
    return links and not any(lane["queued"] or lane["unreceipted"] for link in links for lane in link["lanes"].values())


def drained(house):
    """Every queue of the broker is empty; no, while it does not answer."""
    try:
        links = house.broker.links()
    except Failure:
        return False
    return all(lane["depth"] == 0 for link in links.values() for lane in link["lanes"])


def metric(broker, name):
    """The value of one line of /metrics; 0 when it is not there."""
    status, text = house_of(broker).http(broker.socket, "GET", "/metrics")
    for line in str(text).splitlines() if status == 200 else []:
        if line.rsplit(" ", 1)[0] == name:
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def house_of(process):
    return process.house


class Wire(threading.Thread):
    """A TCP line to a broker that counts what passes and can be cut; a node is given it in place of the broker."""

    def __init__(self, broker):
        super().__init__(daemon=True)
        self.name, self.identity, self.target = broker.name, broker.identity, broker.port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.to_node = self.to_broker = 0
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.other, self.ended = {}, False
        self.start()

    def run(self):
        while not self.ended:
            for key, _ in self.selector.select(0.2):
                if key.fileobj is self.listener:
                    self.accept()
                else:
                    self.pass_on(key.fileobj)

    def accept(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            near.close()
            return
        for a, b, down in ((near, far, False), (far, near, True)):
            self.other[a] = (b, down)
            self.selector.register(a, selectors.EVENT_READ)

    def pass_on(self, source):
        if source not in self.other:
            return
        to, down = self.other[source]
        try:
            data = source.recv(65536)
            to.sendall(data)
        except OSError:
            data = b""
        if down:
            self.to_node += len(data)
        else:
            self.to_broker += len(data)
        if not data:
            self.drop(source, to)

    def drop(self, *sockets):
        for one in sockets:
            if self.other.pop(one, None):
                self.selector.unregister(one)
            one.close()

    def close(self):
        self.ended = True
        self.join()
        self.drop(*self.other)
        self.listener.close()
        self.selector.close()


def memory_holds(pid, words):
    """Which of the words stand in the resident memory of a process; the sanitizer's shadow is left out."""
    found = set()
    with open(f"/proc/{pid}/maps", encoding="ascii", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory, \
            open(f"/proc/{pid}/pagemap", "rb", 0) as pages:
        for line in maps:
            span, mode = line.split()[:2]
            start, end = (int(x, 16) for x in span.split("-"))
            if mode[0] != "r" or end - start > 8 << 30 or "[v" in line:
                continue
            found |= scan(memory, pages, start, end, words)
    return found


def scan(memory, pages, start, end, words):
    """Runs of pages that are present, each read whole."""
    found, page = set(), 4096
    pages.seek(start // page * 8)
    flags = pages.read((end - start) // page * 8)
    present = [flags[i * 8 + 7] & 0xC0 for i in range(len(flags) // 8)]
    at = 0
    while at < len(present):
        if not present[at]:
            at += 1
            continue
        first = at
        while at < len(present) and present[at] and at - first < 16384:
            at += 1
        try:
            memory.seek(start + first * page)
            text = memory.read((at - first) * page)
        except (OSError, ValueError):
            continue
        found |= {word for word in words if word in text}
    return found


def files_hold(folder, words):
    """Which of the words stand in some file below the folder."""
    found = set()
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                with open(f"{path}/{name}", "rb") as file:
                    text = file.read()
            except OSError:
                continue
            found |= {word for word in words if word in text}
    return found


def seed():
    """Printed, so that a failing run can be repeated: LIANFANG_SEED=n."""
    value = int(os.environ.get("LIANFANG_SEED") or time.time_ns() % 1000000)
    print(f"  seed {value}", flush=True)
    return random.Random(value)


class HouseTest(unittest.TestCase):
    """One house for all tests of a class, its daemons linked; `regions` and `mechanisms` say which."""

    regions = ["310000", "320000", "330000"]
    mechanisms = ["yangtze-delta"]
    pulse_ms = 300
    started = True
    environment = {}
    ca_days_ago = 0  # when the CA was made
    longMessage = True

    @classmethod
    def setUpClass(cls):
        cls.house = House(House.bin, pulse_ms=cls.pulse_ms)
        cls.house.environment.update(cls.environment)
        cls.addClassCleanup(cls.house.close)
        if cls.ca_days_ago:
            made = now() - datetime.timedelta(days=cls.ca_days_ago)
            cls.house.ca_options = ["--from", made.strftime("%Y-%m-%dT%H:%M")]
        cls.house.found(cls.regions, cls.mechanisms)
        if cls.started:
            cls.house.start()
        cls.broker, cls.nodes = cls.house.broker, cls.house.nodes

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        result = super().run(result) or result
        if len(result.failures) + len(result.errors) > before:
            for process in self.house.processes:
                print(f"--- {process.name}\n{process.tail(15)}", flush=True)
        return result

    def say(self, text):
        print(f"    {text}", flush=True)

    def settle(self, seconds=60):
        """All up, everything judged, every queue empty."""
        wait_until(lambda: all(node.up() for node in self.nodes.values()), "all nodes linked", seconds)
        for node in self.nodes.values():
            wait_until(lambda: quiet(node), f"verdicts of {node.region}", seconds)
        wait_until(lambda: drained(self.house), "queues of the broker", seconds)


def main():
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} PROGRAMS [TEST...]")
    House.bin = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
