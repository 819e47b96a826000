"""A node's life: proxying with backpressure, truncation, time-outs, reload, drain, configuration."""
import json
import signal
import subprocess
import time

from kit import BINARY, Backend, eventually, hold, reply

BIG = 192 * 1024 * 1024


def test_a_large_body_streams_through_in_bounded_memory_both_ways(start):
    def answer(request, c):
        left = int(request.headers["content-length"])
        while left:
            left -= len(c.buffer)
            c.buffer = b""
            if left:
                c.buffer = c.socket.recv(1 << 20)
        c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
        for _ in range(BIG // (1 << 20)):
            c.send(b"z" * (1 << 20))
    answer.raw = True
    backend = Backend(answer)
    node = start(backend, loops=1)
    before = node.resident_bytes()
    c = node.connect().send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % BIG)
    for _ in range(BIG // (1 << 20)):
        c.send(b"y" * (1 << 20))
    r = c.response(patience=60)
    got = len(c.buffer)
    c.buffer = b""
    while got < BIG:
        got += len(c.socket.recv(1 << 20))
    assert r.status == 200 and node.resident_bytes() - before < 64 * 1024 * 1024


def test_a_backend_that_dies_in_mid_body_truncates_visibly(start):
    for head, body in ((b"Transfer-Encoding: chunked\r\n", b"4\r\npart\r\n"), (b"Content-Length: 10\r\n", b"part")):
        node = start(Backend(lambda request, c, h=head, b=body: c.send(b"HTTP/1.1 200 OK\r\n" + h + b"\r\n" + b) and None))
        r = node.get("/")
        r.read()
        assert r.body == b"part" and not r.whole


def test_a_backend_that_says_nothing_is_504(start):
    backend = Backend(lambda request, c: c.read_exactly(1, 30) and None)
    node = start(backend, upstream={"response_timeout": "300ms"})
    assert node.get("/").status == 504


def test_a_backend_that_sends_garbage_is_502(start):
    node = start(Backend(lambda request, c: c.send(b"hello there\r\n\r\n") and None))
    r = node.get("/")
    assert r.status == 502 and r.read() == b"Error while proxying to origin.\n"


def test_a_backend_that_answers_early_is_heard_and_its_connection_not_reused(start):
    def answer(request, c):
        return reply("early") if request.method == "POST" else reply("later")
    answer.raw = True
    backend = Backend(answer)
    node = start(backend, loops=1)
    c = node.connect().send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nabc")
    assert c.response().read() == b"early"
    assert node.get("/").read() == b"later"


def test_messages_during_a_re_request_are_kept(start):
    gate = []
    second = hold("response", "ch")

    def answer(request, c):
        gate.append(request)
        if len(gate) == 2:
            node.publish("ch", response="while asking")
        return second
    backend = Backend(answer)
    node = start(backend, loops=1)
    c = node.ask("/")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    node.publish("ch", response={"action": "hint"})
    assert c.response().read() == b"while asking"


def test_with_auto_a_plain_hold_is_not_asked_again_and_history_heals_a_stale_prev_id(start):
    backend = Backend(hold("response", "ch; prev-id=1"))
    node = start(backend, loops=2)
    node.publish("ch", response="m1", id="1")
    node.publish("ch", response="m2", id="2", **{"prev-id": "1"})
    assert node.get("/").read() == b"m2"
    assert backend.requests.qsize() == 1


def stale_backend():
    """It publishes first and keeps what it published later: asked again, it has heard of m1 only."""
    return Backend(reply("", headers=[("Grip-Hold", "stream"), ("Grip-Channel", "ch; prev-id=1"), ("Grip-Link", "</next>; rel=next")]))


def test_history_has_what_a_backend_that_was_asked_again_has_not_heard_of(start):
    backend = stale_backend()
    node = start(backend, loops=1)
    node.publish("ch", "m1 ", id="1")
    first = node.get("/")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    node.publish("ch", "m2 ", id="2", **{"prev-id": "1"})
    first.until("m2 ")
    node.publish("ch", {"action": "hint"}, **{"no-seq": True})
    eventually(lambda: backend.requests.qsize() == 2, what="the backend asked again")
    second = node.get("/")
    second.until("m2 ")
    node.publish("ch", "m3 ", id="3", **{"prev-id": "2"})
    assert first.until("m3 ") == second.until("m3 ") == b"m2 m3 "
    assert backend.requests.qsize() == 4  # the second finds the hint in history, too


def test_a_backend_that_never_hears_of_a_message_is_asked_once(start):
    backend = stale_backend()
    node = start(backend, loops=1, delivery={"reorder_wait": "10ms"})
    node.publish("ch", "m1 ", id="1")
    client = node.get("/")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    node.publish("ch", "m4 ", id="4", **{"prev-id": "3"})
    eventually(lambda: backend.requests.qsize() == 2, what="the backend asked again")
    node.publish("ch", "m5 ", id="5", **{"prev-id": "1"})
    assert client.until("m5 ") == b"m5 "
    assert backend.requests.qsize() == 2


def test_the_message_that_made_a_node_ask_is_not_lost_if_the_backend_has_not_heard_of_it(start):
    asked = []

    def answer(request, _):
        asked.append(request)
        body, prev = ("m4 ", 4) if len(asked) == 3 else ("", 1)
        return reply(body, headers=[("Grip-Hold", "stream"), ("Grip-Channel", "ch; prev-id=%d" % prev), ("Grip-Link", "</next>; rel=next")])
    node = start(Backend(answer), loops=1, delivery={"reorder_wait": "10ms"})
    node.publish("ch", "m1 ", id="1")
    client = node.get("/")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    node.publish("ch", "m4 ", id="4", **{"prev-id": "3"})
    eventually(lambda: len(asked) == 2, what="the backend asked again")
    node.publish("ch", "m5 ", id="5", **{"prev-id": "4"})
    assert client.until("m5 ") == b"m4 m5 "


def test_a_poll_whose_backend_never_hears_of_a_message_asks_once_a_second(start):
    asked = []

    def answer(request, _):
        asked.append(time.monotonic())
        return reply("", headers=[("Grip-Hold", "response"), ("Grip-Channel", "ch; prev-id=1")])
    node = start(Backend(answer), loops=1, delivery={"reorder_wait": "10ms"})
    node.publish("ch", response="m1", id="1")
    client = node.ask("/")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    for n in (4, 6, 8):
        node.publish("ch", response="m%d" % n, id=str(n), **{"prev-id": str(n - 1)})
        eventually(lambda: len(asked) >= 2, what="the backend asked again")
    eventually(lambda: len(asked) == 3, what="the backend asked a third time")
    assert asked[2] - asked[1] > 0.9
    node.publish("ch", response="m9", id="9", **{"prev-id": "1"})
    assert client.response().read() == b"m9"


def test_ten_thousand_channels_are_refused_and_line_breaks_too(start):
    backend = Backend()
    node = start(backend)
    for instruct in ({"hold": {"mode": "stream", "channels": [{"name": "c%d" % n} for n in range(10001)]}},
                     {"hold": {"mode": "stream", "channels": [{"name": "c"}]}, "response": {"headers": {"X": "a\r\nSet-Cookie: b"}}}):
        backend.answer = reply(json.dumps(instruct), headers=[("Content-Type", "application/grip-instruct")])
        r = node.get("/")
        assert r.status == 502 and "set-cookie" not in r.headers


def test_routes_are_read_again_and_wrong_ones_leave_the_old(start, tmp_path):
    a, b = Backend(reply("a")), Backend(reply("b"))
    routes = tmp_path / "routes"
    routes.write_text("* 127.0.0.1:%d\n" % a.port)
    node = start(routes_file=str(routes))
    assert node.get("/").read() == b"a"
    routes.write_text("* 127.0.0.1:%d\n" % b.port)
    eventually(lambda: node.get("/").read() == b"b")
    routes.write_text("* not a target,nonsense=1\n")
    node.signal(signal.SIGHUP)
    eventually(lambda: "the old routes stay" in node.log())
    assert node.get("/").read() == b"b"


def test_a_drain_ends_each_kind_in_its_form(start):
    backend = Backend(lambda request, c: hold("response", "r", body=b"time-out") if request.target == "/poll" else hold("stream", "s", body=b"begun"))
    node = start(backend, routes=[
        {"path": "/events/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"]}},
        {"path_begins": "/", "targets": [{"address": "127.0.0.1:%d" % backend.port}]}])
    events, stream, poll = node.get("/events/x"), node.get("/stream"), node.ask("/poll")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 3)
    assert node.admin("/readyz").status == 200 and node.admin("/livez").status == 200
    node.signal(signal.SIGTERM)
    assert b"retry: " in events.read() and events.whole
    assert stream.read() == b"begun" and stream.whole
    assert poll.response().read() == b"time-out"


def test_a_control_node_goes_on_for_the_delay_of_a_drain(start):
    node = start(role="control", drain={"delay": "2s", "window": "60s"})
    begun = time.monotonic()
    node.signal(signal.SIGTERM)
    eventually(lambda: node.admin("/readyz?exclude=broker").status == 503)
    assert node.publish("late", "x").status == 200
    assert node.process.wait(30) == 0
    assert 2 <= time.monotonic() - begun < 30


def test_metrics_count_what_happens(start):
    backend = Backend(hold("stream", "m"))
    node = start(backend)
    r = node.get("/")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    node.publish("m", "x")
    r.until("x")
    metrics = node.metrics()
    assert metrics['holdfast_holds{mode="stream"}'] == 1 and metrics["holdfast_deliveries_total"] == 1
    assert metrics["holdfast_published_items_total"] >= 1 and metrics["holdfast_connections"] == 1


def test_wrong_configuration_names_line_and_nearest_key(tmp_path):
    config = tmp_path / "bad.yaml"
    config.write_text("edge:\n  idle_timeoutt: 5s\n  max_request_head: 1\nroutes:\n  - path_begin: /\n    target: x\n")
    run = subprocess.run([BINARY, "check-config", "--config", str(config)], capture_output=True, text=True)
    assert run.returncode == 2
    assert "bad.yaml:2" in run.stderr and "edge.idle_timeout'" in run.stderr
    assert "bad.yaml:3" in run.stderr and "between" in run.stderr
    assert "bad.yaml:5" in run.stderr


def test_a_configuration_that_would_not_start_is_not_called_good(tmp_path):
    def check(text, *more):
        config = tmp_path / "c.yaml"
        config.write_text(text)
        return subprocess.run([BINARY, "check-config", "--config", str(config), *more], capture_output=True, text=True)
    for text, reason in [
        ("control: {http: {address: '0.0.0.0:5561'}}", "control.http.address"),
        ("control: {http: {token_file: nowhere}}", "control.http.token_file"),
        ("broker: {foreign: ['x=raw']}", "broker.foreign"),
        ("broker: {type: redis, redis: {sentinels: ['a:1'], cluster: ['b:1']}}", "broker.redis"),
        ("broker: {type: zeromq, zeromq: {bind: 'tcp://0.0.0.0:5570'}}", "broker.zeromq.bind"),
        ("broker: {type: zeromq, zeromq: {secret_key: tooshort}}", "broker.zeromq.secret_key"),
    ]:
        run = check(text)
        assert run.returncode == 2 and reason in run.stderr, (text, run.stdout, run.stderr)
    # A node for clients does not open the door for publishers.
    assert check("control: {http: {address: '0.0.0.0:5561'}}", "--set", "role=gateway").returncode == 0


def test_print_config_hides_secrets(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("proxy:\n  signing: {key: very-secret-key}\n")
    run = subprocess.run([BINARY, "print-config", "--config", str(config)], capture_output=True, text=True)
    assert run.returncode == 0 and "very-secret-key" not in run.stdout and "(set)" in run.stdout
