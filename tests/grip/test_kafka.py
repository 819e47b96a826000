"""A node on a real Kafka, and a plain producer that does not know Holdfast (docs/foreign-producers.md)."""
import asyncio
import pathlib
import shutil
import subprocess
import sys

import pytest
from kit import ROOT, eventually

ROUTES = [{"path": "/events/{channel}", "hold": {"mode": "stream", "channels": ["feed.{channel}"]}}]


@pytest.fixture(scope="module")
def kafka():
    sys.path.insert(0, str(pathlib.Path(ROOT) / "tests" / "cluster"))
    from brokers.kafka import Broker
    broker = Broker()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(broker.start(None))
    yield broker
    broker.process.kill()
    loop.run_until_complete(broker.process.wait())
    loop.close()
    shutil.rmtree(broker.folder)


def produce(kafka, line):
    from brokers.kafka import jars
    subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", "%s/*" % jars(), "org.apache.kafka.tools.ConsoleProducer",
                    "--bootstrap-server", "127.0.0.1:%d" % kafka.port, "--topic", "holdfast", "--property", "parse.key=true", "--property", "key.separator=:"],
                   input=line + "\n", text=True, check=True, timeout=60)


def test_a_console_producer_reaches_clients_who_can_come_back(start, kafka):
    node = start(routes=ROUTES, broker={"type": "kafka", "foreign": ["feed.=raw"], "kafka": {"brokers": ["127.0.0.1:%d" % kafka.port], "partitions": 4}})
    eventually(lambda: node.admin("/readyz").status == 200, patience=30, what="a ready node")
    stream = node.get("/events/news")
    stream.until("id:", patience=30)
    position = stream.body.decode().split("id: ")[1].split("\n")[0]
    produce(kafka, "feed.news:Hello from Kafka")
    stream.until("data: Hello from Kafka\n\n", patience=30)
    back = node.get("/events/news", [("Last-Event-ID", position)])
    assert b"gap" not in back.until("data: Hello from Kafka\n\n", patience=30)
    node.publish("feed.news", "by the node")
    for each in (stream, back):
        each.until("data: by the node\n\n", patience=30)
