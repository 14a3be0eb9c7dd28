"""Restored, emptied, cloned stores of a node and a rolled-back ledger: invariants 1 and 3."""
import shutil

from base import *  # noqa: F403


def save(process):
    """A copy of the data folder of a daemon that is stopped."""
    copy = f"{process.data}-saved"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(process.data, copy)
    return copy


def put_back(process, copy):
    shutil.rmtree(process.data)
    shutil.copytree(copy, process.data)


class Restore(HouseTest):
    def publish_some(self, node, words, count, wait=True):
        ids = [publish(node, measure(node.region, f"{words} {i}"))[0] for i in range(count)]
        if wait:
            wait_until(lambda: quiet(node), f"verdicts of {node.region}")
        return ids

    def check_everywhere(self, origin, ids):
        """Every id that a surviving store holds has one verdict; every inbox has each once."""
        self.settle()
        for id_ in ids:
            for region, node in self.nodes.items():
                if region != origin.region:
                    received(node, id_)
        for region, node in self.nodes.items():
            got = [i["id"] for i in inbox(node)]
            self.assertEqual(len(got), len(set(got)), f"nothing twice at {region}")
            if region != origin.region:
                self.assertEqual(set(ids) - set(got), set())
        items = {i["id"]: i for i in box(origin, "outbox")}
        self.assertEqual([i["number"] for i in items.values() if not i.get("verdict")], [], "each has its verdict")
        return items

    def notices(self, node):
        return [n["status"] for link in node.links() for n in link["notices"]]


class NodeStore(Restore):
    def test_invariant_01_03_restored_node_store(self):
        node = self.nodes["330000"]
        old = self.publish_some(node, "备份前", 5)
        node.stop()
        copy = save(node)
        node.start().wait_up()
        lost = self.publish_some(node, "备份后", 5)
        node.stop()
        put_back(node, copy)
        node.start()
        wait_until(lambda: "older or foreign copy" in node.log(), "the operator is told that this store is an older copy")
        new = self.publish_some(node, "恢复后", 5)
        items = self.check_everywhere(node, old + lost + new)
        self.assertTrue(set(old + new) <= set(items))
        numbers = [items[i]["number"] for i in old + new]
        got = {i["id"]: i["number"] for i in inbox(self.nodes["310000"])}
        self.assertEqual(len(set(got[i] for i in old + lost + new)), 15, "no number is given twice, lost ones included")
        self.assertEqual(numbers, [got[i] for i in old + new])
        self.say(f"lost with the store, still delivered once: {[got[i] for i in lost]}; after it: {numbers[5:]}")

    def test_invariant_01_03_restored_with_unsent_drafts(self):
        """The copy holds drafts that the newer store sent: each id keeps its one verdict."""
        node, to = self.nodes["320000"], self.nodes["310000"]
        self.broker.stop()
        drafts = self.publish_some(node, "草稿", 5, wait=False)
        node.stop()
        copy = save(node)
        node.start()
        self.broker.start().wait_ready()
        node.wait_up()
        wait_until(lambda: quiet(node), "verdicts")
        first = {i: outbox(node, i)["verdict_at"] for i in drafts}
        node.stop()
        put_back(node, copy)
        node.start().wait_up()
        items = self.check_everywhere(node, drafts)
        for id_ in drafts:
            said = items[id_]["verdict"], items[id_].get("first_verdict")
            self.assertIn(said, [("admitted", None), ("duplicate", "admitted")])
            if said[0] == "admitted":
                self.assertEqual(items[id_]["verdict_at"], first[id_], "the first verdict, not a second one")
            received(to, id_)
        self.say("verdicts after the restore: " + ", ".join(sorted({items[i]["verdict"] for i in drafts})) +
                 f"; first at {sorted(first.values())[0]}")

    def test_invariant_01_03_emptied_node_store(self):
        node, origin = self.nodes["310000"], self.nodes["330000"]
        sent = self.publish_some(node, "清空前", 3)
        self.publish_some(origin, "给清空者", 4)
        self.settle()
        had = {i["id"] for i in inbox(node)}
        numbers = {outbox(node, i)["number"] for i in sent}
        node.stop()
        shutil.rmtree(node.data)
        node.start().wait_up()
        wait_until(lambda: {i["id"] for i in inbox(node)} >= had, "what the ledger retains comes again")
        new = self.publish_some(node, "清空后", 3)
        items = self.check_everywhere(node, sent + new)
        self.assertEqual({items[i]["number"] for i in new} & numbers, set(), "numbers go on above those the broker knows")
        self.say(f"{len(had)} received anew once; numbers {sorted(numbers)} then {sorted(items[i]['number'] for i in new)}")


class Clone(Restore):
    regions = ["310000", "330000"]

    def test_invariant_01_03_cloned_node_store(self):
        """Two daemons with one identity and copies of one store. No id gets two verdicts; the broker stops the identity after
        three forks in an hour until its operator accepts one store."""
        node, to = self.nodes["330000"], self.nodes["310000"]
        old = self.publish_some(node, "克隆前", 3)
        node.stop()
        copy = save(node)
        clone = self.house.add_node("330000", name="clone")
        self.nodes["330000"] = node
        clone.configure()
        shutil.copytree(copy, clone.data)
        sent, turns = list(old), 0
        stores = [node, clone]
        while turns < 8 and self.broker.links()["330000"]["standing"] != "stopped":
            now_, other = stores[turns % 2], stores[1 - turns % 2]
            if other.alive():
                other.stop()
            now_.start()
            wait_until(lambda: now_.up() or "fork-stopped" in self.notices(now_) or
                       self.broker.links()["330000"]["standing"] == "stopped", "linked or stopped")
            if now_.up():
                sent += self.publish_some(now_, f"克隆 {turns}", 2)
            turns += 1
        self.assertEqual(self.broker.links()["330000"]["standing"], "stopped", "a clone is stopped")
        for process in stores:
            if process.alive():
                process.stop()
        node.start()
        wait_until(lambda: os.path.exists(node.socket) and node.links(), "the node's API")
        held = self.publish_some(node, "停用期间", 2, wait=False)
        wait_until(lambda: self.notices(node), "the node says why nothing goes")
        self.assertEqual([outbox(node, i).get("verdict") for i in held], [None, None])
        result = self.broker.command("accept-fork", "330000")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        node.wait_up()
        self.nodes["330000"] = node
        self.check_everywhere(node, sent + held)
        ids = {}
        for store in stores:
            if not store.alive():
                continue
            for item in box(store, "outbox"):
                ids.setdefault(item["id"], set()).add(item.get("verdict"))
        self.assertEqual({i: v for i, v in ids.items() if len(v) > 1}, {})
        self.say(f"stopped after {turns} turns; {len(sent)} published by both, each once at {to.region}")

    def test_two_stores_at_once(self):
        """Original and clone run side by side and publish: each id is judged once, whichever store is heard."""
        node, to = self.nodes["310000"], self.nodes["330000"]
        before = self.publish_some(node, "并行前", 2)
        node.stop()
        copy = save(node)
        twin = self.house.add_node("310000", name="twin")
        self.nodes["310000"] = node
        twin.configure()
        shutil.copytree(copy, twin.data)
        node.start()
        twin.start()
        for store in (node, twin):
            wait_until(lambda: os.path.exists(store.socket) and store.links(), "API of both stores")
        ids = self.publish_some(node, "并行甲", 3, wait=False) + self.publish_some(twin, "并行乙", 3, wait=False)
        wait_until(lambda: any(received_now(to, i) for i in ids) or
                   self.broker.links()["310000"]["standing"] == "stopped", "one is heard, or both are stopped")
        twin.stop()
        self.broker.command("accept-fork", "310000")
        node.wait_up()
        wait_until(lambda: quiet(node), "verdicts")
        node.stop()
        twin.start()
        wait_until(lambda: twin.up() or self.broker.links()["310000"]["standing"] == "stopped", "the twin is heard")
        self.broker.command("accept-fork", "310000")
        twin.wait_up()
        wait_until(lambda: quiet(twin), "verdicts of the twin")
        wait_until(lambda: drained(self.house), "queues")
        got = [i["id"] for i in inbox(to)]
        self.assertEqual(len(got), len(set(got)))
        self.assertEqual(set(before + ids) - set(got), set(), "whatever a surviving store held got its verdict")


def received_now(node, id_):
    return node.api("GET", f"/v1/inbox/{id_}")[0] == 200


class Ledger(Restore):
    def test_invariant_01_03_rolled_back_ledger(self):
        """A broker that is behind what it signed admits nothing until its operator accepts the loss."""
        node, to = self.nodes["330000"], self.nodes["310000"]
        old = self.publish_some(node, "账本备份前", 4)
        self.settle()
        self.broker.stop()
        copy = save(self.broker)
        self.broker.start().wait_ready()
        self.nodes["330000"].wait_up()
        lost = self.publish_some(node, "账本备份后", 4)
        self.settle()
        first = {i: (outbox(node, i)["verdict"], outbox(node, i)["verdict_at"]) for i in old + lost}
        self.broker.stop()
        put_back(self.broker, copy)
        self.broker.start().wait_ready()
        wait_until(lambda: not self.broker.status()["admitting"], "the broker finds that it is rolled back")
        self.assertEqual(self.broker.status()["reason"], "rolled-back")
        wait_until(lambda: "rolled-back" in str(node.links()), "the node says so")
        held = self.publish_some(node, "回退期间", 3, wait=False)
        generation = self.broker.status()["generation"]
        self.assertEqual(self.broker.command("recover").returncode, 64, "recover without --accept-loss does nothing")
        self.assertFalse(self.broker.status()["admitting"])
        self.assertEqual([outbox(node, i).get("verdict") for i in held], [None] * 3, "nothing is admitted")
        result = self.broker.command("recover", "--accept-loss")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        wait_until(lambda: self.broker.status()["admitting"], "admitting again")
        self.assertEqual(self.broker.status()["generation"], generation + 1)
        items = self.check_everywhere(node, old + lost + held)
        for id_, (said, at) in first.items():
            self.assertEqual(items[id_]["verdict"], said, "the first verdict stands")
        more = self.publish_some(node, "接受损失后", 2)
        self.check_everywhere(node, old + lost + held + more)
        self.say(f"generation {generation} → {generation + 1}; {len(lost)} lost from the ledger, once in every inbox at "
                 f"{to.region}")

    def test_invariant_03_emptied_ledger(self):
        """All data of the broker gone, identity and directory kept: a new ledger; nothing is twice in an inbox."""
        node = self.nodes["320000"]
        old = self.publish_some(node, "换账本前", 3)
        self.settle()
        self.broker.stop()
        shutil.rmtree(self.broker.data)
        self.broker.start().wait_ready()
        wait_until(lambda: all(n.up() for n in self.nodes.values()) or not self.broker.status()["admitting"],
                   "linked, or the loss is seen")
        if not self.broker.status()["admitting"]:
            self.assertEqual(self.broker.status()["reason"], "rolled-back")
            self.assertEqual(self.broker.command("recover", "--accept-loss").returncode, 0)
        new = self.publish_some(node, "换账本后", 3)
        self.check_everywhere(node, old + new)


main()
