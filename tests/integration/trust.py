"""Who is let in, and for how long: invariant 10 and a zoo of certificates at the transport."""
import shutil

from base import *  # noqa: F403
from zmq_peer import Peer, hello, public_of_key, secret_of


class Zoo(HouseTest):
    regions = ["310000", "330000"]
    ca_days_ago = 9

    def reload(self):
        before = self.broker.log().count(" reloaded ")
        self.broker.send(signal.SIGHUP)
        wait_until(lambda: self.broker.log().count(" reloaded ") > before, "the broker reloads")

    def refused(self, reason):
        return metric(self.broker, f'lianfang_broker_not_accepted_total{{reason="{reason}"}}')

    def knock(self, reason, identity=None, **keys):
        """Connects and says HELLO; nothing may come back, and the reason is counted and named in the log."""
        before, sessions = self.refused(reason), self.broker.status()["sessions"]
        lines = self.broker.log().count(f"reason={reason}")
        peer = Peer(self.broker.port, identity, f"{self.broker.identity}/transport.pem", **keys)
        try:
            peer.send(hello(330000))
            wait_until(lambda: self.refused(reason) > before, f"{reason} counted in /metrics")
            self.assertIsNone(peer.receive(), "nothing comes back")
        finally:
            peer.close()
        self.assertGreater(self.broker.log().count(f"reason={reason}"), lines, "named in the log")
        self.assertEqual(self.broker.status()["sessions"], sessions)

    def test_known_key_is_let_in(self):
        """The same knock with a good certificate is answered: the refusals below are not for another reason."""
        self.house.issue("node", "320000", out=f"{self.house.folder}/good")
        self.house.publish_trust()
        self.reload()
        peer = Peer(self.broker.port, f"{self.house.folder}/good", f"{self.broker.identity}/transport.pem")
        self.addCleanup(peer.close)
        peer.send(hello(320000))
        self.assertIsNotNone(wait_until(peer.receive, "WELCOME"))

    def test_self_made_key(self):
        """A key pair that no certificate is about, and a self-signed certificate."""
        folder = f"{self.house.folder}/selfmade"
        os.makedirs(folder)
        self.house.run("openssl", "genpkey", "-algorithm", "X25519", "-out", f"{folder}/transport.key")
        self.knock("not-enrolled", folder)

    def test_other_ca(self):
        other = House(House.bin)
        self.addCleanup(other.close)
        other.make_ca()
        other.issue("node", "330000", out=f"{other.folder}/n")
        self.knock("not-enrolled", f"{other.folder}/n")

    def test_swapped_transport_key(self):
        """A node that has another's transport certificate and its own key: CURVE itself does not let it in."""
        key = f"{self.house.folder}/node-310000-identity/transport.key"
        stolen = public_of_key(f"{self.house.folder}/node-330000-identity/transport.key")
        before = self.broker.status()["sessions"]
        failed = self.broker.log().count("not let in")
        peer = Peer(self.broker.port, None, f"{self.broker.identity}/transport.pem", secret=secret_of(key), public=stolen)
        self.addCleanup(peer.close)
        peer.send(hello(330000))
        self.assertIsNone(peer.receive())
        self.assertEqual(self.broker.status()["sessions"], before)
        self.assertEqual(self.broker.log().count("not let in"), failed)

    def test_swapped_identity_folder(self):
        """A node configured with keys of two regions says so and does not start."""
        folder = f"{self.house.folder}/mixed"
        shutil.copytree(f"{self.house.folder}/node-330000-identity", folder)
        for name in ("transport.pem", "transport.key"):
            shutil.copy(f"{self.house.folder}/node-310000-identity/{name}", f"{folder}/{name}")
        node = self.house.add_node("330000", name="mixed", identity=folder)
        self.nodes["330000"] = next(p for p in self.house.processes if p.name == "node-330000")
        node.configure()
        result = self.house.run(*node.arguments, "-n", check=False)
        self.assertEqual(result.returncode, 78, result.stderr)
        self.assertIn("transport", result.stderr)

    def test_expired_and_not_yet(self):
        start = (now() - datetime.timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
        later = (now() + datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
        for region, name, words in (("320000", "old", ["--from", start, "--days", "1"]),
                                    ("340000", "early", ["--from", later])):
            folder = f"{self.house.folder}/{name}"
            self.house.issue("node", region, *words, out=folder)
            self.house.publish_trust()
            self.reload()
            self.knock("signer-expired", folder)

    def test_region_of_another(self):
        """A good certificate that says in its HELLO it is another region."""
        self.house.issue("node", "350000", out=f"{self.house.folder}/liar")
        self.house.publish_trust()
        self.reload()
        before = self.broker.status()
        peer = Peer(self.broker.port, f"{self.house.folder}/liar", f"{self.broker.identity}/transport.pem")
        self.addCleanup(peer.close)
        peer.send(hello(330000))
        cut = 'lianfang_broker_misbehaved_total'
        wait_until(lambda: metric(self.broker, cut) > before["misbehaved"] or
                   self.broker.log().count("350000"), "it is cut or refused by name")
        self.assertEqual(self.broker.links()["350000"]["state"], "down")
        self.assertEqual(self.broker.links()["330000"]["state"], "up", "the real one is not disturbed")


class Revoked(HouseTest):
    def test_invariant_10_revoked_while_publishing(self):
        """Revoked in the middle of a steady flow: a second after the reload nothing goes in or out."""
        bad, good, to = self.nodes["330000"], self.nodes["320000"], self.nodes["310000"]
        ended = threading.Event()
        sent = {bad.region: [], good.region: []}

        def flow(node):
            while not ended.is_set():
                try:
                    id_, _ = publish(node, measure(node.region, f"{node.region} 流 {len(sent[node.region])}"))
                    sent[node.region].append(id_)
                except Failure:
                    pass
                ended.wait(0.03)
        threads = [threading.Thread(target=flow, args=(node,)) for node in (bad, good)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: len(inbox(to)) >= 20, "a steady flow")
            self.house.ca_tool("revoke", "node", "330000", "--ca", self.house.ca, "--reason", "key-compromise")
            self.house.publish_trust()
            self.broker.send(signal.SIGHUP)
            end = time.monotonic() + 1.0
            wait_until(lambda: time.monotonic() >= end, "one second")
            counted = {i["id"] for i in inbox(to)}
            heard = {i["id"] for i in inbox(bad)}
            admitted = {i for i in sent["330000"] if i in counted}
            mark = len(sent["320000"])
            wait_until(lambda: len(sent["320000"]) >= mark + 20 and sent["320000"][mark + 19] in {i["id"] for i in inbox(to)},
                       "the flow of the other goes on", 30)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        got = {i["id"] for i in inbox(to)}
        self.assertEqual({i for i in sent["330000"] if i in got}, admitted, "nothing of the revoked one after 1 s")
        self.assertEqual({i["id"] for i in inbox(bad)}, heard, "nothing goes out to the revoked one after 1 s")
        self.assertEqual(self.broker.links()["330000"]["state"], "down")
        self.assertGreater(metric(self.broker, 'lianfang_broker_not_accepted_total{reason="revoked"}'), 0)
        self.assertIn("not let in", self.broker.log())
        body = notice("320000", "330000", "致-1 被吊销者")
        wait_until(lambda: good.api("POST", "/v1/envelopes?preview=1", body)[1]["preview"]["verdict"] == "nobody-for",
                   "its peers learn that it is gone")
        self.say(f"{len(admitted)} of the revoked node arrived before, {len(sent['330000'])} published; none after 1 s")


class NewList(HouseTest):
    """A revocation list alone, without a directory record: the broker's word is not needed, the CA's is enough."""

    def gone_for(self, node, region):
        body = notice(node.region, region, "致-1 被吊销者")
        return node.api("POST", "/v1/envelopes?preview=1", body)[1]["preview"]["verdict"] == "nobody-for"

    def test_list_reaches_the_nodes(self):
        live, away, revoked = self.nodes["310000"], self.nodes["320000"], self.nodes["330000"]
        self.assertFalse(self.gone_for(live, "330000"))
        self.assertEqual(away.stop(), 0)
        self.assertEqual(revoked.stop(), 0)
        self.house.ca_tool("revoke", "node", "330000", "--ca", self.house.ca, "--reason", "key-compromise")
        shutil.copy(f"{self.house.ca}/crl.der", f"{self.house.publish}/crl.der")
        epoch = self.broker.status()["directory_epoch"]
        self.broker.send(signal.SIGHUP)
        wait_until(lambda: self.gone_for(live, "330000"), "a connected node learns it at once")
        self.assertEqual(self.broker.status()["directory_epoch"], epoch, "by the list, not by a record")
        away.start().wait_up()
        wait_until(lambda: self.gone_for(away, "330000"), "a node that was away learns it when it is back")
        live.stop()
        live.start().wait_up()
        self.assertTrue(self.gone_for(live, "330000"), "it is kept")


main()
