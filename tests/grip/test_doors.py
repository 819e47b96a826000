"""Each operation through each door: the same answers, the same faults."""
import json
import re
import subprocess

import grpc
import pytest
from api import Client, code_of, item, pb
from google.protobuf import json_format
from kit import BINARY, ENVIRONMENT, Connection, eventually

Code = grpc.StatusCode
ROUTES = [{"path": "/e/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"]}}]
STATUS = {Code.OK: 200, Code.INVALID_ARGUMENT: 400, Code.PERMISSION_DENIED: 403, Code.NOT_FOUND: 404, Code.UNAVAILABLE: 503}


@pytest.fixture
def node(start):
    return start(routes=ROUTES)


def as_json(message):
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def over_grpc(node, operation, request):
    with Client(node) as client:
        try:
            return 200, as_json(getattr(client, operation)(request))
        except grpc.RpcError as error:
            return STATUS[error.code()], error.details()


def over_http(node, method, target, body=None):
    answer = node.control(method, target, json.dumps(body).encode() if body is not None else b"")
    if answer.status == 200:
        assert answer.headers["content-type"] == "application/json"
        return 200, json.loads(answer.body)
    assert answer.headers["content-type"] == "application/problem+json", answer.body
    problem = json.loads(answer.body)
    assert problem["status"] == answer.status
    return answer.status, problem["detail"]


# Operation, its request, and the same over HTTP. {id}: the held connection's, {node}: the node's.
OPERATIONS = [
    ("Publish", pb.PublishRequest(items=[item("t1", "x", id="i1", meta={"a": "b"}), item("t1", "y", prev_id="i1")]), "POST", "/v1/publish"),
    ("Publish", pb.PublishRequest(items=[pb.Item(channel="t1", http_response=pb.HttpResponse(code=201, body_bin=b"\xff", headers=[
        pb.HeaderField(name="A", value="b")]), ws_message=pb.WsMessage(action=pb.ACTION_CLOSE, code=1001, reason="bye"))]), "POST", "/v1/publish"),
    ("Publish", pb.PublishRequest(), "POST", "/v1/publish"),
    ("Publish", pb.PublishRequest(items=[item("a\r\nb")]), "POST", "/v1/publish"),
    ("Publish", pb.PublishRequest(items=[item("t1"), pb.Item(channel="t1", http_response=pb.HttpResponse(reason="a\nb", body="x"))]), "POST", "/v1/publish"),
    ("Publish", pb.PublishRequest(items=[item("n" * 2000)]), "POST", "/v1/publish"),
    ("Nodes", pb.NodesRequest(), "GET", "/v1/nodes"),
    ("Channels", pb.ChannelsRequest(), "GET", "/v1/channels"),
    ("Channels", pb.ChannelsRequest(prefix="he", limit=5), "GET", "/v1/channels?prefix=he&limit=5"),
    ("Channels", pb.ChannelsRequest(limit=-1), "GET", "/v1/channels?limit=x"),
    ("Channel", pb.ChannelRequest(channel="held"), "GET", "/v1/channels/held"),
    ("Channel", pb.ChannelRequest(channel="a b/ü"), "GET", "/v1/channels/a%20b%2F%C3%BC"),
    ("Channel", pb.ChannelRequest(), "GET", "/v1/channels/"),
    ("Connections", pb.ConnectionsRequest(), "GET", "/v1/connections"),
    ("Connections", pb.ConnectionsRequest(channel="held", kind="stream", limit=1), "GET", "/v1/connections?channel=held&kind=stream&limit=1"),
    ("Connections", pb.ConnectionsRequest(channel="nobody"), "GET", "/v1/connections?channel=nobody"),
    ("Connections", pb.ConnectionsRequest(kind="smoke"), "GET", "/v1/connections?kind=smoke"),
    ("Refresh", pb.RefreshRequest(id="nobody"), "POST", "/v1/connections/nobody/refresh"),
    ("Disconnect", pb.DisconnectRequest(id="nobody"), "POST", "/v1/connections/nobody/disconnect"),
    ("Drain", pb.DrainRequest(id="nobody"), "POST", "/v1/nodes/nobody/drain"),
    ("Recover", pb.RecoverRequest(), "POST", "/v1/recover"),
]


@pytest.mark.parametrize("operation,request_,method,target", OPERATIONS, ids=["%s %s" % (o, t) for o, _, _, t in OPERATIONS])
def test_every_door_answers_the_same(node, operation, request_, method, target):
    stream = node.get("/e/held")
    stream.until("id:")
    body = json_format.MessageToDict(request_) if operation == "Publish" else None
    first, second = over_grpc(node, operation, request_), over_http(node, method, target, body)
    if operation == "Publish" and first[0] == 200:  # what differs from one time to the next
        for results in (first[1]["results"], second[1]["results"]):
            assert all(re.fullmatch(r"h1\.[\w-]+", r.pop("position")) for r in results)
    if operation == "Nodes":
        for answer in (first[1], second[1]):
            answer["nodes"][0].pop("uptimeSeconds")
    assert first == second


# The same on the command line.
COMMANDS = [
    ("/v1/nodes", ["nodes"]),
    ("/v1/channels?prefix=he&limit=5", ["channels", "he", "--limit", "5"]),
    ("/v1/connections", ["connections"]),
    ("/v1/connections?channel=held&kind=stream&limit=1", ["connections", "--channel", "held", "--kind", "stream", "--limit", "1"]),
    ("/v1/connections/nobody/refresh", ["refresh", "nobody"]),
    ("/v1/connections/nobody/disconnect", ["disconnect", "nobody"]),
    ("/v1/nodes/nobody/drain", ["drain", "nobody"]),
]


def over_cli(node, *arguments):
    command = [BINARY, *arguments, "--json", "--url", node.addresses["publishers"][0]]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    answer = json.loads(done.stdout)
    if done.returncode == 0:
        return 200, answer
    assert done.returncode == 1
    return answer["status"], answer["error"].split(": ", 1)[1]


@pytest.mark.parametrize("target,arguments", COMMANDS, ids=[t for t, _ in COMMANDS])
def test_the_command_line_answers_the_same(node, target, arguments):
    stream = node.get("/e/held")
    stream.until("id:")
    method = next(m for _, _, m, t in OPERATIONS if t == target)
    first, second = over_http(node, method, target), over_cli(node, *arguments)
    if arguments == ["nodes"]:
        for answer in (first[1], second[1]):
            answer["nodes"][0].pop("uptimeSeconds")
    assert first == second


# It speaks the format of GRIP, whose answer counts and has no positions: what arrives is what is compared.
@pytest.mark.parametrize("arguments,message", [
    (["a", "--stream", "--id", "i1", "--meta", "k=v"], item("", "a", id="i1", meta={"k": "v"})),
    (["--close", "--stream"], pb.Item(http_stream=pb.HttpStream(action=pb.ACTION_CLOSE))),
    (["--hint", "--response"], pb.Item(http_response=pb.HttpResponse(action=pb.ACTION_HINT))),
    (["a", "--response", "--code", "201"], pb.Item(http_response=pb.HttpResponse(code=201, body="a"))),
    (["a", "--response", "--code", "9999"], pb.Item(http_response=pb.HttpResponse(code=9999, body="a"))),
])
def test_the_command_line_publishes_the_same(node, arguments, message):
    with Client(node) as client:
        starts = {door: client.publish(item(door))[0].position for door in ("cli", "grpc")}
    by_cli = over_cli(node, "publish", "cli", *arguments)
    message.channel = "grpc"
    by_grpc = over_grpc(node, "Publish", pb.PublishRequest(items=[message]))
    assert by_cli[0] == by_grpc[0] == (400 if "9999" in arguments else 200)
    if by_cli[0] == 200:
        arrived = {door: next_item(node, door, start) for door, start in starts.items()}
        assert arrived["grpc"]["httpStream" if "--stream" in arguments else "httpResponse"]["action"] != "ACTION_UNSPECIFIED"
        assert arrived["cli"] == {**arrived["grpc"], "channel": "cli"}


def next_item(node, channel, since):
    with watch(node, channel, since=since) as reader:
        assert reader.next()[0] == "live"
        return reader.next()[2]["item"]


def test_orders_on_the_command_line_are_carried_out(node):
    stream = node.get("/e/held")
    stream.until("id:")
    connection, = over_cli(node, "connections")[1]["connections"]
    assert over_cli(node, "disconnect", connection["id"]) == (200, {"id": connection["id"]})
    assert "retry:" in stream.read().decode() and stream.whole
    own, = over_cli(node, "nodes")[1]["nodes"]
    assert over_cli(node, "drain", own["id"]) == (200, {"id": own["id"]})
    assert node.process.wait(20) == 0


def test_tail_shows_what_is_published_and_goes_on_from_a_position(node):
    with Client(node) as client:
        start, = client.publish(item("news", "first"))
        client.publish(item("news", "second\nline"), item("news", "\x1b[31mthird"))
    command = [BINARY, "tail", "news", "--since", start.position, "-n", "2", "--url", node.addresses["publishers"][0]]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    assert done.returncode == 0 and "-- listening to news" in done.stderr
    assert [line[10:] for line in done.stdout.splitlines()] == ["second line", "?[31mthird"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [e["event"] for e in events] == ["live", "item", "item"] and events[1]["item"]["httpStream"]["content"] == "second\nline"


def test_bench_counts_every_delivery(node):
    command = [BINARY, "bench", "--edge", node.addresses["clients"][0] + "/e/bench", "--clients", "20", "--rate", "20", "--seconds", "1", "--json",
               "--url", node.addresses["publishers"][0]]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["published"] == 20 and report["delivered"] == 400 and report["missing"] == 0, report


def test_what_is_published_through_one_door_is_read_through_the_other(node):
    message = pb.Item(channel="news", id="i1", prev_id="i0", no_seq=True, size=5, meta={"m": "1"},
                      http_response=pb.HttpResponse(action=pb.ACTION_SEND, code=201, reason="Made", headers=[pb.HeaderField(name="A", value="b")], body="r",
                                                    content_filters=pb.ContentFilters(names=["skip-self"])),
                      http_stream=pb.HttpStream(action=pb.ACTION_SEND, content_bin=b"\xff\x00"),
                      ws_message=pb.WsMessage(action=pb.ACTION_SEND, type=pb.WS_MESSAGE_TYPE_BINARY, content_bin=b"b"))
    with Client(node) as client:
        start, = client.publish(item("news"))
        answer = over_http(node, "POST", "/v1/publish", {"items": [json_format.MessageToDict(message)]})
        position = answer[1]["results"][0]["position"]
        events = client.Subscribe(pb.SubscribeRequest(channel="news", since=start.position))
        next(events)
        assert next(events).item == pb.ItemEvent(item=message, position=position, published=client_time(client, start))
        events.cancel()
    with watch(node, "news", since=start.position) as reader:
        assert reader.next()[0] == "live"
        name, identity, data = reader.next()
        assert (name, identity) == ("", position) and data["item"] == as_json(message)


def client_time(client, start):
    """When the item behind this position was published."""
    events = client.Subscribe(pb.SubscribeRequest(channel="news", since=start.position))
    next(events)
    published = next(events).item.published
    events.cancel()
    return published


class watch:
    """GET /v1/channels/C/items"""

    def __init__(self, node, channel, since="", headers=()):
        self.connection = Connection(node._host_port(node.addresses["publishers"][0]))
        lines = ["GET /v1/channels/%s/items%s HTTP/1.1" % (channel, "?since=" + since if since else ""), "Host: control"] + ["%s: %s" % h for h in headers]
        self.response = self.connection.send("\r\n".join(lines) + "\r\n\r\n").response()
        self.text = ""

    def next(self):
        """Name, id and data of the next event; None at the end."""
        while "\n\n" not in self.text:
            piece = self.response.read_piece()
            if not piece:
                return None
            self.text += piece.decode()
        event, self.text = self.text.split("\n\n", 1)
        fields = dict(line.split(": ", 1) for line in event.split("\n"))
        return fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


def test_a_channel_is_read_as_server_sent_events(node):
    with Client(node) as client:
        first, second = client.publish(item("news", "one"), item("news", "two"))
        with watch(node, "news", since=first.position) as reader:
            assert reader.response.headers["content-type"] == "text/event-stream" and reader.response.headers["cache-control"] == "no-store"
            assert reader.next() == ("live", "", {"position": second.position})
            assert reader.next()[1] == second.position
            third, = client.publish(item("news", "three"))
            name, identity, data = reader.next()
            assert (name, identity, data["item"]["httpStream"]["content"]) == ("", third.position, "three")
        with watch(node, "news", since=first.position, headers=[("Last-Event-ID", second.position)]) as reader:
            reader.next()
            assert reader.next()[1] == third.position


def test_a_reader_is_told_when_the_node_stops(node):
    with watch(node, "news") as reader:
        assert reader.next()[0] == "live"
        node.stop()
        assert reader.next() == ("ended", "", {"reason": "the node stops"})
        assert reader.next() is None and reader.response.whole


def test_readers_are_bounded_and_hold_no_publisher_up(start):
    node = start(control={"http": {"address": "127.0.0.1:0", "max_threads": 2, "max_watches": 8}})
    readers = [watch(node, "news") for _ in range(8)]
    for reader in readers:
        assert reader.next()[0] == "live"
    answer = node.control("GET", "/v1/channels/news/items")
    assert answer.status == 503 and answer.headers["content-type"] == "application/problem+json"
    assert over_http(node, "POST", "/v1/publish", {"items": [{"channel": "news", "httpStream": {"content": "x"}}]})[0] == 200
    for reader in readers:
        assert reader.next()[2]["item"]["httpStream"]["content"] == "x"
        reader.connection.close()

    def free():
        with watch(node, "news") as reader:
            return reader.response.status == 200
    eventually(free, what="a place")


def test_a_reader_that_does_not_read_is_dropped_and_the_node_keeps_its_memory(node):
    stuck = Connection(node._host_port(node.addresses["publishers"][0]), receive_buffer=4096)
    stuck.send("GET /v1/channels/news/items HTTP/1.1\r\nHost: c\r\n\r\n").read_until(b"event: live")
    body = {"items": [{"channel": "news", "httpStream": {"content": "x" * 100_000}} for _ in range(9)]}
    for _ in range(30):
        assert over_http(node, "POST", "/v1/publish", body)[0] == 200
    text = stuck.read_to_close(patience=20)
    assert b"too slow" in text


BAD = [
    (b"", "Body is not valid JSON."),
    (b"{", "Body is not valid JSON."),
    (b"[]", "Invalid format"),
    (b"3", "Invalid format"),
    (b"{}", "items: empty"),
    (b'{"items":[]}', "items: empty"),
    (b'{"items":3}', "items"),
    (b'{"items":[3]}', "items"),
    (b'{"itemz":[]}', "itemz"),
    (b'{"items":[{"channel":3,"httpStream":{"content":"x"}}]}', "channel"),
    (b'{"items":[{"channel":"c","httpStream":{"content":{}}}]}', "content"),
    (b'{"items":[{"channel":"c","httpStream":{"contentBin":"***"}}]}', "content_bin"),
    (b'{"items":[{"channel":"c","httpStream":{"content":"a","contentBin":"YQ=="}}]}', "payload"),
    (b'{"items":[{"channel":"c","httpStream":{"action":"ACTION_EXPLODE"}}]}', "action"),
    (b'{"items":[{"channel":"c","httpResponse":{"code":"x","body":"y"}}]}', "code"),
    (b'{"items":[{"channel":"c\\r\\nX: y","httpStream":{"content":"x"}}]}', "items[0]: channel: control characters"),
    (b'{"items":[{"channel":"c","httpResponse":{"headers":[{"name":"a\\r\\nb","value":"x"}],"body":"y"}}]}', "items[0].http_response.headers[0]"),
    (b'{"items":[{"channel":"c","httpResponse":{"headers":[{"name":"a","value":"x\\r\\ny"}],"body":"y"}}]}', "items[0].http_response.headers[0]"),
    (b'{"items":[{"channel":"c","httpStream":{"content":"\xff"}}]}', "Body is not valid JSON."),
    (b'{"items":' + b"[" * 100_000, "Body is not valid JSON."),
    (b'{"items":' + b"[" * 1000 + b"]" * 1000 + b"}", "Invalid format"),
    (b'{"items":[{"channel":"c","httpStream":{"content":"' + b"x" * 1_100_000 + b'"}}]}', "Request body too large."),
    (b'{"items":[' + b",".join([b'{"channel":"c","httpStream":{"content":"x"}}'] * 1001) + b"]}", "items: more than 1000 elements"),
]


@pytest.mark.parametrize("body,text", BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_bodies_are_named_and_publish_nothing(node, body, text):
    before = node.metrics().get("holdfast_published_items_total", 0)
    answer = node.control("POST", "/v1/publish", body)
    assert answer.status == 400 and answer.headers["content-type"] == "application/problem+json"
    assert text in json.loads(answer.body)["detail"], answer.body
    assert node.metrics().get("holdfast_published_items_total", 0) == before


@pytest.mark.parametrize("method,target,status,text", [
    ("GET", "/v1/channels?prefix=%ff", 400, "prefix"), ("GET", "/v1/channels?limt=3", 400, "limt"), ("GET", "/v1/channels?limit=1&limit=2", 400, "limit"),
    ("GET", "/v1/channels/%0d%0a/items", 400, "channel"), ("GET", "/v1/channels/news/items?since=nonsense", 400, "since"), ("GET", "/v1/channels/%ff", 400, "channel"),
    ("GET", "/v1/connections?kind=x%0d%0ay", 400, "kind"), ("DELETE", "/v1/nodes", 405, "GET"), ("GET", "/v1/publish", 405, "POST"), ("GET", "/v1/nothing", 404, "")])
def test_bad_targets_are_named(node, method, target, status, text):
    answer = over_http(node, method, target)
    assert answer[0] == status and text in answer[1]


def test_an_idempotency_key_is_said_once(node):
    body = {"items": [{"channel": "news", "httpStream": {"content": "x"}}]}
    send = lambda b, key: json.loads(node.control("POST", "/v1/publish", json.dumps(b).encode(), [("Idempotency-Key", key)]).body)
    assert not send(body, "k")["results"][0]["duplicate"]
    assert send(body, "k")["results"][0]["duplicate"] and send({**body, "idempotencyKey": "k"}, "k")["results"][0]["duplicate"]
    assert send({**body, "idempotencyKey": "other"}, "k")["status"] == 400


def test_the_document_describes_the_messages(node):
    document = json.loads(node.control("GET", "/v1/openapi.json").body)
    assert document["openapi"].startswith("3.1")
    for name, schema in document["components"]["schemas"].items():
        if name in pb.DESCRIPTOR.message_types_by_name:
            assert set(schema["properties"]) == {f.json_name for f in pb.DESCRIPTOR.message_types_by_name[name].fields}, name
        elif name in pb.DESCRIPTOR.enum_types_by_name:
            assert schema["enum"] == [v.name for v in pb.DESCRIPTOR.enum_types_by_name[name].values]
        else:
            assert name == "Problem"
    assert {o["operationId"] for p in document["paths"].values() for o in p.values()} - {"openapi"} == {
        m.name[0].lower() + m.name[1:] for m in pb.DESCRIPTOR.services_by_name["Control"].methods} - {"publishStream"}
