"""A broker's name whose lookup hangs: it holds up its own link and nothing else."""
import shutil

from base import *  # noqa: F403

FAULT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault")
QUICK_S = 2  # an answer of the API, under sanitizers and load


class Resolver(HouseTest):
    regions = ["330000", "310000"]
    mechanisms = ["yangtze-delta", "national"]
    started = False

    def setUp(self):
        house, first = self.house, self.broker
        self.go = f"{house.folder}/go"
        second = Broker(house, name="second", hosts=["national"])
        second.host = "broker.invalid"
        house.processes.insert(1, second)
        shutil.copytree(first.identity, second.identity)
        first.hosts = ["yangtze-delta"]
        for broker in (first, second):
            broker.configure().start().wait_ready()
        library = house.preload(f"{FAULT}/resolver.c")
        for node in self.nodes.values():
            node.brokers = [(second, "[national]"), (first, "[yangtze-delta]")]
            node.environment.update(LD_PRELOAD=library, LIANFANG_RESOLVER_GO=self.go)
            node.configure().start()

    def states(self, node):
        return {link["name"]: link["state"] for link in node.links()}

    def test_a_lookup_that_hangs(self):
        origin, to = self.nodes["330000"], self.nodes["310000"]
        for node in (origin, to):
            wait_until(lambda: self.states(node).get("broker") == "up", "the link to the broker with an address", 15)
        for turn in range(5):
            before = time.monotonic()
            id_, _ = publish(origin, measure("330000", f"查不到名称时 {turn}"))
            self.assertLess(time.monotonic() - before, QUICK_S)
            received(to, id_, 10)
            self.assertNotEqual(self.states(origin)["second"], "up")
        before = time.monotonic()
        self.assertEqual(to.stop(), 0)
        self.assertLess(time.monotonic() - before, 5, "SIGTERM is not held up by a lookup")
        to.start()
        self.house.write(self.go, "")
        for node in (origin, to):
            node.wait_up(40)
        self.assertEqual(self.states(origin), {"broker": "up", "second": "up"}, "the name is found at last")


main()
