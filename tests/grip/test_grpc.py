"""The control API over gRPC: publishing, watching a channel, health, reflection, deadlines, bad input."""
import json
import queue
import subprocess
import threading

import grpc
import pytest
from api import PATIENCE, Client, code_of, item, pb, stubs
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from kit import BINARY, eventually
from test_redis import Redis

Code = grpc.StatusCode
ROUTES = [{"path": "/e/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"]}}]


@pytest.fixture
def node(start):
    return start(routes=ROUTES)


@pytest.fixture
def client(node):
    with Client(node) as made:
        yield made


def test_a_publication_reaches_a_stream_and_says_where_it_stands(node, client):
    stream = node.get("/e/news")
    stream.until("id:")
    first, second = client.publish(item("news", "one"), item("news", "two"))
    stream.until("data: two")
    assert first.position.startswith("h1.") and first.position != second.position
    assert first.durability == pb.DURABILITY_PROCESS and not first.duplicate and not first.HasField("error")


def test_a_repeat_with_the_same_key_is_a_duplicate(client):
    first, = client.publish(item("news"), idempotency_key="k1")
    again, = client.publish(item("news"), idempotency_key="k1")
    assert not first.duplicate and again.duplicate and again.position == first.position
    own, = client.publish(item("news", idempotency_key="k2"))
    again, = client.publish(item("news", idempotency_key="k2"), idempotency_key="other")
    assert again.duplicate and again.position == own.position


def test_a_key_counts_through_every_door(node, client):
    node.control("POST", "/publish/", b'{"items":[{"channel":"news","http-stream":{"content":"x"}}]}', [("Idempotency-Key", "k3")])
    assert client.publish(item("news"), idempotency_key="k3")[0].duplicate


BAD_ITEMS = [
    (pb.Item(http_stream=pb.HttpStream(content="x")), "items[1].channel: empty"),
    (pb.Item(channel="n" * 1025, http_stream=pb.HttpStream(content="x")), "items[1].channel: more than 1024 bytes"),
    (pb.Item(channel="news"), "items[1]: no formats specified"),
    (pb.Item(channel="news", http_stream=pb.HttpStream()), "items[1].http_stream: object does not contain 'content' or 'content_bin'"),
    (pb.Item(channel="news", http_stream=pb.HttpStream(action=9)), "items[1].http_stream.action: unknown value"),
    (pb.Item(channel="news", http_stream=pb.HttpStream(content="x" * 1_000_001)), "items[1].http_stream.content: more than 1000000 bytes"),
    (pb.Item(channel="news", http_response=pb.HttpResponse(code=0, body="x")), "items[1].http_response.code: invalid value"),
    (pb.Item(channel="news", http_response=pb.HttpResponse(reason="a\r\nb", body="x")), "items[1].http_response.reason: control characters"),
    (pb.Item(channel="news", http_response=pb.HttpResponse(headers=[pb.HeaderField(name="a\r\nb", value="x")], body="x")),
     "items[1].http_response.headers[0]: bad header name"),
    (pb.Item(channel="news", http_response=pb.HttpResponse(headers=[pb.HeaderField(name="a", value="x\r\ny: z")], body="x")),
     "items[1].http_response.headers[0]: control characters"),
    (pb.Item(channel="news", http_response=pb.HttpResponse(body_patch="{}")), "items[1].http_response.body_patch: wrong type"),
    (pb.Item(channel="news", http_response=pb.HttpResponse(body_patch="[")), "items[1].http_response.body_patch: not JSON"),
    (pb.Item(channel="news", ws_message=pb.WsMessage(action=pb.ACTION_CLOSE, code=1005)), "items[1].ws_message.code: invalid value"),
    (pb.Item(channel="news", ws_message=pb.WsMessage(type=pb.WS_MESSAGE_TYPE_PING, content="x" * 126)),
     "items[1].ws_message.content: more than 125 bytes"),
    (pb.Item(channel="news", ws_message=pb.WsMessage(type=pb.WS_MESSAGE_TYPE_TEXT, content_bin=b"\xff")),
     "items[1].ws_message.content_bin: not UTF-8"),
    (pb.Item(channel="news", http_stream=pb.HttpStream(content="x"), size=-1), "items[1].size: invalid value"),
    (item("news", idempotency_key="k" * 256), "items[1].idempotency_key: more than 255 bytes"),
    (item("a\r\nb"), "items[1]: channel: control characters"),
    (item("\x01holdfast/nodes"), "items[1]: a channel's name must not begin with the byte 1"),
]


@pytest.mark.parametrize("bad,text", BAD_ITEMS, ids=[text[:40] for _, text in BAD_ITEMS])
def test_a_bad_item_is_named_and_nothing_is_published(node, client, bad, text):
    before = node.metrics().get("holdfast_published_items_total", 0)
    code, details = code_of(client.publish, item("news"), bad)
    assert code == Code.INVALID_ARGUMENT and text in details
    assert node.metrics().get("holdfast_published_items_total", 0) == before


def test_requests_that_ask_for_nothing_are_named(client):
    for call, request, text in (
            (client.Publish, pb.PublishRequest(), "items: empty"), (client.Channel, pb.ChannelRequest(), "channel: empty"),
            (client.Disconnect, pb.DisconnectRequest(), "id: empty"), (client.Refresh, pb.RefreshRequest(), "id: empty"),
            (client.Drain, pb.DrainRequest(), "id: empty"), (client.Channels, pb.ChannelsRequest(limit=-1), "limit:"),
            (client.Connections, pb.ConnectionsRequest(limit=10001), "limit:"),
            (client.Connections, pb.ConnectionsRequest(kind="smoke"), "kind:"), (client.Subscribe, pb.SubscribeRequest(), "channel:"),
            (client.Subscribe, pb.SubscribeRequest(channel="news", since="h1.nonsense"), "since:")):
        code, details = code_of(call, request)
        assert code == Code.INVALID_ARGUMENT and text in details, details


def test_a_message_that_is_too_large_is_refused(start):
    node = start(control={"grpc": {"address": "127.0.0.1:0", "max_message": 2000}})
    with Client(node) as client:
        assert code_of(client.publish, item("news", "x" * 3000))[0] == Code.RESOURCE_EXHAUSTED
        assert client.publish(item("news", "x"))[0].position


def test_a_watch_goes_on_from_a_position(client):
    first, second, third = client.publish(item("news", "one"), item("news", "two"), item("news", "three", id="i3", meta={"a": "b"}))
    events = client.Subscribe(pb.SubscribeRequest(channel="news", since=first.position))
    live, two, three = next(events), next(events), next(events)
    assert two.item.item.http_stream.content == "two" and two.item.position == second.position and two.item.published.seconds > 0
    assert three.item.item.id == "i3" and three.item.item.meta == {"a": "b"} and three.item.position == third.position
    assert live.WhichOneof("event") == "live" and live.live.position == third.position
    client.publish(item("news", "four"))
    assert next(events).item.item.http_stream.content == "four"
    events.cancel()


def test_a_watch_is_told_of_a_gap(start):
    node = start(routes=ROUTES, broker={"memory": {"history_messages": 1}})
    with Client(node) as client:
        first = client.publish(*[item("news", str(i)) for i in range(4)])[0]
        events = client.Subscribe(pb.SubscribeRequest(channel="news", since=first.position))
        assert next(events).WhichOneof("event") == "live"
        assert next(events).gap.reason


def test_every_watch_and_stream_ends_when_the_node_stops(node, client):
    events = client.Subscribe(pb.SubscribeRequest(channel="news"), timeout=60)
    assert next(events).WhichOneof("event") == "live"
    requests = queue.Queue()
    answers = client.PublishStream(iter(requests.get, None), timeout=60)
    requests.put(pb.PublishStreamRequest(sequence=1, items=[item("news")]))
    assert next(answers).results[0].position
    next(events)
    threading.Thread(target=node.stop).start()
    assert next(events).ended.reason == "the node stops"
    assert code_of(lambda: next(events))[0] == Code.UNAVAILABLE
    assert code_of(lambda: next(answers))[0] == Code.UNAVAILABLE
    requests.put(None)


def test_too_many_watches_are_refused(start):
    node = start(control={"grpc": {"address": "127.0.0.1:0", "max_watches": 1}})
    with Client(node) as client:
        first = client.Subscribe(pb.SubscribeRequest(channel="news"))
        next(first)
        assert code_of(client.Subscribe, pb.SubscribeRequest(channel="news"))[0] == Code.RESOURCE_EXHAUSTED
        first.cancel()

        def again():
            events = client.Subscribe(pb.SubscribeRequest(channel="news"))
            try:
                return next(events)
            except grpc.RpcError:
                return None
        eventually(again, what="the place to be free")


def test_a_publish_stream_answers_each_request(client):
    def requests():
        for i in range(500):
            yield pb.PublishStreamRequest(sequence=i, items=[item("news", str(i))] if i != 7 else [])
    answers = {a.sequence: a for a in client.PublishStream(requests())}
    assert sorted(answers) == list(range(500))
    assert answers[7].error.code == pb.ERROR_CODE_INVALID and "items: empty" in answers[7].error.message
    positions = [answers[i].results[0].position for i in range(500) if i != 7]
    assert len(set(positions)) == 499


def test_a_publisher_that_does_not_read_answers_is_held_back(node):
    sent = []

    def requests():
        for i in range(200_000):
            sent.append(i)
            yield pb.PublishStreamRequest(sequence=i, items=[item("news", "x" * 1000)])
    # What the client's side takes in without being read is kept small.
    with Client(node, options=[("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65536)]) as client:
        answers = client.PublishStream(requests(), timeout=60)
        seen = [-1]

        def stands():
            seen.append(len(sent))
            threading.Event().wait(0.3)
            return seen[-1] == seen[-2]
        eventually(stands, patience=30, what="to be held back")
        assert len(sent) < 200_000
        assert next(answers).results[0].position
        answers.cancel()


def test_health_follows_readiness(start):
    redis = Redis()
    node = start(broker={"type": "redis", "redis": {"address": "127.0.0.1:%d" % redis.port, "timeout": "1s"}})
    with Client(node) as client:
        health = health_pb2_grpc.HealthStub(client.channel)

        def state(service):
            return health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE).status
        for service in ("", "holdfast.control.v1.Control"):
            eventually(lambda: state(service) == health_pb2.HealthCheckResponse.SERVING, what="SERVING")
        redis.close()
        eventually(lambda: state("") == health_pb2.HealthCheckResponse.NOT_SERVING, what="NOT_SERVING")
        code, details = code_of(client.publish, item("news"))
        assert code == Code.UNAVAILABLE and "items[0]" in details


def test_reflection_lists_the_service(client):
    stub = reflection_pb2_grpc.ServerReflectionStub(client.channel)
    answer = next(stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=PATIENCE))
    services = {s.name for s in answer.list_services_response.service}
    assert {"holdfast.control.v1.Control", "grpc.health.v1.Health"} <= services


def test_a_deadline_that_has_passed_is_answered_so(client):
    assert code_of(client.Publish, pb.PublishRequest(items=[item("news")]), timeout=-1)[0] == Code.DEADLINE_EXCEEDED


def test_operations_of_nodes(node, client):
    own, = client.Nodes(pb.NodesRequest()).nodes
    assert own.role == "all" and own.version
    stream = node.get("/e/news")
    stream.until("id:")
    channel = client.Channel(pb.ChannelRequest(channel="news"))
    assert (channel.listeners, channel.stream, channel.nodes.asked, channel.nodes.answered) == (1, 1, 1, 1)
    assert [c.channel for c in client.Channels(pb.ChannelsRequest(prefix="ne")).channels] == ["news"]
    held, = client.Connections(pb.ConnectionsRequest(channel="news", kind="stream")).connections
    assert held.node == own.id and held.kind == "stream" and list(held.channels) == ["news"]
    assert client.Disconnect(pb.DisconnectRequest(id=held.id)).id == held.id
    stream.read()
    assert code_of(client.Disconnect, pb.DisconnectRequest(id="nobody"))[0] == Code.NOT_FOUND
    assert code_of(client.Refresh, pb.RefreshRequest(id="nobody"))[0] == Code.NOT_FOUND
    client.Recover(pb.RecoverRequest())
    assert client.Drain(pb.DrainRequest(id=own.id)).id == own.id
    eventually(lambda: node.process.poll() is not None, what="the node to end")


def test_the_tokens_of_the_publish_door_are_asked_for(start):
    token = "a-token-of-16-characters"
    node = start(control={"http": {"address": "127.0.0.1:0", "tokens": [token]}})
    with Client(node) as client:
        request = pb.PublishRequest(items=[item("news")])
        for metadata in ((), (("authorization", "Bearer wrong-token-of-many"),), (("authorization", "Bearer " + token),) * 2):
            for call, asked in ((client.Publish, request), (client.Subscribe, pb.SubscribeRequest(channel="news")), (client.Nodes, pb.NodesRequest()),
                                (client.PublishStream, iter([pb.PublishStreamRequest(items=[item("news")])]))):
                assert code_of(call, asked, metadata=metadata)[0] == Code.UNAUTHENTICATED
        assert client.Publish(request, metadata=(("authorization", "Bearer " + token),)).results[0].position
    assert node.metrics()["holdfast_published_items_total"] == 1


def test_an_address_that_others_reach_needs_to_know_its_callers(tmp_path):
    config = tmp_path / "c.yaml"

    def check(**grpc):
        config.write_text(json.dumps({"control": {"grpc": {"address": "0.0.0.0:5562", **grpc}}}))
        run = subprocess.run([BINARY, "check-config", "--config", str(config)], capture_output=True, text=True)
        return run.returncode, run.stderr
    code, text = check()
    assert code == 2 and "control.grpc.address 0.0.0.0:5562" in text
    assert check(allow_anonymous=True)[0] == 0
    code, text = check(allow_anonymous=True, tls={"cert": "nowhere.pem", "key": "nowhere.pem"})
    assert code == 2 and "control.grpc.tls.cert: cannot read" in text
    code, text = check(allow_anonymous=True, tls={"cert": str(config)})
    assert code == 2 and "cert and key go together" in text


def certificate(folder, name, signer=None):
    """A key and a certificate for it, signed by `signer` or by itself."""
    key, request, cert = (folder / (name + end) for end in (".key", ".csr", ".pem"))
    run = lambda *words: subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
    if signer is None:
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-days", "1", "-subj", "/CN=" + name)
    else:
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=" + name)
        (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
        run("x509", "-req", "-in", request, "-CA", folder / (signer + ".pem"), "-CAkey", folder / (signer + ".key"), "-CAcreateserial", "-out", cert, "-days", "1",
            "-extfile", folder / "ext")
    return key, cert


def test_callers_prove_who_they_are_by_certificate(start, tmp_path):
    _, ca = certificate(tmp_path, "ca")
    key, cert = certificate(tmp_path, "server", "ca")
    own_key, own_cert = certificate(tmp_path, "publisher", "ca")
    certificate(tmp_path, "other-ca")
    strange_key, strange_cert = certificate(tmp_path, "stranger", "other-ca")
    node = start(control={"grpc": {"address": "127.0.0.1:0", "tls": {"cert": str(cert), "key": str(key), "client_ca": str(ca)}}})

    def publish(*pair):
        credentials = grpc.ssl_channel_credentials(ca.read_bytes(), *[f.read_bytes() for f in pair])
        with grpc.secure_channel(node.addresses["grpc"][0], credentials) as channel:
            stub = stubs.ControlStub(channel)
            return code_of(stub.Publish, pb.PublishRequest(items=[item("news")]), timeout=PATIENCE)[0]
    assert publish(own_key, own_cert) == Code.OK
    assert publish(strange_key, strange_cert) == Code.UNAVAILABLE
    assert publish() == Code.UNAVAILABLE
    with Client(node) as client:
        assert code_of(client.publish, item("news"))[0] == Code.UNAVAILABLE
