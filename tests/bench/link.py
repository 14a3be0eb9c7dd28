"""A TCP line that takes its time: every byte arrives `delay_s` after it was sent, and no more than `rate` bytes a second go each way.
What is on the way is bounded as in a router, so that TCP in front of it feels it."""
import asyncio
import socket
import threading

CHUNK = 16384
QUEUE_BYTES = 262144  # beside what delay and rate hold


class Link(threading.Thread):
    """Listens on .port, connects to `target` on loopback. Each connection has the rate for itself. Ends with close()."""

    def __init__(self, target, delay_s, rate):
        super().__init__(daemon=True)
        self.target, self.delay_s, self.rate = target, delay_s, rate
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self.carry, sock=self.listener))
        self.loop.run_forever()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join()
        self.listener.close()

    async def carry(self, near_reader, near_writer):
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        for writer in (near_writer, far_writer):
            writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.gather(self.way(near_reader, far_writer), self.way(far_reader, near_writer))
        except asyncio.CancelledError:
            pass  # close(): that it ended so is nobody's business

    async def way(self, reader, writer):
        """One direction: what is read goes out when its time has come."""
        room = int(self.delay_s * (self.rate or 1 << 30)) + QUEUE_BYTES
        queue, space = asyncio.Queue(), asyncio.Semaphore(room // CHUNK)
        sending = asyncio.ensure_future(self.send(queue, space, writer))
        try:
            while data := await reader.read(CHUNK):
                await space.acquire()
                queue.put_nowait((self.loop.time() + self.delay_s, data))
        except OSError:
            pass
        queue.put_nowait((0, b""))
        await sending

    async def send(self, queue, space, writer):
        free_at = 0.0  # when the line has carried what went before
        try:
            while True:
                due, data = await queue.get()
                space.release()
                if not data:
                    break
                now = self.loop.time()
                if self.rate:
                    free_at = max(free_at, now) + len(data) / self.rate
                    due = max(due, free_at)
                if due > now:
                    await asyncio.sleep(due - now)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()
