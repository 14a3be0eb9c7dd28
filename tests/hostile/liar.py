"""An enrolled node that is none of ours: its certificates are real, what it says is chosen here."""
import os
import socket
import time

from curve import Closed, Line
from house import INSTALLATION, Failure, wait_until
from proto import (ARRIVED, ARRIVED_STATEMENT, BYE, DELIVER, HELLO, PULSE, RECEIPT, ROUTINE, SUBMIT, WELCOME, Message, Signer,
                   body_of, frame, header_leaf, box_leaf, root_of, sha)
from zmq_peer import public_of_certificate, public_of_key, secret_of

MEASURE, CONTACT_NOTICE, COMMAND_UNIT, TEST = 3, 1, 1, 2
MECHANISM = "yangtze-delta"


def now_ms():
    return int(time.time() * 1000)


def bulletin(title):
    """A measure-bulletin as far as a recipient reads it."""
    return Message(f1=Message(f1=title, f2="测试指挥部"), f2=[19], f3=1, f11=title).raw()


class Liar:
    def __init__(self, house, region):
        self.house, self.region = house, int(region)
        self.folder = f"{house.folder}/node-{region}-identity"
        self.signer = Signer(self.folder, house.ca_certificate, INSTALLATION)
        self.server = public_of_certificate(f"{house.broker.identity}/transport.pem")
        key = f"{self.folder}/transport.key"
        self.keys = (public_of_key(key), secret_of(key))
        self.store, self.token, self.line = os.urandom(16), None, None
        self.heard, self.seen, self.taken, self.serial = [], [], 0, 0

    # --- sessions
    def dial(self, **options):
        """A connection without a word said. A recorder of everything that comes is kept in `heard`."""
        self.hang_up()
        self.line, self.seen = Line(self.house.broker.port, self.server, self.keys, **options), []
        return self.line

    def hang_up(self):
        if self.line:
            self.line.close()
        self.line = None

    def hello(self, **changes):
        hello = Message(f1=1, f2=1, f3="liar", f4=self.region, f5=self.store)
        if self.token:
            hello.put(6, self.token)
        hello.put(11, 0).put(12, 0).put(13, self.taken)
        hello.put(14, [Message(f1=lane, f2=1 << 20).raw() for lane in range(4)]).put(15, os.urandom(16))
        for name, value in changes.items():
            hello.put(int(name[1:]), value)
        return hello

    def greet(self, **changes):
        """HELLO on a fresh connection, up to WELCOME."""
        self.dial()
        self.say(HELLO, self.hello(**changes))
        self.welcome = self.await_(WELCOME)
        if self.welcome.one(7) in (0, 1):
            self.token = self.welcome.one(6)
        return self.welcome

    def open(self, **changes):
        """A confirmed session."""
        self.greet(**changes)
        self.pulse(f6=self.token)
        return self

    def pulse(self, **changes):
        self.serial += 1
        pulse = Message(f1=self.serial, f2=now_ms(), f3=now_ms())
        for name, value in changes.items():
            pulse.put(int(name[1:]), value)
        self.say(PULSE, pulse)

    def say(self, which, message):
        self.line.send(frame(which, message))

    def await_(self, which, match=lambda message: True, seconds=15):
        """The next frame of a kind; what comes before it is kept in `seen`, and pulses keep the session alive."""
        end, beat = time.monotonic() + seconds, time.monotonic() + 0.25
        while time.monotonic() < end:
            raw = self.line.receive(0.1)
            if time.monotonic() > beat and which != WELCOME:
                beat = time.monotonic() + 0.25
                self.pulse()
            if raw is None:
                continue
            self.heard.append(raw)
            kind, message = body_of(raw)
            if kind == RECEIPT:
                self.taken = max(self.taken, message.one(1))
            if kind == which and match(message):
                return message
            if kind == BYE:
                raise Closed(f"BYE {message.one(1)}")
            self.seen.append((kind, message))
        raise Failure(f"no frame {which} within {seconds} s; came: {[k for k, _ in self.seen]}")

    def ended(self, seconds=15):
        """The broker ends the connection: the reason of its BYE, or None."""
        reason, end = None, time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                raw = self.line.receive(0.2)
            except Closed:
                self.hang_up()
                return reason
            if raw is not None:
                self.heard.append(raw)
                kind, message = body_of(raw)
                reason = message.one(1) if kind == BYE else reason
        raise Failure(f"the broker did not hang up within {seconds} s")

    # --- batches
    def header(self, seq, payload, **changes):
        salt = os.urandom(16)
        day = int(time.strftime("%Y%m%d", time.gmtime(time.time() + 8 * 3600)))
        stamp = now_ms()
        id_ = stamp.to_bytes(6, "big") + bytes([0x70]) + os.urandom(1) + bytes([0x80]) + os.urandom(7)
        header = Message(f1=1, f2=id_, f3=day, f4=seq, f5=self.region, f6=self.region, f7=COMMAND_UNIT, f8=self.store, f9=seq,
                         f10=MECHANISM, f11=ROUTINE, f12=MEASURE, f13=TEST, f14=0, f19=2, f22=stamp, f26=day + 10000, f32=0,
                         f33=sha(salt, payload))
        for name, value in changes.items():
            header.put(int(name[1:]), value)
        return Message(f1=header, f2=salt, f3=payload)

    def batch(self, envelopes, boxes=(), first=1, root=None, origin=None, lane=ROUTINE, **changes):
        leaves = [header_leaf(e.one(1)) for e in envelopes] + [box_leaf(b.raw()) for b in boxes]
        seal = self.signer.seal(origin or self.region, MECHANISM, lane, self.store, first, len(envelopes), len(boxes),
                                root or root_of(leaves), **changes)
        return Message(f1=seal, f2=[e.raw() for e in envelopes], f3=[b.raw() for b in boxes])

    def submit(self, batch):
        self.say(SUBMIT, Message(f1=batch))

    def answer(self, batch):
        """The broker's statement on this batch."""
        root = Message(batch.one(1)).one(10)
        self.submit(batch)
        receipt = self.await_(RECEIPT, lambda m: m.sub(2).sub(2).one(10) == root)
        return receipt.sub(2).sub(2)

    def new_stream(self):
        self.store = os.urandom(16)

    # --- deliveries
    def delivery(self):
        """The next DELIVER and its Part."""
        for at, (kind, message) in enumerate(self.seen):
            if kind == DELIVER:
                del self.seen[at]
                return message, message.sub(6)
        message = self.await_(DELIVER)
        return message, message.sub(6)

    def arrived(self, deliver, part, kind=ARRIVED_STATEMENT, number=None, tree=(), **changes):
        """The ARRIVED of a delivery, as a node would say it but for the changes of the statement."""
        seal = part.sub(1)
        statement = Message(f1=self.region, f2=seal.one(3), f3=seal.one(4), f4=seal.one(5), f5=seal.one(6), f6=seal.one(10),
                            f7=seal.one(7), f8=[Message(f1=Message(e).one(1), f2=5).raw() for e in part.all(2)], f9=now_ms())
        for name, value in changes.items():
            statement.put(int(name[1:]), value)
        signed = self.signer.statement(kind, statement, *tree)
        return Message(f1=Message(f1=deliver.one(1), f2=deliver.one(2), f3=number or deliver.one(3), f4=deliver.one(4), f5=signed))

    def take(self, deliver, part):
        self.say(ARRIVED, self.arrived(deliver, part))


__all__ = ["Liar", "Closed", "bulletin", "now_ms", "socket", "wait_until"]
