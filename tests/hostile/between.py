"""A broker that lies: it ends CURVE with the true broker's key on one side, speaks with the node's key on the other, and may
change, drop, hold back or repeat every single frame of an honest conversation, or add its own."""
import ctypes
import os
import threading

from liar import INSTALLATION
from proto import BYE, DELIVER, WELCOME, Message, Signer, body_of, chain_after, frame
from zmq_peer import Peer, secret_of

ROUTER, POLLIN, LAST_ENDPOINT, CURVE_SERVER, ROUTING_ID = 6, 1, 32, 47, 5


class Item(ctypes.Structure):
    _fields_ = [("socket", ctypes.c_void_p), ("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


class Front(Peer):
    """The ROUTER that the node takes for its broker. Without a ZAP handler libzmq lets everybody in, which is all right here."""

    def __init__(self, key):  # pylint: disable=super-init-not-called
        self.beside = None
        self.context = ctypes.c_void_p(self.zmq.zmq_ctx_new())
        self.socket = ctypes.c_void_p(self.zmq.zmq_socket(self.context, ROUTER))
        self.set(CURVE_SERVER, ctypes.c_int(1))
        self.set(17, ctypes.c_int(0))
        self.set(27, ctypes.c_int(200))
        self.set_bytes(49, secret_of(key))
        self.check(self.zmq.zmq_bind(self.socket, b"tcp://127.0.0.1:*"))
        name, size = ctypes.create_string_buffer(100), ctypes.c_size_t(100)
        self.check(self.zmq.zmq_getsockopt(self.socket, LAST_ENDPOINT, name, ctypes.byref(size)))
        self.port = int(name.value.decode().rsplit(":", 1)[1])

    def part(self):
        return self.receive()

    def answer(self, peer, payload):
        self.zmq.zmq_send(self.socket, peer, ctypes.c_size_t(len(peer)), 2)
        self.zmq.zmq_send(self.socket, payload, ctypes.c_size_t(len(payload)), 0)


class Between(threading.Thread):
    """Give it to a node in place of the broker. `down` and `up` map (which, Message) to a list of frames that go on instead."""

    def __init__(self, house, region):
        super().__init__(daemon=True)
        self.house, self.name, self.identity = house, house.broker.name, house.broker.identity
        self.target = house.broker.port
        self.node_folder = f"{house.folder}/node-{region}-identity"
        self.signer = Signer(self.identity, house.ca_certificate, INSTALLATION)
        Peer(self.target, self.node_folder, f"{self.identity}/transport.pem").close()  # loads the library
        self.front = Front(f"{self.identity}/transport.key")
        self.port = self.front.port
        self.honest()
        self.back = self.peer = None
        self.seen, self.heard, self.chains, self.ended = [], [], {}, False
        self.lock = threading.Lock()
        self.start()

    def honest(self):
        self.down = self.up = lambda which, message: [frame(which, message)]

    def run(self):
        while not self.ended:
            items = (Item * 2)(Item(self.front.socket, 0, POLLIN, 0), Item(self.back.socket if self.back else None, -1, POLLIN, 0))
            self.front.zmq.zmq_poll(items, 2 if self.back else 1, ctypes.c_long(50))
            with self.lock:
                if items[0].revents:
                    self.from_node()
                if self.back and items[1].revents:
                    self.from_broker()
        if self.back:
            self.back.close()
        self.front.close()

    def from_node(self):
        peer, payload = self.front.part(), self.front.part()
        if peer != self.peer:
            if self.back:
                self.back.close()
            self.peer, self.back = peer, Peer(self.target, self.node_folder, f"{self.identity}/transport.pem")
        self.heard.append(payload)
        which, message = body_of(payload)
        for out in self.up(which, message):
            self.back.send(out)

    def from_broker(self):
        payload = self.back.receive()
        if payload is None:
            return
        which, message = body_of(payload)
        self.seen.append((which, message))
        for out in self.down(which, message):
            self.tell(out)

    def tell(self, out):
        """To the node; the chain of what it was given last is kept."""
        which, message = body_of(out)
        if which == DELIVER:
            self.chains[(message.one(1), message.one(2))] = (message.one(3), message.one(4), message.one(5))
        self.front.answer(self.peer, out)

    def inject(self, which, message):
        with self.lock:
            self.tell(frame(which, message))

    def wait_frame(self, which, match=lambda m: True):
        from house import wait_until
        return wait_until(lambda: next((m for w, m in self.seen if w == which and match(m)), None), f"frame {which}")

    def next_in_lane(self, deliver):
        """This delivery as the next one of its lane: number and running hash follow on, as a broker can make them do."""
        deliver = Message(deliver.raw())
        part = deliver.sub(6)
        number, chain, generation = self.chains.get((deliver.one(1), deliver.one(2)), (0, bytes(32), deliver.one(5)))
        given = [(Message(e).one(1), Message(e).one(2)) for e in part.all(2)]
        deliver.put(3, number + 1).put(5, generation)
        return deliver.put(4, chain_after(chain, number + 1, part.sub(1).one(10), given))

    def close(self):
        self.ended = True
        self.join()


__all__ = ["Between", "BYE", "WELCOME", "os"]
