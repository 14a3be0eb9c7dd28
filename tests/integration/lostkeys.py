"""A store without its day keys, as a backup is: what nobody can read any more holds nothing up."""
from base import *  # noqa: F403


class LostKeys(HouseTest):
    regions = ["310000", "330000"]

    def test_sealed_without_keys(self):
        """Sealed, not judged, and the payloads are gone: each gets an end, and what comes after it is delivered."""
        node, to = self.nodes["310000"], self.nodes["330000"]
        self.broker.send(signal.SIGSTOP)
        lost = [publish(node, measure(node.region, f"失钥 {i}"))[0] for i in range(3)]
        wait_until(lambda: any(lane["unreceipted"] for link in node.links() for lane in link["lanes"].values()), "sealed")
        self.broker.kill()
        node.stop()
        os.remove(os.path.join(node.data, "daykeys"))
        self.broker.start().wait_ready()
        node.start().wait_up()
        after = publish(node, measure(node.region, "失钥之后"))[0]
        self.assertEqual(verdict(node, after), "admitted")
        received(to, after)
        ends = wait_until(lambda: self.ends(node, lost), "an end for each")
        self.assertTrue(node.alive())
        self.say(f"without their keys: {ends}")

    def ends(self, node, ids):
        """What became of them; nothing while one is still on its way. The payload is nowhere, so none is admitted."""
        states = [outbox(node, i).get("state") for i in ids]
        return states if set(states) <= {"refused", "expired"} else None


main()
