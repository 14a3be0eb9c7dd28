"""Bits flip in the file of a stopped store: the daemon refuses, dies or works, and never shows a record that was not written.

Each variant is another set of flips in a fresh copy; LIANFANG_VARIANTS says how many."""
import collections
import shutil

from base import *  # noqa: F403

VARIANTS = int(os.environ.get("LIANFANG_VARIANTS") or 9)
PAGE = 4096
SANITIZER = ("AddressSanitizer", "runtime error:")
# what may change while a daemon runs on an old store, by itself
LIVELY = {"since", "state", "order", "arrived", "due"}


def plain(item):
    """What an envelope says, without what the daemon adds as time goes by."""
    if isinstance(item, list):
        return [plain(one) for one in item]
    return {key: plain(value) for key, value in item.items() if key not in LIVELY} if isinstance(item, dict) else item


def wrong(found, written):
    """What it says otherwise than it was written. Content that cannot be opened may be missing, if that is said."""
    if written is None:
        return found
    unread = {"payload", "title", "masked"} if found.get("payload_status") else set()
    return {key: (found.get(key), written.get(key)) for key in set(found) | set(written)
            if found.get(key) != written.get(key) and not key.startswith("payload_status") and key not in unread - set(found)}


class Damage(HouseTest):
    regions = ["330000", "310000", "320000"]

    def setUp(self):
        self.random = seed()
        self.origin, self.to = self.nodes["330000"], self.nodes["310000"]
        ids = [publish(self.origin, measure("330000", f"措施 {i}", summary="文" * self.random.randint(1, 450)))[0] for i in range(25)]
        ids += [publish(self.origin, notice("330000", "310000", f"协查 {i}"))[0] for i in range(10)]
        ids += [publish(self.to, measure("310000", f"沪 {i}"))[0] for i in range(15)]
        self.settle()
        self.truth = {(node.region, name): {i["id"]: plain(i) for i in box(node, name)}
                      for node in (self.origin, self.to) for name in ("inbox", "outbox")}
        self.details = {(node.region, name, i): self.detail(node, name, i) for node in (self.origin, self.to)
                        for name in ("inbox", "outbox") for i in self.truth[node.region, name]}
        self.assertTrue(all(self.details.values()))
        for process in self.house.processes:
            self.assertEqual(process.stop(), 0)
        self.house.pristine = {p.name: shutil.copytree(p.data, f"{p.data}-pristine") for p in self.house.processes}
        self.ends = collections.Counter()

    def detail(self, node, name, id_):
        status, body = node.api("GET", f"/v1/{name}/{id_}")
        return plain(body) if status == 200 else None

    def put_back(self, process):
        shutil.rmtree(process.data)
        shutil.copytree(self.house.pristine[process.name], process.data)

    def flip(self, process):
        """1 to 40 bits, near one another or anywhere, in pages that hold something; of the store's two files mostly the large one."""
        name = "journal" if self.random.random() < 0.2 else "data.mdb"
        path = next(f"{folder}/{name}" for folder, _, names in os.walk(process.data) if name in names)
        with open(path, "r+b") as file:
            text = file.read()
            used = [at for at in range(0, len(text), PAGE) if any(text[at:at + PAGE])]
            page = self.random.choice(used)
            for _ in range(self.random.choice([1, 1, 4, 40])):
                at = (page if self.random.random() < 0.5 else self.random.choice(used)) + self.random.randrange(PAGE)
                file.seek(at)
                file.write(bytes([text[at] ^ 1 << self.random.randrange(8)]))

    def check_log(self, process, before):
        text = process.log()[before:]
        for line in text.splitlines():
            if any(word in line for word in SANITIZER) and not any(word in text for word in ("mdb_", "lmdb")):
                self.fail(f"{process.name}: {line}\n{text[-6000:]}")

    def same(self, found, written, where):
        differs = wrong(found, written)
        self.assertFalse(differs, f"{where}: {json.dumps(differs, ensure_ascii=False)}")

    def check_node(self, node):
        """Whatever it lists or shows is what was written."""
        for name in ("inbox", "outbox"):
            status, body = node.api("GET", f"/v1/{name}?limit=1000")
            for item in body["envelopes"] if status == 200 else []:
                self.same(plain(item), self.truth[node.region, name].get(item["id"]), f"{name} of {node.region}")
            for id_ in self.random.sample(sorted(self.truth[node.region, name]), 8):
                found = self.detail(node, name, id_)
                if found:
                    self.same(found, self.details[node.region, name, id_], f"{name} of {node.region}")

    def run_damaged(self, process, ask):
        self.put_back(process)
        self.flip(process)
        before = len(process.log())
        process.start()
        try:
            wait_until(lambda: not process.alive() or os.path.exists(process.socket) and
                       self.house.http(process.socket, "GET", "/v1/status")[0] != 0, "it serves or ends", 20)
            if process.alive():
                ask()
        except Failure:
            if process.alive():
                raise
        alive = process.alive()
        code = process.child.returncode if not alive else "works"
        self.ends[f"{process.name} {code}"] += 1
        if alive:
            process.kill()
        process.child = None
        self.check_log(process, before)

    def test_a_damaged_node_shows_nothing_wrong(self):
        for turn in range(VARIANTS):
            node = (self.origin, self.to)[turn % 2]
            self.run_damaged(node, lambda: self.check_node(node))
        self.broker_side()
        self.say(f"ends: {dict(sorted(self.ends.items()))}")

    def broker_side(self):
        """What a damaged ledger delivers to an empty store is what its origin wrote, or nothing."""
        fresh = self.nodes["310000"]
        for _ in range(VARIANTS):
            shutil.rmtree(fresh.data)

            def ask():
                fresh.start()
                # the broker delivers what it can, or dies of it
                until = time.monotonic() + 2
                wait_until(lambda: not self.broker.alive() or time.monotonic() > until or
                           len(box(fresh, "inbox") if fresh.api("GET", "/v1/status")[0] == 200 else []) >= 35, "deliveries", 10)
                status, body = fresh.api("GET", "/v1/inbox?limit=1000")
                for item in body["envelopes"] if status == 200 else []:
                    if int(item["origin"]) != 0:  # reminders are the broker's own
                        self.same(plain(item), self.truth["310000", "inbox"].get(item["id"]), "delivered by a damaged ledger")
            self.run_damaged(self.broker, ask)
            fresh.kill()
            os.makedirs(fresh.data, exist_ok=True)


main()
