"""A TCP line between one node and its broker on which everything can go wrong. Given to a node in place of the broker.

What is done to a line is set from outside, at any time, and lasts until heal(). Bytes are never altered: CURVE would notice at once.
"""
import asyncio
import socket
import struct
import threading
import time

CHUNK = 16384
LINGER_NONE = struct.pack("ii", 1, 0)  # close() sends a reset


class Pair:
    """One connection of the node and the one to the broker; `task` carries bytes between them."""

    def __init__(self, near, far):
        self.near, self.far, self.task = near, far, None

    def close(self, *sockets):
        if self.task:
            self.task.cancel()
        for one in sockets or (self.near, self.far):
            try:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
            except OSError:
                pass
            one.close()


class Line(threading.Thread):
    """stalled: which directions are not read, of "up" (to the broker) and "down". delay_s: each piece waits so long. rate: bytes a
    second and direction, 0 = as fast as it goes. closed: nobody is let in."""

    def __init__(self, broker):
        super().__init__(daemon=True)
        self.name, self.identity, self.target = broker.name, broker.identity, broker.port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.serving = self.loop.create_task(self.serve())
        self.pairs, self.passed = set(), 0
        self.heal()
        self.start()

    def heal(self):
        self.stalled, self.delay_s, self.rate, self.closed = frozenset(), 0.0, 0, False
        if getattr(self, "halved", None):
            self.loop.call_soon_threadsafe(self.close_pairs, self.halved)
        self.halved = set()

    def reset(self):
        """Both ends get a reset, now."""
        self.loop.call_soon_threadsafe(lambda: self.close_pairs(set(self.pairs)))

    def half(self, end):
        """One end ("near": the node, "far": the broker) is gone; the other is not told until heal()."""
        def cut():
            for pair in self.pairs:
                self.halved.add(pair)
                pair.close(pair.near if end == "near" else pair.far)
        self.loop.call_soon_threadsafe(cut)

    def close(self):
        self.loop.call_soon_threadsafe(self.serving.cancel)
        self.join()
        self.listener.close()

    # --- in the thread

    def close_pairs(self, pairs):
        for pair in set(pairs):
            pair.close()

    def run(self):
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self.serving)
        except asyncio.CancelledError:
            pass
        rest = asyncio.all_tasks(self.loop)
        self.close_pairs(self.pairs)
        for task in rest:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        self.loop.close()

    async def serve(self):
        tasks = set()  # the loop itself keeps none alive
        while True:
            near, _ = await self.loop.sock_accept(self.listener)
            tasks.add(self.loop.create_task(self.connect(near)))
            tasks = {task for task in tasks if not task.done()}

    async def connect(self, near):
        far = socket.socket()
        pair = Pair(near, far)
        near.setblocking(False)
        far.setblocking(False)
        try:
            if self.closed:
                raise OSError
            await self.loop.sock_connect(far, ("127.0.0.1", self.target))
        except OSError:
            pair.close()
            return
        self.pairs.add(pair)
        pair.task = asyncio.gather(self.pump(near, far, "up"), self.pump(far, near, "down"), return_exceptions=True)
        try:
            await pair.task
        except asyncio.CancelledError:
            pass
        self.pairs.discard(pair)
        if pair not in self.halved:
            pair.close()

    async def pump(self, source, to, direction):
        """Until one end is gone; then the other is told, too."""
        try:
            while await self.piece(source, to, direction):
                pass
        except OSError:
            pass
        for one in (source, to):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    async def piece(self, source, to, direction):
        while direction in self.stalled:
            await asyncio.sleep(0.02)
        data = await self.loop.sock_recv(source, CHUNK)
        began = time.monotonic()
        while self.delay_s > time.monotonic() - began:
            await asyncio.sleep(0.01)
        if self.rate:
            await asyncio.sleep(len(data) / self.rate)
        await self.loop.sock_sendall(to, data)
        self.passed += len(data)
        return bool(data)
