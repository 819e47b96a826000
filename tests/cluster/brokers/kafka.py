"""An Apache Kafka of the suite's own: one process, broker and controller. It lives through all cells; each cell has a topic of its own.

Kafka tells clients where to connect, so each node has a listener of its own there, which advertises that node's gate.
"""
import asyncio
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from brokers.base import Base, free_port
from waiting import until

PLACES = 8  # for nodes
QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
ROOT = pathlib.Path(__file__).resolve().parents[3]


def jars():
    """The folder of Kafka's jars: HOLDFAST_KAFKA_LIB, or build/kafka/lib, which Maven fills the first time."""
    if given := os.environ.get("HOLDFAST_KAFKA_LIB"):
        return pathlib.Path(given)
    folder = ROOT / "build" / "kafka" / "lib"
    subprocess.run([ROOT / "tests" / "broker" / "kafka_jars.sh", folder], check=True)
    return folder


class Broker(Base):
    name = "kafka"
    faults = frozenset({"gate", "restart_kept", "flush", "pause", "history"})
    gaps = {"restart-kept": False}
    java = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # starts fast; what measures it may want another

    def __init__(self):
        self.process = None
        self.topics = itertools.count(1)

    def version(self):
        return "Apache Kafka %s" % next(jars().glob("kafka_2.13-*.jar")).stem.split("-")[-1]

    # ---- one process for all cells

    async def start(self, folder, shape=""):
        if self.process is None:
            await self._set_up()
        self.topic = "cell-%d" % next(self.topics)
        self.taken = {}

    async def _set_up(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-kafka-"))
        self.port, controller = free_port(), free_port()
        self.places = [(free_port(), free_port()) for _ in range(PLACES)]  # (Kafka's, the gate's)
        names = ["NODE%d" % i for i in range(PLACES)]
        here = "127.0.0.1:%d"
        listeners = ["PLAINTEXT://" + here % self.port, "CONTROLLER://" + here % controller]
        listeners += ["%s://%s" % (name, here % inside) for name, (inside, _) in zip(names, self.places)]
        advertised = ["PLAINTEXT://" + here % self.port] + ["%s://%s" % (name, here % outside) for name, (_, outside) in zip(names, self.places)]
        self.properties = self.folder / "server.properties"
        self.properties.write_text("\n".join([
            "process.roles=broker,controller", "node.id=1", "controller.quorum.voters=1@" + here % controller,
            "listeners=" + ",".join(listeners), "advertised.listeners=" + ",".join(advertised),
            "listener.security.protocol.map=" + ",".join("%s:PLAINTEXT" % name for name in ["PLAINTEXT", "CONTROLLER", *names]),
            "controller.listener.names=CONTROLLER", "inter.broker.listener.name=PLAINTEXT", "log.dirs=%s" % (self.folder / "data"),
            "num.partitions=4", "offsets.topic.num.partitions=1", "offsets.topic.replication.factor=1",
            "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1", "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1", "group.initial.rebalance.delay.ms=0", "broker.session.timeout.ms=1500",
            "broker.heartbeat.interval.ms=300", ""]))
        cluster = (await self._tool("kafka.tools.StorageTool", "random-uuid")).split()[-1]
        await self._tool("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self.properties))
        await self._run()

    async def _tool(self, *arguments):
        process = await asyncio.create_subprocess_exec("java", QUIET, "-XX:TieredStopAtLevel=1", "-cp", "%s/*" % jars(), *arguments,
                                                       stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
        out, _ = await process.communicate()
        if process.returncode != 0:
            raise RuntimeError("%s: %s" % (" ".join(arguments), out.decode()))
        return out.decode()

    async def _run(self):
        self.process = await asyncio.create_subprocess_exec(
            "java", *self.java, QUIET, "-cp", "%s/*" % jars(), "kafka.Kafka", str(self.properties),
            stdout=open(self.folder / "log", "ab"), stderr=asyncio.subprocess.STDOUT)
        await until(self._answers, 60, "Kafka")

    async def _answers(self):
        """It answers an ApiVersions request: then it takes others, too."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(bytes([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0, 0]))  # key 18, version 0, correlation 1, no client id
                return len(await asyncio.wait_for(reader.readexactly(8), 2)) == 8
            finally:
                writer.close()
        except (OSError, asyncio.IncompleteReadError):
            return False

    async def close(self):
        if self.process is not None:
            await self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- nodes

    def ways(self, slot):
        inside, outside = self.places[self.taken.setdefault(slot, len(self.taken))]
        return [(("127.0.0.1", inside), outside)]

    def config(self, slot, addresses, **options):
        kafka = {"brokers": ["%s:%d" % addresses[0]], "topic": self.topic, "partitions": 4, "timeout": "2s", **options}
        return {"broker": {"type": "kafka", "kafka": kafka}}

    # ---- faults

    async def kill(self):
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        await self.process.wait()

    async def restart(self):
        await self._run()

    async def pause(self, seconds):
        self.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    async def flush(self):
        """The topic is deleted; nodes make it again."""
        await self._tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", "127.0.0.1:%d" % self.port, "--delete", "--topic", self.topic)
