"""The example backends, as they stand, behind a node."""
import pathlib
import socket
import subprocess
import sys

import pytest
from ws import PING, PONG, WebSocket

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def behind(start):
    """A node in front of an example, which publishes to it."""
    processes = []

    def run(name, **target):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        node = start(routes=[{"path_begins": "/", "targets": [{"address": "127.0.0.1:%d" % port, **target}]}])
        command = [sys.executable, str(EXAMPLES / name), str(port), node.addresses["publishers"][0].rstrip("/") + "/publish/"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline().split()[-1] == str(port)
        return node

    yield run
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_chat_over_http(behind):
    node = behind("chat_over_http.py", over_http=True)
    with WebSocket(node, "/chat") as alice, WebSocket(node, "/chat") as bob:
        alice.expect_text("welcome")
        bob.expect_text("welcome")
        alice.text("hello")
        alice.expect_text("hello")
        bob.expect_text("hello")
        alice.close_frame(1000)
        alice.expect_close(1000)


def test_clock_passthrough(behind):
    node = behind("clock_passthrough.py")
    with WebSocket(node, "/clock") as ws:
        ws.text("tick?")
        ws.expect_text("you said tick?")
        assert ws.recv()[1].count(b":") == 2
        ws.send(PING, b"x")
        while ws.recv() != (PONG, b"x"):
            pass
        ws.close_frame(4000)
        ws.expect_close(4000)
