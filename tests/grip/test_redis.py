"""Nodes that share nothing but a Redis: whichever node a client is on and whichever is published to, it gets its channel in order, or is told."""
import re
import signal
import socket
import subprocess
import tempfile

import pytest
from kit import eventually
from ws import WebSocket

ROUTES = [
    {"path": "/events/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"]}},
    {"path": "/poll/{channel}", "hold": {"mode": "response", "channels": ["{channel}"]}},
    {"path": "/ws/{channel}", "hold": {"mode": "websocket", "channels": ["{channel}"]}},
]


class Redis:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="holdfast-redis-")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.start()

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                                         "--dir", self.folder.name], stdout=subprocess.DEVNULL)
        eventually(self._answers, what="redis-server")

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                s.sendall(b"PING\r\n")
                return s.recv(5) == b"+PONG"
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.process.send_signal(signal.SIGCONT)
        self.kill()
        self.folder.cleanup()


@pytest.fixture
def redis():
    server = Redis()
    yield server
    server.close()


@pytest.fixture
def cluster(start, redis):
    def run(**options):
        return start(routes=ROUTES, broker={"type": "redis", "redis": {"address": "127.0.0.1:%d" % redis.port, "timeout": "1s", **options}})
    return run


def ready(node):
    eventually(lambda: node.admin("/readyz").status == 200, what="a ready node")
    return node


def test_every_node_delivers_what_any_node_was_given(cluster):
    a, b = ready(cluster()), ready(cluster())
    on_a, on_b = a.get("/events/news"), b.get("/events/news")
    with WebSocket(b, "/ws/news") as ws:
        on_a.until("id: ")
        on_b.until("id: ")
        for node, text in ((a, "one"), (b, "two"), (a, "three")):
            node.publish("news", text)
        for response in (on_a, on_b):
            got = response.until("data: three\n\n").decode()
            assert re.findall("data: (.*)\n", got) == ["one", "two", "three"]
        for text in ("one", "two", "three"):
            ws.expect_text(text)


def test_a_client_goes_on_exactly_on_another_node(cluster):
    a, b = ready(cluster()), ready(cluster())
    stream = a.get("/events/news")
    stream.until("id: ")
    a.publish("news", "one")
    last = re.findall("id: (.*)\n", stream.until("data: one\n\n").decode())[-1]
    a.stop()
    b.publish("news", "two")
    b.publish("news", "three")
    got = b.get("/events/news", [("Last-Event-ID", last)]).until("data: three\n\n").decode()
    assert re.findall("data: (.*)\n", got) == ["two", "three"] and "gap" not in got


def test_an_outage_refuses_publishers_keeps_clients_and_is_told(cluster, redis):
    node = ready(cluster())
    stream = node.get("/events/news")
    stream.until("id: ")
    ws = WebSocket(node, "/ws/news")
    node.publish("news", "before")
    stream.until("data: before\n\n")
    ws.expect_text("before")
    redis.kill()
    eventually(lambda: node.admin("/readyz").status == 503, what="a node that says so")
    refused = node.control("POST", "/publish/", b'{"items":[{"channel":"news","formats":{"http-stream":{"content":"lost"}}}]}')
    assert refused.status == 503
    redis.start()
    ready(node)
    got = stream.until("event: gap")
    assert b"lost" not in got
    ws.expect_close(1013)
    node.publish("news", "after")
    stream.until("data: after\n\n")


def test_an_outage_without_loss_is_not_told(cluster, redis):
    """The connection is cut, and what was published meanwhile by others is there: it is delivered, in order."""
    a = ready(cluster())
    stream = a.get("/events/news")
    stream.until("id: ")
    a.publish("news", "one")
    stream.until("data: one\n\n")
    with socket.create_connection(("127.0.0.1", redis.port), 5) as admin:
        for kind in (b"pubsub", b"normal"):
            admin.sendall(b"CLIENT KILL TYPE %s SKIPME yes\r\n" % kind)
            admin.recv(100)
    ready(a)
    eventually(lambda: a.control("POST", "/publish/", b'{"items":[{"channel":"news","formats":{"http-stream":{"content":"two"}}}]}').status == 200,
               what="a publication")
    got = stream.until("data: two\n\n")
    assert b"gap" not in got


def test_whoever_comes_back_during_an_outage_waits_for_its_end(cluster, redis):
    """Its position is good; only nobody can look it up now."""
    node = ready(cluster())
    stream = node.get("/events/news")
    stream.until("id: ")
    node.publish("news", "one")
    last = re.findall("id: (.*)\n", stream.until("data: one\n\n").decode())[-1]
    node.publish("news", "two")
    stream.until("data: two\n\n")
    redis.process.send_signal(signal.SIGSTOP)
    eventually(lambda: node.admin("/readyz").status == 503, what="a node that says so")
    poll = node.ask("/poll/news", [("X-Holdfast-Position", last)])
    back = node.ask("/events/news", [("Last-Event-ID", last)])
    redis.process.send_signal(signal.SIGCONT)
    answer = poll.response()
    assert (answer.status, answer.read()) == (200, b"two")
    assert b"gap" not in back.response().until("data: two\n\n")


def test_a_node_starts_without_its_broker_and_serves_when_it_comes(cluster, redis):
    redis.kill()
    node = cluster()
    assert node.admin("/livez").status == 200
    assert node.admin("/readyz").status == 503
    redis.start()
    ready(node)
    stream = node.get("/events/news")
    stream.until("id: ")
    node.publish("news", "one")
    stream.until("data: one\n\n")


def test_a_mapping_of_foreign_channels_has_templates_of_its_own(start, redis):
    node = ready(start(routes=ROUTES, broker={"type": "redis", "foreign": ["news.=raw", "news.up.=raw"],
                                              "foreign_templates": ["news.up. http-stream=UP {}", 'news.up. ws-message={"up":"{}"}'],
                                              "redis": {"address": "127.0.0.1:%d" % redis.port}}))
    plain, up = (node.get("/events/" + channel) for channel in ("news.one", "news.up.one"))
    ws = WebSocket(node, "/ws/news.up.one")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 3, what="the holds")
    for channel in ("news.one", "news.up.one"):
        subprocess.run(["redis-cli", "-p", str(redis.port), "PUBLISH", channel, "by hand"], check=True, stdout=subprocess.DEVNULL)
    plain.until("data: by hand\n\n")
    up.until("data: UP by hand\n\n")
    ws.expect_text('{"up":"by hand"}')


def test_what_is_published_by_hand_reaches_clients_and_they_are_told_of_what_they_may_miss(start, redis):
    node = ready(start(routes=ROUTES, broker={"type": "redis", "foreign": ["news.=raw", "items.=item-json"],
                                              "redis": {"address": "127.0.0.1:%d" % redis.port, "timeout": "1s"}}))
    raw, items, other = (node.get("/events/" + channel) for channel in ("news.one", "items.one", "other"))
    ws = WebSocket(node, "/ws/news.one")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 4, what="the holds")
    other.until("id: ")
    command = lambda *words: subprocess.run(["redis-cli", "-p", str(redis.port), *words], check=True, stdout=subprocess.DEVNULL)
    eventually(lambda: subprocess.run(["redis-cli", "-p", str(redis.port), "PUBSUB", "NUMPAT"], stdout=subprocess.PIPE).stdout.strip() == b"2", what="subscriptions")
    command("PUBLISH", "news.one", "by hand")
    raw.until("data: by hand\n\n")
    ws.expect_text("by hand")
    command("PUBLISH", "items.one", '{"http-stream": {"content": "an item"}}')
    items.until("data: an item\n\n")
    command("PUBLISH", "items.one", "no item")
    items.until("event: gap")
    node.publish("news.one", "by the node")
    raw.until("data: by the node\n\n")
    assert b"id:" not in raw.body  # nobody could come back to it
    command("PUBLISH", "other", "not said to be foreign")
    command("CLIENT", "KILL", "TYPE", "pubsub")
    raw.until("event: gap")
    ws.expect_text("by the node")
    ws.expect_close(1013)
    node.publish("other", "end")
    assert b"not said" not in other.until("data: end\n\n") and b"gap" not in other.body
