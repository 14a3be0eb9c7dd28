"""After keep-until nothing yields the payload, and evidence still verifies: invariant 14. The daemons' clock is moved by a small
preloaded library (clock.c)."""
from base import *  # noqa: F403

HERE = os.path.dirname(os.path.abspath(__file__))
DAYS = 4
SLOT, HEADS, LIVE, GONE = 64, 2, 0x4C495645, 0x474F4E45
PERSON, CASE = "测试姓名甲乙", "案号-1414"


def slots(path):
    """(day, key, state word) of each slot of a day key file that is not free: proto/keep/daykeys.h."""
    with open(path, "rb") as file:
        text = file.read()
    found = []
    for at in range(HEADS * SLOT, len(text), SLOT):
        slot = text[at:at + SLOT]
        state, day = int.from_bytes(slot[:4], "big"), int.from_bytes(slot[4:8], "big")
        if state == LIVE:
            found.append((day, slot[8:40]))
    return found


class Erase(HouseTest):
    regions = ["310000", "320000", "330000"]

    def test_invariant_14_not_publishable_when_over(self):
        node = self.nodes["330000"]
        yesterday = str(now().date() - datetime.timedelta(days=1))
        status, body = node.api("POST", "/v1/envelopes", measure("330000", "已过期", keep_until=yesterday))
        self.assertEqual(status, 422, body)
        self.assertTrue(body["zh"] and body["en"])

    def test_invariant_14_erased_after_keep_until(self):
        origin, to, away = (self.nodes[r] for r in ("330000", "310000", "320000"))
        daemons = (self.broker, *self.nodes.values())
        keep = str(now().date() + datetime.timedelta(days=1))
        sealed, number = publish(origin, notice("330000", "310000", CASE, person=PERSON, keep_until=keep))
        received(to, sealed)
        away.stop()
        clear, _ = publish(origin, measure("330000", "短期公开", keep_until=keep))
        lasting, _ = publish(origin, measure("330000", "长期公开"))
        for id_ in (clear, lasting):
            received(to, id_)
            verdict(origin, id_)
        wait_until(lambda: quiet(origin), "verdicts")
        day = int(keep.replace("-", ""))
        keys = {p.name: [key for d, key in slots(f"{p.data}/daykeys") if d == day] for p in (self.broker, origin, to)}
        self.assertTrue(all(keys.values()), f"each had a key of the day {day}")
        lasting_keys = {name: [k for d, k in slots(f"{p.data}/daykeys") if d > day] for name, p in ((to.name, to),)}
        for process in daemons:
            process.stop()
        self.house.environment.update(LD_PRELOAD=self.house.preload(f"{HERE}/clock.c"), LIANFANG_CLOCK_MS=str(DAYS * 86400000))
        self.broker.start().wait_ready()
        for node in self.nodes.values():
            node.start()
        for node in self.nodes.values():
            node.wait_up()
        del self.house.environment["LD_PRELOAD"]
        for process in (origin, to, self.broker):  # the broker erases once a minute
            wait_until(lambda: not [d for d, _ in slots(f"{process.data}/daykeys") if d <= day],
                       f"{process.name} erases the key", 100)
            with open(f"{process.data}/daykeys", "rb") as file:
                text = file.read()
            self.assertFalse(any(key in text for key in keys[process.name]), f"bytes of the key slot at {process.name}")
        self.assertEqual(lasting_keys[to.name], [k for d, k in slots(f"{to.data}/daykeys") if d > day], "other days stay")
        self.check_shown(to, origin, sealed, clear, lasting)
        self.check_tombstone(away, clear, lasting)
        self.check_gone(daemons, keys)
        self.check_evidence(to, sealed)
        self.say(f"key of {day} gone at {', '.join(keys)}; {number} shown as erased, evidence verifies")

    def check_shown(self, to, origin, sealed, clear, lasting):
        for id_ in (sealed, clear):
            for where in ("inbox", "outbox"):
                node = to if where == "inbox" else origin
                item = wait_until(lambda: (lambda b: b if "payload_status" in b else None)(
                    node.api("GET", f"/v1/{where}/{id_}?reveal=audit")[1]), f"{where}: erased")
                self.assertEqual(item["payload_status"], "erased", item)
                self.assertNotIn("payload", item)
                self.assertTrue(item["payload_status_zh"] and item["number"])
        self.assertEqual(to.api("GET", f"/v1/inbox/{lasting}")[1]["payload"]["common"]["title"], "长期公开")

    def check_tombstone(self, away, clear, lasting):
        """Who was away beyond keep-until gets what is still kept, and learns of the rest without its content."""
        received(away, lasting, 60)
        wait_until(lambda: drained(self.house), "queues", 60)
        items = {i["id"]: i for i in inbox(away)}
        self.assertIn(clear, items, "as a tombstone")
        self.assertNotIn("payload", items[clear])

    def check_gone(self, daemons, keys):
        words = {PERSON.encode(), CASE.encode(), check_digit(IDENTITY).encode()} | {k for ks in keys.values() for k in ks}
        for process in daemons:
            self.assertEqual(files_hold(process.data, words), set(), f"files of {process.name}")
            self.assertFalse(any(w in process.log() for w in (PERSON, CASE)), f"log of {process.name}")

    def check_evidence(self, to, sealed):
        path = f"{self.house.folder}/erased.bin"
        to.cli("evidence", sealed, "--out", path, check=True)
        result = to.cli("verify", path, "--ca", self.house.ca_certificate)
        self.assertIn(result.returncode, (0, 1), result.stdout + result.stderr)
        self.assertIn("erased", result.stdout)
        self.say(result.stdout.strip().splitlines()[-1])


main()
