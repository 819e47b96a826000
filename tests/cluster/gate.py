"""A TCP gate between a node and its broker: it passes bytes on until the nemesis says otherwise."""
import asyncio


class Gate:
    """Listens on a port of its own; `target` is (host, port) of what lies behind.

    cut         connections break (RST) and new ones are refused at once
    stall       connections stay, new ones are accepted, no byte moves; `heal` passes on what waits, as a network would
    slow        every piece of bytes arrives `delay` s later
    half_open   open connections are forgotten: the broker sees them break, the node hears nothing, not even an end; new ones work
    """

    def __init__(self, target):
        self.target = target
        self.mode, self.delay = "pass", 0.0
        self.links = set()
        self.moved = asyncio.Event()  # set: bytes move
        self.moved.set()

    async def start(self, port=0):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.address = self.server.sockets[0].getsockname()[:2]
        return self

    def cut(self):
        self.mode = "cut"
        self.moved.set()
        for link in list(self.links):
            link.abort()

    def stall(self):
        self.mode = "stall"
        self.moved.clear()

    def slow(self, delay):
        self.mode, self.delay = "slow", delay

    def half_open(self):
        for link in list(self.links):
            link.forget()

    def heal(self):
        self.mode, self.delay = "pass", 0.0
        self.moved.set()

    async def close(self):
        self.cut()
        self.server.close()

    async def _accept(self, reader, writer):
        if self.mode == "cut":
            writer.transport.abort()
            return
        await self.moved.wait()
        try:
            there = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, (reader, writer), there)
        self.links.add(link)
        await link.run()
        self.links.discard(link)


class Gates:
    """The gates of one node, as one."""

    def __init__(self, gates):
        self.gates = gates
        self.addresses = [gate.address for gate in gates]

    @classmethod
    async def start(cls, ways):
        """`ways`: (where it leads to, its own port or 0) of each."""
        return cls([await Gate(target).start(port) for target, port in ways])

    def cut(self):
        for gate in self.gates:
            gate.cut()

    def stall(self):
        for gate in self.gates:
            gate.stall()

    def slow(self, delay):
        for gate in self.gates:
            gate.slow(delay)

    def half_open(self):
        for gate in self.gates:
            gate.half_open()

    def heal(self):
        for gate in self.gates:
            gate.heal()

    async def close(self):
        for gate in self.gates:
            await gate.close()


class _Link:
    def __init__(self, gate, here, there):
        self.gate, self.here, self.there = gate, here, there
        self.forgotten = False

    def abort(self):
        self.here[1].transport.abort()
        self.there[1].transport.abort()

    def forget(self):
        self.forgotten = True
        self.there[1].transport.abort()

    async def run(self):
        await asyncio.gather(self._pump(self.here[0], self.there[1]), self._pump(self.there[0], self.here[1]))

    async def _pump(self, reader, writer):
        loop = asyncio.get_running_loop()
        queue = asyncio.Queue()  # of what waits for its time: (due, bytes), in order

        async def pour():
            while True:
                due, data = await queue.get()
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                await self.gate.moved.wait()
                if self.forgotten:
                    continue
                if not data:
                    return writer.close()
                writer.write(data)

        pouring = asyncio.create_task(pour())
        try:
            while data := await reader.read(65536):
                queue.put_nowait((loop.time() + self.gate.delay, data))
            queue.put_nowait((loop.time() + self.gate.delay, b""))
            if not self.forgotten:
                await pouring
        except (ConnectionError, OSError):
            if not self.forgotten:
                writer.transport.abort()
        finally:
            pouring.cancel()
