"""Stores that are full: a reason for no credit, 507 at the API, and nothing lost once there is room."""
from base import *  # noqa: F403

LINES = 60  # about 120 KiB a request


class Full(HouseTest):
    """One flow fills three stores of different size: first the recipient's, then the broker's, then the origin's. Room is made by a
    larger map_mib, in the same order."""

    regions = ["310000", "330000"]
    started = False

    def fill(self, until, what, count=400):
        """Publishes until the condition holds; the answer that was not 202, if any."""
        for _ in range(count):
            if until():
                return None
            status, body = self.origin.api("POST", "/v1/envelopes", big_request("330000", f"第 {len(self.ids)} 医院", LINES))
            if status != 202:
                return status, body
            self.ids.append(body["id"])
            wait_until(lambda: until() or quiet(self.origin) or not self.broker.status()["admitting"], "its verdict")
        raise Failure(f"{len(self.ids)} published and not yet: {what}")

    def store(self, node):
        return node.api("GET", "/v1/status")[1]["store"]

    def test_recipient_broker_origin_full(self):
        self.ids = []
        self.origin, to = self.nodes["330000"], self.nodes["310000"]
        self.broker.configure(map_mib=20)
        to.map_mib, self.origin.map_mib = 16, 72  # what is sent lies there twice, as written and as sealed
        self.house.start()

        self.assertIsNone(self.fill(lambda: self.store(to)["full"], "the recipient is full"))
        had = {i["id"] for i in inbox(to)}
        self.say(f"recipient full with {len(had)} in the inbox")
        small, _ = publish(self.origin, measure("330000", "收件方已满"))
        self.assertEqual(verdict(self.origin, small), "admitted", "the origin has its verdicts all the same")
        self.assertEqual(to.cli("check", "--format", "nagios").returncode, 2, "monitoring says critical")

        self.assertIsNone(self.fill(lambda: not self.broker.status()["admitting"], "the broker is full"))
        reason = self.broker.status()["reason"]
        self.say(f"broker full after {len(self.ids)}: {reason}")
        held, _ = publish(self.origin, measure("330000", "交换中心已满"))
        wait_until(lambda: reason in [link.get("reason") for link in self.origin.links()], "the origin says why nothing goes")
        self.assertIsNone(outbox(self.origin, held).get("verdict"), "a full store is no verdict")
        self.assertEqual(metric(self.broker, "lianfang_broker_admitting"), 0)
        self.broker.kill()
        self.broker.start().wait_ready()
        self.assertFalse(self.broker.status()["admitting"], "nor after a crash")

        refused = self.fill(lambda: False, "the origin is full")
        self.assertEqual(refused[0], 507, refused)
        self.assertTrue(refused[1]["zh"] and refused[1]["en"], refused)
        request = json.dumps(big_request("330000", "第 0 医院", LINES)["payload"], ensure_ascii=False)
        result = self.origin.cli("publish", "supply-request", "--file", "-", "--status", "test", "--issuer", "330000/logistics",
                                 input=request.encode())
        self.assertEqual(result.returncode, 75, f"the command line: try again later\n{result.stdout}{result.stderr}")
        self.say(f"origin full after {len(self.ids)}: {refused[1]['en']}")
        self.make_room(to, had, [*self.ids, small, held])

    def make_room(self, to, had, wanted):
        for process in (to, self.broker, self.origin):
            self.assertEqual(process.stop(), 0, f"a full store does not keep it from ending in order\n{process.tail()}")
        to.map_mib = self.origin.map_mib = 256
        to.configure().start()
        self.broker.configure(map_mib=128).start().wait_ready()
        self.origin.configure().start().wait_up()
        last, _ = publish(self.origin, measure("330000", "有了空间"))
        to.wait_up()
        wait_until(lambda: quiet(self.origin), "verdicts", 60)
        wait_until(lambda: drained(self.house), "queues", 60)
        got = [i["id"] for i in inbox(to)]
        self.assertEqual(len(got), len(set(got)), "nothing twice")
        self.assertEqual(set(wanted + [last]), set(got), "nothing lost")
        self.assertTrue(had <= set(got))
        self.assertEqual({i.get("verdict") for i in box(self.origin, "outbox")}, {"admitted"})


main()
