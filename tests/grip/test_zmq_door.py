"""Publishing and commands over ZeroMQ, as programs made for Pushpin do it."""
import json
import subprocess

import pytest
import zmq
from kit import BINARY, Backend, eventually, hold
from test_message_socket import read_tnet, tnet

STREAMS = [{"path": "/s/{channel}", "hold": {"mode": "stream", "content_type": "text/plain", "channels": ["{channel}"]}},
           {"path": "/p/{channel}", "hold": {"mode": "response", "content_type": "text/plain", "channels": ["{channel}"]}}]
SOCKETS = {"pull": "tcp://127.0.0.1:0", "sub": ["tcp://127.0.0.1:0"], "command": "tcp://127.0.0.1:0"}


@pytest.fixture
def context():
    context = zmq.Context()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def node(start):
    return start(routes=STREAMS, control={"http": {"address": "127.0.0.1:0"}, "grpc": {"address": ""}, "zmq": SOCKETS})


def socket(context, kind, address):
    s = context.socket(kind)
    s.rcvtimeo = s.sndtimeo = 10_000
    s.connect(address)
    return s


def pusher(context, node):
    return socket(context, zmq.PUSH, node.addresses["pull"][0])


def command(context, node, method, args=None):
    s = socket(context, zmq.REQ, node.addresses["command"][0])
    s.send(tnet({"id": "7", "method": method, "args": args or {}}))
    answer, rest = read_tnet(s.recv())
    assert rest == b"" and answer[b"id"] == b"7"
    return answer


def body(stream, size):
    while len(stream.body) < size:
        assert stream.read_piece(), stream.body
    return stream.body


def metric(node, name):
    return node.metrics().get(name, 0)


def test_a_tagged_body_need_not_be_text(node, context):
    stream = node.get("/s/a")
    pusher(context, node).send(b"T" + tnet({"channel": "a", "http-stream": {"content": b"\xff\x00\xfe\n"}}))
    assert body(stream, 4) == b"\xff\x00\xfe\n"


def test_a_tagged_response_has_its_code_and_headers(node, context):
    connection = node.ask("/p/a")
    eventually(lambda: metric(node, "holdfast_subscriptions") == 1, what="the hold")
    pusher(context, node).send(tnet({"channel": "a", "formats": {"http-response": {"body": b"\xff!"}}}))
    assert connection.response("GET").read() == b"\xff!"


def test_what_is_no_item_is_counted_and_skipped(node, context):
    stream = node.get("/s/a")
    push = pusher(context, node)
    bad = [b"", b"J", b"J{", b"T", b"T4:abc", b"T0:}", b"5:hello,", b"T" + b"9" * 400, tnet({"channel": "a"}), tnet(["channel"]),
           tnet({"channel": "a", "http-stream": {"content": {"x": "y"}}}), tnet({"channel": b"\xff", "http-stream": {"content": "x"}}),
           b"T" + b"".join(b"%d:" % (40 - i) for i in range(40))]
    for frame in bad:
        push.send(frame)
    push.send_multipart([b"a", b"Jb"])
    push.send(b"J" + json.dumps({"channel": "a", "http-stream": {"content": "good"}}).encode())
    assert body(stream, 4) == b"good"
    assert metric(node, "holdfast_zmq_bad_messages_total") == len(bad) + 1


def test_items_keep_the_order_in_which_they_were_pushed(node, context):
    stream = node.get("/s/a")
    push = pusher(context, node)
    for n in range(1000):
        push.send(b"J" + json.dumps({"channel": "a", "http-stream": {"content": "%03d" % n}}).encode())
    assert body(stream, 3000) == b"".join(b"%03d" % n for n in range(1000))


def test_subscriptions_follow_listeners_and_a_prefix_is_no_match(start, context):
    node = start(routes=STREAMS, control={"http": {"address": "127.0.0.1:0"}, "grpc": {"address": ""}, "zmq": SOCKETS}, delivery={"subscription_linger": "0s"})
    publisher = socket(context, zmq.XPUB, node.addresses["sub"][0])
    stream = node.get("/s/room")
    assert publisher.recv() == b"\x01room"
    publisher.send_multipart([b"room2", b'J{"http-stream":{"content":"other"}}'])
    publisher.send_multipart([b"room", b'J{"http-stream":{"content":"mine"}}'])
    assert body(stream, 4) == b"mine"
    stream.connection.close()
    assert publisher.recv() == b"\x00room"


def test_commands(start, context):
    backend = Backend(lambda request, connection: hold("stream", "news", body=b"[open]"))
    node = start(backend, control={"http": {"address": "127.0.0.1:0"}, "grpc": {"address": ""}, "zmq": SOCKETS})
    stream = node.get("/x")
    stream.until("[open]")
    uris = command(context, node, "get-zmq-uris")[b"value"]
    assert {name.decode(): uri.decode() for name, uri in uris.items()} == {
        "command": node.addresses["command"][0], "publish-pull": node.addresses["pull"][0], "publish-sub": node.addresses["sub"][0]}
    items = [{"channel": "news", "http-stream": {"content": "by command"}}]
    assert command(context, node, "publish", {"items": items})[b"success"] == b"true"
    stream.until("by command")
    for args in ({}, {"items": "x"}, {"items": [{"channel": "news"}]}):
        answer = command(context, node, "publish", args)
        assert (answer[b"success"], answer[b"condition"]) == (b"false", b"bad-request"), args
    assert command(context, node, "conncheck", {"ids": ["nobody"]})[b"value"] == []
    assert command(context, node, "conncheck", {"ids": "x"})[b"condition"] == b"bad-request"
    assert command(context, node, "refresh", {"cid": "nobody"})[b"condition"] == b"item-not-found"
    assert command(context, node, "refresh")[b"condition"] == b"bad-request"
    assert command(context, node, "make-coffee")[b"condition"] == b"method-not-found"


def test_a_malformed_command_is_answered(node, context):
    s = socket(context, zmq.REQ, node.addresses["command"][0])
    for request in (b"", b"x", b"9999999999:", tnet(["a"]), tnet({"method": 5})):
        s.send(request)
        answer, _ = read_tnet(s.recv())
        assert answer[b"condition"] == b"bad-request", request


def test_sockets_are_not_opened_to_others_without_a_word(tmp_path):
    config = tmp_path / "holdfast.yaml"
    config.write_text(json.dumps({"listen": [{"address": "127.0.0.1:0"}], "control": {"http": {"address": "127.0.0.1:0"}, "grpc": {"address": ""}, "zmq": {"pull": "tcp://0.0.0.0:0"}},
                                  "metrics": {"address": "127.0.0.1:0"}}))
    run = subprocess.run([BINARY, "serve", "--config", str(config)], capture_output=True, text=True, timeout=20)
    assert run.returncode == 2 and "allow_anonymous" in run.stderr


def test_a_node_tells_its_stats_again_before_they_run_out(start, context, tmp_path):
    node = start(routes=STREAMS, control={"http": {"address": "127.0.0.1:0"}, "grpc": {"address": ""}, "zmq": {
        "stats": "ipc://%s/stats" % tmp_path, "stats_format": "tnetstring", "subscription_ttl": "1s", "connection_ttl": "1s"}})
    stats = context.socket(zmq.SUB)
    stats.rcvtimeo = 10_000
    stats.subscribe(b"")
    stats.connect("ipc://%s/stats" % tmp_path)
    stream = node.get("/s/a")
    seen = []

    def next_of(kind, wanted):
        while True:
            name, _, rest = stats.recv().partition(b" ")
            assert rest[:1] == b"T"
            fields = read_tnet(rest[1:])[0]
            seen.append((name, fields))
            if name == kind and wanted(fields):
                return fields

    for _ in range(3):  # the first, and again
        assert next_of(b"sub", lambda f: f[b"channel"] == b"a")[b"subscribers"] == 1
    connection = next_of(b"conn", lambda f: True)[b"id"]
    stream.connection.close()
    next_of(b"sub", lambda f: b"unavailable" in f)
    if not any(name == b"conn" and b"unavailable" in f for name, f in seen):
        assert next_of(b"conn", lambda f: b"unavailable" in f)[b"id"] == connection


def test_a_publisher_that_several_nodes_subscribe_to_is_heard_once(start, context, tmp_path):
    from test_redis import Redis
    redis = Redis()
    publisher = context.socket(zmq.XPUB)
    publisher.rcvtimeo = 10_000
    publisher.xpub_verbose = True
    address = "tcp://127.0.0.1:%d" % publisher.bind_to_random_port("tcp://127.0.0.1")
    events = [{"path": "/e/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"]}}]
    nodes = [start(routes=events, broker={"type": "redis", "redis": {"address": "127.0.0.1:%d" % redis.port}},
                   control={"http": {"address": "127.0.0.1:0"}, "grpc": {"address": ""}, "zmq": {"sub": [address], "sub_connect": True}}) for _ in range(2)]
    streams = [node.get("/e/a") for node in nodes]
    for stream in streams:
        stream.until("id:")  # it is live
    assert [publisher.recv() for _ in nodes] == [b"\x01a"] * 2
    for n in range(5):
        publisher.send_multipart([b"a", b'J{"id":"%d","http-stream":{"content":"%d"}}' % (n, n)])
    eventually(lambda: sum(metric(n, "holdfast_published_items_total") for n in nodes) >= 10, what="all copies")
    for stream in streams:
        for n in range(5):
            stream.until("data: %d\n" % n)
    nodes[0].publish("a", "end")
    for stream in streams:
        stream.until("data: end")
        assert sorted(line for line in stream.body.decode().splitlines() if line.startswith("data:")) == ["data: %s" % n for n in (*range(5), "end")]
    redis.close()


def test_an_idempotency_key_publishes_once(node):
    stream = node.get("/s/a")
    items = json.dumps({"items": [{"channel": "a", "http-stream": {"content": c}} for c in "12"]}).encode()
    for _ in range(2):
        assert node.control("POST", "/publish/", items, [("Idempotency-Key", '"k1"')]).status == 200
    node.publish("a", "3")
    assert body(stream, 3) == b"123"
    assert node.control("POST", "/publish/", items, [("Idempotency-Key", "x" * 256)]).status == 400
