"""A node that goes away while it holds thousands of every kind and messages flow: each is ended in its form, evenly over the window, and who comes
back with a position has missed nothing. HOLDFAST_DRAIN_CONNECTIONS says how many (10000 in an optimized build)."""
import base64
import collections
import json
import os
import re
import resource
import select
import signal
import socket
import threading
import time

import pytest
from kit import Backend, eventually, hold
from test_redis import Redis

CONNECTIONS = int(os.environ.get("HOLDFAST_DRAIN_CONNECTIONS", 1000))
WINDOW = 5.0
KINDS = ("events", "poll", "sockets", "grip-stream", "grip-poll")
ROUTES = [
    {"path": "/events", "hold": {"mode": "stream", "channels": ["news"]}},
    {"path": "/poll", "hold": {"mode": "response", "channels": ["quiet"], "timeout": "5m"}},
    {"path": "/sockets", "hold": {"mode": "websocket", "channels": ["news"]}},
]
# What each kind's last bytes look like.
FORMS = {
    "events": re.compile(rb"retry: \d+\n\n\r\n0\r\n\r\n$"),
    "poll": re.compile(rb"^HTTP/1\.1 \d+ .*\r\n\r\n", re.S),
    "sockets": re.compile(rb"\x88[\x02-\x7d]\x03\xe9[^\r\n]*$"),
    "grip-stream": re.compile(rb"\r\n0\r\n\r\n$"),
    "grip-poll": re.compile(rb"time-out$"),
}


class Held:
    """A client that only listens; its bytes are kept."""

    def __init__(self, node, kind, last_id=None):
        self.kind, self.data, self.ended, self.error = kind, b"", None, None
        self.socket = socket.create_connection(node.edge())
        extra = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n" % \
            base64.b64encode(os.urandom(16)).decode() if kind == "sockets" else ""
        extra += "Last-Event-ID: %s\r\n" % last_id if last_id else ""
        self.socket.sendall(("GET /%s HTTP/1.1\r\nHost: app.test\r\n%s\r\n" % (kind, extra)).encode())
        self.socket.setblocking(False)

    def read(self):
        """False: it has ended."""
        try:
            while got := self.socket.recv(65536):
                self.data += got
        except BlockingIOError:
            if self.kind != "sockets" or not FORMS["sockets"].search(self.data):
                return True
            self.socket.sendall(b"\x88\x82\0\0\0\0\x03\xe9")
        except OSError as why:
            self.error = why
        self.ended = time.monotonic()
        return False

    def last_id(self):
        return re.findall(rb"^id: (\S+)\n", self.data, re.M)[-1].decode()

    def numbers(self):
        return [int(n) for n in re.findall(rb"#(\d+)#", self.data)]


class Crowd:
    """Reads for many clients at once."""

    def __init__(self):
        self.poll, self.open = select.epoll(), {}

    def add(self, client):
        self.open[client.socket.fileno()] = client
        self.poll.register(client.socket, select.EPOLLIN)

    def turn(self):
        for fd, _ in self.poll.poll(0.2):
            if not self.open[fd].read():
                self.poll.unregister(fd)
                self.open.pop(fd).socket.close()

    def until(self, condition, patience, what):
        end = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < end, "not in time: " + what
            self.turn()


class Publisher:
    """Numbered messages, five a second, until it is told to stop."""

    def __init__(self, node):
        self.node, self.count, self.enough = node, 0, threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.enough.wait(0.2):
            text = "#%d#" % (self.count + 1)
            body = {"items": [{"channel": "news", "formats": {"http-stream": {"content": "data: %s\n\n" % text}, "ws-message": {"content": text}}}]}
            assert self.node.control("POST", "/publish/", json.dumps(body).encode()).status == 200
            self.count += 1

    def stop(self):
        self.enough.set()
        self.thread.join()


@pytest.fixture
def redis():
    server = Redis()
    yield server
    server.close()


def test_a_drain_under_load_is_even_and_loses_nothing(start, redis):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    backend = Backend(lambda request, _: hold("stream", "news", body=b"begun") if request.target == "/grip-stream" else
                      hold("response", "quiet", body=b"time-out", headers=[("Grip-Timeout", "300")]))
    options = {"routes": ROUTES + [{"path_begins": "/", "targets": [{"address": "127.0.0.1:%d" % backend.port}]}],
               "broker": {"type": "redis", "redis": {"address": "127.0.0.1:%d" % redis.port}}, "drain": {"window": "%ds" % WINDOW}}
    leaving, staying = start(**options), start(**options)
    crowd = Crowd()
    clients = []
    for i in range(CONNECTIONS):
        clients.append(Held(leaving, KINDS[i % len(KINDS)]))
        crowd.add(clients[-1])
        if i % 100 == 99:
            crowd.turn()
    crowd.until(lambda: leaving.metrics()["holdfast_subscriptions"] == CONNECTIONS, 60, "all are held")
    publisher = Publisher(staying)
    crowd.until(lambda: all(c.numbers() for c in clients if c.kind in ("events", "sockets", "grip-stream")), 30, "messages flow")

    began = time.monotonic()
    leaving.signal(signal.SIGTERM)
    crowd.until(lambda: not crowd.open, WINDOW + 5, "all have ended")

    for client in clients:
        assert FORMS[client.kind].search(client.data) and not client.error, (client.kind, client.error, client.data[-200:])
    for kind in KINDS:
        ends = [c.ended - began for c in clients if c.kind == kind]
        assert max(ends) < WINDOW + 1, kind
        buckets = collections.Counter(int(end) for end in ends)
        assert max(buckets.values()) <= 2 * len(ends) / WINDOW, (kind, sorted(buckets.items()))

    # They come back to the node that stays.
    again = [(client, Held(staying, "events", client.last_id())) for client in clients if client.kind == "events"]
    for _, returned in again:
        crowd.add(returned)
    publisher.stop()
    crowd.until(lambda: all((r.numbers() or c.numbers())[-1] == publisher.count for c, r in again), 60, "all have caught up")
    for client, returned in again:
        assert b"event: gap" not in returned.data
        numbers = client.numbers() + returned.numbers()
        assert numbers == list(range(numbers[0], publisher.count + 1)), numbers
    for _, returned in again:
        returned.socket.close()
