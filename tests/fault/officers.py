"""Officers under faults: what they were told, and whether it is true.

An Officer publishes at one node, seeded; whoever was told "queued" (202) is owed. Audit compares that with outboxes and inboxes when
the faults have stopped. Who gets what is computed here from the mechanism's text, not by the rules engine."""
import threading

from base import big_request, box, measure, notice, outbox

DELTA = ["310000", "320000", "330000", "340000"]


class Officer(threading.Thread):
    """Publishes one envelope after the other; a node that is down just now is asked again with the next one.

    owed: id → (kind, regions that must have it). Bulletins go to every member, requests too, notices to the one concerned,
    cancellations where the original went."""

    def __init__(self, node, random, regions, pause=0.01, kinds=(6, 3, 2, 1)):
        super().__init__(daemon=True)
        self.node, self.random, self.regions, self.pause, self.kinds = node, random, regions, pause, kinds
        self.owed, self.refused, self.tries = {}, [], 0
        self.checked = set()  # found in place by an audit
        self.forgotten = set()  # published after the copy was made that its store was put back from
        self.lock = threading.Lock()  # held during a turn
        self.ended, self.quiet = threading.Event(), threading.Event()

    def others(self):
        return {r for r in self.regions if r != self.node.region}

    def draw(self):
        """(path, body, kind, regions)."""
        title = f"{self.node.region} 第 {self.tries} 条"
        what = self.random.choices(("measure", "notice", "request", "cancel"), self.kinds)[0]
        known = [i for i, (kind, _) in self.owed.items() if kind in ("measure", "notice")]
        if what == "cancel" and known:
            original = self.random.choice(known)
            return f"/v1/outbox/{original}/cancel", {"reason": f"{title} 撤销"}, "cancel", self.owed[original][1]
        if what == "notice":
            to = self.random.choice(sorted(self.others()))
            return "/v1/envelopes", notice(self.node.region, to, title), "notice", {to}
        if what == "request":
            return "/v1/envelopes", big_request(self.node.region, f"医院 {self.tries}", self.random.randint(1, 8)), "request", self.others()
        return "/v1/envelopes", measure(self.node.region, title, urgent=self.random.random() < 0.3), "measure", self.others()

    def turn(self):
        with self.lock:
            return self.publish()

    def publish(self):
        self.tries += 1
        path, body, kind, to = self.draw()
        status, answer = self.node.api("POST", path, body)
        if status == 202:
            self.owed[answer["id"]] = (kind, to)
        elif status not in (0, 503, 507) and not (kind == "cancel" and status in (404, 409, 422)):
            self.refused.append((status, answer))
        return status

    def run(self):
        while not self.ended.is_set():
            if self.quiet.is_set():
                self.ended.wait(0.02)
                continue
            self.ended.wait(self.pause if self.turn() == 202 else 0.03)

    def stop(self):
        self.ended.set()
        self.join()


class Watcher(threading.Thread):
    """Everything that outboxes ever said of an id: its verdicts must be one and the same."""

    def __init__(self, nodes, pause=0.1):
        super().__init__(daemon=True)
        self.nodes, self.pause, self.ended, self.seen = nodes, pause, threading.Event(), {}

    def look(self):
        for node in self.nodes:
            status, body = node.api("GET", "/v1/outbox?limit=100")
            for item in body["envelopes"] if status == 200 else []:
                self.note(item)

    def note(self, item):
        if item.get("verdict"):
            self.seen.setdefault(item["id"], set()).add(said(item))

    def run(self):
        while not self.ended.wait(self.pause):
            self.look()

    def stop(self):
        self.ended.set()
        self.join()


def said(item):
    """The verdict as the first time: an envelope that is offered again from an older store is a duplicate of itself."""
    return item["first_verdict"] if item["verdict"] == "duplicate" and item.get("first_verdict") else item["verdict"]


class Audit:
    """What is wrong, as lists of words; empty when nothing is.

    lost: owed or seen admitted, and not where it belongs. twice: in a box more than once, two verdicts, or out of order.
    misrouted: in an inbox the rules did not give it to. unjudged: no verdict, or another one than admitted."""

    def __init__(self, nodes, officers, watcher=None, whole=True):
        """whole False: of what an earlier audit of these officers found in place, a sample."""
        self.nodes, self.whole = nodes, whole
        self.checked = {i for o in officers for i in o.checked}
        self.lost, self.twice, self.misrouted, self.unjudged = [], [], [], []
        self.outboxes = {region: box(node, "outbox") for region, node in nodes.items()}
        self.inboxes = {region: box(node, "inbox") for region, node in nodes.items()}
        self.owed = {i: (o.node.region, *what) for o in officers for i, what in list(o.owed.items())}
        self.forgotten = {i for o in officers for i in o.forgotten}
        self.restored = {o.node.region for o in officers if o.forgotten}
        self.seen = watcher.seen if watcher else {}
        for region in nodes:
            self.check_outbox(region, self.outboxes[region])
        self.twice += [f"{i} has verdicts {sorted(v)}" for i, v in self.seen.items() if len(v) > 1]
        for region in nodes:
            self.check_inbox(region, self.inboxes[region])
        for officer in officers:
            officer.checked |= set(officer.owed)

    def problems(self):
        return {name: found for name in ("lost", "twice", "misrouted", "unjudged") if (found := getattr(self, name))}

    def check_outbox(self, region, items):
        ids = [item["id"] for item in items]
        self.twice += [f"{i} in the outbox of {region}" for i in repeated(ids)]
        wanted = {i for i, (origin, _, _) in self.owed.items() if origin == region} - self.forgotten
        unlisted = sorted(wanted - set(ids))  # a list has no more than a thousand
        old = [i for i in unlisted if i in self.checked and not self.whole]
        ids += old[:-50] if len(old) > 50 else []
        more = [outbox(self.nodes[region], i) for i in unlisted if i not in ids]
        items = items + [item for item in more if item]
        ids += [item["id"] for item in more if item]
        self.lost += [f"{self.owed[i][1]} {i} from the outbox of {region}" for i in sorted(wanted - set(ids))]
        for item in items:
            if item.get("verdict"):
                self.seen.setdefault(item["id"], set()).add(said(item))
            if item["state"] not in ("withdrawn", "replaced") and (not item.get("verdict") or said(item) != "admitted"):
                self.unjudged.append(f"{item['number']} of {region}: {item['state']} {item.get('verdict')} {item.get('reason')}")

    def check_inbox(self, region, items):
        ids = [item["id"] for item in items]
        self.twice += [f"{i} in the inbox of {region}" for i in repeated(ids)]
        admitted = {i for i, verdicts in self.seen.items() if "admitted" in verdicts}
        wanted = {i for i, (_, _, to) in self.owed.items() if region in to and i in admitted}
        self.lost += [f"{self.owed[i][1]} {i} of {self.owed[i][0]} from the inbox of {region}" for i in sorted(wanted - set(ids))]
        self.misrouted += [f"{i} in the inbox of {region}" for i in ids if i in self.owed and region not in self.owed[i][2]]
        self.check_order(region, items)

    def check_order(self, region, items):
        """Numbers rise with the stream. A cancellation waits for its original's receipt; a store put back starts another stream."""
        last = {}
        for item in sorted(items, key=lambda item: item["order"]):
            kind, stream = self.owed.get(item["id"], ("", ""))[1], (item["origin"], item["kind"], item["lane"])
            if kind not in ("measure", "request") or str(item["origin"]) in self.restored:
                continue
            if item["number"] <= last.get(stream, ""):
                self.twice.append(f"{item['id']} at {region} out of its stream's order")
            last[stream] = item["number"]


def repeated(ids):
    return sorted({i for i in ids if ids.count(i) > 1}) if len(ids) != len(set(ids)) else []
