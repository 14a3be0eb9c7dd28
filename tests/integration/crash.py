"""SIGKILL at random moments while everybody publishes: invariants 1, 2 and 3."""
import threading

from base import *  # noqa: F403

KILLS = 32


class Publisher(threading.Thread):
    """Publishes bulletins one after the other; a node that is down just now is asked again with the next one."""

    def __init__(self, node, lanes):
        super().__init__(daemon=True)
        self.node, self.lanes = node, lanes
        self.queued, self.tries, self.ended = [], 0, threading.Event()
        self.refused = []

    def run(self):
        while not self.ended.is_set():
            self.tries += 1
            urgent = self.lanes.random() < 0.3
            try:
                status, body = self.node.api("POST", "/v1/envelopes", measure(
                    self.node.region, f"{self.node.region} 第 {self.tries} 条", urgent=urgent))
            except Exception:  # noqa: BLE001 - killed in the middle of an answer
                status, body = 0, {}
            if status == 202:
                self.queued.append(body["id"])
            elif status != 0 and status != 503 and status != 507:
                self.refused.append((status, body))
            self.ended.wait(0.004 if status == 202 else 0.02)


class Watcher(threading.Thread):
    """Everything that outboxes ever said of an id: its verdicts must be one and the same."""

    def __init__(self, nodes):
        super().__init__(daemon=True)
        self.nodes, self.ended, self.seen = nodes, threading.Event(), {}

    def look(self):
        for node in self.nodes:
            try:
                status, body = node.api("GET", "/v1/outbox?limit=200")
            except Exception:  # noqa: BLE001
                continue
            for item in body["envelopes"] if status == 200 else []:
                if item.get("verdict"):
                    self.seen.setdefault(item["id"], set()).add((item["verdict"], item.get("verdict_at")))

    def run(self):
        while not self.ended.wait(0.05):
            self.look()


class Crash(HouseTest):
    def kill_them(self, random, publishers):
        """KILLS kills; each after a random number of further envelopes, some while the victim is still starting."""
        count = {}
        for i in range(KILLS):
            victim = self.broker if random.random() < 0.4 else self.nodes[random.choice(self.regions)]
            goal = sum(len(p.queued) for p in publishers) + random.randint(0, 12)
            wait_until(lambda: sum(len(p.queued) for p in publishers) >= goal, "publishing goes on", 30)
            victim.kill()
            victim.start()
            count[victim.name] = count.get(victim.name, 0) + 1
            if i % 4 == 3:
                wait_until(lambda: all(node.up() for node in self.nodes.values()), "all linked between kills", 60)
        self.say("kills: " + ", ".join(f"{name} {n}" for name, n in sorted(count.items())))

    def test_invariant_01_02_03_kills_while_publishing(self):
        random = seed()
        publishers = [Publisher(self.nodes[r], random) for r in ("330000", "320000")]
        watcher = Watcher([p.node for p in publishers])
        for thread in [*publishers, watcher]:
            thread.start()
        self.kill_them(random, publishers)
        for thread in [*publishers, watcher]:
            thread.ended.set()
            thread.join()
        self.settle(90)
        self.assertEqual([r for p in publishers for r in p.refused], [])
        known = {}
        for publisher in publishers:
            items = box(publisher.node, "outbox")
            ids = [i["id"] for i in items]
            self.assertEqual(len(ids), len(set(ids)), "an id stands in the outbox once")
            self.assertEqual(set(publisher.queued) - set(ids), set(), "what was answered 202 is there after any crash")
            wrong = [(i["number"], i["state"], i.get("verdict")) for i in items if i.get("verdict") != "admitted"]
            self.assertEqual(wrong, [], "each has one verdict, admitted")
            for item in items:
                watcher.seen.setdefault(item["id"], set()).add((item["verdict"], item["verdict_at"]))
            known[publisher.node.region] = items
        several = {i: v for i, v in watcher.seen.items() if len(v) > 1}
        self.assertEqual(several, {}, "invariant 1: no id was ever seen with two verdicts")
        for region, node in self.nodes.items():
            wanted = [i["id"] for origin, items in known.items() if origin != region for i in items]
            got = inbox(node, kind="measure-bulletin")
            self.assertEqual(len(got), len(set(i["id"] for i in got)), f"invariant 3: nothing twice at {region}")
            self.assertEqual(set(i["id"] for i in got), set(wanted), f"invariants 2 and 3: nothing missing at {region}")
            for origin in known:
                for lane in ("urgent", "routine"):
                    numbers = [i["number"] for i in sorted(got, key=lambda i: i["order"])
                               if str(i["origin"]) == origin and i["lane"] == lane]
                    self.assertEqual(numbers, sorted(numbers), f"stream order of {origin} {lane} at {region}")
        self.say("published " + ", ".join(f"{r}: {len(items)}" for r, items in known.items()) +
                 f"; verdicts watched {len(watcher.seen)}")

    def test_invariant_02_receipt_then_kill(self):
        """The broker is killed as soon as the origin shows `admitted`, while the recipient is away."""
        origin, to = self.nodes["330000"], self.nodes["310000"]
        for turn in range(4):
            to.stop()
            id_, _ = publish(origin, measure("330000", f"收到回执即断电 {turn}"))
            verdict(origin, id_)
            self.broker.kill()
            self.broker.start().wait_ready()
            to.start().wait_up()
            received(to, id_)
        self.settle()
        ids = [i["id"] for i in inbox(to)]
        self.assertEqual(len(ids), len(set(ids)))

    def test_invariant_03_recipient_killed_while_receiving(self):
        """A backlog flows into a node that is killed again and again: each envelope once, in order."""
        random = seed()
        origin, to = self.nodes["330000"], self.nodes["310000"]
        to.stop()
        ids = [publish(origin, measure("330000", f"积压 {i}", summary="长" * 400))[0] for i in range(150)]
        wait_until(lambda: quiet(origin), "verdicts")
        for _ in range(6):
            to.start()
            goal = random.randint(0, 3)
            wait_until(lambda: to.log().count("received topic=inbox") >= goal or to.up(), "some came in")
            to.kill()
        to.start().wait_up()
        self.settle()
        got = [i["id"] for i in inbox(to) if i["id"] in set(ids)]
        self.assertEqual(got, ids, "each once and in order")


main()
