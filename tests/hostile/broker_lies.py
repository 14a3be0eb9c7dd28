"""A broker that lies to a node, with the true broker's keys: what the node notices, where it says so, and that it takes nothing.

The node says it on its own API (links, events, check) and in `lianfang check`, in both languages. What it answers the broker is what
the protocol has for every broker: an ARRIVED with the reason, for the origin, or the end of the session.
"""
import node_lies  # noqa: F401 - sets the paths
from node_lies import *  # noqa: F403
from between import Between

VICTIM, ORIGIN, THIRD = "310000", "330000", "320000"
ROUTINE = 2  # the lane of bulletins


class BrokerLies(HouseTest):
    regions = [VICTIM, THIRD, ORIGIN]
    started = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker.start().wait_ready()
        cls.lines = {}
        for region in (VICTIM, THIRD, ORIGIN):
            node = cls.nodes[region]
            cls.lines[region] = Between(cls.house, region)
            cls.addClassCleanup(cls.lines[region].close)
            node.brokers = [(cls.lines[region], "[all]")]
            node.configure().start()
        for node in cls.nodes.values():
            node.wait_up()
        cls.linked = time.monotonic()
        cls.broker_signer = cls.lines[VICTIM].signer
        cls.victim, cls.origin, cls.third = (cls.nodes[r] for r in (VICTIM, ORIGIN, THIRD))
        cls.line = cls.lines[VICTIM]
        cls.count = 0

    def setUp(self):
        self.since = self.newest(self.victim)

    def tearDown(self):
        """The liar tells the truth again: everything flows, and what comes is good; the others never noticed."""
        for line in self.lines.values():
            line.honest()
        wait_until(lambda: all(node.up() for node in self.nodes.values()), "links after the lie", 40)
        id_ = self.publish("之后")
        received(self.victim, id_, 20)
        received(self.third, id_, 20)
        for process in self.house.processes:
            process.check()

    def publish(self, title):
        type(self).count += 1
        return publish(self.origin, measure(ORIGIN, f"{title} {self.count}"))[0]

    def events(self, node):
        found = []
        with socket.socket(socket.AF_UNIX) as line, open(node.token_file, encoding="utf-8") as token:
            line.settimeout(0.3)
            line.connect(node.socket)
            line.sendall(f"GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\nAuthorization: Bearer {token.read().strip()}\r\n\r\n".encode())
            text = b""
            try:
                while True:
                    data = line.recv(1 << 16)
                    if not data:
                        break
                    text += data
            except socket.timeout:
                pass
        for block in text.decode("utf-8", "replace").replace("\r", "").split("\n\n"):
            fields = dict(row.split(": ", 1) for row in block.split("\n") if ": " in row)
            if fields.get("data", "").startswith("{"):
                found.append((int(fields.get("id", 0)), json.loads(fields["data"]).get("what") or {}))
        return found

    def newest(self, node):
        return max([number for number, _ in self.events(node)], default=0)

    def says(self, topic, status=None, node=None, since=None, alarm=True):
        """An event of this topic; as an alarm it also stands in /v1/check and in `lianfang check`."""
        node = node or self.victim
        since = self.since if since is None else since
        event = wait_until(lambda: next((e for n, e in self.events(node) if n > since and e.get("topic") == topic and
                                         (status is None or e.get("status") == status)), None), f"event {topic} {status} at {node.region}", 30)
        if alarm:
            _, check = node.api("GET", "/v1/check")
            item = next((i for i in check["items"] if i["name"] == "alarm" and topic in i["en"]), None)
            self.assertTrue(item and event["zh"] in item["zh"] and event["en"] in item["en"], f"{topic} in {check}")
            for language in ("zh", "en"):
                result = node.cli("check", lang=language)
                self.assertNotEqual(result.returncode, 0, result.stdout)
                self.assertIn(event[language], result.stdout)
        for told in self.lines[node.region].heard:
            for word in (topic, event["zh"], event["en"]):
                self.assertNotIn(word.encode(), told, "the liar is not told")
        return event

    def altered(self, change):
        """From now on every delivery to the victim goes through `change(deliver, part)`."""
        def down(which, message):
            if which == DELIVER:
                part = message.sub(6)
                message = change(message, part) or message.put(6, part)
            return [frame(which, message)]
        self.line.down = down

    def refuses(self, what, status, change):
        self.altered(change)
        since = self.newest(self.victim)
        id_ = self.publish(what)
        received(self.third, id_, 20)
        event = self.says("not-taken", status, since=since)
        self.assertNotIn(id_, [i["id"] for i in inbox(self.victim)], f"{what}: nothing altered reaches an inbox as good")
        self.line.honest()
        return event

    def test_altered_deliveries(self):
        def envelope(part, **changes):
            one = part.sub(2)
            for name, value in changes.items():
                one.put(int(name[1:]), value)
            part.put(2, one)

        def flip(raw, at=-1):
            raw = bytearray(raw)
            raw[at] ^= 1
            return bytes(raw)
        for what, status, change in (
                ("a payload changed", "tampered", lambda d, p: envelope(p, f4=flip(p.sub(2).one(4)))),
                ("a salt changed", "tampered", lambda d, p: envelope(p, f3=flip(p.sub(2).one(3)))),
                ("a header changed", "bad-root", lambda d, p: envelope(p, f2=self.resign(p.sub(2).one(2)))),
                ("a proof added", "bad-root", lambda d, p: p.put(5, [os.urandom(32)]) and None),
                ("a signature changed", "bad-signature", lambda d, p: p.put(1, p.sub(1).put(11, os.urandom(70))) and None),
                ("another origin", None, lambda d, p: p.put(1, p.sub(1).put(3, int(THIRD))) and None),
                ("a part that is none", "bad-frame", lambda d, p: d.put(6, b"\xff\xff\xff"))):
            with self.subTest(what):
                self.refuses(what, status, change)

    @staticmethod
    def resign(header):
        return Message(header).put(17, "改").raw()

    def test_reordered(self):
        """A number that does not follow on: asked for again, each is there once."""
        held = []

        def hold_first(which, message):
            if which == DELIVER and not held:
                held.append(frame(which, message))
                return []
            return [frame(which, message)] + (held if which == DELIVER and len(held) == 1 and held.append(b"") else [])
        self.line.down = hold_first
        first, second = self.publish("先"), None
        received(self.third, first)
        second = self.publish("后")
        self.says("gap", alarm=False)
        received(self.victim, first, 20)
        received(self.victim, second, 20)
        self.assertEqual([i["id"] for i in inbox(self.victim)].count(first), 1)

    def publish_left_out(self):
        """Everything of it is kept from the victim, each time it is sent."""
        marker = f"略去 {self.count + 1}".encode()
        self.line.down = lambda which, m: [] if which == DELIVER and marker in m.raw() else [frame(which, m)]
        id_ = self.publish("略去")
        received(self.third, id_)
        return id_

    def test_last_one_left_out(self):
        """Nothing comes after it, and the broker signs for it once: the pulses go by."""
        id_ = self.publish_left_out()
        event = self.says("incomplete")
        self.assertEqual(event["signed"], event["arrived"] + 1)
        self.assertNotIn(id_, [i["id"] for i in inbox(self.victim)])
        self.line.honest()
        self.victim.api("POST", f"/v1/links/{self.line.name}/reconnect")
        received(self.victim, id_, 20)

    def test_left_out_for_good(self):
        """What comes after it does not follow on; asked again, the broker still leaves it out."""
        id_ = self.publish_left_out()
        after = self.publish("其后")
        self.says("gap", alarm=False)
        event = self.says("lost-deliveries")
        self.assertEqual(event["first"], event["last"])
        received(self.victim, after, 20)
        self.assertNotIn(id_, [i["id"] for i in inbox(self.victim)])
        self.line.honest()

    def test_left_out_and_not_signed(self):
        """Left out altogether, with statements that deny it: the recipient cannot know, the origin misses its arrival."""
        marker = f"隐瞒 {self.count + 1}".encode()
        self.line.down = lambda which, m: [] if which == DELIVER and marker in m.raw() else [
            frame(which, m.put(8, None) if which == PULSE else m)]
        id_ = self.publish("隐瞒")
        received(self.third, id_)
        verdict(self.origin, id_)

        def arrivals():
            return {str(r["region"]): r.get("arrived") for r in outbox(self.origin, id_)["recipients"]}
        wait_until(lambda: arrivals().get(THIRD), "the third's arrival")
        self.assertFalse(arrivals()[VICTIM], "the origin sees who has not answered")

    def test_receipts(self):
        """To the origin: verdicts changed, on other envelopes, on other batches, signed by somebody else."""
        line = self.lines[ORIGIN]
        node_signer = Signer(f"{self.house.folder}/node-{THIRD}-identity", self.house.ca_certificate, "联防演示")

        def lie(change):
            done = []

            def down(which, message):
                if which == RECEIPT and message.sub(2).one(1) == RECEIPT_STATEMENT and not done:
                    done.append(1)
                    message.put(2, change(message.sub(2), message.sub(2).sub(2)))
                return [frame(which, message)]
            line.down = down
            return done

        def refused(statement):
            return statement.put(11, Message(statement.one(11)).put(3, 2).put(4, 103).put(8, None))
        def signed(statement):
            return self.broker_signer.statement(RECEIPT_STATEMENT, statement)

        def of_another(statement):
            return statement.put(11, Message(statement.one(11)).put(2, os.urandom(16)))
        cases = [
            ("a verdict changed, not signed", "bad-receipt", "bad-signature", lambda s, t: s.put(2, refused(t))),
            ("signed by a node", "bad-receipt", None, lambda s, t: node_signer.statement(RECEIPT_STATEMENT, t)),
            ("a wrong root", "bad-receipt", "bad-root", lambda s, t: signed(t.put(10, os.urandom(32)))),
            ("a verdict on another id", "bad-receipt", "mixed-batch", lambda s, t: signed(of_another(t))),
            ("too few verdicts", "bad-receipt", "mixed-batch", lambda s, t: signed(t.put(11, None))),
            ("to another origin", "bad-receipt", "foreign-origin", lambda s, t: signed(t.put(3, int(THIRD)))),
            ("of another ledger", "bad-receipt", "other-installation", lambda s, t: signed(t.put(1, os.urandom(16)))),
        ]
        for what, topic, status, change in cases:
            with self.subTest(what):
                since = self.newest(self.origin)
                done = lie(change)
                id_ = self.publish(what)
                wait_until(lambda: done, f"{what}: told")
                self.says(topic, status, node=self.origin, since=since)
                self.assertNotEqual(outbox(self.origin, id_)["state"], "refused", what)
                line.honest()
                self.origin.api("POST", f"/v1/links/{line.name}/reconnect")  # not to wait for its back-off
                self.assertEqual(verdict(self.origin, id_), "admitted", f"{what}: in the end the true one counts")
                received(self.third, id_)

    def know_the_directory(self):
        """A node that has learnt its directory within the minute gives the broker the benefit of the doubt."""
        wait_until(lambda: time.monotonic() > self.linked + 62, "the directory has been known for a minute", 70)

    def test_somebody_elses(self):
        """What the third region was given, handed to the victim too, numbered and chained as the next of its lane."""
        self.know_the_directory()
        cases = [("sealed", notice(ORIGIN, THIRD, "他人-1"), ("测试甲", "他人-1"))]
        for what, body, secrets in cases:
            with self.subTest(what):
                id_, _ = publish(self.origin, body)
                received(self.third, id_)
                foreign = self.lines[THIRD].wait_frame(DELIVER, lambda m: bytes.fromhex(id_.replace("-", "")) in m.raw())
                since = self.newest(self.victim)
                self.line.inject(DELIVER, self.line.next_in_lane(foreign))
                event = self.says("not-taken", "foreign", since=since)
                self.assertEqual((event["id"], event["origin"]), (id_, int(ORIGIN)))
                self.assertNotIn(id_, [i["id"] for i in inbox(self.victim)])
                self.assertEqual(files_hold(self.victim.data, {s.encode() for s in secrets}), set())

    def test_without_a_recipient(self):
        """The victim is not given what it should be, and not named in the receipt: the origin's own rules name it."""
        self.know_the_directory()
        line, since = self.lines[ORIGIN], self.newest(self.origin)
        marker = f"不给 {self.count + 1}".encode()

        def shortened(verdict_):
            disposition = verdict_.sub(8)
            for field in (4, 5):
                disposition.put(field, [r for r in disposition.all(field) if r != int(VICTIM)])
            return verdict_.put(8, disposition)

        def receipts(which, message):
            if which == RECEIPT and message.sub(2).one(1) == RECEIPT_STATEMENT:
                statement = message.sub(2).sub(2)
                statement.put(11, [shortened(Message(v)).raw() for v in statement.all(11)])
                message.put(2, self.broker_signer.statement(RECEIPT_STATEMENT, statement))
            return [frame(which, message)]
        line.down = receipts
        self.line.down = lambda which, m: [] if which == DELIVER and marker in m.raw() else [frame(which, m)]
        id_ = self.publish("不给")
        received(self.third, id_)
        self.assertEqual(self.says("differs", node=self.origin, since=since)["id"], id_)
        row = outbox(self.origin, id_)
        self.assertTrue(row["differs"])
        self.assertNotIn(VICTIM, [str(r["region"]) for r in row["recipients"]])
        line.honest(), self.line.honest()
        self.victim.api("POST", f"/v1/links/{self.line.name}/reconnect")
        received(self.victim, id_, 20)

    def completeness(self):
        """What the broker signed of the queue of bulletins, up to the last delivery that the victim was given in it: one signed
        before that is of fewer than arrived, and says so whatever its hash."""
        def signed():
            for message in (m for which, m in reversed(self.line.seen) if which == PULSE):
                for statement in (Message(raw).sub(2) for raw in message.all(8)):
                    number, _, _ = self.line.chains.get((statement.one(4), statement.one(5)), (0, b"", 0))
                    if statement.one(5) == ROUTINE and statement.one(6) == number:
                        return statement
            return None
        return wait_until(signed, "a signed completeness")

    def sign_completeness(self, statement):
        self.line.inject(PULSE, Message(f1=1, f2=1, f3=now_ms(), f8=self.broker_signer.statement(COMPLETENESS_STATEMENT, statement)))

    def test_two_histories_of_a_queue(self):
        """Another hash for as many as arrived; fewer than arrived; a delivery that follows on from another past."""
        received(self.victim, self.publish("历史"), 20)
        true = self.completeness()
        self.sign_completeness(Message(true.raw()).put(7, os.urandom(32)))
        self.says("chain")
        self.assertEqual(self.says("contradicts")["before"], true.one(6))
        self.sign_completeness(Message(true.raw()).put(6, true.one(6) - 1))
        event = self.says("incomplete")
        self.assertEqual((event["signed"], event["arrived"]), (true.one(6) - 1, true.one(6)))
        since, done = self.newest(self.victim), []

        def other_past(which, message):
            if which == DELIVER and not done:
                done.append(message.put(4, os.urandom(32)))
            return [frame(which, message)]
        self.line.down = other_past
        id_ = self.publish("另一种历史")
        self.says("chain", since=since)
        self.line.honest()
        received(self.victim, id_, 20)

    def test_two_verdicts_for_one_place(self):
        """A second receipt of a batch, signed as well: the first one stands, and what the node holds as evidence is the first one."""
        id_ = self.publish("一判")
        self.assertEqual(verdict(self.origin, id_), "admitted")
        raw = bytes.fromhex(id_.replace("-", ""))
        first = self.lines[ORIGIN].wait_frame(RECEIPT, lambda m: m.sub(2).one(1) == RECEIPT_STATEMENT and raw in m.sub(2).one(2))
        other = first.sub(2).sub(2)
        other.put(11, Message(other.one(11)).put(3, 2).put(4, 103).put(8, None))
        since = self.newest(self.origin)
        self.lines[ORIGIN].inject(RECEIPT, Message(f1=0, f2=self.broker_signer.statement(RECEIPT_STATEMENT, other)))
        self.assertEqual(self.says("contradicts", node=self.origin, since=since)["id"], id_)
        self.assertEqual(outbox(self.origin, id_)["state"], "admitted")
        path = f"{self.house.folder}/evidence"
        self.origin.cli("evidence", id_, "--out", path, check=True)
        with open(path, "rb") as file:
            held = file.read()
        self.assertIn(first.sub(2).one(2), held)
        self.assertNotIn(other.raw(), held)

    def test_frames_that_no_broker_sends(self):
        """Nonsense, another direction's frames, times and counts at the edges: the session ends or goes on, the node stays."""
        edge = [-(1 << 63), (1 << 63) - 1]
        for value in edge:
            self.line.inject(PULSE, Message(f1=1, f2=value, f3=value, f4=value, f5=value))
            self.line.inject(PULSE, Message(f1=1, f2=1, f3=value, f4=0, f5=-1))
        self.line.inject(CREDIT, Message(f1=[Message(f1=lane, f2=(1 << 64) - 1, f3=(1 << 64) - 1).raw() for lane in range(4)]))
        self.victim.links(), self.victim.check()
        for what, which, message in (("its own HELLO", HELLO, Message(f1=1)), ("SUBMIT", SUBMIT, Message(f1=b"x")),
                                     ("half a DELIVER", DELIVER, Message(f1="x")), ("a policy without end", POLICY,
                                                                                    Message(f1=9, f2=(1 << 32) - 1, f3=0, f4=bytes(1000))),
                                     ("records of nobody", DIRECTORY, Message(f1=1, f2=1 << 60, f3=[b"\xff" * 50] * 20)),
                                     ("BYE", BYE, Message(f1=301))):
            with self.subTest(what):
                self.line.inject(which, message)
                wait_until(self.victim.up, f"{what}: linked again", 30)
                self.victim.check()


if __name__ == "__main__":
    del Sessions, Batches, Deliveries, LiarTest  # their own file runs them  # noqa: F821
    main()
