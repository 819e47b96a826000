"""The status page's ways in: who is shown what, and who may publish."""
import base64
import json
import re

import pytest
from kit import Connection, eventually

TOKEN = "a-token-of-the-control-door"
ROUTES = [{"path": "/events/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"], "content_type": "text/event-stream"}}]
FROM_PAGE = [("Content-Type", "application/json"), ("X-Holdfast-Page", "status")]
ITEM = json.dumps({"items": [{"channel": "news", "formats": {"http-stream": {"content": "from the pad\n"}}}]})


def ask(node, target, headers=(), method="GET", body="", host=None):
    address = node._host_port(node.addresses["metrics"][0])
    with Connection(("127.0.0.1", address[1])) as c:
        host = "127.0.0.1:%d" % address[1] if host is None else host
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: " + host, "Connection: close"] + ["%s: %s" % h for h in headers]
        if method == "POST":
            lines.append("Content-Length: %d" % len(body))
        c.send("\r\n".join(lines) + "\r\n\r\n" + body)
        response = c.response(method)
        response.read()
        return response


def facts(node, headers=(), **options):
    answer = ask(node, "/status.json", headers, **options)
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    return json.loads(answer.body)


def bearer(token=TOKEN):
    return [("Authorization", "Bearer " + token)]


def publish(node, headers, body=ITEM, **options):
    answer = ask(node, "/status/publish", headers, "POST", body, **options)
    return answer.status, json.loads(answer.body)


@pytest.fixture
def open_node(start):
    return start(routes=ROUTES)


@pytest.fixture
def guarded(start):
    return start(routes=ROUTES, control={"http": {"address": "127.0.0.1:0", "tokens": [TOKEN]}})


@pytest.fixture
def reachable(start):
    """Its admin listener can be reached from other machines, and it has no tokens."""
    return start(routes=ROUTES, metrics={"address": "0.0.0.0:0"})


def test_the_page_is_one_file_that_allows_nothing_else(open_node):
    answer = ask(open_node, "/")
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    text = answer.body.decode()
    assert not re.search(r'(src|href)="(?!data:,|#)', text), "something from elsewhere"
    assert not re.search(r"\son\w+=|style=|javascript:|innerHTML|insertAdjacentHTML|document\.write", text)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY" and answer.headers["cache-control"] == "no-store"
    assert ask(open_node, "/", method="POST").status == 405
    assert ask(open_node, "/other").status == 404


def test_on_loopback_everything_is_shown(open_node):
    stream = open_node.get("/events/news")
    eventually(lambda: open_node.metrics()["holdfast_subscriptions"] == 1)
    shown = facts(open_node)
    assert shown["access"] == {"private": True, "publish": True, "tokens": False}
    assert shown["channels"] == {"list": [{"channel": "news", "listeners": 1, "response": 0, "stream": 1, "websocket": 0}], "complete": True}
    assert shown["connections"]["stream"] == 1 and shown["ready"] and shown["broker"] == "memory"
    assert [n["role"] for n in shown["nodes"]] == ["all"]
    assert publish(open_node, FROM_PAGE) == (200, {"published": True})
    stream.until("data: from the pad")
    # The client may have it a moment before the loop has counted it.
    after = eventually(lambda: (f := facts(open_node)) and sum(f["lag"]["counts"]) == 1 and f, what="the lag")
    assert after["counts"]["published"] == after["counts"]["deliveries"] == 1


def test_a_gap_is_in_the_log_with_its_channel(open_node):
    stream = open_node.get("/events/news")
    eventually(lambda: open_node.metrics()["holdfast_subscriptions"] == 1)
    open_node.publish("news", "one\n")
    stream.until("data: one")
    position = re.search(rb"id: h1\.(\S+)", stream.body)[1].decode()
    parts = bytearray(base64.urlsafe_b64decode(position + "=" * (-len(position) % 4)))
    parts[11] ^= 1  # another epoch
    open_node.get("/events/news", [("Last-Event-ID", "h1." + base64.urlsafe_b64encode(parts).decode().rstrip("="))]).until("event: gap")
    [gap] = facts(open_node)["gaps"]
    assert (gap["channel"], gap["reason"], gap["listeners"]) == ("news", "other_epoch", 1)
    [gap] = facts(open_node, host="attacker.test")["gaps"]
    assert "channel" not in gap and gap["reason"] == "other_epoch"


@pytest.mark.parametrize("host", ["attacker.test", "attacker.test:80", "127.0.0.1.attacker.test", "localhost.attacker.test", "127.0.0.1:80:80", ""])
def test_a_name_that_points_here_opens_nothing(open_node, host):
    shown = facts(open_node, host=host)
    assert shown["access"]["private"] is shown["access"]["publish"] is False and "channels" not in shown
    assert publish(open_node, FROM_PAGE, host=host)[0] == 403
    assert ask(open_node, "/status/items?channel=news&pad=1", FROM_PAGE, host=host).status == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7998", "127.0.0.1", "[::1]", "[::1]:7998"])
def test_names_of_loopback_do(open_node, host):
    assert facts(open_node, host=host)["access"]["private"]


@pytest.mark.parametrize("headers", [
    [], FROM_PAGE[:1], FROM_PAGE[1:], [("Content-Type", "text/plain"), FROM_PAGE[1]], [("Content-Type", "application/jsonx"), FROM_PAGE[1]],
    FROM_PAGE + [("Origin", "http://attacker.test")], FROM_PAGE + [("Origin", "null")], FROM_PAGE + [("Origin", "http://127.0.0.1:1")],
])
def test_what_another_page_could_send_publishes_nothing(open_node, headers):
    assert publish(open_node, headers)[0] == 403
    assert facts(open_node)["counts"]["published"] == 0


def test_the_pages_own_origin_may_publish(open_node):
    port = open_node._host_port(open_node.addresses["metrics"][0])[1]
    assert publish(open_node, FROM_PAGE + [("Origin", "http://127.0.0.1:%d" % port)])[0] == 200
    assert publish(open_node, [("Content-Type", "application/json; charset=utf-8"), FROM_PAGE[1]])[0] == 200


@pytest.mark.parametrize("body, says", [("", "JSON"), ("[]", "Invalid format"), ('{"items": [{}]}', "items[0]"), ("x" * 70_000, "too large"),
                                         (json.dumps({"items": [{"channel": "a", "formats": {"http-stream": {"content": "x"}}}] * 2}), "items")])
def test_bad_input_is_told_and_publishes_nothing(open_node, body, says):
    status, answer = publish(open_node, FROM_PAGE, body)
    assert status == 400 and says in answer["error"]
    assert facts(open_node)["counts"]["published"] == 0


def test_a_nodes_own_channels_cannot_be_published_to_or_listened_to(open_node):
    body = json.dumps({"items": [{"channel": "\x01nodes", "formats": {"http-stream": {"content": "x"}}}]})
    assert publish(open_node, FROM_PAGE, body)[0] == 400
    assert ask(open_node, "/status/items?channel=%01nodes&pad=1", FROM_PAGE).status == 400


def test_with_tokens_the_pad_wants_one_on_loopback_too(guarded):
    assert facts(guarded)["access"] == {"private": True, "publish": False, "tokens": True}
    assert publish(guarded, FROM_PAGE)[0] == 401
    assert publish(guarded, FROM_PAGE + bearer("a-token-of-somebody-else"))[0] == 401
    assert facts(guarded, bearer())["access"]["publish"]
    assert publish(guarded, FROM_PAGE + bearer())[0] == 200
    # A tunnel under another name: the token opens it.
    assert facts(guarded, bearer(), host="node.internal:7998")["access"] == {"private": True, "publish": True, "tokens": True}


def test_where_other_machines_reach_it_there_are_numbers_only(reachable):
    stream = reachable.get("/events/secret")
    eventually(lambda: reachable.metrics()["holdfast_subscriptions"] == 1)
    answer = ask(reachable, "/status.json")
    stream.connection.close()
    assert b"secret" not in answer.body and json.loads(answer.body)["connections"]["stream"] == 1
    assert facts(reachable)["access"] == {"private": False, "publish": False, "tokens": False}
    status, said = publish(reachable, FROM_PAGE)
    assert status == 403 and "control.http.token_file" in said["error"]
    assert ask(reachable, "/status/items?channel=secret&pad=1", FROM_PAGE).status == 403


def test_where_other_machines_reach_it_a_token_opens_it(start):
    node = start(routes=ROUTES, metrics={"address": "0.0.0.0:0"}, control={"http": {"address": "127.0.0.1:0", "tokens": [TOKEN]}})
    assert facts(node)["access"] == {"private": False, "publish": False, "tokens": True}
    assert facts(node, bearer())["access"] == {"private": True, "publish": True, "tokens": True}
    assert facts(node, bearer("a-token-of-somebody-else"))["access"]["private"] is False


def items(node, channel, pad, headers=FROM_PAGE):
    answer = ask(node, "/status/items?channel=%s&pad=%s" % (channel, pad), headers)
    return answer.status, json.loads(answer.body)


def test_the_pad_hears_what_comes_after_it_began(open_node):
    assert items(open_node, "news", "one") == (200, {"items": []})
    eventually(lambda: open_node.publish("news", "hello\n") and items(open_node, "news", "one")[1]["items"], what="an item")
    open_node.publish("news", "again\n")
    again = eventually(lambda: items(open_node, "news", "one")[1]["items"], what="the next item")
    assert again[-1]["text"] == "again\n" and again[-1]["at"] > 1_700_000_000_000
    assert items(open_node, "news", "one") == (200, {"items": []})


def test_the_pads_places_are_few(open_node):
    for pad in range(8):
        assert items(open_node, "news", pad)[0] == 200
    status, said = items(open_node, "news", 8)
    assert status == 503 and "Too many" in said["error"]
    assert items(open_node, "other", 3)[0] == 200  # one that has a place turns to another channel


@pytest.mark.parametrize("query", ["", "?channel=news", "?pad=1", "?channel=&pad=1", "?channel=%ZZ&pad=1", "?channel=a&pad=" + "x" * 65, "?channel=" + "c" * 1025 + "&pad=1"])
def test_a_bad_question_is_told(open_node, query):
    assert ask(open_node, "/status/items" + query, FROM_PAGE).status == 400


def test_it_can_be_switched_off(start):
    node = start(metrics={"address": "127.0.0.1:0", "page": False})
    assert [ask(node, target).status for target in ("/", "/status.json", "/livez")] == [404, 404, 200]
