"""What peers and strangers may send: invariant 9 on real memory, garbage on every port, and invariant 8 with a rule that uses `flash`."""
from base import *  # noqa: F403
from zmq_peer import Peer, field, hello

MIB = 1 << 20


def anonymous(process):
    """RssAnon in bytes: what the process itself holds; a mapped store does not count."""
    with open(f"/proc/{process.child.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))


class Flood(HouseTest):
    regions = ["310000", "330000"]
    environment = {"ASAN_OPTIONS": "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}  # freed memory is not kept

    def alive(self):
        """The others go on while somebody misbehaves."""
        origin = self.nodes["330000"]
        id_, _ = publish(origin, measure("330000", "照常"))
        self.assertEqual(verdict(origin, id_), "admitted")
        received(self.nodes["310000"], id_)

    def test_invariant_09_flood_of_an_enrolled_node(self):
        """Frames of every kind and size from a good certificate, as fast as they go: memory stays bounded, others go on."""
        random = seed()
        self.house.issue("node", "320000", out=f"{self.house.folder}/flooder")
        self.house.publish_trust()
        self.broker.send(signal.SIGHUP)
        wait_until(lambda: "320000" in self.broker.links(), "it is enrolled")
        self.alive()
        before = anonymous(self.broker)
        counted = {name: self.refused(name) for name in ("bad-frame", "unexpected-frame", "unknown-field")}
        sent = rounds = 0
        peak = before
        end = time.monotonic() + 8
        while time.monotonic() < end:
            peer = Peer(self.broker.port, f"{self.house.folder}/flooder", f"{self.broker.identity}/transport.pem")
            try:
                if rounds % 2 == 0:
                    peer.send(hello(320000))
                for _ in range(400):
                    size = random.choice([0, 1, 100, 5000, 65536, MIB])
                    body = random.randbytes(min(size, 4096)) * (size // 4096 + 1)
                    frame = random.choice([hello(320000), field(random.randint(1, 11), body[:size]), body[:size]])
                    if not peer.send(frame):
                        break
                    sent += len(frame)
            finally:
                peer.close()
            rounds += 1
            peak = max(peak, anonymous(self.broker))
        self.alive()
        self.broker.check()
        reasons = {name: self.refused(name) - counted[name] for name in counted}
        self.say(f"{sent / MIB:.0f} MiB in {rounds} connections; RssAnon {before / MIB:.0f} → {peak / MIB:.0f} MiB at most; "
                 f"counted: {reasons}")
        self.assertGreater(sent, 4 * MIB)
        self.assertLess(peak - before, 96 * MIB)
        self.assertGreater(sum(reasons.values()), 0, "what was not accepted is counted by reason")

    def refused(self, reason):
        return metric(self.broker, f'lianfang_broker_not_accepted_total{{reason="{reason}"}}')

    def test_invariant_09_strangers_on_tcp(self):
        """Connections that say nothing, half a greeting, or garbage; thousands of bytes each, hundreds at once."""
        random = seed()
        self.alive()
        before = anonymous(self.broker)
        lines, sent = [], 0
        try:
            for i in range(300):
                line = socket.create_connection(("127.0.0.1", self.broker.port), timeout=5)
                lines.append(line)
                what = [b"", b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03", random.randbytes(4096),
                        b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00CURVE" + bytes(15) + b"\0" * 32 + random.randbytes(2000),
                        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"][i % 5]
                try:
                    line.sendall(what)
                    sent += len(what)
                except OSError:
                    pass  # it hung up on us: as it may
            peak = anonymous(self.broker)
            self.alive()
        finally:
            for line in lines:
                line.close()
        self.say(f"{len(lines)} connections, {sent} bytes; RssAnon {before / MIB:.0f} → {peak / MIB:.0f} MiB")
        self.assertLess(peak - before, 64 * MIB)

    def test_garbage_at_http(self):
        """Several KiB of anything at the HTTP sockets of node and broker."""
        random = seed()
        node = self.nodes["310000"]
        with open(node.token_file, "rb") as file:
            token = file.read().strip()
        head = b"POST /v1/envelopes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token
        shapes = [random.randbytes(8192), b"GET " + b"/" * 20000 + b" HTTP/1.1\r\n\r\n", b"\r\n" * 4000,
                  b"POST /v1/envelopes HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                  b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 60000 + b"\r\n\r\n", b"GET /v1/status HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
                  head + b"\r\nContent-Length: 9000\r\n\r\n" + b"[" * 9000, head + b"\r\nContent-Length: 8000\r\n\r\n" + b'{"a":' * 1600,
                  head + b"\r\nContent-Length: 4096\r\n\r\n" + random.randbytes(4096), head + b"\r\nContent-Length: 6\r\n\r\n{\"\xff\"}"]
        answers = []
        for target in (node.socket, self.broker.socket):
            for shape in shapes:
                with socket.socket(socket.AF_UNIX) as line:
                    line.settimeout(2)
                    line.connect(target)
                    try:
                        line.sendall(shape)
                        line.shutdown(socket.SHUT_WR)
                        answers.append(line.recv(200).split(b"\r\n")[0].decode("latin-1"))
                    except OSError:
                        answers.append("closed")
        self.alive()
        self.assertEqual([a for a in answers if " 200 " in a or " 202 " in a or " 500 " in a], [])
        self.say(", ".join(sorted(set(a or "closed" for a in answers))))

    def test_requests_without_a_right(self):
        node = self.nodes["310000"]
        for headers, wanted in (([], 401), (["Authorization: Bearer x"], 401), (["Authorization: Basic eDp4"], 401)):
            status, body = self.house.http(node.socket, "GET", "/v1/inbox", None, headers)
            self.assertEqual(status, wanted)
            self.assertTrue(body["zh"] and body["en"])
        for method, target, body, wanted in (("GET", "/v1/nothing", None, 404), ("POST", "/v1/envelopes", "{", 400),
                                             ("POST", "/v1/envelopes", "[]", 400), ("GET", "/v1/inbox/0", None, 400),
                                             ("POST", "/v1/envelopes", {"kind": "measure-bulletin", "x": 1}, 400)):
            status, answer = node.api(method, target, body)
            self.assertIn(status, (wanted, 404), f"{method} {target}: {answer}")
            self.assertTrue(answer["zh"] and answer["en"], answer)


class Lanes(HouseTest):
    regions = ["310000", "330000"]
    mechanisms = ["yangtze-delta", os.path.join(os.path.dirname(os.path.abspath(__file__)), "alerts.yaml")]

    def test_invariant_08_flash_overtakes_a_backlog(self):
        """A `flash` published last, behind a backlog of more than a MiB of `routine` that flows at the same time: in front of it
        in the inbox there is at most half a MiB."""
        origin, to = self.nodes["330000"], self.nodes["310000"]
        to.stop()
        count, text = 700, "积压" * 250
        for i in range(count):
            publish(origin, measure("330000", f"积压 {i}", summary=text))
        wait_until(lambda: quiet(origin), "verdicts", 60)
        alert, _ = publish(origin, measure("330000", "加急", urgent=True))
        verdict(origin, alert)
        to.start()
        self.assertEqual(received(to, alert)["lane"], "flash")
        wait_until(lambda: drained(self.house), "the queue", 90)
        self.check_overtaking(to, alert, count, text)

    def check_overtaking(self, to, alert, count, text):
        items = inbox(to)
        place = [i["id"] for i in sorted(items, key=lambda i: i["order"])].index(alert)
        size = len(text.encode()) * count
        self.assertEqual(len(items), count + 1)
        before = place * len(text.encode())
        self.say(f"{size / MIB:.1f} MiB of routine queued; {place} of {count} ({before / 1024:.0f} KiB) came before the alert")
        self.assertLessEqual(before, 512 * 1024)


main()
