"""An enrolled node that lies: its certificates are good, everything it says is made here, nothing of ours on its side.

Whatever it says: nothing is admitted or delivered that the rules do not give, the broker stays up, the others exchange notices
meanwhile, the reason is counted and logged by name, and the liar learns nothing that was not for it.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from base import *  # noqa: E402,F403
from liar import *  # noqa: E402,F403
from liar import CONTACT_NOTICE, MECHANISM, MEASURE  # noqa: E402
from proto import *  # noqa: E402,F403

MIB = 1 << 20
LOWEST, HIGHEST = -(1 << 63), (1 << 63) - 1


def anonymous(process):
    with open(f"/proc/{process.child.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))


class LiarTest(HouseTest):
    """310000 and 330000 are honest; 320000 is the liar."""

    regions = ["310000", "320000", "330000"]
    started = False
    pulse_ms = 1000  # the liar makes its lies with the openssl command: it is not to fall silent meanwhile
    environment = {"ASAN_OPTIONS": "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}  # freed memory is not kept

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker.start().wait_ready()
        cls.honest = [cls.nodes[region] for region in ("310000", "330000")]
        for node in cls.honest:
            node.configure().start()
        for node in cls.honest:
            node.wait_up()
        cls.liar = Liar(cls.house, "320000")
        cls.addClassCleanup(cls.liar.hang_up)
        cls.secret, _ = publish(cls.honest[1], notice("330000", "310000", "不得外传-1"))
        received(cls.honest[0], cls.secret)

    def tearDown(self):
        """After every lie: the others are there and hear each other in time; what was never for the liar did not reach it."""
        self.broker.check()
        began = time.monotonic()
        origin, to = self.honest
        id_, _ = publish(origin, notice("310000", "330000", "照常-1"))
        received(to, id_, 10)
        self.assertEqual(verdict(origin, id_), "admitted")
        self.assertLess(time.monotonic() - began, 10, "in time")
        for other in (id_, self.secret):
            raw = bytes.fromhex(other.replace("-", ""))
            self.assertFalse(any(raw in frame for frame in self.liar.heard), "the liar saw what was sealed to another")
        self.liar.hang_up()

    def refused(self, reason):
        return metric(self.broker, f'lianfang_broker_not_accepted_total{{reason="{reason}"}}')

    def cut(self, why):
        return metric(self.broker, f'lianfang_broker_cut_total{{why="{why}"}}')

    def code(self, reason):
        """The number of a status, out of the list that is part of the protocol."""
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proto", "wire", "status.h")
        name = reason.upper().replace("-", "_")
        with open(path, encoding="utf-8") as file:
            return next(int(line.split(",")[1]) for line in file if line.strip().startswith(f"STATUS({name},"))

    def is_cut(self, what, reason, lie):
        """`lie` ends the session with that reason: told, counted, logged."""
        with self.subTest(what):
            before, lines = self.refused(reason), self.named(reason)
            lie()
            self.assertIn(self.liar.ended(), (self.code(reason), None), what)
            wait_until(lambda: self.refused(reason) > before, f"{what}: {reason} counted")
            wait_until(lambda: self.named(reason) > lines, f"{what}: {reason} in the log")

    def named(self, reason):
        return self.broker.log().count(f"={reason}")

    def admitted(self):
        return self.broker.status()["admitted"]


class Sessions(LiarTest):
    def in_session(self, what, reason, which, message):
        def lie():
            self.liar.open()
            self.liar.say(which, message() if callable(message) else message)
        self.is_cut(what, reason, lie)

    def test_greetings(self):
        liar = self.liar
        sessions = self.broker.links()["310000"]["since"] if "since" in self.broker.links()["310000"] else None
        for what, reason, changes in (("another's region", "foreign-origin", {"f4": 310000}),
                                      ("the broker's region", "foreign-origin", {"f4": 0}),
                                      ("a version that is none", "version", {"f1": 9, "f2": 9}),
                                      ("half a nonce", "bad-frame", {"f15": bytes(8)}),
                                      ("2,000 cursors", "bad-frame", {"f8": [self.cursor(i) for i in range(2000)]})):
            self.is_cut(what, reason, lambda c=changes: (liar.dial(), liar.say(HELLO, liar.hello(**c))))
        self.assertEqual(self.broker.links()["310000"]["state"], "up", "whom it named is not disturbed")
        if sessions:
            self.assertEqual(self.broker.links()["310000"]["since"], sessions)

    @staticmethod
    def cursor(number, lane=ROUTINE, mechanism=MECHANISM):
        return Message(f1=mechanism, f2=lane, f3=1, f4=number + 1, f5=os.urandom(32)).raw()

    def test_invented_standing(self):
        """Cursors, heads, receipts and completeness of nobody: it gets what is its own, and no word of it stops the broker."""
        liar = self.liar
        liar.open()
        forged = liar.signer.statement(RECEIPT_STATEMENT, Message(
            f1=liar.welcome.one(4), f2=99, f3=liar.region, f4=MECHANISM, f5=ROUTINE, f6=liar.store, f7=JUDGED, f8=1, f9=1,
            f10=bytes(32), f12=now_ms(), f15=1 << 50))
        complete = liar.signer.statement(COMPLETENESS_STATEMENT, Message(
            f1=liar.welcome.one(4), f2=99, f3=liar.region, f4=MECHANISM, f5=ROUTINE, f6=1 << 50, f7=os.urandom(32), f8=now_ms()))
        heads = [Message(f1=MECHANISM, f2=ROUTINE, f3=os.urandom(16), f4=1 << 60, f5=1 << 59).raw() for _ in range(500)]
        liar.open(f7=heads, f8=[self.cursor((1 << 64) - 2), self.cursor(7, lane=3), self.cursor(7, mechanism="no-such")],
                  f9=forged, f10=complete, f11=1 << 60, f12=1 << 60, f13=1 << 60)
        liar.await_(PULSE)
        self.assertEqual(liar.welcome.one(7), 0, "its token was good")
        self.assertTrue(self.broker.status()["admitting"], "a liar's receipt does not roll the broker back")
        token = Message(liar.token)
        ahead = Message(f1=token.one(1), f2=token.one(2), f3=1 << 50, f4=os.urandom(16))
        liar.greet(f6=ahead)
        self.assertEqual(liar.welcome.one(7), 2, "a serial above the broker's: rolled back, for this peer")
        self.assertTrue(self.broker.status()["admitting"], "and for nobody else")
        stolen = Message(f1=token.one(1), f2=token.one(2), f3=token.one(3), f4=os.urandom(16))
        liar.greet(f6=stolen)
        self.assertEqual(liar.welcome.one(7), 1, "an invented token: a fork")
        self.assertIn("forked", self.broker.log())
        liar.pulse(f6=liar.token)

    def test_frames_out_of_place(self):
        liar = self.liar
        part = liar.batch([liar.header(1, bulletin("x"))])
        self.is_cut("SUBMIT before confirming", "not-confirmed", lambda: (liar.greet(), liar.submit(part)))
        self.is_cut("an invented token confirmed", "not-confirmed", lambda: (
            liar.greet(), liar.pulse(f6=Message(liar.token).put(4, os.urandom(16)))))
        for which in (WELCOME, RECEIPT, DELIVER, POLICY, DIRECTORY):
            message = {WELCOME: liar.welcome, RECEIPT: Message(f1=1, f2=liar.signer.statement(RECEIPT_STATEMENT, b"x")),
                       DELIVER: None, POLICY: Message(f1=9, f2=1, f3=0, f4=b"x"),
                       DIRECTORY: Message(f1=1, f2=1, f3=b"x")}[which]
            if message is not None:
                self.in_session(f"frame {which}, which is the broker's", "unexpected-frame", which, message)
        grants = Message(f1=[Message(f1=lane, f2=(1 << 64) - 1, f3=(1 << 64) - 1).raw() for lane in range(4)])
        for what, reason, which, message in (
                ("a frame of a TiB wanted", "frame-too-large", CREDIT, Message(f4=1 << 40, f5=ROUTINE)),
                ("wanted in no lane", "frame-too-large", CREDIT, Message(f4=100)),
                ("receipts taken that never were", "unexpected-frame", CREDIT, Message(f2=1 << 60)),
                ("an unknown field", "unknown-field", CREDIT, Message(f99=1)),
                ("NUL in a text", "bad-string", HELLO, lambda: liar.hello(f3=b"a\0b")),
                ("bad UTF-8", "bad-string", HELLO, lambda: liar.hello(f3=b"\xff\xfe")),
                ("half a PULSE", "bad-frame", PULSE, Message(f1=1))):
            self.in_session(what, reason, which, message)
        liar.open()
        liar.say(CREDIT, grants)  # absurd and harmless: it only says how much the liar would take
        liar.await_(PULSE)

    def test_numbers_at_the_edge(self):
        """Times and counts as large and small as fields go: no arithmetic of ours breaks (UBSan watches)."""
        liar = self.liar
        liar.open()
        for value in (LOWEST, LOWEST + 1, -1, 0, HIGHEST):
            for name in ("f2", "f3", "f4", "f5", "f10"):
                liar.pulse(**{name: value, "f11": 0} if name in ("f2", "f3", "f10") else {name: value, "f4" if name == "f5" else "f5": 1})
            liar.pulse(f2=value, f3=value, f4=value, f5=value, f7=[Message(f1=lane, f2=(1 << 64) - 1, f3=value).raw() for lane in range(4)])
            self.broker.links(), metric(self.broker, "x"), self.broker.get("/v1/links/320000/history")
            self.broker.check()
        liar.await_(PULSE)
        self.broker.check()

    def test_encodings(self):
        """What protobuf-c would choke on: nesting, a million empty sub-messages, repeats, lengths beyond the end."""
        liar = self.liar
        deep = b""
        for _ in range(20000):
            deep = b"\x0a" + varint(len(deep)) + deep
            if len(deep) > 60000:
                break
        before = anonymous(self.broker)
        for what, raw in (("nested 20,000 deep", deep), ("empty", b""), ("one byte", b"\x0a"), ("garbage", os.urandom(4000)),
                          ("a length beyond the end", b"\x0a\xff\xff\xff\xff\x7f"), ("a tag of zero", b"\x00\x00"),
                          ("500,000 empty streams", field_of(1, liar.hello().raw() + b"\x3a\x00" * 500000)),
                          ("200,000 tokens", field_of(1, b"\x32\x02\x08\x01" * 200000)),
                          ("500,000 parts", field_of(ARRIVED, b"\x0a\x00" * 500000)),
                          ("two bodies", frame(PULSE, Message(f1=1, f2=1, f3=1)) * 2)):
            with self.subTest(what):
                known = {r: self.refused(r) for r in ("bad-frame", "over-budget", "unknown-field", "unexpected-frame")}
                liar.open()
                liar.line.send(raw)
                liar.ended()
                wait_until(lambda: any(self.refused(r) > n for r, n in known.items()), f"{what} is counted")
        self.assertLess(anonymous(self.broker) - before, 64 * MIB)


def field_of(number, raw):
    return varint(number << 3 | 2) + varint(len(raw)) + raw


class Batches(LiarTest):
    def setUp(self):
        self.liar.new_stream()
        self.liar.open()

    def outcome(self, what, batch, outcome, reason=None):
        before, counted = self.admitted(), self.refused(reason) if reason else 0
        statement = self.liar.answer(batch)
        self.assertEqual(statement.one(7), outcome, what)
        if reason:
            self.assertEqual(statement.one(14), self.code(reason), what)
            self.assertGreater(self.refused(reason), counted, f"{what}: {reason} counted")
            self.assertGreater(self.named(reason), 0, f"{what}: {reason} in the log")
        if outcome != JUDGED:
            self.assertEqual(self.admitted(), before, what)
        return statement

    def good(self, title="真话", **changes):
        return self.liar.header(1, bulletin(title), **changes)

    def test_bad_as_a_whole(self):
        liar, other = self.liar, Signer(f"{self.house.folder}/node-330000-identity", self.house.ca_certificate, "联防演示")
        bad = {
            "another's origin": ("foreign-origin", lambda: liar.batch([self.good(f5=330000)], origin=330000)),
            "a header of another's origin": ("mixed-batch", lambda: liar.batch([self.good(f5=330000)])),
            "a header of another stream": ("mixed-batch", lambda: liar.batch([self.good(f8=os.urandom(16))])),
            "a header of another lane": ("mixed-batch", lambda: liar.batch([self.good(f11=FLASH)])),
            "a header with a gap": ("mixed-batch", lambda: liar.batch([self.good(), self.good(f9=3)])),
            "a wrong digest": ("tampered", lambda: liar.batch([self.good(f33=os.urandom(32))])),
            "another batch's root": ("bad-root", lambda: liar.batch([self.good()], root=os.urandom(32))),
            "a root put in after signing": ("bad-signature", lambda: liar.batch([self.good()], f10=os.urandom(32))),
            "another's certificate": ("foreign-origin", lambda: liar.batch([self.good()], f2=other.digest)),
            "no certificate": ("unknown-signer", lambda: liar.batch([self.good()], f2=os.urandom(32))),
            "a suite to come": ("wrong-suite", lambda: liar.batch([self.good()], f1=2)),
            "an unknown critical header field": ("bad-header", lambda: liar.batch([self.good(f50=1)])),
            "no time of making": ("bad-header", lambda: liar.batch([self.good(f22=LOWEST)])),
            "two boxes of one region": ("bad-box", lambda: liar.batch([self.good()], [self.box(310000)] * 2)),
        }
        for what, (reason, make) in bad.items():
            with self.subTest(what):
                liar.new_stream()
                self.outcome(what, make(), BAD_BATCH, reason)
                frozen = liar.answer(liar.batch([self.good()]))
                self.assertEqual(frozen.one(7), BAD_BATCH, f"{what}: the stream stays frozen")

    @staticmethod
    def soon():
        return int((now() + datetime.timedelta(days=20)).strftime("%Y%m%d"))

    @staticmethod
    def box(region, certificate=None):
        return Message(f1=region, f2=certificate or os.urandom(32), f3=b"nothing that opens")

    def test_order(self):
        """Replays get the stored statement, gaps are told what is expected, another batch in a place that is taken is a conflict."""
        liar = self.liar
        early = liar.batch([self.good(f9=5)], first=5)
        self.assertEqual(self.outcome("a gap", early, EXPECTED_FIRST).one(8), 1)
        first = liar.batch([self.good("第一")])
        judged = self.outcome("a good batch", first, JUDGED)
        self.assertEqual(Message(judged.one(11)).one(3), 1, "admitted")
        admitted = self.admitted()
        for _ in range(20):
            self.assertEqual(liar.answer(first).raw(), judged.raw(), "a replay gets the same statement")
        self.assertEqual(self.admitted(), admitted)
        received(self.honest[0], self.hex_id(first))
        again = liar.header(2, bulletin("第一"), f2=Message(Message(first.one(2)).one(1)).one(2))
        self.assertEqual(Message(self.outcome("an id judged before", liar.batch([again], first=2), JUDGED).one(11)).one(3), 3)
        self.assertEqual(self.admitted(), admitted)
        far = liar.batch([self.good(f9=1 << 63)], first=1 << 63)
        self.assertEqual(self.outcome("a number far away", far, EXPECTED_FIRST).one(8), 3)
        self.outcome("another batch in its place", liar.batch([self.good("另一")]), CONFLICT)
        self.assertEqual(titles(self.honest[0]).count("第一"), 1)
        self.assertEqual(titles(self.honest[0]).count("另一"), 0)

    @staticmethod
    def hex_id(batch):
        raw = Message(Message(batch.one(2)).one(1)).one(2).hex()
        return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"

    def test_lines_of_the_log(self):
        """What a peer may say as often as it likes does not fill the log: some lines a second, and how many were left out."""
        liar, sends, burst = self.liar, 1000, 10
        gap = liar.batch([self.good(f9=5)], first=5)
        root = gap.sub(1).one(10)
        before, began = self.lines_of("expected"), time.monotonic()
        for _ in range(0, sends, burst):
            for _ in range(burst):
                liar.submit(gap)
            for _ in range(burst):
                liar.await_(RECEIPT, lambda m: m.sub(2).sub(2).one(10) == root)
        seconds = time.monotonic() - began
        wait_until(lambda: sum(self.lines_of("expected")) - sum(before) == sends, "each is written or counted")
        self.assertLessEqual(self.lines_of("expected")[0] - before[0], 20 * (seconds + 2))

    def test_what_a_lie_costs(self):
        """Batch after batch that fails as a whole, each in a stream of its own: what the ledger keeps of one is less than of a truth."""
        liar, lies = self.liar, 300
        envelope = self.good().raw()
        seal = liar.signer.seal(liar.region, MECHANISM, ROUTINE, liar.store, 1, 1, 0, os.urandom(32)).raw()

        def lie():
            liar.new_stream()
            liar.submit(Message(f1=Message(seal).put(6, liar.store), f2=[envelope]))
            self.assertEqual(liar.await_(RECEIPT).sub(2).sub(2).one(7), BAD_BATCH)
            liar.pulse(f11=liar.taken)
        before = metric(self.broker, "lianfang_broker_store_bytes")
        for _ in range(lies):
            lie()
        each = (metric(self.broker, "lianfang_broker_store_bytes") - before) / lies
        self.say(f"{each:.0f} bytes of the ledger each")
        self.assertLess(each, 1024)

    def lines_of(self, word):
        """(written, left out) of EXPECTED_FIRST."""
        log = self.broker.log().split("\n")
        left = [line for line in log if f"what={word}" in line]
        return (sum("told what is expected" in line for line in log), sum(int(line.split("left_out=")[1].split()[0]) for line in left))

    def test_against_the_rules(self):
        """Well made and not allowed: a signed verdict, and nobody gets it."""
        liar = self.liar
        own_seal = sha(der_of(f"{liar.folder}/seal.pem"))
        stolen = sha(der_of(f"{self.house.folder}/node-330000-identity/seal.pem"))
        cases = [
            ("speaks for another", "not-issuer", self.good(f6=330000), ()),
            ("a faster lane", "wrong-lane", self.good(f11=FLASH), ()),
            ("persons in clear", "not-sealed", self.good(f12=CONTACT_NOTICE, f29=[310000], f7=2, f11=URGENT), ()),
            ("the broker's own kind", "no-rule", self.good(f12=100), ()),
            ("kept for a thousand years", "keep-too-long", self.good(f26=30241231), ()),
            ("sealed to itself in another's name", "stale-seal", self.sealed(310000), (self.box(310000, own_seal),)),
            ("sealed to a third region", "stale-seal", self.sealed(310000), (self.box(310000, stolen),)),
            ("sealed to nobody", "stale-seal", self.sealed(310000), ()),
        ]
        before = {node.region: len(inbox(node)) for node in self.honest}
        for what, reason, envelope, boxes in cases:
            with self.subTest(what):
                liar.new_stream()
                header = envelope.sub(1).put(8, liar.store)
                envelope.put(1, header)
                statement = self.outcome(what, liar.batch([envelope], boxes, lane=header.one(11)), JUDGED)
                verdict_ = Message(statement.one(11))
                self.assertEqual(verdict_.one(3), 2, f"{what}: {verdict_.items}")
                self.assertEqual(verdict_.one(4), self.code(reason), what)
        self.assertEqual({node.region: len(inbox(node)) for node in self.honest}, before)

    def sealed(self, region):
        return self.good(f12=CONTACT_NOTICE, f29=[region], f7=2, f11=URGENT, f32=1, f26=self.soon())

    def test_unreadable_to_its_recipients(self):
        """Admitted, since the broker need not read it, and nothing that a node can read: kept raw and said so, blocks nothing."""
        liar = self.liar
        batch = liar.batch([liar.header(1, b"\xff\xff\xff"), liar.header(2, bulletin("其后"))])
        statement = self.outcome("nonsense for a payload", batch, JUDGED)
        self.assertEqual([Message(v).one(3) for v in statement.all(11)], [1, 1])
        for node in self.honest:
            wait_until(lambda: "其后" in titles(node), "what came with it")
        arrivals = []
        while len(arrivals) < 2:
            signed = liar.await_(RECEIPT, lambda m: m.sub(2).one(1) == ARRIVED_STATEMENT).sub(2).sub(2)
            arrivals.append([Message(a).one(2) for a in signed.all(8)])
        self.assertEqual(arrivals, [[6, 5], [6, 5]], "arrived-unreadable, arrived")

    def test_lies_about_urgency_and_far_times(self):
        """Headers at the edge of their types; the payload says another urgency than the header."""
        liar = self.liar
        for changes in ({"f22": HIGHEST}, {"f24": HIGHEST}, {"f25": HIGHEST, "f23": HIGHEST}, {"f4": (1 << 32) - 1}, {"f24": 1}):
            liar.new_stream()
            self.outcome(f"{changes}", liar.batch([self.good(f"远 {changes}", **changes)]), JUDGED)
        self.broker.check()
        liar.new_stream()
        batch = liar.batch([self.good("冒充加急", f19=1, f11=URGENT)], lane=URGENT)
        self.outcome("urgent by its header alone", batch, JUDGED)
        signed = liar.await_(RECEIPT, lambda m: m.sub(2).one(1) == ARRIVED_STATEMENT and
                             m.sub(2).sub(2).one(6) == Message(batch.one(1)).one(10)).sub(2).sub(2)
        self.assertEqual(Message(signed.one(8)).one(2), 7, "the recipient rejects it")
        self.assertNotIn("冒充加急", titles(self.honest[0]))

    def test_too_much(self):
        """More than was granted, and more envelopes than a batch holds."""
        liar = self.liar
        self.is_cut("a SUBMIT beyond the grant", "over-credit", lambda: liar.submit(liar.batch([self.good("长" * 100000)])))
        liar.new_stream()
        liar.open()
        crowd = liar.batch([liar.header(i + 1, b"") for i in range(513)])
        self.is_cut("513 envelopes", "bad-frame", lambda: liar.submit(crowd))
        liar.open()
        last = (1 << 64) - 2
        self.is_cut("the last number there is", "bad-frame", lambda: liar.submit(liar.batch([self.good(f9=last)], first=last)))


class Deliveries(LiarTest):
    def test_arrivals(self):
        """ARRIVED for what never was, for another's, with swapped sides; the true one is taken in the end and reaches the origin."""
        liar, origin = self.liar, self.honest[1]
        liar.open()
        id_, _ = publish(origin, measure("330000", "给各省"))
        deliver, part = liar.delivery()
        signed = lambda **c: liar.arrived(deliver, part, **c)  # noqa: E731
        forged = signed()
        inner = forged.sub(1)
        broken = inner.sub(5).put(8, bytes(70))
        cases = [
            ("a number that does not exist", "unexpected-frame", signed(number=1 << 40)),
            ("in another's name", "foreign-origin", signed(f1=310000)),
            ("a receipt in its place", "bad-frame", signed(kind=RECEIPT_STATEMENT)),
            ("a witness in its place", "bad-frame", signed(kind=WITNESS_STATEMENT)),
            ("another batch's root", "bad-frame", signed(f6=os.urandom(32))),
            ("another origin", "bad-frame", signed(f2=310000)),
            ("another stream", "bad-frame", signed(f5=os.urandom(16))),
            ("another chain", "bad-frame", Message(f1=Message(inner.raw()).put(4, os.urandom(32)))),
            ("the broker's verdict", "bad-frame", signed(f8=Message(f1=0, f2=1))),
            ("an envelope it was not given", "bad-frame", signed(f8=[Message(f1=0, f2=5).raw(), Message(f1=1, f2=5).raw()])),
            ("nothing at all", "bad-frame", signed(f8=None)),
            ("a signature that is none", "bad-signature", Message(f1=Message(inner.raw()).put(5, broken))),
            ("swapped sides of a proof", "bad-signature", signed(tree=(os.urandom(32), 1))),
            ("the origin's words signed by it", "bad-frame", signed(f8=[Message(f1=(1 << 32) - 1, f2=5).raw()])),
        ]
        for what, reason, message in cases:
            self.is_cut(what, reason, lambda m=message: (liar.open(), liar.delivery(), liar.say(ARRIVED, m)))
        self.assertIsNone(self.at_origin(origin, id_, 320000))
        liar.open()
        deliver, part = liar.delivery()
        liar.say(ARRIVED, liar.arrived(deliver, part, f9=LOWEST, tree=(os.urandom(32), 0)))  # the sides as they are: good
        wait_until(lambda: self.at_origin(origin, id_, 320000), "its arrival at the origin")
        for _ in range(50):
            liar.take(deliver, part)
        liar.await_(PULSE)
        self.replay(deliver, part)

    @staticmethod
    def at_origin(origin, id_, region):
        return next((r.get("arrived") for r in outbox(origin, id_).get("recipients", []) if int(r["region"]) == region), None)

    def replay(self, deliver, part):
        """What was delivered to it, offered as a batch: as it is, and under its own name."""
        liar, seal = self.liar, part.sub(1)
        envelopes = [Message(f1=Message(e).one(2), f2=Message(e).one(3), f3=Message(e).one(4)).raw() for e in part.all(2)]
        before = self.admitted()
        for what, reason, changed in (("another's batch", "foreign-origin", seal),
                                      ("another's batch in its name", "foreign-origin",
                                       Message(seal.raw()).put(3, liar.region).put(6, os.urandom(16))),
                                      ("another's batch as if signed by it", "bad-signature",
                                       Message(seal.raw()).put(2, liar.signer.digest).put(3, liar.region).put(6, os.urandom(16)))):
            counted = self.refused(reason)
            statement = liar.answer(Message(f1=changed, f2=envelopes))
            self.assertEqual((statement.one(7), statement.one(14)), (BAD_BATCH, self.code(reason)), what)
            self.assertGreater(self.refused(reason), counted, what)
        self.assertEqual(self.admitted(), before)
        self.assertEqual(titles(self.honest[0]).count("给各省"), 1)
        self.unharmed(self.honest[1])

    def unharmed(self, origin):
        """What the liar did in another's name froze streams of its own: the other's goes on where it was."""
        renewed = origin.log().count("stream-renewed")
        id_, _ = publish(origin, measure("330000", "照旧"))
        self.assertEqual(verdict(origin, id_), "admitted")
        received(self.honest[0], id_)
        self.assertEqual(origin.log().count("stream-renewed"), renewed)


if __name__ == "__main__":
    main()
