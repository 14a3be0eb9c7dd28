"""Power cuts at random moments: what was not synced is gone. Invariants 1, 2 and 3 on stores that lose what a disk may lose."""
import sys

from base import *  # noqa: F403

FAULT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault")
sys.path.insert(0, FAULT)
from disk import Disk  # noqa: E402
from officers import DELTA, Audit, Officer, Watcher  # noqa: E402

CUTS = 14


class Power(HouseTest):
    regions = DELTA[:3]
    started = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        library = cls.house.preload(f"{FAULT}/powercut.c")
        cls.disks = {p.name: Disk(library, p.data, f"{cls.house.folder}/{p.name}-journal") for p in cls.house.processes}
        for process in cls.house.processes:
            process.environment.update(cls.disks[process.name].environment)
        cls.house.start()

    def cut(self, process, random=None):
        """The machine of this process loses power; (blocks, names) taken back."""
        process.kill()
        return self.disks[process.name].cut(random)

    def test_invariant_01_02_03_power_cuts_while_publishing(self):
        random = seed()
        officers = [Officer(self.nodes[r], random, self.regions) for r in self.regions[1:]]
        watcher = Watcher([o.node for o in officers])
        for thread in [*officers, watcher]:
            thread.start()
        taken, count = [0, 0], {}
        for i in range(CUTS):
            victim = self.broker if random.random() < 0.5 else self.nodes[random.choice(self.regions)]
            goal = sum(len(o.owed) for o in officers) + random.randint(0, 12)
            wait_until(lambda: sum(len(o.owed) for o in officers) >= goal, "publishing goes on")
            contents, names = self.cut(victim, random if i % 3 else None)
            taken = [taken[0] + contents, taken[1] + names]
            victim.start()
            count[victim.name] = count.get(victim.name, 0) + 1
            if i % 3 == 2:
                wait_until(lambda: all(node.up() for node in self.nodes.values()), "all linked between cuts", 60)
        for thread in [*officers, watcher]:
            thread.stop()
        self.settle(90)
        audit = Audit(self.nodes, officers, watcher)
        self.assertEqual([r for o in officers for r in o.refused], [])
        self.assertEqual(audit.problems(), {})
        self.assertGreater(taken[0], 0, "the cuts took something back")
        for process in self.house.processes:
            self.assertNotRegex(process.log(), "topic=(rolled-back|fork)", f"{process.name} did not forget what it had said")
        self.say(f"cuts: {count}; taken back: {taken[0]} blocks, {taken[1]} names; owed and there: {len(audit.owed)}")

    def test_invariant_02_cut_right_after_the_receipt(self):
        """Everything that is not synced goes, as soon as the origin shows `admitted`, at both ends."""
        origin, to = self.nodes["330000"], self.nodes["310000"]
        for turn in range(3):
            to.stop()
            id_, _ = publish(origin, measure("330000", f"收到回执即断电 {turn}"))
            verdict(origin, id_)
            self.cut(self.broker)
            self.cut(origin)
            self.broker.start().wait_ready()
            origin.start().wait_up()
            self.assertEqual(outbox(origin, id_).get("id"), id_, "queued is queued")
            to.start().wait_up()
            received(to, id_)
            self.cut(to)
            to.start().wait_up()
            received(to, id_)  # what the API showed may not have been durable yet: then it comes again
            self.assertEqual([i["id"] for i in inbox(to)].count(id_), 1)
        self.settle()

    def test_names_of_fresh_stores(self):
        """The first envelope of new stores: the names of their files must be on the disk, too."""
        origin, to = self.nodes["330000"], self.nodes["310000"]
        self.settle()
        fresh = self.house.add_node("340000")
        self.disks[fresh.name] = Disk(self.house.preload(f"{FAULT}/powercut.c"), fresh.data, f"{self.house.folder}/fresh-journal")
        fresh.environment.update(self.disks[fresh.name].environment)
        self.house.publish_trust()
        self.broker.send(signal.SIGHUP)
        fresh.configure().start().wait_up()
        self.broker.stop()
        status, answer = fresh.api("POST", "/v1/envelopes", measure("340000", "第一条"))
        self.assertEqual(status, 202)
        self.cut(fresh)
        fresh.start()
        self.broker.start().wait_ready()
        fresh.wait_up()
        self.assertEqual(verdict(fresh, answer["id"]), "admitted")
        received(to, answer["id"])
        received(origin, answer["id"])


class Liar(HouseTest):
    """The control: on a disk that says "synced" and is not, the same cuts lose what was promised, and that is seen."""

    regions = DELTA[1:3]
    started = False

    def lie(self, process):
        """Starts it on a disk that lies; what it promised before is really on the disk."""
        disk = Disk(self.house.preload(f"{FAULT}/powercut.c"), process.data, f"{self.house.folder}/{process.name}-journal", lies=True)
        process.stop()
        process.environment.update(disk.environment)
        process.start()
        return disk

    def cut(self, process, disk):
        process.kill()
        self.assertGreater(disk.cut()[0], 0)
        process.environment.clear()
        process.start()

    def test_a_disk_that_lies_is_caught(self):
        origin = self.nodes["330000"]
        self.house.start()
        officer = Officer(origin, random.Random(1), self.regions)
        disk = self.lie(self.broker)
        origin.wait_up()
        while len(officer.owed) < 5:
            officer.turn()
        wait_until(lambda: quiet(origin), "verdicts")
        self.cut(self.broker, disk)
        self.broker.wait_ready()
        wait_until(lambda: self.broker.status()["reason"] == "rolled-back", "the broker is shown that it forgot")

        disk = self.lie(origin)
        wait_until(lambda: origin.api("GET", "/v1/status")[0] == 200, "the API")
        known = set(officer.owed)
        while len(officer.owed) < 10:
            officer.turn()
        self.cut(origin, disk)
        wait_until(lambda: origin.api("GET", "/v1/status")[0] == 200, "the API")
        lost = {words.split()[1] for words in Audit(self.nodes, [officer]).lost if "from the outbox" in words}
        self.assertTrue(lost, "the audit sees what the node forgot")
        self.assertEqual(lost & known, set(), "and nothing else")


main()
