"""What an operator meets: bad files and configurations, SIGHUP, SIGTERM, two brokers, a full store."""
import re
import shutil
import zlib

from base import *  # noqa: F403


class Start(HouseTest):
    """Nothing runs; each case changes one thing, looks at exit code and words, and puts it back."""

    regions = ["310000"]
    started = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node = cls.nodes["310000"].configure()

    def refused(self, process, code, *words, check_only=True):
        """The daemon ends by itself with this code and says all the words, in English and Chinese configuration alike."""
        arguments = process.arguments + (["-n"] if check_only else [])
        result = self.house.run(*arguments, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        text = result.stdout + result.stderr
        for word in words:
            self.assertIn(word, text)
        self.assertNotIn("Sanitizer", text)
        return text

    def rewrite(self, path, change):
        with open(path, "rb") as file:
            old = file.read()
        self.addCleanup(lambda: self.put(path, old))
        self.put(path, change(old))

    def put(self, path, text):
        with open(path, "wb") as file:
            file.write(text)

    def test_good_configuration(self):
        self.assertEqual(self.house.run(*self.broker.arguments, "-n", check=False).returncode, 0)
        self.assertEqual(self.house.run(*self.node.arguments, "-n", check=False).returncode, 0)

    def test_broken_yaml(self):
        """file:line:column, in both languages."""
        for process in (self.broker, self.node):
            name = os.path.basename(process.config)
            for old, new, line in ((b"pulse_ms: ", b"pulse_ms: [", None), (b"map_mib: 1024", b"map_mib: many", None),
                                   (b"data: ", b"dada: ", None), (b"installation: ", b"\t\xff installation: ", None)):
                for language in (b"en", b"zh"):
                    with open(process.config, "rb") as file:
                        good = file.read()
                    bad = good.replace(old, new, 1).replace(b"language: en", b"language: " + language)
                    self.put(process.config, bad)
                    try:
                        text = self.refused(process, 78, name)
                        number = good[:good.index(old)].count(b"\n") + 1
                        self.assertRegex(text, rf"{name}:\d+:\d+: .*[\u4e00-\u9fff].* / .*[a-z]", f"{old} → {new}")
                        if new != b"pulse_ms: [":
                            self.assertIn(f"{name}:{number}:", text)
                    finally:
                        self.put(process.config, good)

    def test_missing_and_unreadable_files(self):
        for process, path in ((self.broker, f"{self.broker.identity}/identity.key"), (self.broker, self.broker.house.policy),
                              (self.broker, f"{self.house.publish}/directory.bin"), (self.broker, f"{self.house.publish}/crl.der"),
                              (self.broker, self.house.ca_certificate), (self.node, f"{self.node.identity}/seal.key"),
                              (self.node, self.node.tokens)):
            os.rename(path, path + ".away")
            try:
                self.refused(process, 78, os.path.basename(path))
            finally:
                os.rename(path + ".away", path)

    def test_damaged_files(self):
        """Cut and changed bytes in every file that the broker reads at start: words and exit code, never a crash."""
        random = seed()
        for path in (f"{self.broker.identity}/identity.pem", f"{self.broker.identity}/transport.key", self.house.policy,
                     f"{self.house.publish}/directory.bin", f"{self.house.publish}/crl.der"):
            with open(path, "rb") as file:
                good = file.read()
            for bad in (b"", good[:len(good) // 2], random.randbytes(300)):
                self.put(path, bad)
                try:
                    self.refused(self.broker, 78, os.path.basename(path))
                finally:
                    self.put(path, good)

    def test_key_that_others_can_read(self):
        path = f"{self.broker.identity}/identity.key"
        os.chmod(path, 0o644)
        try:
            self.refused(self.broker, 78, "identity.key")
        finally:
            os.chmod(path, 0o600)

    def test_key_of_another_certificate(self):
        self.house.issue("node", "320000", out=f"{self.house.folder}/other")
        with open(f"{self.house.folder}/other/identity.key", "rb") as file:
            key = file.read()
        self.rewrite(f"{self.node.identity}/identity.key", lambda old: key)
        self.refused(self.node, 78, "identity")

    def test_port_taken(self):
        with socket.create_server(("127.0.0.1", self.broker.port)):
            self.refused(self.broker, 69, str(self.broker.port), check_only=False)

    def test_store_in_use(self):
        self.broker.start().wait_ready()
        try:
            twin = Broker(self.house, name="twin")
            twin.data, twin.identity = self.broker.data, self.broker.identity
            twin.configure()
            self.refused(twin, 69, "broker-data", check_only=False)
            self.assertEqual(self.house.run(*self.broker.arguments, "-n", check=False).returncode, 0, "-n beside a running one")
            self.node.start().wait_up()
            second = self.house.add_node("310000", name="second")
            self.nodes["310000"] = self.node
            second.data = self.node.data
            second.configure()
            self.refused(second, 69, "node-310000-data", check_only=False)
            self.assertTrue(self.node.up(), "the first one goes on")
        finally:
            self.node.stop()
            self.broker.stop()

    def test_damaged_store(self):
        """A store that is not one: said, not overwritten."""
        self.broker.start().wait_ready()
        self.assertEqual(self.broker.stop(), 0)
        path = f"{self.broker.data}/ledger"
        path = f"{path}/data.mdb" if os.path.isdir(path) else path
        with open(path, "rb") as file:
            good = file.read()
        try:
            self.put(path, b"\x42" * len(good))
            result = self.house.run(*self.broker.arguments, check=False)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("ledger", result.stdout + result.stderr)
            with open(path, "rb") as file:
                self.assertEqual(file.read(64), b"\x42" * 64)
        finally:
            self.put(path, good)


    def test_newer_store(self):
        """A ledger, and a node's store, of a later format: the program says so and ends; nothing is written."""
        self.broker.start().wait_ready()
        self.node.start().wait_up()
        self.assertEqual((self.node.stop(), self.broker.stop()), (0, 0))
        for process in (self.broker, self.node):
            paths = [f"{folder}/{name}" for folder, _, names in os.walk(process.data) for name in names if name == "data.mdb"]
            self.assertEqual(len(paths), 1)
            with open(paths[0], "rb") as file:
                good = file.read()
            mark = b"format\x00\x00\x00"
            self.assertIn(mark, good)
            newer = re.sub(re.escape(mark) + b".", mark + b"\x63", good, flags=re.S)
            self.put(paths[0], newer)
            try:
                self.refused(process, 78, "99", "newer", check_only=False)
                with open(paths[0], "rb") as file:
                    self.assertEqual(file.read(), newer)
            finally:
                self.put(paths[0], good)

    def test_newer_day_keys(self):
        """A day key file with a version this release does not know: said, and left as it is."""
        self.broker.start().wait_ready()
        self.assertEqual(self.broker.stop(), 0)
        path = f"{self.broker.data}/daykeys"
        with open(path, "rb") as file:
            good = file.read()
        newer = bytearray(good)
        for at in (0, 64):
            newer[at:at + 8] = b"LFDAYKEY"
            newer[at + 8:at + 12] = (99).to_bytes(4, "big")
            newer[at + 60:at + 64] = zlib.crc32(newer[at:at + 60]).to_bytes(4, "big")
        self.put(path, newer)
        try:
            self.refused(self.broker, 78, "daykeys", "newer", check_only=False)
            with open(path, "rb") as file:
                self.assertEqual(file.read(), newer)
        finally:
            self.put(path, good)


class Reload(HouseTest):
    regions = ["310000", "320000", "330000"]
    mechanisms = ["yangtze-delta", "national"]

    def hang_up(self, word=" reloaded "):
        before = self.broker.log().count(word)
        self.broker.send(signal.SIGHUP)
        wait_until(lambda: self.broker.log().count(word) > before, f"the broker answers SIGHUP: {word}")

    def sign(self, version, mechanisms=None, in_force=None):
        words = ["policy", "--identity", f"{self.house.folder}/secretary", "--policy-version", version, "--out", self.house.policy]
        if os.path.exists(self.house.policy):
            os.unlink(self.house.policy)
        if in_force:
            words += ["--in-force", in_force]
        self.house.ca_tool(*words, *(f"{self.house.mechanisms}/{m}.yaml" for m in mechanisms or self.mechanisms))

    def version(self):
        return self.broker.status()["policy_version"]

    def still_works(self):
        origin = self.nodes["330000"]
        id_, _ = publish(origin, measure("330000", "照常"))
        self.assertEqual(verdict(origin, id_), "admitted")

    def test_1_bad_policies_change_nothing(self):
        with open(self.house.policy, "rb") as file:
            good = file.read()
        self.assertEqual(self.version(), 1)
        unsigned = bytearray(good)
        unsigned[-20] ^= 1
        half, other = good[:len(good) // 2], House(House.bin)
        self.addCleanup(other.close)
        other.make_ca()
        other.issue("secretary", "310000", "--id", "cooperation-office", out=f"{other.folder}/secretary")
        other.sign_policy(["yangtze-delta"], version=9)
        with open(other.policy, "rb") as file:
            stranger = file.read()
        for name, text in (("changed", bytes(unsigned)), ("cut", half), ("empty", b""), ("signed by a stranger", stranger)):
            with open(self.house.policy, "wb") as file:
                file.write(text)
            self.hang_up("policy.bin")
            self.assertEqual(self.version(), 1, name)
            self.still_works()
        with open(self.house.policy, "wb") as file:
            file.write(good)
        self.sign(1, ["yangtze-delta"])
        self.hang_up("policy version 1 is not above 1")
        self.still_works()
        os.unlink(self.house.policy)
        self.hang_up("policy.bin")
        self.assertEqual(self.version(), 1, "the file gone")
        self.still_works()

    def test_2_policy_change(self):
        self.sign(2)
        self.hang_up()
        wait_until(lambda: self.version() == 2, "version 2 at the broker")
        for node in self.nodes.values():
            wait_until(lambda: node.api("GET", "/v1/status")[1]["policy"]["version"] == 2, f"version 2 at {node.region}")
        self.still_works()
        self.sign(1)
        self.hang_up("policy version 1 is not above 2")
        self.assertEqual(self.version(), 2)
        self.assertEqual(self.broker.stop(), 0)
        self.broker.start().wait_ready()
        self.assertEqual(self.version(), 2, "what was in force is in the ledger, not only in the file")
        self.settle()

    def test_3_policy_in_force_later(self):
        """Without the delta mechanism from some seconds on: until then it decides, then the nation's rules do."""
        at = (now() + datetime.timedelta(seconds=6)).replace(microsecond=0)
        self.sign(3, ["national"], at.strftime("%Y-%m-%dT%H:%M:%S+08:00"))
        self.hang_up()
        origin = self.nodes["330000"]
        id_, _ = publish(origin, measure("330000", "生效前"))
        verdict(origin, id_)
        if now() < at - datetime.timedelta(seconds=1):
            self.assertEqual(outbox(origin, id_)["mechanism"], "yangtze-delta")
        body = measure("330000", "生效后")
        wait_until(lambda: origin.api("POST", "/v1/envelopes?preview=1", body)[1].get("preview", {}).get("mechanism") !=
                   "yangtze-delta", "the new one comes into force at the node by itself", 20)
        self.assertGreaterEqual(now(), at, "not earlier")
        status, made = origin.api("POST", "/v1/envelopes", dict(body, mechanism="yangtze-delta", submit_anyway=True))
        if status == 202:
            self.assertEqual(verdict(origin, made["id"]), "refused", "in force at the broker too")

    def test_4_directory_file_damaged(self):
        path = f"{self.house.publish}/directory.bin"
        with open(path, "rb") as file:
            good = file.read()
        for bad in (b"", good[:-30], b"\xff" * 500):
            with open(path, "wb") as file:
                file.write(bad)
            before = len(self.broker.log())
            self.broker.send(signal.SIGHUP)
            wait_until(lambda: len(self.broker.log()) > before, "it is said")
            self.assertTrue(all(node.up() for node in self.nodes.values()), "nobody is cut")
        with open(path, "wb") as file:
            file.write(good)

    def said(self, process, *words):
        return [line for line in process.log().splitlines() if all(word in line for word in words)]

    def reconfigure(self, process, *changes):
        """Puts the old file back at the end."""
        with open(process.config, encoding="utf-8") as file:
            good = text = file.read()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new, 1)
        self.house.write(process.config, text)
        self.addCleanup(self.house.write, process.config, good)

    def test_4_configuration_read_again(self):
        """What can change changes, what cannot is named with the remedy, a wrong file changes nothing."""
        node = self.nodes["310000"]
        for process, name in ((self.broker, "broker"), (node, "node")):
            reloaded = len(self.said(process, f" {name} ", " reloaded "))
            self.reconfigure(process, ("level: info", "level: debug"), ("map_mib: 1024", "map_mib: 2048"))
            process.send(signal.SIGHUP)
            wait_until(lambda: len(self.said(process, f" {name} ", " reloaded ")) > reloaded, f"{name} reloads")
            self.assertEqual(len(self.said(process, "restart", "key=map_mib")), 1)
            self.assertEqual(self.said(process, "restart", "key=pulse_ms"), [], "what did not change is not named")
            self.assertEqual(self.said(process, "restart", "key=log"), [])
        self.still_works()
        wait_until(lambda: self.said(self.broker, " debug ", "batch judged"), "the level counts at once")
        for process, name in ((self.broker, "broker"), (node, "node")):
            self.reconfigure(process, ("level: debug", "level: shouting"))
            process.send(signal.SIGHUP)
            wait_until(lambda: [line for line in self.said(process, " error ") if re.search(rf"{name}.*\.yaml:\d+:\d+", line)],
                       f"{name} says where its file is wrong")
        before = len(self.said(self.broker, " debug "))
        self.still_works()
        wait_until(lambda: len(self.said(self.broker, " debug ")) > before, "it keeps the level it had")
        self.house.ca_tool("crl", "--ca", self.house.ca)
        shutil.copy(f"{self.house.ca}/crl.der", f"{self.house.publish}/crl.der")
        self.broker.send(signal.SIGHUP)
        wait_until(lambda: self.read(f"{node.data}/crl.der") == self.read(f"{self.house.publish}/crl.der"),
                   "a wrong configuration keeps no revocation list out")

    def read(self, path):
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def test_5_ordered_close(self):
        for process in (self.nodes["310000"], self.broker, self.nodes["330000"]):
            for number in (signal.SIGTERM, signal.SIGINT):
                self.assertEqual(process.stop(number), 0, f"{process.name}\n{process.tail()}")
                self.assertNotIn("Sanitizer", process.log())
                process.start()
                if process is self.broker:
                    process.wait_ready()
                else:
                    process.wait_up()
        self.settle()


class TwoBrokers(HouseTest):
    """One node on two brokers that host different mechanisms; the loss of one does not touch the other."""

    regions = ["330000", "310000", "420000", "100000"]
    mechanisms = ["yangtze-delta", "national"]
    started = False

    def test_one_of_two_is_down(self):
        house, first = self.house, self.broker
        second = Broker(house, name="second", hosts=["national"])
        house.processes.append(second)
        shutil.copytree(first.identity, second.identity)
        first.hosts = ["yangtze-delta"]
        first.configure()
        second.configure()
        for broker in (first, second):
            broker.start().wait_ready()
        for node in self.nodes.values():
            node.brokers = [(first, "[yangtze-delta]"), (second, "[national]")]
            node.configure().start()
        for node in self.nodes.values():
            node.wait_up()
        origin = self.nodes["330000"]
        delta = lambda text: publish(origin, measure("330000", text))[0]  # noqa: E731
        nation = lambda text: publish(self.nodes["420000"], measure("420000", text))[0]  # noqa: E731
        a, b = delta("长三角一"), nation("全国一")
        received(self.nodes["310000"], a)
        received(self.nodes["100000"], b)
        self.assertEqual(outbox(origin, a)["link"], "broker")
        self.assertEqual(outbox(self.nodes["420000"], b)["link"], "second")
        second.kill()
        wait_until(lambda: any(link["state"] == "down" for link in origin.links()), "one link is down")
        c, d = delta("长三角二"), nation("全国二")
        received(self.nodes["310000"], c)
        self.assertIsNone(outbox(self.nodes["420000"], d).get("verdict"))
        first.kill()
        second.start().wait_ready()
        received(self.nodes["100000"], d)
        e = delta("长三角三")
        self.assertIsNone(outbox(origin, e).get("verdict"))
        first.start().wait_ready()
        received(self.nodes["310000"], e)
        for node in self.nodes.values():
            node.wait_up()
            ids = [i["id"] for i in inbox(node)]
            self.assertEqual(len(ids), len(set(ids)))


main()
