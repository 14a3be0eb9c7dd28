"""The provinces of churn.py: when each was enrolled, what its node holds, and the officer there."""
import random

from base import measure, notice
from house import Failure
from officers import Officer

MARGIN_S = 2  # between what a clock of ours says and what the broker went by


class Member:
    """A province: its node while it is there, its store, its identities one after the other, and when it was enrolled.

    may: spans of time in which the broker may have thought it enrolled; must: in which it certainly did."""

    def __init__(self, region):
        self.region, self.node, self.officer, self.folders = region, None, None, []
        self.may, self.must, self.enrolled, self.addressed = [], [], False, False
        self.inbox, self.after = {}, 0
        self.doubtful = []  # spans from the second of a revocation, which is all a list says, to when the broker knew it
        self.compromised = 0  # what it signed before this proves nothing any more to whoever does not hold it yet

    def begins(self, before, after):
        if not self.enrolled:
            self.may.append([before, None])
            self.must.append([after + MARGIN_S, None])
            self.enrolled = True

    def ends(self, before, after):
        self.doubtful.append((int(before), after))
        self.must[-1][1], self.may[-1][1] = before, after + MARGIN_S
        self.enrolled = False

    def proves(self, at):
        """Whether what was admitted from it at that time must be taken by everybody it is given to, whenever that is."""
        return at > self.compromised and not self.within(self.doubtful, at)

    def within(self, spans, at):
        return any(begin <= at and (end is None or at < end) for begin, end in spans)

    def read(self):
        """What came into the inbox since the last look."""
        while True:
            status, body = self.node.api("GET", f"/v1/inbox?limit=1000&oldest_first=1&after={self.after}")
            if status != 200:
                raise Failure(f"inbox of {self.region}: HTTP {status} {body}")
            for item in body["envelopes"]:
                if item["id"] in self.inbox:
                    raise Failure(f"twice: {item['id']} in the inbox of {self.region}")
                self.inbox[item["id"]], self.after = int(item["origin"]), item["order"]
            if not body["more"]:
                return


class Publisher(Officer):
    """Bulletins to all, notices to one of those that are there and mean to stay for the moment."""

    def __init__(self, members, member, seed, pause):
        super().__init__(member.node, random.Random(seed), [], pause)
        self.members, self.member = members, member
        self.pending = {}  # id → (kind, to) without verdict

    def draw(self):
        title = f"{self.node.region} 第 {self.tries} 条"
        to = [m.region for m in list(self.members.values()) if m.addressed and m is not self.member]
        if to and self.random.random() < 0.5:
            region = self.random.choice(to)
            return "/v1/envelopes", notice(self.node.region, region, title), "notice", region
        return "/v1/envelopes", measure(self.node.region, title, urgent=self.random.random() < 0.3), "measure", None

    def publish(self):
        self.tries += 1
        path, body, kind, to = self.draw()
        status, answer = self.node.api("POST", path, body)
        if status == 202:
            self.pending[answer["id"]] = (kind, to)
        elif status not in (0, 503) and not (kind == "notice" and not self.members[to].addressed):
            self.refused.append((status, answer))
        return status
