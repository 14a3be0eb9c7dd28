"""Who has it, who can read it, and what proves it: invariants 4, 5, 6, 11 and 13."""
import urllib.parse

from base import *  # noqa: F403

PERSON = "测试姓名壬癸"
CASE = "案号-7749"


def secrets_of(case=CASE):
    return {word.encode() for word in (PERSON, case, check_digit(IDENTITY))}


class Evidence(HouseTest):
    regions = ["310000", "320000", "330000", "340000", "210000"]
    mechanisms = ["yangtze-delta", "northeast-three"]
    started = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker.start().wait_ready()
        cls.wire = Wire(cls.broker)
        cls.addClassCleanup(cls.wire.close)
        cls.nodes["320000"].brokers = [(cls.wire, "[all]")]
        for node in cls.nodes.values():
            node.configure().start()
        for node in cls.nodes.values():
            node.wait_up()

    def setUp(self):
        if not self.broker.alive():  # a test before this one failed half way
            self.broker.start().wait_ready()
        self.settle()

    def test_invariant_04_nobody_else_has_it(self):
        origin, to = self.nodes["330000"], self.nodes["310000"]
        before = self.wire.to_node
        status, body = origin.api("POST", "/v1/envelopes", big_notice("330000", "310000", CASE, 60, PERSON))
        self.assertEqual(status, 202, body)
        received(to, body["id"])
        self.settle()
        grown = self.wire.to_node - before
        self.assertLess(grown, 8000, "the line to 320000 carried pulses, not the notice")
        for region, node in self.nodes.items():
            has = any(i["id"] == body["id"] for i in inbox(node))
            self.assertEqual(has, region == "310000", f"inbox of {region}")
            self.assertEqual(files_hold(node.data, secrets_of()), set(), f"files of {region}: payloads lie encrypted")
        clear, _ = publish(origin, measure("330000", "四省市通报", summary="要点" * 200))
        for region in ("310000", "320000", "340000"):
            received(self.nodes[region], clear)
        self.settle()
        self.assertFalse(any(i["id"] == clear for i in inbox(self.nodes["210000"])), "no member, nothing")
        self.assertFalse(any(i["id"] == clear for i in inbox(origin)), "the origin is never a recipient")
        self.assertGreater(self.wire.to_node, before + grown + 1200, "the line that counts does count")
        self.say(f"line to 320000: {grown} bytes while 310000 got a notice about 60 persons")

    def test_invariant_04_each_to_its_own(self):
        """One batch, several regions: each gets its own box and nothing of the others."""
        origin, ids = self.nodes["330000"], {}
        self.broker.stop()
        for i in range(12):
            to = ("310000", "320000", "340000")[i % 3]
            ids[publish(origin, notice("330000", to, f"批次-{i}"))[0]] = to
        self.broker.start().wait_ready()
        self.settle()
        for id_, to in ids.items():
            item = received(self.nodes[to], id_)
            self.assertEqual(item["payload"]["person"][0]["region"], int(to))
        for region, node in self.nodes.items():
            got = {i["id"] for i in inbox(node)} & set(ids)
            self.assertEqual(got, {i for i, to in ids.items() if to == region}, f"inbox of {region}")

    def export(self, node, id_, name):
        path = f"{self.house.folder}/{name}.bin"
        node.cli("evidence", id_, "--out", path, check=True)
        return path

    def verify(self, path, *more, lang="en"):
        return self.nodes["310000"].cli("verify", path, "--ca", self.house.ca_certificate, *more, lang=lang)

    def test_invariant_05_evidence_offline(self):
        origin, to = self.nodes["330000"], self.nodes["310000"]
        clear, _ = publish(origin, measure("330000", "凭证之一"))
        sealed, _ = publish(origin, notice("330000", "310000", "凭证-2"))
        for id_ in (clear, sealed):
            received(to, id_)
            verdict(origin, id_)
        self.settle()
        self.broker.stop()
        try:
            files = [self.export(node, id_, f"{node.region}-{id_}") for node in (to, origin) for id_ in (clear, sealed)]
            for path in files:
                for more in ([], ["--crl", f"{self.house.publish}/crl.der"]):
                    result = self.verify(path, *more)
                    self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            self.assertIn("TEST", self.verify(files[0]).stdout)
            self.assertIn("测试", self.verify(files[0], lang="zh").stdout)
            random = seed()
            for path in (files[0], files[1]):
                self.tamper(path, random)
            other = House(House.bin)
            self.addCleanup(other.close)
            other.make_ca()
            result = to.cli("verify", files[0], "--ca", other.ca_certificate)
            self.assertNotEqual(result.returncode, 0, "another CA of the same name does not vouch for it")
        finally:
            self.broker.start().wait_ready()
        self.settle()

    def tamper(self, path, random):
        with open(path, "rb") as file:
            whole = file.read()
        passed = []
        for _ in range(25):
            at, bit = random.randrange(len(whole)), 1 << random.randrange(8)
            changed = bytearray(whole)
            changed[at] ^= bit
            with open(path + ".bad", "wb") as file:
                file.write(changed)
            result = self.verify(path + ".bad")
            if result.returncode == 0:
                passed.append((at, bit, result.stdout))
            self.assertGreaterEqual(result.returncode, 0, f"byte {at} bit {bit}: {result.stderr[-2000:]}")
        for cut in (0, 1, len(whole) // 2, len(whole) - 1):
            with open(path + ".bad", "wb") as file:
                file.write(whole[:cut])
            self.assertNotEqual(self.verify(path + ".bad").returncode, 0, f"cut after {cut} bytes")
        self.assertEqual(passed, [], f"flipped bits of {os.path.basename(path)} ({len(whole)} bytes) that still verify")

    def test_invariant_06_every_verdict_reaches_its_origin(self):
        origin = self.nodes["330000"]
        admitted, _ = publish(origin, measure("330000", "同意"))
        refused, _ = publish(origin, measure("330000", "无权", issuer={"region": 330000, "unit": "cdc"},
                                             submit_anyway=True))
        self.assertEqual(verdict(origin, admitted), "admitted")
        self.assertEqual(verdict(origin, refused), "refused")
        item = outbox(origin, refused)
        self.assertEqual(item["reason"], "no-rule")
        self.assertTrue(item["reason_zh"] and item["reason_en"] and item["allowed"], item)
        self.assertFalse(any(i["id"] == refused for r in self.regions for i in inbox(self.nodes[r])))
        for id_, code, word in ((admitted, 0, "admitted"), (refused, 1, "refused")):  # 1: valid, with remarks
            result = self.verify(self.export(origin, id_, f"verdict-{id_}"))
            self.assertEqual(result.returncode, code, result.stdout + result.stderr)
            receipt = [line for line in result.stdout.splitlines() if "receipt" in line]
            self.assertTrue(receipt and word in receipt[0], result.stdout)

    def test_invariant_06_expired(self):
        origin = self.nodes["330000"]
        self.broker.stop()
        soon = (now() + datetime.timedelta(seconds=2)).isoformat()
        id_, _ = publish(origin, measure("330000", "过时", expires=soon))
        live, _ = publish(origin, measure("330000", "不过时"))
        end = time.monotonic() + 2.1
        wait_until(lambda: time.monotonic() > end, "its time to pass")
        self.broker.start().wait_ready()
        self.assertEqual(verdict(origin, live), "admitted")
        wait_until(lambda: outbox(origin, id_).get("state") == "expired", "it is shown as expired")
        self.assertFalse(any(i["id"] == id_ for i in inbox(self.nodes["310000"])))

    def test_invariant_07_one_bad_envelope(self):
        """A refused envelope between good ones of the same batch and lane holds up none of them."""
        origin, to = self.nodes["330000"], self.nodes["310000"]
        self.broker.stop()
        good, bad = [], []
        for i in range(9):
            wrong = {"issuer": {"region": 330000, "unit": "cdc"}, "submit_anyway": True} if i % 3 == 1 else {}
            (bad if wrong else good).append(publish(origin, measure("330000", f"夹杂 {i}", **wrong))[0])
        self.broker.start().wait_ready()
        for id_ in good:
            received(to, id_)
        self.assertEqual([verdict(origin, i) for i in bad], ["refused"] * 3)
        self.assertEqual([verdict(origin, i) for i in good], ["admitted"] * 6)
        self.settle()

    def test_invariant_11_exercise_and_test_are_marked(self):
        origin, to = self.nodes["330000"], self.nodes["310000"]
        for status, zh, en in (("exercise", "【演练】", "EXERCISE"), ("test", "【测试】", "TEST"), ("actual", "", "")):
            for body in (measure("330000", f"标记 {status}", status=status), notice("330000", "310000", f"标记-1 {status}", status=status)):
                preview = origin.api("POST", "/v1/envelopes?preview=1", body)[1]["preview"]
                id_, number = publish(origin, body)
                item = received(to, id_)
                self.assertEqual(item["status"], status)
                self.assertEqual(next(i for i in inbox(to) if i["id"] == id_)["status"], status)
                verdict(origin, id_)
                self.assertEqual(outbox(origin, id_)["status"], status)
                if zh:
                    self.assertIn(zh, preview["text_zh"])
                    self.assertIn(en.lower(), preview["text_en"].lower())
                self.check_shown(origin, to, id_, number, zh, en)

    def check_shown(self, origin, to, id_, number, zh, en):
        result = to.cli("ack", number, "--desk", "一席", "--officer", "测试员")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        reply = wait_until(lambda: next((i for i in inbox(origin) if i["kind"] == "acknowledgement" and
                                         i["in_reply_to"]["id"] == id_), None), "the acknowledgement")
        self.assertEqual(reply["status"], outbox(origin, id_)["status"], "a reply has the status of what it answers")
        path = self.export(to, id_, f"mark-{id_}")
        for lang, mark in (("zh", zh), ("en", en)):
            for node, words in ((to, ["show", number]), (origin, ["show", number]), (to, ["verify", path, "--ca",
                                                                                        self.house.ca_certificate])):
                text = node.cli(*words, lang=lang, check=True).stdout
                if mark:
                    self.assertIn(mark, text, f"{words} in {lang}")
                else:
                    self.assertFalse("【" in text or "EXERCISE" in text, f"{words}: an actual one bears no mark\n{text}")
            for node, words in ((to, ["inbox", "--limit", "200"]), (origin, ["outbox", "--limit", "200"])):
                lines = [line for line in node.cli(*words, lang=lang, check=True).stdout.splitlines() if number in line]
                self.assertEqual(len(lines), 1, f"{words} in {lang}")
                if mark:
                    self.assertIn(mark, lines[0])

    def test_invariant_13_the_broker_holds_no_plaintext(self):
        origin, to = self.nodes["330000"], self.nodes["310000"]
        clear = "公开标题甲乙丙丁戊己庚辛"
        ids = [publish(origin, notice("330000", "310000", f"{CASE}-{i}", person=PERSON))[0] for i in range(5)]
        control, _ = publish(origin, measure("330000", clear))
        for id_ in ids + [control]:
            received(to, id_)
        reveal = to.api("GET", f"/v1/inbox/{ids[0]}?reveal={urllib.parse.quote('测试')}")[1]
        self.assertEqual(reveal["payload"]["person"][0]["name"], PERSON, "the recipient can read it")
        self.settle()
        self.assertEqual(files_hold(self.broker.data, secrets_of()), set(), "files of the broker")
        self.assertEqual({w for w in secrets_of() if w.decode() in self.broker.log()}, set(), "log of the broker")
        try:
            seen = memory_holds(self.broker.child.pid, secrets_of() | {clear.encode()})
        except PermissionError:
            self.skipTest("this system does not let a parent read its child's memory")
        self.assertEqual(seen & secrets_of(), set(), "memory of the broker")
        self.assertIn(clear.encode(), seen, "the same search does find what travelled in clear")


main()
