"""Strangers take every descriptor of the broker: those who are in go on, the operator is told, and all is well when they leave."""
from base import *  # noqa: F403
from zmq_peer import Peer, public_of_certificate, public_of_key, secret_of

LIMIT = 256


def processor_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Descriptors(HouseTest):
    regions = ["330000", "310000", "320000"]
    started = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        away = cls.nodes.pop("320000")  # it has certificates and no daemon
        cls.away = away.identity
        cls.house.processes.remove(away)
        cls.broker.arguments = ["sh", "-c", f"ulimit -n {LIMIT}; exec \"$0\" \"$@\"", *cls.broker.arguments]
        cls.house.start()

    def setUp(self):
        self.strangers = []
        self.addCleanup(self.leave)

    def leave(self):
        for stranger in reversed(self.strangers):
            stranger.close()
        self.strangers.clear()

    def exchange(self, title, count=5):
        origin, to = self.nodes["330000"], self.nodes["310000"]
        for i in range(count):
            received(to, publish(origin, measure("330000", f"{title} {i}"))[0], 15)
            received(origin, publish(to, notice("310000", "330000", f"{title} {i}"))[0], 15)

    def come(self, make, goal):
        """Strangers, one after the other, until the broker has so many descriptors, or three times the limit tried. Each costs two:
        libzmq's and the server's own."""
        pid, last = self.broker.child.pid, 0
        for _ in range(3 * LIMIT):
            patience = time.monotonic() + 1
            wait_until(lambda: descriptors(pid) >= min(last + 2, LIMIT - 1) or time.monotonic() > patience, "it is let in")
            last = descriptors(pid)
            if last >= goal:
                return
            try:
                self.strangers.append(make())
            except OSError:
                return

    def full(self, make, what):
        pid = self.broker.child.pid
        before = self.broker.log().count("70 %")
        self.come(make, LIMIT * 0.92)
        wait_until(lambda: descriptors(pid) >= LIMIT * 0.88, "the broker holds them", 10)
        wait_until(lambda: self.broker.log().count("70 %") > before, "the alarm in the log", 10)
        wait_until(lambda: metric(self.broker, "lianfang_broker_descriptors_scarce") == 1, "the alarm for monitoring", 10)
        self.come(make, LIMIT - 1)
        wait_until(lambda: descriptors(pid) >= LIMIT - 2, "none is left", 10)
        self.say(f"{what}: {len(self.strangers)} strangers, {descriptors(pid)} of {LIMIT} descriptors")
        self.exchange(what)
        self.broker.check()
        self.leave()
        wait_until(lambda: descriptors(pid) < LIMIT * 0.5, "they are gone", 30)
        wait_until(lambda: metric(self.broker, "lianfang_broker_descriptors_scarce") == 0, "the alarm ends", 10)
        used = processor_s(pid)
        self.exchange(f"{what}之后")
        self.nodes["310000"].kill()
        self.nodes["310000"].start().wait_up()
        self.exchange(f"{what}重连")
        used, since = processor_s(pid), time.monotonic()
        wait_until(lambda: time.monotonic() - since > 2, "two seconds of rest")
        self.assertLess(processor_s(pid) - used, 1.0, "it does not spin")

    def test_plain_connections(self):
        self.full(lambda: socket.create_connection(("127.0.0.1", self.broker.port), 5), "不说话的连接")

    def test_curve_connections(self):
        """An enrolled node's key, in connection after connection that says nothing."""
        keys = {"secret": secret_of(f"{self.away}/transport.key"), "public": public_of_key(f"{self.away}/transport.key")}
        server = public_of_certificate(f"{self.broker.identity}/transport.pem")

        def make():
            return Peer(self.broker.port, None, server, beside=self.strangers[0] if self.strangers else None, **keys)
        self.full(make, "只握手的连接")


main()
