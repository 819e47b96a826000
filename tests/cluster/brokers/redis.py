"""A Redis of the suite's own. With shape "sentinel": a primary, a replica whose link can be stalled, and three Sentinels."""
import asyncio
import pathlib
import re
import subprocess

from brokers.base import Base, free_port
from gate import Gate
from waiting import until

TIMEOUT = "1s"
PRIMARY = "holdfast"
SENTINEL = """
port %d
bind 127.0.0.1
sentinel monitor holdfast 127.0.0.1 %d 2
sentinel down-after-milliseconds holdfast 500
# So long no Sentinel corrects the address that the replica follows: it is that of a gate.
sentinel failover-timeout holdfast 60000
"""


class Server:
    """One redis-server."""

    def __init__(self, folder, *options):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.process, self.port = None, free_port()
        self.command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "",
                        "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0", *options]

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(*self.command, stdout=open(self.folder / "log", "ab"),
                                                            stderr=asyncio.subprocess.STDOUT)
        await until(self.answers, 10, "a redis-server")
        return self

    async def answers(self):
        try:
            return (await self.ask("PING")).startswith("+PONG")
        except OSError:
            return False

    async def ask(self, *words, patience=5.0):
        """The answer as it stands on the wire; all of it if it is short."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            words = [str(word).encode() for word in words]
            writer.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
            return (await asyncio.wait_for(reader.read(65536), patience)).decode(errors="replace")
        finally:
            writer.close()

    async def kill(self):
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class Sentinel(Server):
    def __init__(self, folder, primary_port):
        super().__init__(folder)
        config = self.folder / "sentinel.conf"
        config.write_text(SENTINEL % (self.port, primary_port))
        self.command = ["redis-sentinel", str(config)]


class Broker(Base):
    name = "redis"
    faults = frozenset({"gate", "restart_empty", "restart_kept", "kick", "flush", "flush_scripts", "pause", "fail_over", "history", "short_history"})

    def version(self):
        text = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True).stdout
        return "Redis " + re.search(r"v=(\S+)", text)[1]

    async def start(self, folder, shape=""):
        self.shape, self.folder, self.servers, self.link = shape, pathlib.Path(folder), [], None
        kept = ["--appendonly", "yes", "--appendfsync", "always"] if shape == "persistent" else []
        self.primary = await self._add(Server(self.folder / "primary", *kept))
        if shape == "sentinel":
            await self._add_sentinels()

    async def _add(self, server):
        self.servers.append(server)
        return await server.start()

    async def _add_sentinels(self):
        self.link = await Gate(("127.0.0.1", self.primary.port)).start()
        self.replica = await self._add(Server(self.folder / "replica", "--replicaof", "127.0.0.1 %d" % self.link.address[1]))

        async def follows():
            return "master_link_status:up" in await self.replica.ask("INFO", "replication")
        await until(follows, 10, "a replica that follows")
        self.sentinels = [await self._add(Sentinel(self.folder / ("sentinel-%d" % i), self.primary.port)) for i in range(3)]

        async def know_each_other():
            texts = [await s.ask("INFO", "sentinel") for s in self.sentinels]
            return all("slaves=1,sentinels=3" in text for text in texts)
        await until(know_each_other, 15, "Sentinels that know each other")

    async def stop(self):
        for server in self.servers:
            await server.kill()
        if self.link:
            await self.link.close()

    def ways(self, slot):
        return [] if self.shape == "sentinel" else [(("127.0.0.1", self.primary.port), 0)]

    def config(self, slot, addresses, **options):
        where = {"sentinels": ["127.0.0.1:%d" % s.port for s in self.sentinels], "sentinel_master": PRIMARY} if not addresses else \
            {"address": "%s:%d" % addresses[0]}
        return {"broker": {"type": "redis", "redis": {**where, "timeout": TIMEOUT, **options}}}

    # ---- faults

    async def kill(self):
        await self.primary.kill()

    async def restart(self):
        await self.primary.start()

    async def kick(self):
        for kind in ("pubsub", "normal"):
            await self.primary.ask("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    async def flush(self):
        await self.primary.ask("FLUSHALL")

    async def flush_scripts(self):
        await self.primary.ask("SCRIPT", "FLUSH")

    async def pause(self, seconds):
        await self.primary.ask("DEBUG", "SLEEP", seconds, patience=seconds + 5)

    async def lag(self):
        """From now on the replica gets nothing."""
        self.link.stall()

    async def fail_over(self, planned):
        if planned:
            await self.sentinels[0].ask("SENTINEL", "FAILOVER", PRIMARY)
        else:
            await self.primary.kill()

        async def leads():
            names = [await s.ask("SENTINEL", "get-master-addr-by-name", PRIMARY) for s in self.sentinels]
            return "role:master" in await self.replica.ask("INFO", "replication") and all(str(self.replica.port) in name for name in names)
        await until(leads, 20, "another primary")
        self.primary = self.replica
