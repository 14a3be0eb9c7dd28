"""The n-th call fails, or the process aborts in it: one call a run, over a short exchange, for broker, origin and recipient.

Every n is tried by `./dev torture --failing` (tests/fault/every.py), or every LIANFANG_STRIDE-th from LIANFANG_FIRST on; the test
command draws some from its seed. After each run the daemon starts on what is there, and everything that was promised must be true.
LIANFANG_PLAN are words in the names of the plans to try; LIANFANG_TALLY names a file for what became of each."""
import collections
import sys

from base import *  # noqa: F403

FAULT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault")
sys.path.insert(0, FAULT)
from officers import Audit, Officer, Watcher  # noqa: E402

ALL = "LIANFANG_STRIDE" in os.environ
STRIDE = int(os.environ.get("LIANFANG_STRIDE") or 12)
PLAN = os.environ.get("LIANFANG_PLAN", "")
FIRST = int(os.environ.get("LIANFANG_FIRST") or 0)
RUNS_MAX = 4000 if ALL else 5  # of one plan
ABORTED = -signal.SIGABRT
# what a daemon may end with by itself: EX_IOERR, EX_TEMPFAIL (full), EX_CONFIG and EX_UNAVAILABLE (at start)
ENDS = {69, 74, 75, 78}
PLANS = [("sync", "EIO"), ("write", "EIO"), ("write", "ENOSPC"), ("write", "SHORT"), ("begin", "ENOSPC"), ("commit", "EIO"),
         ("put", "MAP_FULL"), ("put", "ENOSPC"), ("get", "EIO")]
ABORTS = ["sync", "write", "commit", "get", "recv", "send"]


class Faults(HouseTest):
    regions = ["330000", "310000"]
    pulse_ms = 200

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.library = cls.house.preload(f"{FAULT}/failing.c")
        cls.mark = f"{cls.house.folder}/mark"
        cls.origin, cls.to = cls.nodes["330000"], cls.nodes["310000"]

    def setUp(self):
        self.random = seed()
        self.officer = Officer(self.origin, self.random, self.regions, kinds=(3, 2, 0, 1))
        self.watcher = Watcher([self.origin], pause=0.02)
        self.watcher.start()
        self.ends = collections.Counter()

    def tearDown(self):
        self.watcher.stop()

    def injected(self):
        return os.path.exists(self.mark)

    def done(self, victim):
        """The exchange is over, or the victim is."""
        return not victim.alive() or (self.officer.owed and all(n.up() for n in self.nodes.values()) and
                                      quiet(self.origin) and drained(self.house))

    def exchange(self, victim):
        """Two envelopes, unless the victim ends before."""
        for _ in range(2):
            wait_until(lambda: not victim.alive() or self.officer.turn() == 202, "an envelope is taken")
        def over():
            try:
                return self.done(victim)
            except Failure:  # the broker is the victim and just ended
                return not victim.alive()
        wait_until(over, "the exchange is over")

    def attempt(self, victim, calls, n, how):
        """One run with the n-th call failing. False: there was no n-th."""
        victim.stop()
        if self.injected():
            os.unlink(self.mark)
        victim.environment.update(LD_PRELOAD=self.library, LIANFANG_FAIL=f"{calls}:{n}:{how}", LIANFANG_FAIL_MARK=self.mark,
                                  LIANFANG_FAIL_FOLDER=victim.data, ASAN_OPTIONS="handle_abort=0")
        victim.start()
        self.exchange(victim)
        if victim.alive():
            victim.kill()  # what failed did not matter to it; then nothing that it said may depend on it
            self.ends["went on"] += self.injected()
        else:
            self.check_end(victim, calls, n, how)
            victim.child = None
        victim.environment.clear()
        victim.start()
        return self.injected()

    def check_end(self, victim, calls, n, how):
        code = victim.child.returncode
        self.ends[code] += 1
        self.assertTrue(self.injected(), f"{victim.name} ended with {code} by itself in {calls} {n} {how}\n{victim.tail()}")
        wanted = {ABORTED} if how == "ABORT" else ENDS
        self.assertIn(code, wanted, f"{victim.name} with {calls} {n} {how}\n{victim.tail()}")

    def pulsed(self, node):
        """Its link is old enough to have seen a pulse, so that its next back-off is short again."""
        since = [datetime.datetime.fromisoformat(link["since"]) for link in node.links() if link["state"] == "up"]
        return since and now() - max(since) > datetime.timedelta(milliseconds=2 * self.pulse_ms)

    def audit(self, what):
        self.settle()
        wait_until(lambda: all(self.pulsed(node) for node in self.nodes.values()), "pulses")
        self.assertEqual(Audit(self.nodes, [self.officer], self.watcher).problems(), {}, what)

    def every(self, victim, calls, how):
        """n = first, first + STRIDE, … until a run has no n-th call; the number of runs in which it failed."""
        n, runs, before = FIRST or self.random.randint(1, STRIDE), 0, self.ends.copy()
        while runs < RUNS_MAX and self.attempt(victim, calls, n, how):
            self.audit(f"{victim.name} {calls} {n} {how}")
            n, runs = n + (STRIDE if ALL else self.random.randint(1, 3 * STRIDE)), runs + 1
        self.tally(f"{victim.name} {calls} {how}", n, runs, self.ends - before)
        return runs

    def tally(self, plan, n, runs, ends):
        if "LIANFANG_TALLY" in os.environ:
            with open(os.environ["LIANFANG_TALLY"], "a", encoding="utf-8") as file:
                file.write(json.dumps({"plan": plan, "beyond": n, "runs": runs, "ends": {str(k): v for k, v in ends.items() if v}}) + "\n")

    def victims(self):
        return (self.broker, self.origin, self.to)

    def test_invariant_02_the_nth_call_fails(self):
        runs = 0
        plans = [(victim, *plan) for plan in PLANS for victim in self.victims() if PLAN in f"{victim.name} {' '.join(plan)}"]
        if not ALL:  # the test command: some of them, others each time
            plans = self.random.sample(plans, 4)
        for victim, calls, how in plans:
            before = time.monotonic()
            count = self.every(victim, calls, how)
            self.say(f"{victim.name} {calls} {how}: {count} runs, {time.monotonic() - before:.0f} s")
            runs += count
        self.say(f"calls that failed: {runs}; ends: {dict(self.ends)}")
        self.assertGreater(runs, 0)
        self.assertGreater(sum(count for end, count in self.ends.items() if end != "went on"), 0)

    def test_invariant_01_03_aborts(self):
        """An assertion inside a library: the supervisor starts the daemon again, in seconds, and nothing is lost or twice."""
        slowest = 0
        for turn in range(200 if ALL else 6):
            victim = self.broker if turn % 4 else self.random.choice(self.victims()[1:])
            calls = self.random.choice(ABORTS)
            if self.attempt(victim, calls, self.random.randint(1, 40), "ABORT"):
                before = time.monotonic()
                wait_until(lambda: all(node.up() for node in self.nodes.values()), "all linked again")
                slowest = max(slowest, time.monotonic() - before)
            self.audit(f"{victim.name} aborts in {calls}")
        self.say(f"ends: {dict(self.ends)}; slowest recovery {slowest:.1f} s")
        self.assertLess(slowest, 15)


main()
