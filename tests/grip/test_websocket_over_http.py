"""WebSockets to backends that know only HTTP, and direct routes that need none."""
import base64
import json
import socket
import threading

import pytest
from kit import Backend, eventually, reply
from ws import (BINARY, PING, PONG, TEXT, WebSocket, close_payload, event, events, frame, http_echo, over_http, subscribe)

GRIP = [("Sec-WebSocket-Extensions", "grip")]


def over(start, answer, **target):
    backend = Backend(answer)
    config = target.pop("config", {})
    node = start(routes=[{"path_begins": "/", "targets": [{"address": "127.0.0.1:%d" % backend.port, "over_http": True, **target}]}], **config)
    return node, backend


def publish(node, channel, content=None, **message):
    if content is not None:
        message["content"] = content
    node.control("POST", "/publish/", json.dumps({"items": [{"channel": channel, "formats": {"ws-message": message}}]}).encode())


# ---- opening

def test_messages_become_events_and_come_back(start):
    node, backend = over(start, over_http(http_echo))
    with WebSocket(node, "/chat?x=1", [("Cookie", "a=b"), ("Meta-Evil", "x"), ("Connection-Id", "mine")]) as ws:
        opening = backend.next()
        assert (opening.method, opening.target, opening.body) == ("POST", "/chat?x=1", b"OPEN\r\n")
        assert opening.headers["content-type"] == opening.headers["accept"] == "application/websocket-events"
        assert opening.headers["cookie"] == "a=b" and "meta-evil" not in opening.headers and "upgrade" not in opening.headers
        ws.text("h\u00e9llo").expect_text("h\u00e9llo")
        first = backend.next()
        assert first.body == event("TEXT", "h\u00e9llo")
        assert first.headers["connection-id"] == opening.headers["connection-id"] != "mine"
        ws.send(BINARY, bytes(range(256))).expect(BINARY, bytes(range(256)))
        ws.send(TEXT, "").expect_text("")
        ws.send(PING, "p").expect(PONG, "p")
        ws.close_frame(4001, "bye")
        ws.expect_close(4001, "bye")


def test_media_type_with_parameters_is_understood(start):
    def answer(request, _):
        return reply(event("OPEN") + event("TEXT", "hi"), headers=[("Content-Type", "application/websocket-events; charset=utf-8")])

    node, _ = over(start, answer)
    with WebSocket(node) as ws:
        ws.expect_text("hi")


def test_refusal_passes_with_status_headers_and_body(start):
    node, _ = over(start, reply("denied", 401, [("X-Why", "auth"), ("Content-Type", "text/plain")], reason="Unauthorized"))
    response = WebSocket(node).response
    assert (response.status, response.reason, response.headers["x-why"], response.read()) == (401, "Unauthorized", "auth", b"denied")


@pytest.mark.parametrize("body", [b"", b"TEXT 1\r\nx\r\n", b"OPEN", b"OPEN\r\nTEXT ffffffffffffffff\r\n", b"OPEN\r\nTEXT 3\r\nab\r\n",
                                  b"OPEN\r\nTEXT -1\r\n\r\n", b"open?\r\n"])
def test_opening_answers_that_are_no_events_are_a_502(start, body):
    node, _ = over(start, reply(body, headers=[("Content-Type", "application/websocket-events")]))
    assert WebSocket(node).response.status == 502


def test_next_target_when_the_first_cannot_be_reached(start):
    backend = Backend(over_http(http_echo))
    with socket.socket() as dead:  # bound, so that nobody else listens there; not listening
        dead.bind(("127.0.0.1", 0))
        targets = [{"address": "127.0.0.1:%d" % port, "over_http": True} for port in (dead.getsockname()[1], backend.port)]
        node = start(routes=[{"path_begins": "/", "targets": targets}])
        with WebSocket(node) as ws:
            ws.text("x").expect_text("x")


# ---- requests

def test_one_request_at_a_time_and_what_comes_meanwhile_goes_together(start):
    gate = threading.Event()

    def answer(got, _):
        if got == [("TEXT", b"one")]:
            gate.wait(10)
        return http_echo(got, None)

    node, backend = over(start, over_http(answer))
    with WebSocket(node) as ws:
        backend.next()
        ws.text("one")
        assert backend.next().body == event("TEXT", "one")
        for text in ("two", "three"):
            ws.text(text)
        ws.send(PING, "x")
        eventually(lambda: node.metrics()["holdfast_client_messages_total"] == 4)
        gate.set()
        for text in ("one", "two", "three"):
            ws.expect_text(text)
        assert backend.next().body == event("TEXT", "two") + event("TEXT", "three") + event("PING", "x")


def test_one_event_targets_get_one_at_a_time(start):
    gate = threading.Event()

    def answer(got, _):
        gate.wait(10)
        return http_echo(got, None)

    node, backend = over(start, over_http(answer), one_event=True)
    with WebSocket(node) as ws:
        backend.next()
        for text in ("one", "two", "three"):
            ws.text(text)
        gate.set()
        for text in ("one", "two", "three"):
            ws.expect_text(text)
            assert backend.next().body == event("TEXT", text)


def test_large_messages_both_ways(start):
    node, _ = over(start, over_http(http_echo))
    with WebSocket(node) as ws:
        for size in (16384, 262144, 900000):
            ws.send(TEXT, "x" * size).expect_text("x" * size)


def test_answer_over_its_limit_drops_the_client(start):
    node, backend = over(start, over_http(lambda got, _: events(event("TEXT", "x" * 70000))), config={"websocket": {"over_http_reply": 65536}})
    with WebSocket(node) as ws:
        ws.text("go")
        assert ws.connection.read_to_close() == b""


@pytest.mark.parametrize("answer", [reply("oops", 500), reply("ok", 200, [("Content-Type", "text/plain")]), events(b"TEXT 5\r\nab\r\n"),
                                    events(event("TEXT", b"\xff")), events(event("OPEN")), events(event("DISCONNECT")),
                                    events(event("PING", "x" * 126)), events(event("CLOSE", b"\x03"))])
def test_bad_answers_later_on_drop_the_client_without_a_close(start, answer):
    node, _ = over(start, over_http(lambda got, _: answer))
    with WebSocket(node) as ws:
        ws.text("go")
        assert ws.connection.read_to_close() == b""


def test_unknown_events_are_passed_over(start):
    node, _ = over(start, over_http(lambda got, _: events(event("NEWS", "x"), event("TEXT", "known"))))
    with WebSocket(node) as ws:
        ws.text("go").expect_text("known")


def test_close_code_zero_is_a_close_without_a_code(start):
    node, _ = over(start, over_http(lambda got, _: events(event("CLOSE", b"\x00\x00"))))
    with WebSocket(node) as ws:
        ws.text("go")
        ws.expect_close(0)


def test_a_client_that_vanishes_is_told_of_with_its_meta(start):
    node, backend = over(start, over_http(http_echo, headers=[("Set-Meta-User", "7")]))
    with WebSocket(node):
        opening = backend.next()
    request = backend.next()
    assert request.body == b"DISCONNECT\r\n" and request.headers["meta-user"] == "7"
    assert request.headers["connection-id"] == opening.headers["connection-id"]


def test_what_a_vanished_client_had_sent_goes_before_the_news(start):
    gate = threading.Event()

    def answer(got, _):
        if ("TEXT", b"one") in got:
            gate.wait(10)
        return http_echo(got, None)

    node, backend = over(start, over_http(answer))
    with WebSocket(node) as ws:
        ws.text("one")
        backend.next(), backend.next()
        ws.text("two")
        eventually(lambda: node.metrics()["holdfast_client_messages_total"] == 2)
    gate.set()
    assert backend.next().body == event("TEXT", "two") + event("DISCONNECT")


def test_what_was_said_before_a_fault_is_still_answered(start):
    seen = []

    def answer(got, request):
        seen.extend(kind for kind, _ in got)
        return http_echo(got, request)

    node, _ = over(start, over_http(answer))
    with WebSocket(node) as ws:
        ws.connection.send(frame(TEXT, b"good", mask=b"abcd") + frame(TEXT, b"bad", rsv=4, mask=b"abcd"))
        ws.expect_text("good")
        ws.expect_close(1002)
        assert ws.connection.read_to_close() == b""
    assert seen == ["TEXT", "DISCONNECT"]


def test_a_backend_that_cannot_be_reached_for_a_moment_gets_what_was_said_then(start):
    def once(request, connection):
        connection.send(over_http(http_echo)(request, connection).replace(b"Content-Length", b"Connection: close\r\nContent-Length", 1))

    node, backend = over(start, once)
    with WebSocket(node) as ws:
        backend.close()
        ws.text("one")
        eventually(lambda: node.metrics()['holdfast_upstream_requests_total{outcome="connect_failed"}'] >= 1, what="an attempt")
        ws.text("two")
        Backend(over_http(http_echo), port=backend.port)
        ws.expect_text("one")
        ws.expect_text("two")


def test_set_meta_is_bounded(start):
    count = [0]

    def answer(got, _):
        count[0] += 1
        return events(headers=[("Set-Meta-M%d" % count[0], "x" * 4000)])

    node, backend = over(start, over_http(answer))
    with WebSocket(node) as ws:
        for _ in range(5):
            backend.next()
            ws.text("more")
        assert ws.connection.read_to_close() == b"" and count[0] == 5


def test_accepted_bytes_split_a_message_and_the_rest_comes_again(start):
    offered = []

    def answer(got, request):
        offered.append((got, request.headers.get("content-bytes-replayed")))
        return events(headers=[("Content-Bytes-Accepted", "4")] if len(offered) == 1 else [])

    node, backend = over(start, over_http(answer))
    with WebSocket(node) as ws:
        ws.text("abcdef")
        eventually(lambda: len(offered) == 1)
        ws.text("G")
        eventually(lambda: len(offered) == 2)
    assert offered[:2] == [([("TEXT", b"abcdef")], None), ([("TEXT", b"ef"), ("TEXT", b"G")], "2")]


def test_accepting_more_than_was_offered_is_fatal(start):
    node, _ = over(start, over_http(lambda got, _: events(headers=[("Content-Bytes-Accepted", "99")])))
    with WebSocket(node) as ws:
        ws.text("x")
        assert ws.connection.read_to_close() == b""


def test_a_client_may_not_speak_in_events_itself(start):
    node, backend = over(start, over_http(http_echo))
    response = node.get("/", [("Content-Type", "application/websocket-events")], "POST", b"OPEN\r\n")
    assert response.status == 403 and backend.requests.empty()


# ---- publishing

def test_filters_meta_and_order_hold_for_websockets(start):
    opening = [event("TEXT", 'c:{"type":"set-meta","name":"user","value":"u1"}'), subscribe("c", filters=["skip-self"]), event("TEXT", "m:ready")]
    node, _ = over(start, over_http(http_echo, opening, GRIP))
    with WebSocket(node) as ws:
        ws.expect_text("ready")
        items = [{"channel": "c", "id": "2", "prev-id": "1", "formats": {"ws-message": {"content": "second"}}},
                 {"channel": "c", "id": "1", "prev-id": "0", "formats": {"ws-message": {"content": "first"}}},
                 {"channel": "c", "id": "0", "formats": {"ws-message": {"content": "start"}}},
                 {"channel": "c", "id": "x", "no-seq": True, "meta": {"sender": "u1"}, "formats": {"ws-message": {"content": "own"}}}]
        for item in (items[2], items[3], items[0], items[1]):
            node.control("POST", "/publish/", json.dumps({"items": [item]}).encode())
        for text in ("start", "first", "second"):
            ws.expect_text(text)


def test_refresh_lets_the_backend_speak(start):
    node, backend = over(start, over_http(lambda got, _: events(event("TEXT", "m:fresh")), [subscribe("c"), event("TEXT", "m:ready")], GRIP))
    with WebSocket(node) as ws:
        ws.expect_text("ready")
        backend.next()
        publish(node, "c", action="refresh")
        assert backend.next().body == b""
        ws.expect_text("fresh")


def test_control_messages_of_megabytes_do_no_harm(start):
    huge = event("TEXT", "c:" + '{"type":"subscribe","channel":"' + "x" * 500_000 + '"}')
    many = [subscribe("many-%d" % i) for i in range(2000)]
    node, _ = over(start, over_http(http_echo, [huge, *many, event("TEXT", "m:ready")], GRIP))
    with WebSocket(node) as ws:
        ws.expect_text("ready")
        publish(node, "many-0", "first")
        ws.expect_text("first")
        assert node.metrics()["holdfast_subscriptions_refused_total"] >= 1980


# ---- direct routes

DIRECT = [{"path": "/ws/{room}", "hold": {"mode": "websocket", "channels": ["room-{room}"]}},
          {"path": "/ws/{room}", "hold": {"mode": "stream", "channels": ["room-{room}"]}}]


def test_direct_websocket_gets_messages_as_text(start):
    node = start(routes=DIRECT)
    with WebSocket(node, "/ws/7?position=") as ws:
        ws.send(PING, "alive").expect(PONG, "alive")
        eventually(lambda: (node.publish("room-7", "as a stream"), ws.connection.socket.settimeout(0.2), received(ws))[-1])
        publish(node, "room-7", "as a message")
        ws.expect_text("as a message")
        ws.close_frame(1000)
        ws.expect_close(1000)


def received(ws):
    try:
        return ws.recv(0.2) == (TEXT, b"as a stream")
    except TimeoutError:
        return False


def test_direct_websocket_carries_positions_and_goes_on_exactly(start):
    node = start(routes=DIRECT)
    asks = [("Sec-WebSocket-Protocol", "holdfast.positions")]
    with WebSocket(node, "/ws/7", asks) as ws:
        assert ws.response.headers["sec-websocket-protocol"] == "holdfast.positions"
        assert set(json.loads(ws.expect(TEXT))) == {"position"}
        node.publish("room-7", "one")
        first = json.loads(ws.expect(TEXT))
        assert first["data"] == "one"
    publish(node, "room-7", "two")
    node.control("POST", "/publish/", json.dumps({"items": [{"channel": "room-7", "formats": {"ws-message": {
        "content-bin": base64.b64encode(b"\xff\x00").decode()}}}]}).encode())
    with WebSocket(node, "/ws/7?position=" + first["position"], asks) as ws:
        second = json.loads(ws.expect(TEXT))
        assert second["data"] == "two" and second["position"] != first["position"]
        assert base64.b64decode(json.loads(ws.expect(TEXT))["base64"]) == b"\xff\x00"


def test_direct_websocket_that_cannot_go_on_exactly_is_told(start):
    node = start(routes=DIRECT)
    with WebSocket(node, "/ws/7?position=garbage", [("Sec-WebSocket-Protocol", "holdfast.positions")]) as ws:
        assert json.loads(ws.expect(TEXT))["gap"] == "unknown_position"
    with WebSocket(node, "/ws/7?position=garbage") as ws:
        ws.expect_close(1008)


def test_direct_route_for_websockets_only_says_so(start):
    node = start(routes=[{"path": "/only", "hold": {"mode": "websocket", "channels": ["c"]}}])
    response = node.get("/only")
    assert response.status == 426 and response.headers["upgrade"] == "websocket"
    node = start(routes=[{"path": "/only", "hold": {"mode": "stream", "channels": ["c"]}}])
    assert WebSocket(node, "/only").response.status == 400


def test_direct_websocket_that_answers_no_ping_is_dropped(start):
    node = start(routes=[{"path": "/c", "hold": {"mode": "websocket", "channels": ["c"], "keep_alive": "1s"}}])
    with WebSocket(node, "/c") as ws:
        ws.expect(PING)
        ws.expect(PING)
        assert ws.connection.read_to_close() == b""


def test_published_close_ends_direct_websockets(start):
    node = start(routes=DIRECT)
    with WebSocket(node, "/ws/7", [("Sec-WebSocket-Protocol", "holdfast.positions")]) as ws:
        ws.expect(TEXT)
        publish(node, "room-7", action="close", code=4009, reason="over")
        ws.expect_close(4009, "over")
        ws.close_frame(4009)
        assert ws.connection.read_to_close() == b""
