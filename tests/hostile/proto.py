"""The protocol as docs/PROTOCOL.md states it, written down a second time: protobuf by hand, trees, texts that are signed. Nothing
here calls a library of the programs under test. Fields are named by their numbers in proto/schema."""
import base64
import hashlib
import re
import subprocess

HELLO, WELCOME, SUBMIT, RECEIPT, DELIVER, ARRIVED, CREDIT, PULSE, POLICY, DIRECTORY, BYE = range(1, 12)
RECEIPT_STATEMENT, WITNESS_STATEMENT, ARRIVED_STATEMENT, COMPLETENESS_STATEMENT = range(1, 5)
JUDGED, BAD_BATCH, CONFLICT, EXPECTED_FIRST = range(1, 5)
FLASH, URGENT, ROUTINE, BULK = range(4)


def sha(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def u(size, number):
    return number.to_bytes(size, "big")


# --- protobuf
def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def read_varint(raw, at):
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


class Message:
    """A list of (number, int or bytes), in the order of the wire; a text, a list or a Message is encoded when it is put in."""

    def __init__(self, raw=b"", **fields):
        self.items = []
        at = 0
        while at < len(raw):
            tag, at = read_varint(raw, at)
            value, at = read_varint(raw, at)
            if tag & 7 == 2:
                value, at = raw[at:at + value], at + value
            elif tag & 7 != 0:
                raise ValueError(f"wire type {tag & 7}")
            self.items.append((tag >> 3, value))
        for name, value in fields.items():
            self.put(int(name[1:]), value)

    @staticmethod
    def plain(value):
        if isinstance(value, Message):
            return value.raw()
        return value.encode() if isinstance(value, str) else value

    def raw(self):
        out = b""
        for number, value in self.items:
            if isinstance(value, int):
                out += varint(number << 3) + varint(value)
            else:
                out += varint(number << 3 | 2) + varint(len(value)) + value
        return out

    def all(self, number):
        return [value for n, value in self.items if n == number]

    def one(self, number, default=None):
        return next(iter(self.all(number)), default)

    def sub(self, number):
        return Message(self.one(number, b""))

    def put(self, number, value):
        """In place of what the field holds. A list: each of them. None: the field goes."""
        at = next((i for i, (n, _) in enumerate(self.items) if n == number), len(self.items))
        self.items = [item for item in self.items if item[0] != number]
        values = value if isinstance(value, list) else [] if value is None else [value]
        self.items[at:at] = [(number, self.plain(v)) for v in values]
        return self

    def add(self, number, value):
        self.items.append((number, self.plain(value)))
        return self


def frame(body, message):
    return Message().add(body, message).raw()


def body_of(raw):
    """(which, Message) of a Frame."""
    which, inner = Message(raw).items[0]
    return which, Message(inner)


# --- trees
def header_leaf(header):
    return sha(b"\0", header)


def box_leaf(box):
    box = Message(box)
    return sha(b"\2", u(4, box.one(1)), box.one(2), box.one(3))


def root_of(leaves):
    if len(leaves) == 1:
        return leaves[0]
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return sha(b"\1", root_of(leaves[:left]), root_of(leaves[left:]))


def chain_after(before, number, root, given):
    """given: (leaf index, header) of each envelope."""
    return sha(b"\3", before, u(8, number), root, *[u(4, index) + header_leaf(header) for index, header in given])


# --- keys and signatures
def openssl(*words, data=b""):
    return subprocess.run(["openssl", *words], input=data, capture_output=True, check=True).stdout


def der_of(path):
    with open(path, encoding="ascii") as file:
        return base64.b64decode("".join(re.findall(r"^[^-]+$", file.read(), re.M)))


class Signer:
    """The identity in a folder, and the installation whose CA it is of."""

    def __init__(self, folder, ca, installation):
        self.folder, self.key = folder, f"{folder}/identity.key"
        self.digest = sha(der_of(f"{folder}/identity.pem"))
        pem = openssl("x509", "-in", ca, "-noout", "-pubkey")
        spki = base64.b64decode(b"".join(re.findall(rb"^[^-]+$", pem, re.M)))
        self.domain = sha(sha(spki), installation.encode())

    def sign(self, text):
        return openssl("dgst", "-sha256", "-sign", self.key, data=text)

    def statement(self, kind, statement, beside=None, side=0):
        """A Signed of one leaf; with `beside` of two, and this statement said to be on that side of it."""
        statement = Message.plain(statement)
        root, count = sha(b"\0", u(1, kind), statement), 1 if beside is None else 2
        if beside is not None:
            root = sha(b"\1", root, beside)
        text = b"lianfang statements v1" + u(2, 1) + self.domain + self.digest + u(4, count) + root
        return Message(f1=kind, f2=statement, f3=1, f4=self.digest, f5=side, f6=count, f7=[] if beside is None else [beside],
                       f8=self.sign(text))

    def seal(self, origin, mechanism, lane, store, first, count, boxes, root, **changes):
        """A BatchSeal. What `changes` holds is put in after it was signed."""
        text = (b"lianfang batch v1" + u(2, 1) + self.domain + self.digest + u(4, origin) + u(1, lane) +
                u(1, len(mechanism)) + mechanism.encode() + store + u(8, first) + u(4, count) + u(4, boxes) + root)
        seal = Message(f1=1, f2=self.digest, f3=origin, f4=mechanism, f5=lane, f6=store, f7=first, f8=count, f9=boxes,
                       f10=root, f11=self.sign(text))
        for name, value in changes.items():
            seal.put(int(name[1:]), value)
        return seal
