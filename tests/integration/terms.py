"""What a 主送 owes, in real minutes: a reminder at three quarters, an overdue at the end, nothing for one who signed for it.

The terms of the policy are set to one minute, so this takes a little over one; it mostly waits.
"""
import shutil
import tempfile

from base import *  # noqa: F403


class Terms(HouseTest):
    regions = ["310000", "330000"]

    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="lianfang-terms-")
        cls.addClassCleanup(shutil.rmtree, folder)
        with open(f"{House.mechanisms}/yangtze-delta.yaml", encoding="utf-8") as file:
            text = file.read()
        quick = text.replace("sign for: 30 min, D", "sign for: 1 min, D")
        assert quick != text
        with open(f"{folder}/yangtze-delta.yaml", "w", encoding="utf-8") as file:
            file.write(quick)
        cls.mechanisms = [f"{folder}/yangtze-delta.yaml"]
        super().setUpClass()

    def about(self, node, kind, number):
        """The broker's own envelopes of a kind at a node that name this notice."""
        return [i for i in inbox(node, kind=kind) if i["payload"].get("number") == number]

    def test_reminder_then_overdue(self):
        origin, desk = self.nodes["330000"], self.nodes["310000"]
        owed, number = publish(origin, notice("330000", "310000", "期限-1"))
        _, kept_number = kept = publish(origin, notice("330000", "310000", "期限-2"))
        received(desk, owed)
        received(desk, kept[0])
        status, body = desk.api("POST", f"/v1/inbox/{kept[0]}/acknowledge", {"desk": "测试席", "officer": "测试"})
        self.assertEqual(status, 202, body)
        began = time.monotonic()
        for node in (desk, origin):
            wait_until(lambda: self.about(node, "reminder", number), f"the reminder at {node.region}", 90)
        reminded = time.monotonic() - began
        for node in (desk, origin):
            wait_until(lambda: self.about(node, "overdue", number), f"the overdue at {node.region}", 90)
        overdue = time.monotonic() - began
        self.assertLess(reminded, overdue)
        for node in (desk, origin):
            self.assertEqual(len(self.about(node, "reminder", number)), 1, "one reminder")
            self.assertEqual(len(self.about(node, "overdue", number)), 1, "one overdue")
            self.assertEqual(self.about(node, "reminder", kept_number) + self.about(node, "overdue", kept_number), [],
                             "what was signed for owes nothing more")
        late = self.about(origin, "overdue", number)[0]
        self.assertEqual(late["origin"], 0, "from the broker itself")
        self.assertEqual(late["status"], "test", "with the status of what it is about")
        self.assertEqual(late["payload"]["who"]["region"], 310000)
        self.say(f"reminder after {reminded:.0f} s, overdue after {overdue:.0f} s of a term of 60 s")


main()
