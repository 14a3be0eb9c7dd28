"""ZMTP 3.1 with CURVE on a plain socket (rfc.zeromq.org/spec/23 and 26): what libzmq would never send can be sent, byte by byte."""
import ctypes
import ctypes.util
import os
import socket
import time

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE" + bytes(15) + b"\0" + bytes(31)
MORE, LARGE, COMMAND = 1, 2, 4


class Closed(Exception):
    """The other side hung up."""


class Sodium:
    library = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")

    @classmethod
    def box(cls, text, nonce, their_public, my_secret):
        out = ctypes.create_string_buffer(len(text) + 16)
        cls.library.crypto_box_easy(out, text, ctypes.c_ulonglong(len(text)), nonce, their_public, my_secret)
        return out.raw

    @classmethod
    def open(cls, text, nonce, their_public, my_secret):
        out = ctypes.create_string_buffer(max(len(text) - 16, 1))
        if cls.library.crypto_box_open_easy(out, text, ctypes.c_ulonglong(len(text)), nonce, their_public, my_secret) != 0:
            raise ValueError("a box that does not open")
        return out.raw[:len(text) - 16]

    @classmethod
    def pair(cls):
        public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
        cls.library.crypto_box_keypair(public, secret)
        return public.raw, secret.raw


def wrap(body, flags=0):
    """One ZMTP frame."""
    if len(body) > 255:
        return bytes([flags | LARGE]) + len(body).to_bytes(8, "big") + body
    return bytes([flags, len(body)]) + body


class Line:
    """A connection that has shaken hands. server: raw key; keys: (public, secret); name: the routing id it claims."""

    def __init__(self, port, server, keys, name=b"", seconds=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server, (self.public, self.secret), self.name = server, keys, name
        self.near_public, self.near = Sodium.pair()
        self.nonce, self.buffer = 0, b""
        try:
            self.shake_hands()
        except (OSError, Closed):
            self.close()
            raise

    def counted(self):
        self.nonce += 1
        return self.nonce.to_bytes(8, "big")

    def shake_hands(self):
        self.raw(GREETING)
        self.exactly(64)
        nonce = self.counted()
        box = Sodium.box(bytes(64), b"CurveZMQHELLO---" + nonce, self.server, self.near)
        self.raw(wrap(b"\x05HELLO\x01\x00" + bytes(72) + self.near_public + nonce + box, COMMAND))
        welcome = self.frame()[1]
        if not welcome.startswith(b"\x07WELCOME"):
            raise Closed(welcome[:20])
        inner = Sodium.open(welcome[24:], b"WELCOME-" + welcome[8:24], self.server, self.near)
        self.far, cookie = inner[:32], inner[32:]
        random, nonce = os.urandom(16), self.counted()
        vouch = Sodium.box(self.near_public + self.server, b"VOUCH---" + random, self.far, self.secret)
        told = b"\x0bSocket-Type" + (6).to_bytes(4, "big") + b"DEALER" + b"\x08Identity" + len(self.name).to_bytes(4, "big") + self.name
        box = Sodium.box(self.public + random + vouch + told, b"CurveZMQINITIATE" + nonce, self.far, self.near)
        self.raw(wrap(b"\x08INITIATE" + cookie + nonce + box, COMMAND))
        ready = self.frame()[1]
        if not ready.startswith(b"\x05READY"):
            raise Closed(ready[:20])

    # --- out
    def raw(self, data):
        try:
            self.socket.sendall(data)
        except socket.timeout:
            raise
        except OSError as error:
            raise Closed(str(error)) from None

    def sealed(self, payload, flags=0):
        """A MESSAGE as it goes over the wire."""
        nonce = self.counted()
        box = Sodium.box(bytes([flags]) + payload, b"CurveZMQMESSAGEC" + nonce, self.far, self.near)
        return wrap(b"\x07MESSAGE" + nonce + box)

    def send(self, payload, more=False):
        self.raw(self.sealed(payload, MORE if more else 0))

    # --- in
    def exactly(self, count):
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(1 << 16)
            except socket.timeout:
                raise
            except OSError as error:
                raise Closed(str(error)) from None
            if not data:
                raise Closed("end")
            self.buffer += data
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def frame(self):
        flags = self.exactly(1)[0]
        size = int.from_bytes(self.exactly(8 if flags & LARGE else 1), "big")
        return flags, self.exactly(size)

    def whole(self):
        """A frame has come completely."""
        if len(self.buffer) < 9:
            return len(self.buffer) >= 2 and not self.buffer[0] & LARGE and len(self.buffer) >= 2 + self.buffer[1]
        large = self.buffer[0] & LARGE
        size = int.from_bytes(self.buffer[1:9], "big") if large else self.buffer[1]
        return len(self.buffer) >= size + (9 if large else 2)

    def receive(self, seconds=0.2):
        """The next payload, or None; pings are answered. Closed when the other side is gone."""
        end = time.monotonic() + seconds
        while True:
            while not self.whole():
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.socket.settimeout(left)
                try:
                    data = self.socket.recv(1 << 16)
                except socket.timeout:
                    return None
                except OSError as error:
                    raise Closed(str(error)) from None
                finally:
                    self.socket.settimeout(20)
                if not data:
                    raise Closed("end")
                self.buffer += data
            _, body = self.frame()
            if not body.startswith(b"\x07MESSAGE"):
                continue
            inner = Sodium.open(body[16:], b"CurveZMQMESSAGES" + body[8:16], self.far, self.near)
            if inner[0] & 2:
                if inner[1:].startswith(b"\x04PING"):
                    self.raw(self.sealed(b"\x04PONG" + inner[8:], 2))
                continue
            return inner[1:]

    def close(self):
        self.socket.close()
