"""Direct routes: holds without a backend, positions, resuming exactly or being told."""
import re

from kit import eventually

ROUTES = [
    {"path": "/events/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"], "content_type": "text/event-stream"}},
    {"path": "/both/{a}/{b}", "hold": {"mode": "stream", "channels": ["{a}", "{b}"], "content_type": "text/event-stream"}},
    {"path": "/raw/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"], "content_type": "text/plain"}},
    {"path": "/poll/{channel}", "hold": {"mode": "response", "channels": ["{channel}"], "content_type": "text/plain", "timeout": "5s"}},
    {"path": "/short/{channel}", "hold": {"mode": "response", "channels": ["{channel}"], "timeout": "1s"}},
]


def ids(body):
    return re.findall(rb"id: (\S+)\n", body)


def test_an_event_stream_frames_each_line_and_carries_positions(start):
    node = start(routes=ROUTES)
    r = node.get("/events/news")
    assert r.headers["content-type"] == "text/event-stream" and r.headers["cache-control"] == "no-store"
    r.until("\n\n")
    node.publish("news", "one\r\ntwo\rid: forged\nthree")
    r.until("data: three\n\n")
    assert b"data: one\ndata: two\ndata: id: forged\ndata: three\n\n" in r.body
    assert len(ids(r.body)) == 3  # the start, the event, and the forged one that is data


def test_a_client_that_comes_back_gets_exactly_what_it_missed(start):
    node = start(routes=ROUTES)
    r = node.get("/events/news")
    r.until("\n\n")
    node.publish("news", "m1")
    last = ids(r.until("data: m1\n\n"))[-1].decode()
    r.connection.close()
    for n in range(2, 6):
        node.publish("news", "m%d" % n)
    r = node.get("/events/news", [("Last-Event-ID", last)])
    node.publish("news", "m6")
    r.until("data: m6\n\n")
    assert re.findall(rb"data: (m\d)", r.body) == [b"m2", b"m3", b"m4", b"m5", b"m6"]
    assert b"event: gap" not in r.body


def test_a_client_that_saw_nothing_yet_resumes_from_where_it_connected(start):
    node = start(routes=ROUTES)
    r = node.get("/events/quiet")
    first = ids(r.until("\n\n"))[-1].decode()
    r.connection.close()
    node.publish("quiet", "missed")
    node.get("/events/quiet", [("Last-Event-ID", first)]).until("data: missed\n\n")


def test_a_position_that_is_no_longer_kept_is_told_before_anything_else(start):
    node = start(routes=ROUTES, broker={"type": "memory", "memory": {"history_messages": 2}})
    r = node.get("/events/news")
    first = ids(r.until("\n\n"))[-1].decode()
    for n in range(5):
        node.publish("news", "m%d" % n)
    r = node.get("/events/news", [("Last-Event-ID", first)])
    r.until("data: m4\n\n")
    assert r.body.index(b"event: gap") < r.body.index(b"data: m3")
    assert b"history_lost" in r.body and b"data: m2" not in r.body


def test_a_position_of_another_life_of_the_broker_is_told(start):
    a, b = start(routes=ROUTES), start(routes=ROUTES)
    r = a.get("/events/news")
    last = ids(r.until("\n\n"))[-1].decode()
    r = b.get("/events/news", [("Last-Event-ID", last)])
    r.until("event: gap")
    r.until("other_epoch")


def test_a_position_that_is_none_is_told(start):
    node = start(routes=ROUTES)
    r = node.get("/events/news", [("Last-Event-ID", "42")])
    r.until("unknown_position")


def test_several_channels_share_one_position(start):
    node = start(routes=ROUTES)
    r = node.get("/both/a/b")
    r.until("\n\n")
    node.publish("a", "a1")
    node.publish("b", "b1")
    last = ids(r.until("data: b1\n\n"))[-1].decode()
    r.connection.close()
    node.publish("a", "a2")
    node.publish("b", "b2")
    r = node.get("/both/a/b", [("Last-Event-ID", last)])
    r.until("a2")
    r.until("b2")
    assert b"a1" not in r.body and b"b1" not in r.body


def test_a_raw_stream_has_the_content_as_it_is(start):
    node = start(routes=ROUTES)
    r = node.get("/raw/x")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    node.publish("x", "bare\n")
    assert r.until("bare\n") == b"bare\n"


def test_a_close_action_ends_a_stream_cleanly(start):
    node = start(routes=ROUTES)
    r = node.get("/raw/x")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    node.publish("x", {"action": "close"})
    r.read()
    assert r.whole


def test_polls_follow_each_other_without_a_hole(start):
    node = start(routes=ROUTES)
    c = node.ask("/poll/p")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 1)
    node.publish("p", "one")
    r = c.response()
    assert r.read() == b"one"
    node.publish("p", "two")  # while nobody listens
    r = node.get("/poll/p", [("X-Holdfast-Position", r.headers["x-holdfast-position"])])
    assert r.read() == b"two"


def test_a_poll_is_told_of_a_gap_once(start):
    node = start(routes=ROUTES, broker={"type": "memory", "memory": {"history_messages": 2}})
    first = node.get("/short/p").headers["x-holdfast-position"]
    for n in range(5):
        node.publish("p", "m%d" % n)
    told = node.get("/poll/p", [("X-Holdfast-Position", first)])
    assert (told.status, told.headers["x-holdfast-gap"]) == (204, "history_lost")
    for text in (b"m3", b"m4"):
        told = node.get("/poll/p", [("X-Holdfast-Position", told.headers["x-holdfast-position"])])
        assert told.read() == text and "x-holdfast-gap" not in told.headers


def test_a_poll_without_a_message_is_204_with_its_position(start):
    node = start(routes=ROUTES)
    r = node.get("/short/p")
    assert r.status == 204
    node.publish("p", response={"body": "later", "headers": {"Content-Type": "text/css"}})
    r = node.get("/short/p", [("Last-Event-ID", r.headers["x-holdfast-position"])])
    assert (r.read(), r.headers["content-type"]) == (b"later", "text/css")


def test_only_get_is_held(start):
    node = start(routes=ROUTES)
    r = node.get("/poll/p", method="POST")
    assert r.status == 405 and r.headers["allow"] == "GET"
