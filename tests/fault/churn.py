"""Churn: regions join, leave, stay away, are revoked and come back with new certificates, without end; who stays must stay as small
as it was.

    python3 tests/fault/churn.py PROGRAMS [--minutes M | --short] [--seed S] [--keep]

A broker and four nodes that stay; up to four of the other provinces are there at a time. Each event goes through the CA tool, a new
directory and revocation list, and a reload of the broker. Officers publish all the while. RssAnon, descriptors and threads of the
broker and of two nodes that stay are sampled; over the second half the trend may not rise by more than FLAT_KIB and what the
directory, which is a history, keeps of each certificate. That is measured first, on a quiet house, and bounded, too. A run that is too
short for a trend of memory (JUDGED_SECONDS) looks at descriptors, threads and the books only; --short is each kind of event once or
twice. Nothing may be lost, twice or misrouted.

LIANFANG_CHURN_LEAK=BYTES loses as much at each connection that the broker accepts: the run must fail.
"""
import argparse
import collections
import os
import random
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [f"{HERE}/../integration", f"{HERE}/../support"]
from base import datetime, outbox, quiet  # noqa: E402
from house import Failure, House, Node, wait_until  # noqa: E402
from members import MARGIN_S, Member, Publisher  # noqa: E402
from trend import Sampler, held  # noqa: E402

STAY = ["310000", "320000", "330000", "340000"]
VISIT = ["110000", "120000", "130000", "140000", "210000", "220000", "350000", "360000", "370000", "410000", "420000", "430000",
         "440000", "450000", "510000", "610000"]
PRESENT_MAX = 4
JUDGED_SECONDS = 1800    # below this no trend of memory is looked for: what a heap takes at first it keeps
FLAT_KIB = 512           # in the second half, of what is not the directory's
CERTIFICATE_BYTES = 24576  # at most, of a certificate and the records about it, as RssAnon shows it
MEASURED = 100           # renewals from which that is measured
MEASURED_AT = "650000"   # of a province that has no part in it otherwise
PAUSE_S = 2              # on average between two events
DRAIN_S = 180
SHORT = ["join", "join", "join", "renew", "lost", "revoked", "join", "away", "crl", "join", "leave", "join"]


def seconds_of(text):
    return datetime.datetime.fromisoformat(text).timestamp()


class Churn:
    def __init__(self, house, seed):
        self.house, self.random = house, random.Random(seed)
        self.members = {region: Member(region) for region in STAY + VISIT}
        self.counts, self.judged, self.left_behind = collections.Counter(), {}, 0
        self.certificates = self.events_done = self.log_at = 0
        self.problems, self.sampler = [], None
        self.waits = []

    # --- trust

    def reload(self):
        """Hands directory and revocation list to the broker; when it took them."""
        self.house.publish_trust()
        with open(self.house.broker.log_path, "rb") as log:
            log.seek(0, os.SEEK_END)
            self.log_at = log.tell()
        self.house.broker.send(1)

        def taken():
            self.house.broker.check()
            with open(self.house.broker.log_path, "rb") as log:
                log.seek(self.log_at)
                return b" reloaded " in log.read()
        wait_until(taken, "the broker reloads")
        return time.time()

    def certify(self, member):
        """A new identity beside the earlier ones, whose seal keys it keeps."""
        previous = ["--previous", member.folders[-1]] if member.folders else []
        folder = f"{self.house.folder}/{member.region}-identity-{len(member.folders)}"
        self.house.ca_tool("renew" if member.enrolled else "issue", "node", member.region, "--ca", self.house.ca, "--out", folder,
                           *previous)
        member.folders.append(folder)
        for old in member.folders[:-2]:
            shutil.rmtree(old, ignore_errors=True)
        self.certificates += 3
        before = time.time()
        member.begins(before, self.reload())

    def revoke(self, member, reason):
        before = time.time()
        if reason == "key-compromise":
            member.compromised = before
        self.house.ca_tool("revoke", "node", member.region, "--ca", self.house.ca, "--reason", reason)
        member.ends(before, self.reload())

    # --- nodes

    def start(self, member):
        name = f"node-{member.region}"
        if member.node is None:
            member.node = Node(self.house, member.region, name=name, identity=member.folders[-1])
            self.house.processes.append(member.node)
        member.node.identity = member.folders[-1]
        member.node.configure().start()

    def up(self, member):
        """Its operator says that its store is the right one when it came back with another for the third time in an hour."""
        if self.house.broker.links()[member.region].get("standing") == "stopped":
            self.house.broker.command("accept-fork", member.region)
        return member.node.up()

    def enter(self, member, pause=1.2):
        self.start(member)
        wait_until(lambda: self.up(member), f"{member.region} linked", 60)
        self.enter_officer(member, pause)

    def enter_officer(self, member, pause):
        if member.officer is None:
            member.officer = Publisher(self.members, member, self.random.random(), pause)
            member.officer.start()
        member.officer.quiet.clear()
        member.addressed = True

    def silence(self, member):
        """Nobody writes to it or from it any more."""
        member.addressed = False
        member.officer.quiet.set()
        with member.officer.lock:
            pass

    def drained(self, member):
        link = self.house.broker.links()[member.region]
        return self.up(member) and quiet(member.node) and all(lane["depth"] == 0 for lane in link["lanes"])

    def drain(self, member):
        began = time.monotonic()
        wait_until(lambda: self.drained(member), f"{member.region} has everything", DRAIN_S)
        self.waits.append(time.monotonic() - began)

    # --- events

    def visitors(self, there):
        return [m for m in self.members.values() if m.region in VISIT and bool(m.addressed) == there]

    def join(self):
        """A province that was never there, comes back from an absence, or after its certificates were revoked."""
        member = self.random.choice(self.visitors(False))
        if not member.enrolled:
            self.certify(member)
        self.enter(member)

    def leave(self):
        """For good: nothing is left to do, certificates revoked in order, the store gone or kept."""
        member = self.random.choice(self.visitors(True))
        self.silence(member)
        self.drain(member)
        self.audit(member)
        member.node.stop()
        self.revoke(member, "cessation-of-operation")
        if self.random.random() < 0.3:
            self.forget(member)

    def away(self):
        """Stopped; what is meant for it waits until it joins again."""
        member = self.random.choice(self.visitors(True))
        self.silence(member)
        member.node.stop() if self.random.random() < 0.7 else member.node.kill()

    def revoked(self):
        """In the middle of its flow; what it was given or gave after that is found by the audits."""
        member = self.random.choice(self.visitors(True))
        self.revoke(member, self.random.choice(["key-compromise", "affiliation-changed"]))
        self.silence(member)
        wait_until(lambda: self.house.broker.links()[member.region]["state"] == "down", f"{member.region} is out", 10)
        self.audit(member)
        member.node.stop()

    def renew(self):
        """New certificates, then without those before them."""
        member = self.random.choice(self.visitors(True))
        self.certify(member)
        member.officer.quiet.set()
        with member.officer.lock:
            member.node.stop()
            self.enter(member)
        before = time.time()
        self.house.ca_tool("revoke", "node", member.region, "--older", "--ca", self.house.ca, "--reason", "superseded")
        member.doubtful.append((int(before), self.reload()))

    def lost(self):
        """Its store is gone: it begins with nothing, and is sent everything again."""
        member = self.random.choice(self.visitors(True))
        self.silence(member)
        self.drain(member)
        self.audit(member)
        member.node.kill()
        self.forget(member)
        self.enter(member)

    def crl(self):
        self.house.ca_tool("crl", "--ca", self.house.ca)
        self.reload()

    def forget(self, member):
        """Its store; after an audit."""
        self.left_behind += len(member.officer.pending)
        member.officer.pending.clear()
        shutil.rmtree(member.node.data)
        member.inbox, member.after = {}, 0

    def draw(self):
        there, gone = self.visitors(True), self.visitors(False)
        names = {"crl": 1}
        if len(there) < PRESENT_MAX and gone:
            names["join"] = 6
        if len(there) > 1:
            names.update(leave=2, away=1, revoked=2, renew=2, lost=1)
        return self.random.choices(list(names), list(names.values()))[0]

    def event(self, name):
        getattr(self, name)()
        self.counts[name] += 1
        self.events_done += 1
        self.check()

    # --- the books

    def poll(self, member):
        """Verdicts of what its officer was told is queued; a draft that was made anew goes on under its successor's id."""
        officer = member.officer
        for id_, (kind, to) in list(officer.pending.items()):
            item = outbox(member.node, id_)
            if not item:
                self.problems.append(f"lost: {kind} {id_} from the outbox of {member.region}")
            elif item["state"] == "replaced":
                officer.pending[item["successor"]] = (kind, to)
            elif not item.get("verdict"):
                continue
            else:
                self.judge(member, item, kind, to)
            del officer.pending[id_]

    def judge(self, member, item, kind, to):
        said = item["first_verdict"] if item["verdict"] == "duplicate" and item.get("first_verdict") else item["verdict"]
        at = seconds_of(item["verdict_at"])
        self.judged[item["id"]] = (kind, member.region, to, at, said)
        if said != "admitted" and not (kind == "notice" and not self.surely(to, at)):
            self.problems.append(f"{item['number']} of {member.region} to {to}: {said} {item.get('reason')}")
        if said == "admitted" and not member.within(member.may, at):
            self.problems.append(f"{item['number']} of {member.region} admitted while it was not enrolled")

    def surely(self, region, at):
        member = self.members[region]
        return member.within(member.must, at - MARGIN_S) and member.within(member.must, at)

    def audit(self, member):
        """Of those that are there now: what they must have by now, and have; what they have and may not."""
        now = time.time() - MARGIN_S if member.officer.quiet.is_set() and member.enrolled else 0
        for other in self.members.values():
            if other.node and other.node.alive():
                self.poll(other)
        member.read()
        for id_, (kind, origin, to, at, said) in self.judged.items():
            mine = origin != member.region and said == "admitted" and (to == member.region or kind == "measure")
            if id_ in member.inbox:
                if not mine or not member.within(member.may, at):
                    self.problems.append(f"misrouted: {kind} {id_} of {origin} in the inbox of {member.region}")
            elif mine and at < now and member.within(member.must, at) and self.members[origin].proves(at):
                self.problems.append(f"lost: {kind} {id_} of {origin}, {time.time() - at:.0f} s ago, from the inbox of {member.region}")

    def check(self):
        refused = [words for m in self.members.values() if m.officer for words in m.officer.refused]
        if self.problems or refused:
            raise Failure("\n".join(self.problems[:10] + [str(words) for words in refused[:3]]))
        for process in self.house.processes:
            process.check()

    # --- the whole

    def found(self):
        house = self.house
        house.found([], ["national"])
        leak = os.environ.get("LIANFANG_CHURN_LEAK")
        if leak:
            house.broker.environment.update(LD_PRELOAD=house.preload(f"{HERE}/leak.c"), LIANFANG_LEAK=leak)
        house.broker.start().wait_ready()
        for region in STAY:
            self.certify(self.members[region])
            self.start(self.members[region])
        for region in STAY:
            wait_until(lambda: self.up(self.members[region]), f"{region} linked")
        self.sampler = Sampler([house.broker, *(self.members[region].node for region in STAY[:2])],
                               lambda: (self.events_done, self.certificates))

    def informed(self):
        """All that are sampled hold the directory as it is."""
        epoch = self.house.broker.status()["directory_epoch"]
        return all(m.node.api("GET", "/v1/status")[1]["directory_epoch"] == epoch for m in self.members.values() if m.node)

    def measure_certificates(self):
        """Bytes that a certificate and the two records about it cost each process; nobody publishes yet."""
        def now():
            wait_until(self.informed, "everybody has the directory")
            return {p.name: held(p)["RssAnon"] for p in self.sampler.processes}
        before = now()
        words = ["node", MEASURED_AT, "--ca", self.house.ca]
        for i in range(MEASURED):
            folder = f"{self.house.folder}/measured"
            self.house.ca_tool("renew" if i else "issue", *words, "--out", folder)
            shutil.rmtree(folder)
        self.reload()
        self.house.ca_tool("revoke", *words, "--reason", "superseded")
        self.reload()
        after = now()
        self.certificates += 3 * MEASURED
        return {name: (after[name] - before[name]) * 1024 / (3 * MEASURED) for name in after}

    def begin(self):
        for region in STAY:
            self.enter_officer(self.members[region], 0.8)
        self.sampler.start()

    def settle(self):
        """Whoever was ever there is there, nobody publishes; then everything must become true."""
        for member in self.members.values():
            if member.officer:
                self.silence(member)
        for member in self.members.values():
            if member.folders and not member.node.alive():
                if not member.enrolled:
                    self.certify(member)
                self.start(member)
        there = [m for m in self.members.values() if m.officer]
        for member in there:
            self.drain(member)
        later = time.time() + MARGIN_S  # the last of what was admitted is beyond the margin
        wait_until(lambda: time.time() > later, "the margin", MARGIN_S + 5)
        for member in there:
            self.audit(member)
        self.check()

    def end(self):
        for member in self.members.values():
            if member.officer:
                member.officer.ended.set()
        if self.sampler:
            self.sampler.ended.set()

    # --- judgement

    def not_flat(self, bytes_each):
        """What rose, in words; bytes_each None: the run was too short for memory."""
        found = []
        for (name, what), trend in self.sampler.trends.items():
            allowed = {"descriptors": 4 + PRESENT_MAX, "threads": 1}.get(what)
            if what == "RssAnon" and bytes_each is None:
                continue
            if what == "RssAnon":
                allowed = FLAT_KIB + bytes_each[name] * trend.certificates() / 1024
            if trend.growth() > allowed:
                found.append(f"{name}: {what} rises by {trend.growth():.1f} over {trend.events():.0f} events, allowed {allowed:.1f}; "
                             f"thirds {trend.thirds()}")
        found += [f"{name}: a certificate costs {bytes_:.0f} bytes" for name, bytes_ in (bytes_each or {}).items()
                  if bytes_ > CERTIFICATE_BYTES]
        return found

    def table(self, seed, seconds, bytes_each):
        kinds = collections.Counter(kind for kind, *_ in self.judged.values())
        lines = [
            "| | |", "|---|---|", f"| seed, minutes | {seed}, {seconds / 60:.1f} |",
            f"| events | {self.events_done}: {', '.join(f'{n} {c}' for n, c in sorted(self.counts.items()))} |",
            f"| certificates issued, records of the directory | {self.certificates}, {self.house.broker.status()['directory_epoch']} |",
            f"| envelopes judged | {len(self.judged)} ({', '.join(f'{k} {n}' for k, n in sorted(kinds.items()))}; "
            f"{sum(said != 'admitted' for *_, said in self.judged.values())} not admitted: nobody there) |",
            f"| gone with the store of who left | {self.left_behind} |"]
        for process in self.sampler.processes:
            rss = self.sampler.trends[process.name, "RssAnon"]
            lines.append(f"| {process.name}: RssAnon KiB, medians of thirds | {', '.join(f'{x:.0f}' for x in rss.thirds())} |")
            if bytes_each:
                lines.append(f"| … trend of the second half | {rss.growth():+.0f} KiB over {rss.events():.0f} events "
                             f"({1024 * rss.slope():+.0f} bytes an event), of it {bytes_each[process.name] * rss.certificates() / 1024:.0f} KiB "
                             f"for {rss.certificates():.0f} certificates of {bytes_each[process.name]:.0f} bytes |")
            for what in ("descriptors", "threads"):
                lines.append(f"| … {what}, medians of thirds | "
                             f"{', '.join(f'{x:.0f}' for x in self.sampler.trends[process.name, what].thirds())} |")
        return "\n".join(lines + [f"| slowest draining | {max(self.waits, default=0):.1f} s |", "| lost, twice, misrouted, refused | 0, 0, 0, 0 |"])


def go_on(churn, seconds):
    began = said = time.monotonic()
    while time.monotonic() < began + seconds:
        pause = time.monotonic() + churn.random.uniform(0, 2 * PAUSE_S)
        churn.event(churn.draw())
        wait_until(lambda: time.monotonic() > pause, "a while", 2 * PAUSE_S + 5)
        if time.monotonic() - said > 60:
            said = time.monotonic()
            print(f"{said - began:.0f} s, {churn.events_done} events, {churn.certificates} certificates, {len(churn.judged)} envelopes; "
                  "KiB: " + ", ".join(f"{p.name} {held(p)['RssAnon']}" for p in churn.sampler.processes), flush=True)


def run(house, seconds, seed):
    churn, began, bytes_each = Churn(house, seed), time.monotonic(), None
    try:
        churn.found()
        if seconds >= JUDGED_SECONDS:
            bytes_each = churn.measure_certificates()
        churn.begin()
        if seconds == 0:
            for name in SHORT:
                churn.event(name)
        else:
            go_on(churn, seconds)
        churn.sampler.ended.set()
        churn.sampler.join()
        churn.settle()
        print(churn.table(seed, time.monotonic() - began, bytes_each))
        rising = churn.not_flat(bytes_each)
        if rising:
            raise Failure("\n".join(rising))
        return True
    except Failure as failure:
        print(f"seed {seed}, after {churn.events_done} events {dict(churn.counts)}: {failure}\n失败，目录保留 / the folder is kept: {house.folder}")
        house.keep = True
        return False
    finally:
        churn.end()


def main():
    parser = argparse.ArgumentParser(description="成员来来去去：不漏内存，不丢、不重、不错投")
    parser.add_argument("programs")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--short", action="store_true", help="each kind of event once or twice")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("LIANFANG_SEED") or time.time_ns() % 1000000))
    parser.add_argument("--keep", action="store_true", help="保留目录 keep the folder")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with House(arguments.programs, keep=arguments.keep, pulse_ms=1000) as house:
        good = run(house, 0 if arguments.short else arguments.minutes * 60, arguments.seed)
        if house.keep:
            for process in house.processes:
                process.kill()
    sys.exit(0 if good else 1)


main()
