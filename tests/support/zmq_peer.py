"""A peer that speaks raw ZeroMQ with CURVE, through the libzmq that the programs use: for what no node would ever send."""
import base64
import ctypes
import ctypes.util
import re
import subprocess

DEALER, LINGER, RCVTIMEO, SNDTIMEO, SNDHWM = 5, 17, 27, 28, 23
PUBLIC_KEY, SECRET_KEY, SERVER_KEY = 48, 49, 50


def secret_of(path):
    """The raw X25519 key at the end of the PKCS#8 that lianfang-ca wrote."""
    with open(path, encoding="ascii") as file:
        return base64.b64decode("".join(re.findall(r"^[^-]+$", file.read(), re.M)))[-32:]


def public_of_key(path):
    return subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], capture_output=True,
                          check=True).stdout[-32:]


def public_of_certificate(path):
    pem = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-pubkey"], capture_output=True, check=True).stdout
    return base64.b64decode(b"".join(re.findall(rb"^[^-]+$", pem, re.M)))[-32:]


class Peer:
    """A DEALER. identity: folder with transport.key; server: the broker's transport.pem, or its raw key; beside: a peer whose
    context it shares, which is closed last."""

    zmq = None

    def __init__(self, port, identity, server, secret=None, public=None, beside=None):
        if Peer.zmq is None:
            Peer.zmq = ctypes.CDLL(ctypes.util.find_library("zmq") or "libzmq.so.5", use_errno=True)
            for name in ("zmq_ctx_new", "zmq_socket"):
                getattr(Peer.zmq, name).restype = ctypes.c_void_p
        self.beside = beside
        self.context = beside.context if beside else ctypes.c_void_p(self.zmq.zmq_ctx_new())
        self.socket = ctypes.c_void_p(self.zmq.zmq_socket(self.context, DEALER))
        for option, value in ((LINGER, 0), (RCVTIMEO, 200), (SNDTIMEO, 200), (SNDHWM, 100)):
            self.set(option, ctypes.c_int(value))
        self.set_bytes(SERVER_KEY, server if isinstance(server, bytes) else public_of_certificate(server))
        key = f"{identity}/transport.key" if identity else None
        self.set_bytes(SECRET_KEY, secret or secret_of(key))
        self.set_bytes(PUBLIC_KEY, public or public_of_key(key))
        self.check(self.zmq.zmq_connect(self.socket, b"tcp://127.0.0.1:%d" % port))

    def check(self, result):
        if result < 0:
            raise OSError(ctypes.get_errno(), "libzmq")
        return result

    def set(self, option, value):
        self.check(self.zmq.zmq_setsockopt(self.socket, option, ctypes.byref(value), ctypes.c_size_t(ctypes.sizeof(value))))

    def set_bytes(self, option, value):
        self.check(self.zmq.zmq_setsockopt(self.socket, option, value, ctypes.c_size_t(len(value))))

    def send(self, frame):
        """True: taken over by libzmq within 0.2 s."""
        return self.zmq.zmq_send(self.socket, frame, ctypes.c_size_t(len(frame)), 0) >= 0

    def receive(self):
        """The next frame, or None within 0.2 s."""
        buffer = ctypes.create_string_buffer(2 << 20)
        size = self.zmq.zmq_recv(self.socket, buffer, ctypes.c_size_t(len(buffer)), 0)
        return None if size < 0 else buffer.raw[:size]

    def close(self):
        self.zmq.zmq_close(self.socket)
        if not self.beside:
            self.zmq.zmq_ctx_term(self.context)


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """One protobuf field: a number as varint, bytes by length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def hello(region, store=b"\x07" * 16):
    """A HELLO of a fresh store, in a Frame."""
    text = (field(1, 1) + field(2, 1) + field(3, b"test") + field(4, int(region)) + field(5, store) + field(11, 0) +
            field(12, 0) + field(13, 0) + field(15, b"\x01" * 16))
    return field(1, text)
