"""SockJS: every transport in front of a backend that knows only WebSockets, on a node of several loops."""
import json
import random
import re
import signal
import socket
import threading
import urllib.parse
import uuid

import pytest
from kit import Backend, Closed, eventually, reply
from ws import BINARY, CONT, GRIP, PING, PONG, TEXT, WebSocket, echo, native, over_http, http_echo

PRELUDE = b"h" * 2048 + b"\n"


@pytest.fixture
def node(start, tmp_path):
    """The `test` target sends every message to /ws back."""
    return with_route(start, tmp_path, "*,path_beg=/sj,sockjs=/sj,sockjs_as_path=/ws test")


def with_route(start, folder, *lines, **config):
    (folder / "routes").write_text("\n".join(lines) + "\n")
    return start(routes_file=str(folder / "routes"), **config)


def behind(start, folder, backend, options="", target=""):
    return with_route(start, folder, "*,sockjs=/sj,sockjs_as_path=/ws%s 127.0.0.1:%d%s" % (options, backend.port, target))


def publish(node, channel, **message):
    node.control("POST", "/publish/", json.dumps({"items": [{"channel": channel, "formats": {"ws-message": message}}]}).encode())


class Session:
    """A client's session; each of its requests has a connection of its own, so that they meet all loops."""

    def __init__(self, node, server="000"):
        self.node, self.base = node, "/sj/%s/%s/" % (server, uuid.uuid4().hex)

    def post(self, what, body=b"", headers=()):
        r = self.node.get(self.base + what, headers, "POST", body)
        r.read()
        r.connection.close()
        return r

    def poll(self):
        r = self.post("xhr")
        assert r.status == 200 and r.headers["content-type"] == "application/javascript; charset=UTF-8", (r.status, r.body)
        return r.body

    def waiting(self, what="xhr", method="POST"):
        """A receiving request; its answer is still to come."""
        return self.node.ask(self.base + what, (), method)

    def send(self, *messages):
        r = self.post("xhr_send", json.dumps(messages).encode())
        assert (r.status, r.body) == (200, b"ok"), (r.status, r.body)

    def messages(self, count):
        """So many messages, by as many polls as it takes."""
        got = []
        while len(got) < count:
            body = self.poll()
            assert body[:1] == b"a", body
            got += json.loads(body[1:])
        return got


@pytest.fixture
def session(node):
    made = Session(node)
    assert made.poll() == b"o\n"
    return made


def get(node, target, headers=(), method="GET", body=b""):
    r = node.get(target, headers, method, body)
    r.read()
    return r


# ---- pages

@pytest.mark.parametrize("target", ["/sj", "/sj/", "/sj?t=1"])
def test_the_greeting(node, target):
    r = get(node, target)
    assert (r.status, r.body, r.headers["content-type"]) == (200, b"Welcome to SockJS!\n", "text/plain; charset=UTF-8")


def test_info_says_what_is_offered(node):
    r = get(node, "/sj/info")
    info = json.loads(r.body)
    entropy = info.pop("entropy")
    assert info == {"websocket": True, "origins": ["*:*"], "cookie_needed": False} and 0 <= entropy < 2 ** 32
    assert r.headers["access-control-allow-origin"] == "*" and "access-control-allow-credentials" not in r.headers
    assert r.headers["cache-control"] == "no-store, no-cache, no-transform, must-revalidate, max-age=0"
    assert json.loads(get(node, "/sj/info").body)["entropy"] != entropy


def test_scripts_of_any_origin_may_read_with_credentials(node):
    r = get(node, "/sj/info", [("Origin", "https://a.example")])
    assert r.headers["access-control-allow-origin"] == "https://a.example" and r.headers["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("path, methods", [("info", "OPTIONS, GET"), ("a/b/xhr", "OPTIONS, POST"), ("a/b/xhr_send", "OPTIONS, POST"),
                                           ("a/b/xhr_streaming", "OPTIONS, POST")])
def test_preflight(node, path, methods):
    r = get(node, "/sj/" + path, [("Origin", "http://a"), ("Access-Control-Request-Headers", "content-type")], "OPTIONS")
    assert r.status == 204 and r.headers["access-control-allow-methods"] == methods and int(r.headers["access-control-max-age"]) > 1000000
    assert r.headers["access-control-allow-origin"] == "http://a" and r.headers["access-control-allow-headers"] == "content-type"


def test_the_iframe_page_is_told_apart_by_its_tag(start, tmp_path):
    node = with_route(start, tmp_path, "*,sockjs=/sj,sockjs_as_path=/ws test", websocket={"sockjs_url": "https://cdn.test/s.js?a=1&b=\"2\""})
    r = get(node, "/sj/iframe-1.6.1.html")
    assert r.status == 200 and r.headers["content-type"] == "text/html; charset=UTF-8" and b"SockJS.bootstrap_iframe" in r.body
    assert b'src="https://cdn.test/s.js?a=1&amp;b=&quot;2&quot;"' in r.body
    again = get(node, "/sj/iframe.html", [("If-None-Match", r.headers["etag"])])
    assert (again.status, again.body) == (304, b"") and again.headers["etag"] == r.headers["etag"]


@pytest.mark.parametrize("path", ["/nothing", "/a/b", "/a.b/c/xhr", "/a//xhr", "/a/b/htmlfile", "/iframe.htm"])
def test_anything_else_is_404(node, path):
    assert get(node, "/sj" + path).status == 404


@pytest.mark.parametrize("method, path", [("GET", "/a/b/xhr"), ("POST", "/info"), ("GET", "/a/b/xhr_send"), ("POST", "/a/b/jsonp")])
def test_other_methods_are_not_allowed(node, method, path):
    assert get(node, "/sj" + path, (), method).status == 405


# ---- polling

def test_a_message_goes_there_and_back(session):
    session.send("ping", "é\n\u2028\"")
    assert session.messages(2) == ["ping", "é\n\u2028\""]


def test_a_poll_waits_for_a_message(session):
    with session.waiting() as poll:
        assert poll.silent_for(0.2)
        session.send("late")
        assert poll.response().read() == b'a["late"]\n'


def test_sends_and_polls_meet_whatever_loop_they_arrive_at(start, tmp_path):
    node = with_route(start, tmp_path, "*,sockjs=/sj,sockjs_as_path=/ws test", loops=4)

    def run(failures):
        try:
            session = Session(node)
            assert session.poll() == b"o\n"
            for n in range(20):
                session.send("%d" % n, "+")
                assert session.messages(2) == ["%d" % n, "+"]
        except BaseException as why:
            failures.append(why)
    failures = []
    threads = [threading.Thread(target=run, args=(failures,)) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures


def test_of_two_that_open_a_session_at_once_one_opens_it(start, tmp_path):
    def run(frames, _):
        frames.recv()
        frames.close_frame(3000, "seen")
        frames.recv()
    backend = Backend(native(run))
    node = behind(start, tmp_path, backend)
    for _ in range(20):
        session = Session(node)
        polls = [session.waiting() for _ in range(6)]
        assert backend.next().target == "/ws"
        session.send("now close")
        bodies = [p.response().read() for p in polls]
        assert bodies.count(b"o\n") == 1, bodies
        assert set(bodies) <= {b"o\n", b'c[2010,"Another connection still open"]\n', b'c[3000,"seen"]\n'}, bodies
    assert backend.requests.empty()


def test_a_second_receiver_is_sent_away_and_the_first_stays(session):
    with session.waiting() as first:
        assert first.silent_for(0.1)
        assert session.poll() == b'c[2010,"Another connection still open"]\n'
        session.send("x")
        assert first.response().read() == b'a["x"]\n'


def test_a_client_that_leaves_makes_room_for_its_next_request(session):
    def joined():
        """A poll that waits; None if another still does."""
        poll = session.waiting()
        if poll.silent_for(0.1):
            return poll
        assert poll.response().read() == b'c[2010,"Another connection still open"]\n'
    for _ in range(5):
        with eventually(joined):
            pass
    with eventually(joined) as poll:
        session.send("x")
        assert poll.response().read() == b'a["x"]\n'


def test_the_backend_sees_a_websocket_at_its_path_with_the_query(start, tmp_path):
    backend = Backend(native(echo))
    node = behind(start, tmp_path, backend)
    r = get(node, "/sj/0/%s/xhr?t=1&token=2" % uuid.uuid4().hex, [("Origin", "http://a"), ("Cookie", "c=1"), ("Content-Type", "text/plain")], "POST", b"")
    assert r.body == b"o\n"
    request = backend.next()
    assert (request.method, request.target) == ("GET", "/ws?t=1&token=2")
    assert request.headers["upgrade"] == "websocket" and request.headers["sec-websocket-version"] == "13"
    assert request.headers["cookie"] == "c=1" and request.headers["origin"] == "http://a"
    assert "content-type" not in request.headers and "content-length" not in request.headers


def test_a_backend_over_http(start, tmp_path):
    backend = Backend(over_http(http_echo))
    node = behind(start, tmp_path, backend, target=",over_http")
    session = Session(node)
    assert session.poll() == b"o\n"
    session.send("a", "b")
    assert session.messages(2) == ["a", "b"]
    assert backend.next().target == "/ws"


def test_a_refusal_is_the_answer_to_the_first_request(start, tmp_path):
    backend = Backend(reply("no entry", 403, [("X-Why", "policy"), ("Content-Type", "text/x")]))
    node = behind(start, tmp_path, backend)
    session = Session(node)
    r = session.post("xhr", headers=[("Origin", "http://a")])
    assert (r.status, r.body, r.headers["x-why"]) == (403, b"no entry", "policy")
    assert r.headers["access-control-allow-origin"] == "http://a" and "no-store" in r.headers["cache-control"]
    assert session.post("xhr_send", b'["x"]').status == 404  # it is forgotten
    for what in ("xhr_streaming", "eventsource", "jsonp?c=f"):
        assert Session(node).waiting(what, "POST" if what[0] == "x" else "GET").response().status == 403


def test_a_backend_that_cannot_be_reached_is_502(start, tmp_path):
    with socket.socket() as bound:  # but it does not listen
        bound.bind(("127.0.0.1", 0))
        node = with_route(start, tmp_path, "*,sockjs=/sj 127.0.0.1:%d" % bound.getsockname()[1])
        r = Session(node).post("xhr")
        assert (r.status, r.body) == (502, b"Error while proxying to origin.\n")


def slow_to_open(go, run):
    def answer(request, connection):
        go.wait(30)
        native(run)(request, connection)
    return Backend(answer)


def test_what_is_sent_before_the_backend_answers_waits(start, tmp_path):
    go = threading.Event()
    backend = slow_to_open(go, echo)
    session = Session(behind(start, tmp_path, backend))
    with session.waiting("xhr_streaming") as receiver:
        backend.next()
        with session.node.ask(session.base + "xhr_send", (), "POST", b'["early"]') as sender:
            assert sender.silent_for(0.2) and receiver.silent_for(0.05)
            go.set()
            assert sender.response().read() == b"ok"
        assert receiver.response().until('a["early"]\n') == PRELUDE + b'o\na["early"]\n'


def test_a_client_that_leaves_before_the_backend_answers_is_forgotten(start, tmp_path):
    go = threading.Event()
    session = Session(behind(start, tmp_path, slow_to_open(go, echo)))
    with session.waiting() as poll:
        assert poll.silent_for(0.1)
    with session.node.ask(session.base + "xhr_send", (), "POST", b'["early"]') as sender:
        assert sender.response().status == 404  # after those seconds, with the session
    go.set()


def test_the_backends_close_is_told_to_each_poll(start, tmp_path):
    def run(frames, _):
        frames.recv()
        frames.text("last words")
        frames.close_frame(4001, "enough")
        assert frames.expect_close(4001) == 4001
        closed.set()
    closed = threading.Event()
    node = behind(start, tmp_path, Backend(native(run)))
    session = Session(node)
    assert session.poll() == b"o\n"
    session.send("go on")
    assert session.poll() == b'a["last words"]\n'
    for _ in range(3):
        assert session.poll() == b'c[4001,"enough"]\n'
    assert closed.wait(10)
    assert session.post("xhr_send", b'["x"]').status == 404


def test_a_backend_that_breaks_off_is_told(start, tmp_path):
    node = behind(start, tmp_path, Backend(native(lambda frames, _: frames.recv())))
    session = Session(node)
    session.poll()
    session.send("x")
    assert session.poll() == b'c[1006,"Connection lost"]\n'


def test_a_session_without_receiver_is_forgotten_and_its_backend_told(start, tmp_path):
    gone = threading.Event()

    def run(frames, _):
        try:
            frames.recv(60)
        except Closed:
            gone.set()
    node = behind(start, tmp_path, Backend(native(run)))
    session = Session(node)
    assert session.poll() == b"o\n"
    assert gone.wait(10)
    eventually(lambda: session.post("xhr_send", b'["x"]').status == 404)
    assert session.poll() == b"o\n"  # a new one


def test_a_receiver_keeps_its_session(session):
    with session.waiting() as poll:
        assert poll.silent_for(5.5)
        session.send("still here")
        assert poll.response().read() == b'a["still here"]\n'


# ---- sending

@pytest.mark.parametrize("body, text", [(b"", b"Payload expected."), (b'["x', b"Broken JSON encoding."), (b"[1]", b"Broken JSON encoding.")])
def test_what_is_no_message_is_refused(session, body, text):
    r = session.post("xhr_send", body)
    assert (r.status, r.body) == (500, text)
    session.send("still fine")
    assert session.messages(1) == ["still fine"]


def test_one_string_is_a_message(session):
    assert session.post("xhr_send", b'"x"').body == b"ok"
    assert session.messages(1) == ["x"]


def test_sending_to_an_unknown_session_is_404(node):
    for what in ("xhr_send", "jsonp_send"):
        assert Session(node).post(what, b'["x"]').status == 404


def test_a_payload_is_bounded(session):
    assert session.post("xhr_send", b'["' + b"x" * 1048576 + b'"]').status == 413
    session.send("x" * 1000000)
    assert session.messages(1) == ["x" * 1000000]


def test_a_backend_that_does_not_read_makes_the_client_wait(start, tmp_path):
    go = threading.Event()

    def run(frames, request):
        go.wait(30)
        echo(frames, request)
    node = behind(start, tmp_path, Backend(native(run)))
    session = Session(node)
    session.poll()
    body = json.dumps(["x" * 1000000]).encode()
    senders = [node.ask(session.base + "xhr_send", (), "POST", body) for _ in range(24)]
    with session.waiting() as poll:
        answers = [0, 0]

        def answered(c):
            r = c.response(patience=60)
            r.read()
            answers[r.status != 200] += 1
        threads = [threading.Thread(target=answered, args=(c,)) for c in senders]
        for t in threads:
            t.start()
        eventually(lambda: answers[1] > 0)  # more than may wait
        go.set()
        for t in threads:
            t.join()
        assert answers[0] > 1
        poll.response().read()


# ---- streaming

def stream(session):
    r = session.waiting("xhr_streaming").response()
    assert r.headers["content-type"] == "application/javascript; charset=UTF-8" and r.headers["transfer-encoding"] == "chunked"
    return r


def test_a_stream_gets_messages_as_they_come(node):
    session = Session(node)
    r = stream(session)
    assert r.until("o\n") == PRELUDE + b"o\n"
    for n in range(3):
        session.send("m%d" % n)
        r.until('a["m%d"]\n' % n)
    assert r.body == PRELUDE + b'o\na["m0"]\na["m1"]\na["m2"]\n'


def test_a_stream_ends_after_128_kib_and_the_next_goes_on(node):
    session = Session(node)
    r = stream(session)
    r.until("o\n")
    sent = 0
    while not r.ended and sent < 100:
        session.send("x" * 4096)
        sent += 1
        if sent >= 32:
            r.read()
    assert r.whole and 128 * 1024 <= len(r.body) < 160 * 1024
    session.send("next")
    again = stream(session)
    again.until('"next"]\n')
    assert again.body.startswith(PRELUDE) and b"o\n" not in again.body
    got = [m for body in (r.body, again.body) for frame in re.findall(rb"^a(.*)$", body, re.M) for m in json.loads(frame)]
    assert got == ["x" * 4096] * sent + ["next"]


def test_a_stream_is_told_the_close_and_ends(start, tmp_path):
    def run(frames, _):
        frames.text("bye")
        frames.close_frame(3000, "Go away!")
        frames.recv()
    node = behind(start, tmp_path, Backend(native(run)))
    r = stream(Session(node))
    r.read()
    assert r.whole and r.body.endswith(b'c[3000,"Go away!"]\n') and b'a["bye"]\n' in r.body


def test_event_source(node):
    session = Session(node)
    r = session.waiting("eventsource", "GET").response()
    assert r.headers["content-type"] == "text/event-stream"
    assert r.until("data: o\r\n\r\n") == b"\r\ndata: o\r\n\r\n"
    session.send("a\nb")
    r.until('data: a["a\\nb"]\r\n\r\n')


def test_jsonp(node):
    session = Session(node)

    def poll():
        r = get(node, session.base + "jsonp?c=_jp.cb&t=1")
        assert r.status == 200 and r.headers["content-type"] == "application/javascript; charset=UTF-8"
        assert r.headers["x-content-type-options"] == "nosniff"
        match = re.fullmatch(rb'/\*\*/_jp\.cb\((".*")\);\r\n', r.body)
        return json.loads(match[1])
    assert poll() == "o"
    form = [("Content-Type", "application/x-www-form-urlencoded")]
    r = session.post("jsonp_send", ("d=" + urllib.parse.quote('["a b&"]')).encode(), form)
    assert (r.status, r.body) == (200, b"ok")
    assert poll() == 'a["a b&"]'
    assert session.post("jsonp_send", b'["plain"]', [("Content-Type", "text/plain")]).body == b"ok"
    assert poll() == 'a["plain"]'
    assert session.post("jsonp_send", b"d=", form).body == b"Payload expected."
    assert session.post("jsonp_send", b"d=%5B", form).body == b"Broken JSON encoding."


@pytest.mark.parametrize("query", ["", "?c=", "?c=a%20b", "?c=alert(1)", "?c=%3Cscript%3E"])
def test_a_callback_is_a_name(node, query):
    assert get(node, "/sj/a/b/jsonp" + query).status == 500


def test_a_stream_that_is_not_read_stops_the_backend_and_then_goes_on(start, tmp_path):
    written = []

    def run(frames, _):
        for n in range(3000):
            frames.text("%06d" % n + "x" * 10000)
            written.append(n)
        frames.recv(60)
    node = behind(start, tmp_path, Backend(native(run)))
    session = Session(node)
    c = node.connect(receive_buffer=4096)
    c.send("POST %sxhr_streaming HTTP/1.1\r\nHost: app.test\r\n\r\n" % session.base)
    count = [-1]

    def stands_still():
        before, count[0] = count[0], len(written)
        threading.Event().wait(0.3)
        return before == len(written) > 0
    eventually(stands_still)
    # Each stream ends after 128 KiB; what it was given and did not write is given to the next.
    got = []
    r = c.response()
    while len(got) < 300:
        for line in r.read().splitlines():
            if line[:1] == b"a":
                got += json.loads(line[1:])
        assert r.whole
        r = stream(session)
    assert [m[:6] for m in got] == ["%06d" % n for n in range(len(got))]


# ---- publishing

def subscribed(start, tmp_path):
    def run(frames, _):
        frames.control(type="subscribe", channel="news")
        frames.text("m:ready")
        frames.recv(60)
    return behind(start, tmp_path, Backend(native(run, [GRIP])))


def test_what_is_published_comes_to_polls(start, tmp_path):
    node = subscribed(start, tmp_path)
    session = Session(node)
    assert session.poll() == b"o\n" and session.messages(1) == ["ready"]
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    publish(node, "news", content="one")
    publish(node, "news", **{"content-bin": "AP8="})  # no text
    publish(node, "news", content="two")
    assert session.messages(2) == ["one", "two"]
    publish(node, "news", action="close", code=4004, reason="over")
    assert session.poll() == b'c[4004,"over"]\n'
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 0)


def test_a_client_that_leaves_too_much_unread_is_dropped(start, tmp_path):
    node = subscribed(start, tmp_path)
    session = Session(node)
    assert session.poll() == b"o\n" and session.messages(1) == ["ready"]
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    for _ in range(20):
        publish(node, "news", content="x" * 10000)
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 0)
    assert session.poll() == b'c[1013,"too much was not read"]\n'
    assert node.metrics()["holdfast_slow_clients_dropped_total"] == 1


def test_a_drain_closes_sessions(start, tmp_path):
    node = with_route(start, tmp_path, "*,sockjs=/sj,sockjs_as_path=/ws test", drain={"window": "2s"})
    session = Session(node)
    r = stream(session)
    r.until("o\n")
    node.signal(signal.SIGTERM)
    r.read()
    assert r.body.endswith(b'c[1001,"going away"]\n') and r.whole


# ---- over a WebSocket

def test_frames_over_a_websocket(node):
    with WebSocket(node, "/sj/000/%s/websocket" % uuid.uuid4().hex) as ws:
        ws.expect_text("o")
        ws.text('["hello","world"]')
        assert ws.expect(TEXT) == b'a["hello"]' and ws.expect(TEXT) == b'a["world"]'
        ws.text('"one"').text("").send(TEXT, '["in ', fin=False).send(CONT, 'parts"]')
        assert ws.expect(TEXT) == b'a["one"]' and ws.expect(TEXT) == b'a["in parts"]'
        ws.send(PING, "p").expect(PONG, "p")
        ws.close_frame(1000).expect_close(1000)


def test_the_backends_close_is_a_frame_and_a_close(start, tmp_path):
    def run(frames, request):
        assert request.target == "/ws?a=1"
        frames.send(PING, "not passed").expect(TEXT, "hi")
        frames.send(BINARY, b"\xff\x00").send(BINARY, "text")
        frames.close_frame(4001, "enough").expect_close(4001)
    node = behind(start, tmp_path, Backend(native(run)))
    with WebSocket(node, "/sj/000/s/websocket?a=1") as ws:
        ws.expect_text("o")
        ws.text('["hi"]').expect_text('a["text"]')
        ws.expect_text('c[4001,"enough"]')
        ws.expect_close(4001)
        ws.close_frame(4001)
        assert ws.connection.read_to_close() == b""


@pytest.mark.parametrize("text", ['["x', "[1]", "{}"])
def test_broken_framing_ends_a_websocket_without_a_frame(node, text):
    with WebSocket(node, "/sj/000/s/websocket") as ws:
        ws.expect_text("o")
        ws.text(text).expect_close(1002)
        assert ws.connection.read_to_close() == b""


def test_a_message_too_big_for_a_frame_closes(start, tmp_path):
    def run(frames, _):
        frames.text("x" * 1500000)
        with pytest.raises(Closed):
            frames.recv()
        over.set()
    over = threading.Event()
    node = behind(start, tmp_path, Backend(native(run)))
    with WebSocket(node, "/sj/000/s/websocket") as ws:
        ws.expect_text("o")
        ws.expect_text('c[1009,"message too big"]')
        ws.expect_close(1009)
    assert over.wait(10)
    over.clear()
    session = Session(node)
    assert session.poll() == b"o\n" and session.poll() == b'c[1009,"message too big"]\n'
    assert over.wait(10)


def test_a_refusal_of_a_websocket(start, tmp_path):
    node = behind(start, tmp_path, Backend(reply("no", 403)))
    assert WebSocket(node, "/sj/000/s/websocket").response.status == 403


def test_a_raw_websocket_has_no_frames(start, tmp_path):
    backend = Backend(native(echo))
    node = behind(start, tmp_path, backend)
    with WebSocket(node, "/sj/websocket?q=1") as ws:
        ws.text("bare").expect_text("bare")
        ws.send(BINARY, b"\xff").expect(BINARY, b"\xff")
        ws.close_frame(1000).expect_close(1000)
    assert backend.next().target == "/ws?q=1"


@pytest.mark.parametrize("path", ["/sj/websocket", "/sj/a/b/websocket"])
def test_a_websocket_needs_a_handshake(node, path):
    r = get(node, path)
    assert (r.status, r.body) == (400, b'Can "Upgrade" only to "WebSocket".')


def test_only_allowed_origins_open_sessions(start):
    node = start(routes=[{"path_begins": "/", "sockjs_prefix": "/sj", "sockjs_as_path": "/ws", "origins": ["https://good.example"], "targets": [{"address": "test"}]}])
    bad, good = [("Origin", "https://bad.example")], [("Origin", "https://good.example")]
    assert get(node, "/sj/a/b/xhr", bad, "POST").status == 403
    assert get(node, "/sj/a/b/xhr_send", bad, "POST", b'["x"]').status == 403
    assert WebSocket(node, "/sj/a/b/websocket", bad).response.status == 403
    assert get(node, "/sj/a/b/jsonp?c=f").status == 403  # a script tag names no origin
    assert get(node, "/sj/a/b/xhr", good, "POST").body == b"o\n"


def test_sessions_come_and_go_without_a_trace(start, tmp_path):
    node = with_route(start, tmp_path, "*,sockjs=/sj,sockjs_as_path=/ws test", loops=4)
    rng = random.Random(7)
    sessions = [Session(node) for _ in range(40)]
    for s in sessions:
        with s.waiting(rng.choice(["xhr", "xhr_streaming"])):
            pass
    eventually(lambda: node.metrics().get('holdfast_holds{mode="websocket"}') == 0, 15)
