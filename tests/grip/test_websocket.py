"""WebSockets: the handshake, frames and their faults, backends that speak WebSocket themselves, and publishing into them."""
import json
import os
import socket
import threading
import zlib

import pytest
from kit import Backend, Closed, Node, eventually, hold, reply
from ws import (BINARY, CLOSE, CONT, GRIP, PING, PONG, TEXT, WebSocket, close_payload, echo, frame, native)


def publish(node, channel, content=None, **message):
    if content is not None:
        message["content"] = content
    node.control("POST", "/publish/", json.dumps({"items": [{"channel": channel, "formats": {"ws-message": message}}]}).encode())


@pytest.fixture
def echoing(start):
    return start(Backend(native(echo)))


# ---- the handshake

def upgrade(**changes):
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    fields.update(changes)
    return [(name.replace("_", "-"), value) for name, value in fields.items() if value is not None]


@pytest.mark.parametrize("changes, status", [
    ({"Sec-WebSocket-Version": "8"}, 426),
    ({"Sec-WebSocket-Version": None}, 426),
    ({"Sec-WebSocket-Key": None}, 400),
    ({"Sec-WebSocket-Key": "c2hvcnQ="}, 400),
    ({"Connection": "keep-alive"}, 400),
    ({"Sec-WebSocket-Protocol": "bad token"}, 400),
])
def test_wrong_handshake_is_refused_before_the_backend_hears_of_it(start, changes, status):
    backend = Backend(native(echo))
    node = start(backend)
    with node.connect() as c:
        lines = ["GET / HTTP/1.1", "Host: app.test"] + ["%s: %s" % f for f in upgrade(**changes)] + ["", ""]
        response = c.send("\r\n".join(lines)).response()
        assert response.status == status
        assert status != 426 or response.headers["sec-websocket-version"] == "13"
        assert response.headers["connection"] == "close"
    assert backend.requests.empty()


def test_upgrade_in_any_letter_case(echoing):
    with echoing.connect() as c:
        lines = ["GET / HTTP/1.1", "Host: app.test", "upgrade: WEBSocket", "CONNECTION: keep-alive, upGRADE",
                 "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-Websocket-VERSION: 13", "", ""]
        response = c.send("\r\n".join(lines)).response()
        assert response.status == 101 and response.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_huge_subprotocol_list_is_refused_at_once(echoing):
    with echoing.connect() as c:
        lines = ["GET / HTTP/1.1", "Host: app.test"] + ["%s: %s" % f for f in upgrade(Sec_WebSocket_Protocol="a," * 32768)] + ["", ""]
        assert c.send("\r\n".join(lines)).response().status == 431


def test_bytes_after_a_refused_upgrade_are_neither_frames_nor_a_request(start):
    backend = Backend(reply("no", 403, [("X-Why", "policy")], reason="Forbidden"))
    node = start(backend)
    ws = WebSocket(node, extra=b"GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n" + frame(TEXT, "x", mask=b"abcd"))
    assert ws.response.status == 403 and ws.response.headers["x-why"] == "policy" and ws.response.reason == "Forbidden"
    assert ws.response.read() == b"no" and ws.connection.read_to_close() == b""
    assert backend.next().target == "/" and backend.requests.empty()


def test_bytes_sent_with_the_handshake_are_frames_once_it_is_accepted(echoing):
    with WebSocket(echoing, extra=frame(TEXT, "early", mask=b"abcd")) as ws:
        ws.expect_text("early")


def test_backend_whose_answer_to_the_handshake_is_wrong_is_a_502(start):
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm8=\r\n\r\n"
    node = start(Backend(answer))
    assert WebSocket(node).response.status == 502


def test_subprotocol_and_query_pass_both_ways(start):
    backend = Backend(native(echo, [("Sec-WebSocket-Protocol", "b")]))
    node = start(backend)
    with WebSocket(node, "/chat?room=1", [("Sec-WebSocket-Protocol", "a, b")]) as ws:
        assert ws.response.headers["sec-websocket-protocol"] == "b"
        request = backend.next()
        assert request.target == "/chat?room=1" and request.headers["sec-websocket-protocol"] == "a, b"


def test_origins_of_a_route(start):
    backend = Backend(native(echo))
    node = start(routes=[{"path_begins": "/", "origins": ["same", "https://other.test"], "targets": [{"address": "127.0.0.1:%d" % backend.port}]}])
    for origin, status in (("http://app.test", 101), ("https://other.test", 101), ("https://evil.test", 403), ("null", 403)):
        assert WebSocket(node, headers=[("Origin", origin)]).response.status == status, origin
    assert WebSocket(node).opened


# ---- frames

def test_messages_of_every_size_come_back(echoing):
    with WebSocket(echoing) as ws:
        for size in (0, 1, 125, 126, 65535, 65536, 262144, 1000000):
            ws.send(BINARY, os.urandom(size) if size < 1000 else bytes(size))
            assert len(ws.expect(BINARY)) == size


def test_fragments_with_control_frames_in_between(echoing):
    with WebSocket(echoing) as ws:
        ws.send(TEXT, "one ", fin=False).send(PING, "p").send(CONT, "two ", fin=False).send(CONT, "three")
        got = {ws.recv(), ws.recv()}
        assert got == {(PONG, b"p"), (TEXT, b"one two three")}


def test_close_codes_and_reasons_pass_both_ways(start):
    seen = []

    def run(frames, _):
        opcode, payload = frames.recv()
        seen.append(payload)
        frames.send(CLOSE, close_payload(4002, "and back"))

    node = start(Backend(native(run)))
    with WebSocket(node) as ws:
        ws.close_frame(4001, "away")
        ws.expect_close(4002, "and back")
        assert ws.connection.read_to_close() == b""
    assert seen == [close_payload(4001, "away")]


def test_close_without_a_code(echoing):
    with WebSocket(echoing) as ws:
        ws.send(CLOSE)
        ws.expect_close(0)


def test_half_closed_client_still_gets_the_answer_to_its_close(echoing):
    with WebSocket(echoing) as ws:
        ws.close_frame(1000)
        ws.connection.half_close()
        ws.expect_close(1000)


def test_half_closed_client_that_said_no_close_has_left(start):
    gone = threading.Event()

    def run(frames, _):
        try:
            frames.recv()
        except Closed:
            gone.set()

    node = start(Backend(native(run)))
    with WebSocket(node) as ws:
        ws.connection.half_close()
        assert gone.wait(10)


FAULTS = [
    ("unmasked", frame(TEXT, "x"), 1002),
    ("rsv1", frame(TEXT, "x", rsv=4, mask=b"abcd"), 1002),
    ("rsv2", frame(TEXT, "x", rsv=2, mask=b"abcd"), 1002),
    ("rsv3", frame(TEXT, "x", rsv=1, mask=b"abcd"), 1002),
    ("opcode 3", frame(3, "x", mask=b"abcd"), 1002),
    ("opcode 11", frame(11, "", mask=b"abcd"), 1002),
    ("length 2^63", frame(BINARY, mask=b"abcd", length=(127, b"\x80" + bytes(7))), 1002),
    ("length 2^63-1", frame(BINARY, b"x", mask=b"abcd", length=(127, b"\x7f" + b"\xff" * 7)), 1009),
    ("longer than needed, 16 bit", frame(BINARY, "x", mask=b"abcd", length=(126, b"\x00\x01")), 1002),
    ("longer than needed, 64 bit", frame(BINARY, "x", mask=b"abcd", length=(127, bytes(7) + b"\x01")), 1002),
    ("ping of 126", frame(PING, "x" * 126, mask=b"abcd"), 1002),
    ("fragmented ping", frame(PING, "x", fin=False, mask=b"abcd"), 1002),
    ("continuation of nothing", frame(CONT, "x", mask=b"abcd"), 1002),
    ("message in a message", frame(TEXT, "x", fin=False, mask=b"abcd") + frame(TEXT, "y", mask=b"abcd"), 1002),
    ("close of one byte", frame(CLOSE, b"\x03", mask=b"abcd"), 1002),
    ("close 1005", frame(CLOSE, close_payload(1005), mask=b"abcd"), 1002),
    ("close 999", frame(CLOSE, close_payload(999), mask=b"abcd"), 1002),
    ("close reason not UTF-8", frame(CLOSE, b"\x03\xe8\xff", mask=b"abcd"), 1007),
    ("text not UTF-8", frame(TEXT, b"a\xc0\x80", mask=b"abcd"), 1007),
    ("text cut inside a character", frame(TEXT, b"\xe2\x82", mask=b"abcd"), 1007),
    ("too large", frame(BINARY, b"x", mask=b"abcd", length=(127, (1048577).to_bytes(8, "big"))), 1009),
    ("too large in parts", frame(BINARY, bytes(900000), fin=False, mask=b"abcd") + frame(CONT, bytes(200000), mask=b"abcd"), 1009),
    ("endless fragments", frame(BINARY, b"x", fin=False, mask=b"abcd") + frame(CONT, b"x", fin=False, mask=b"abcd") * 1024, 1008),
]


@pytest.mark.parametrize("bytes_, code", [(f[1], f[2]) for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_broken_rules_get_their_close_code(echoing, bytes_, code):
    with WebSocket(echoing) as ws:
        ws.connection.send(bytes_)
        ws.expect_close(code)
        assert ws.connection.read_to_close() == b""


def test_what_was_said_before_a_fault_is_still_answered(echoing):
    with WebSocket(echoing) as ws:
        ws.connection.send(frame(TEXT, b"good", mask=b"abcd") + frame(TEXT, b"bad", rsv=4, mask=b"abcd"))
        ws.expect_text("good")
        ws.expect_close(1002)
        assert ws.connection.read_to_close() == b""


def test_a_backend_that_does_not_answer_a_fault_delays_the_close_only(start):
    heard = threading.Event()

    def mute(frames, request):
        assert frames.recv()[0] == TEXT
        assert frames.recv() == (CLOSE, close_payload(1002))
        heard.wait()

    node = start(Backend(native(mute)), websocket={"close_timeout": "1s"})
    with WebSocket(node) as ws:
        ws.connection.send(frame(TEXT, b"good", mask=b"abcd") + frame(3, b"bad", mask=b"abcd"))
        ws.expect_close(1002)
    heard.set()


@pytest.mark.parametrize("at", range(1, 9))
def test_bad_text_split_at_every_byte(echoing, at):
    payload = "\u00e9\u20ac".encode() + b"\xed\xa0\x80" + b"z"
    with WebSocket(echoing) as ws:
        ws.send(TEXT, payload[:at], fin=False)
        ws.send(CONT, payload[at:])
        ws.expect_close(1007)


# ---- compression

def deflate(data):
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflate(data):
    return zlib.decompressobj(-15).decompress(data + b"\x00\x00\xff\xff")


OFFER = [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")]


def test_compression_is_agreed_without_takeover_and_works(echoing):
    with WebSocket(echoing, headers=OFFER) as ws:
        agreed = ws.response.headers["sec-websocket-extensions"]
        assert agreed.startswith("permessage-deflate") and "server_no_context_takeover" in agreed and "client_no_context_takeover" in agreed
        text = b"all work and no play " * 100
        ws.send(TEXT, deflate(text), rsv=4)
        opcode, payload, fin, rsv = ws.recv_frame()
        assert (opcode, fin, rsv) == (TEXT, True, 4) and inflate(payload) == text


def test_compressed_message_in_fragments_and_a_small_one_that_is_not_worth_it(echoing):
    with WebSocket(echoing, headers=OFFER) as ws:
        data = deflate(b"short")
        ws.send(TEXT, data[:2], fin=False, rsv=4).send(CONT, data[2:])
        ws.expect_text("short")


def test_a_deflate_bomb_is_stopped_while_inflating(echoing):
    with WebSocket(echoing, headers=OFFER) as ws:
        ws.send(BINARY, deflate(bytes(50_000_000)), rsv=4)
        ws.expect_close(1009)
    assert echoing.resident_bytes() < 600_000_000


@pytest.mark.parametrize("payload", [b"\xff\xff\xff", deflate(b"x") + b"\x07\x07"])
def test_what_does_not_inflate(echoing, payload):
    with WebSocket(echoing, headers=OFFER) as ws:
        ws.send(BINARY, payload, rsv=4)
        ws.expect_close(1007)


def test_compression_can_be_switched_off(start):
    node = start(Backend(native(echo)), websocket={"compression": {"enabled": False}})
    assert "sec-websocket-extensions" not in WebSocket(node, headers=OFFER).response.headers


def test_one_publication_reaches_plain_and_compressed_listeners(start):
    def run(frames, _):
        frames.control(type="subscribe", channel="c")
        frames.text("m:ready")
        echo(frames, None)

    node = start(Backend(native(run, [GRIP])))
    with WebSocket(node) as plain, WebSocket(node, headers=OFFER) as small:
        plain.expect_text("ready")
        small.expect_text("ready")
        text = "news " * 200
        publish(node, "c", text)
        plain.expect_text(text)
        opcode, payload, _, rsv = small.recv_frame()
        assert rsv == 4 and inflate(payload) == text.encode() and len(payload) < 200


# ---- a backend that speaks WebSocket

def test_backend_that_drops_drops_the_client_without_a_close(start):
    node = start(Backend(native(lambda frames, _: None)))
    with WebSocket(node) as ws:
        assert ws.connection.read_to_close() == b""


def test_backend_that_breaks_the_rules_is_dropped(start):
    def run(frames, _):
        frames.connection.send(frame(TEXT, b"\xff"))
        frames.expect_close(1007)

    node = start(Backend(native(run)))
    with WebSocket(node) as ws:
        assert ws.connection.read_to_close() == b""


def test_long_message_of_a_backend_streams_through_in_bounded_memory(start):
    size = 200_000_000

    def run(frames, _):
        frames.connection.send(frame(BINARY, b"", fin=False))
        piece = frame(CONT, bytes(1_000_000), fin=False)
        for _ in range(size // 1_000_000):
            frames.connection.send(piece)
        frames.connection.send(frame(CONT, b"end"))
        echo(frames, None)

    node = start(Backend(native(run)))
    before = node.resident_bytes()
    with WebSocket(node) as ws:
        got, fin = 0, False
        while not fin:
            _, payload, fin, _ = ws.recv_frame()
            got += len(payload)
        assert got == size + 3 and payload.endswith(b"end")
    assert node.resident_bytes() - before < 64_000_000


def test_published_message_waits_for_the_end_of_a_relayed_one(start):
    go_on = threading.Event()

    def run(frames, _):
        frames.control(type="subscribe", channel="c")
        frames.send(TEXT, "m:first ", fin=False)
        go_on.wait(10)
        frames.send(CONT, "half")
        echo(frames, None)

    node = start(Backend(native(run, [GRIP])))
    with WebSocket(node) as ws:
        assert ws.recv_frame()[:3] == (TEXT, b"first ", False)
        publish(node, "c", "published")
        publish(node, "c", type="ping", content="in between")
        ws.expect(PING, "in between")
        go_on.set()
        assert ws.recv_frame()[:3] == (CONT, b"half", True)
        ws.expect_text("published")


def test_client_that_does_not_read_is_dropped_at_its_bound_and_the_others_go_on(start):
    def run(frames, _):
        frames.control(type="subscribe", channel="c")
        frames.text("m:ready")
        with_closed(frames)

    def with_closed(frames):
        try:
            echo(frames, None)
        except (Closed, OSError):
            pass

    node = start(Backend(native(run, [GRIP])), loops=1)
    with WebSocket(node) as slow, WebSocket(node) as good:
        for ws in (slow, good):
            ws.expect_text("ready")
        slow.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        text = "x" * 30000
        sent = 0
        while node.metrics()["holdfast_slow_clients_dropped_total"] == 0:
            publish(node, "c", text)
            good.expect_text(text)
            sent += 1
            assert sent < 2000
        publish(node, "c", "after")
        good.expect_text("after")


def test_backpressure_from_a_backend_reaches_the_client(start):
    release = threading.Event()

    def run(frames, _):
        release.wait(30)
        echo(frames, None)

    node = start(Backend(native(run)))
    with WebSocket(node) as ws:
        ws.connection.socket.settimeout(0.5)
        data = frame(BINARY, bytes(500_000), mask=b"abcd")
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 100:
                ws.connection.socket.sendall(data)
                sent += 1
        assert sent < 100
        release.set()


def test_pings_are_answered_at_the_edge_when_the_route_says_so(start):
    def run(frames, _):
        assert frames.recv() == (TEXT, b"only this")
        frames.text("heard")

    backend = Backend(native(run))
    node = start(routes=[{"path_begins": "/", "answer_pings": True, "targets": [{"address": "127.0.0.1:%d" % backend.port}]}])
    with WebSocket(node) as ws:
        ws.send(PING, "edge").expect(PONG, "edge")
        ws.text("only this").expect_text("heard")


def test_published_close_reaches_both_sides(start):
    told = []
    done = threading.Event()

    def run(frames, _):
        frames.control(type="subscribe", channel="c")
        frames.text("m:ready")
        told.append(frames.expect_close())
        frames.close_frame(told[0])
        done.set()

    node = start(Backend(native(run, [GRIP])))
    with WebSocket(node) as ws:
        ws.expect_text("ready")
        publish(node, "c", action="close", code=4010, reason="kicked")
        ws.expect_close(4010, "kicked")
        ws.close_frame(4010)
        assert ws.connection.read_to_close() == b"" and done.wait(10) and told == [4010]


def test_detached_client_stays_and_is_published_to(start):
    closed = threading.Event()

    def run(frames, _):
        frames.control(type="subscribe", channel="c")
        frames.text("m:ready")
        frames.control(type="detach")
        frames.expect_close(0)
        frames.send(CLOSE)
        closed.set()

    node = start(Backend(native(run, [GRIP])))
    with WebSocket(node) as ws:
        ws.expect_text("ready")
        assert closed.wait(10)
        ws.text("nobody hears")
        publish(node, "c", "still here")
        ws.expect_text("still here")
        ws.close_frame(1000)
        ws.expect_close(1000)


def test_drain_says_going_away(start):
    node = start(Backend(native(echo)))
    with WebSocket(node) as ws:
        ws.text("x").expect_text("x")
        node.signal(15)
        ws.expect_close(1001)
        ws.close_frame(1001)


def test_http_and_websocket_routes_of_one_path(start):
    http, sockets = Backend(hold("stream", "c", body=b"hi")), Backend(native(echo))
    node = start(routes=[{"path_begins": "/", "protocol": "ws", "targets": [{"address": "127.0.0.1:%d" % sockets.port}]},
                           {"path_begins": "/", "targets": [{"address": "127.0.0.1:%d" % http.port}]}])
    with WebSocket(node) as ws:
        ws.text("x").expect_text("x")
    assert node.get("/").until("hi")


def test_the_test_target_echoes(start):
    node = start(routes=[{"path_begins": "/", "targets": [{"address": "test"}]}])
    with WebSocket(node, "/ws") as ws:
        ws.text("hello").expect_text("hello")
        ws.send(PING, "p").expect(PONG, "p")
        ws.close_frame(1000)
        ws.expect_close(1000)


def test_counts(start):
    node = start(Backend(native(echo)))
    with WebSocket(node) as ws:
        ws.text("x").expect_text("x")
        assert node.metrics()['holdfast_holds{mode="websocket"}'] == 1
        assert node.metrics()["holdfast_client_messages_total"] == 1
    eventually(lambda: node.metrics()['holdfast_holds{mode="websocket"}'] == 0)
