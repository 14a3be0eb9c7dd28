"""What no ZeroMQ library would send, on plain sockets: by strangers and by an enrolled peer, before, in and after the handshake."""
import resource

import node_lies  # noqa: F401 - sets the paths
from node_lies import *  # noqa: F403
from curve import COMMAND, GREETING, MORE, Line, Sodium, wrap
from zmq_peer import public_of_certificate


class Strangers(LiarTest):
    @classmethod
    def setUpClass(cls):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for the broker as well
        super().setUpClass()

    def until_closed(self, line, seconds=20):
        """The broker hangs up on a plain socket."""
        line.settimeout(seconds)
        try:
            while line.recv(1 << 16):
                pass
        except ConnectionError:
            pass
        line.close()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.broker.port), timeout=20)

    def test_five_thousand_that_say_nothing(self):
        """As many as descriptors allow, two of the broker's each, a third of them in the middle of the handshake."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        count = 5000 if limit == resource.RLIM_INFINITY else min(5000, (limit - 500) // 2)
        before, lines = anonymous(self.broker), []
        began = time.monotonic()
        try:
            for i in range(count):
                lines.append(self.connect())
                if i % 3 == 1:
                    lines[-1].sendall(GREETING[:30])
                elif i % 3 == 2:
                    lines[-1].sendall(GREETING)
            took = time.monotonic() - began
            origin, to = self.honest
            id_, _ = publish(origin, notice("310000", "330000", "其间-1"))
            received(to, id_, 10)
            grown = anonymous(self.broker) - before
            # whoever says nothing for the time of a handshake does not stay: the first ones are gone by now or soon
            self.until_closed(lines.pop(0), 30)
        finally:
            for line in lines:
                line.close()
        self.say(f"{count} connections in {took:.1f} s; RssAnon grew by {grown / MIB:.0f} MiB")
        self.assertLess(grown, 32 * MIB + count * 32 * 1024)

    def test_a_handshake_byte_by_byte(self):
        """Whoever takes all day for a handshake is hung up on before it is over."""
        line, sent = self.connect(), 0
        line.settimeout(0.5)
        hello = GREETING + wrap(b"\x05HELLO\x01\x00" + bytes(72) + os.urandom(32) + bytes(8) + os.urandom(80), COMMAND)

        def dribble():
            nonlocal sent
            try:
                line.sendall(hello[sent:sent + 1])
                sent += 1
                return line.recv(1 << 16) == b""
            except socket.timeout:
                return False
            except ConnectionError:
                return True
        wait_until(dribble, "the end of its connection", 40)
        line.close()
        self.assertLess(sent, len(hello))

    def test_a_byte_now_and_then(self):
        """A SUBMIT that comes byte by byte: its session falls silent and ends, nobody waits for it."""
        liar = self.liar
        liar.open()
        before = self.refused("silent") + self.broker.log().count("silent")
        whole = liar.line.sealed(frame(SUBMIT, Message(f1=liar.batch([liar.header(1, bulletin("慢"))]))))

        def dribble():
            liar.line.raw(whole[self.at:self.at + 1])
            self.at += 1
            liar.line.receive(0.2)
            return False
        self.at = 0
        with self.assertRaises(Closed):
            wait_until(dribble, "the end of its session", 15)
        self.assertLess(self.at, len(whole))
        self.assertGreater(self.refused("silent") + self.broker.log().count("silent"), before)
        self.assertFalse(any("慢" in titles(node) for node in self.honest))

    def test_ten_thousand_parts(self):
        """In a session a few are enough; so many before one, as sealing them takes longer than a session may be silent."""
        liar = self.liar
        for count in (3, 10000):
            with self.subTest(count):
                (liar.open if count == 3 else liar.dial)()
                before, hello = self.cut("multi-part"), frame(HELLO, liar.hello())
                parts = b"".join(liar.line.sealed(hello[:20], MORE) for _ in range(count - 1)) + liar.line.sealed(hello)
                try:
                    liar.line.raw(parts)
                except Closed:
                    pass
                liar.ended()
                wait_until(lambda: self.cut("multi-part") > before, "multi-part counted")
        self.assertIn("multi-part", self.broker.log())

    def test_a_message_without_end(self):
        """Parts announce more for ever: nothing is handed over by libzmq, and still somebody sees it."""
        liar, sent = self.liar, 0
        liar.open()
        before, cut = anonymous(self.broker), self.cut("undelivered")
        liar.line.socket.settimeout(2)
        try:
            while sent < 256 * MIB:
                liar.line.send(bytes(64 * 1024), more=True)
                sent += 64 * 1024
        except (Closed, socket.timeout):  # a full window, closed at the other end, may say nothing to whoever only sends
            pass
        self.assertLess(sent, 256 * MIB)
        liar.ended(5)
        wait_until(lambda: self.cut("undelivered") > cut, "undelivered counted")
        self.assertIn("undelivered", self.broker.log())
        grown = anonymous(self.broker) - before
        self.say(f"cut after {sent / MIB:.0f} MiB; RssAnon grew by {grown / MIB:.0f} MiB")
        self.assertLess(grown, 128 * MIB)

    def test_a_stolen_routing_id(self):
        """A name of its own choice, whatever it is, ends the connection; the victim keeps its session and gets its mail."""
        for name in (b"330000", b"\x01\x02\x03\x04\x05", b"x" * 255):
            before = self.cut("own-routing-id")
            self.liar.dial(name=name)
            self.liar.say(HELLO, self.liar.hello())
            self.liar.ended()
            wait_until(lambda: self.cut("own-routing-id") > before, "own-routing-id counted")
        self.assertEqual(self.broker.links()["330000"]["state"], "up")

    def at_once(self):
        """libzmq itself hangs up; the session does not have to fall silent first."""
        self.assertIsNone(self.liar.ended(5))

    def test_frames_of_impossible_length(self):
        liar, before = self.liar, anonymous(self.broker)
        for what, raw in (("2^62 bytes announced", b"\x02" + (1 << 62).to_bytes(8, "big")),
                          ("2^64 − 1 bytes announced", b"\x02" + b"\xff" * 8), ("2 MiB announced", b"\x02" + (2 << 20).to_bytes(8, "big")),
                          ("a reserved flag", b"\xf8\x01x"), ("a command out of place", wrap(b"\x05HELLO", COMMAND)),
                          ("no MESSAGE", wrap(b"hello")), ("MESSAGE too short", wrap(b"\x07MESSAGE" + bytes(8)))):
            with self.subTest(what):
                liar.open()
                liar.line.raw(raw)
                self.at_once()
        with self.subTest("a frame above the limit"):
            liar.open()
            with self.assertRaises(Closed):
                liar.line.send(bytes(1200 * 1024))
                liar.ended()
                raise Closed
        with self.subTest("a box that was changed"):
            liar.open()
            raw = bytearray(liar.line.sealed(frame(HELLO, liar.hello())))
            raw[-1] ^= 1
            liar.line.raw(raw)
            self.at_once()
        with self.subTest("the same box twice"):
            liar.open()
            raw = liar.line.sealed(frame(CREDIT, Message(f4=100, f5=ROUTINE)))
            liar.line.raw(raw + raw)
            self.at_once()
        self.assertLess(anonymous(self.broker) - before, 32 * MIB)

    def test_handshakes_that_go_wrong(self):
        """Other mechanisms, keys that do not match, steps left out: no session, no answer, no reason given away."""
        server = public_of_certificate(f"{self.broker.identity}/transport.pem")
        sessions = self.broker.status()["sessions"]
        hello = wrap(b"\x05HELLO\x01\x00" + bytes(72) + os.urandom(32) + bytes(8) + os.urandom(80), COMMAND)
        for what, raw in (("NULL", GREETING[:12] + b"NULL" + bytes(16) + bytes(32)), ("PLAIN", GREETING[:12] + b"PLAIN" + bytes(15) + bytes(32)),
                          ("ZMTP 1", b"\x01\x00"), ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 4), ("a HELLO of nobody", GREETING + hello),
                          ("INITIATE first", GREETING + wrap(b"\x08INITIATE" + os.urandom(300), COMMAND)),
                          ("MESSAGE first", GREETING + wrap(b"\x07MESSAGE" + os.urandom(100))),
                          ("a HELLO of 1 MiB", GREETING + wrap(b"\x05HELLO" + bytes(MIB), COMMAND))):
            with self.subTest(what):
                line = self.connect()
                try:
                    line.sendall(raw)
                except OSError:
                    pass
                self.until_closed(line)
        for what, server_key, keys in (("a stranger's key", server, Sodium.pair()), ("another broker's key", os.urandom(32), self.liar.keys),
                                       ("another's public key", server, (self.victim_key(), self.liar.keys[1]))):
            with self.subTest(what), self.assertRaises((Closed, socket.timeout)):
                line = Line(self.broker.port, server_key, keys, seconds=3)
                try:
                    line.send(frame(HELLO, self.liar.hello()))
                    while line.receive(3) is not None:
                        self.fail("somebody who is nobody got an answer")
                finally:
                    line.close()
        self.assertEqual(self.broker.status()["sessions"], sessions)

    def victim_key(self):
        return public_of_certificate(f"{self.house.folder}/node-330000-identity/transport.pem")


if __name__ == "__main__":
    del Sessions, Batches, Deliveries, LiarTest  # their own file runs them  # noqa: F821
    main()
