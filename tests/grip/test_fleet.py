"""Several nodes with roles of their own, and what an operator asks of all of them through any."""
import json

import pytest
from kit import Backend, eventually, reply
from test_redis import Redis
from ws import WebSocket

ROUTES = [{"path": "/e/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"]}},
          {"path": "/p/{channel}", "hold": {"mode": "response", "channels": ["{channel}"]}},
          {"path": "/w/{channel}", "hold": {"mode": "websocket", "channels": ["{channel}"]}}]


@pytest.fixture
def broker():
    server = Redis()
    yield {"type": "redis", "redis": {"address": "127.0.0.1:%d" % server.port, "timeout": "1s"}}
    server.close()


def ask(node, target, method="GET", status=200):
    answer = node.control(method, target)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == ("application/json" if status == 200 else "application/problem+json")
    return json.loads(answer.body)


def test_a_gateway_holds_clients_and_a_control_node_takes_publications(start, broker):
    gateway = start(routes=ROUTES, broker=broker, role="gateway")
    control = start(routes=ROUTES, broker=broker, role="control")
    assert "publishers" not in gateway.addresses and "clients" not in control.addresses
    stream = gateway.get("/e/news")
    stream.until("id:")
    control.publish("news", "from elsewhere")
    stream.until("data: from elsewhere")
    assert gateway.admin("/readyz").status == control.admin("/readyz").status == 200


def test_every_node_knows_the_others_and_their_listeners(start, broker):
    gateways = [start(routes=ROUTES, broker=broker, role="gateway") for _ in range(2)]
    controls = [start(broker=broker, role="control") for _ in range(2)]
    for control in controls:
        eventually(lambda: len(ask(control, "/v1/nodes")["nodes"]) == 4, what="four nodes")
    assert sorted(n["role"] for n in ask(controls[0], "/v1/nodes")["nodes"]) == ["control", "control", "gateway", "gateway"]
    streams = [gateways[i % 2].get("/e/room") for i in range(3)]
    for stream in streams:
        stream.until("id:")
    poll = gateways[1].ask("/p/room")
    socket = WebSocket(gateways[0], "/w/room")
    for control in controls:
        eventually(lambda: ask(control, "/v1/channels/room")["listeners"] == 5, what="five listeners")
        room = ask(control, "/v1/channels/room")
        assert (room["stream"], room["response"], room["websocket"]) == (3, 1, 1)
        assert room["nodes"] == {"asked": 4, "answered": 4}
        assert [c["channel"] for c in ask(control, "/v1/channels?prefix=ro")["channels"]] == ["room"]
        assert ask(control, "/v1/channels?prefix=x")["channels"] == []
    assert ask(controls[0], "/v1/channels/a%20b%2Fc")["channel"] == "a b/c"
    gateways[1].process.kill()
    gateways[1].stopped = True
    eventually(lambda: len(ask(controls[0], "/v1/nodes")["nodes"]) == 3, patience=30, what="the dead node to be forgotten")


def test_a_connection_is_refreshed_and_disconnected_wherever_it_is(start, broker):
    requests = []

    def events(request, connection):
        requests.append((request.headers["connection-id"], request.body))
        body = b"OPEN\r\n" if request.body.startswith(b"OPEN") else b""
        return reply(body, headers=[("Content-Type", "application/websocket-events"), ("Sec-WebSocket-Extensions", "grip")])
    backend = Backend(events)
    gateway = start(broker=broker, role="gateway", routes=[{"path_begins": "/", "targets": [{"address": "127.0.0.1:%d" % backend.port, "over_http": True}]}])
    control = start(broker=broker, role="control")
    socket = WebSocket(gateway, "/chat")
    eventually(lambda: len(ask(control, "/v1/nodes")["nodes"]) == 2, what="two nodes")
    connection = requests[0][0]
    ask(control, "/v1/connections/%s/refresh" % connection, "POST")
    eventually(lambda: (connection, b"") in requests, what="the empty request")
    ask(control, "/v1/connections/%s/disconnect" % connection, "POST")
    socket.expect_close(1001)
    for verb in ("refresh", "disconnect"):
        ask(control, "/v1/connections/nobody/%s" % verb, "POST", 404)


def test_what_is_asked_wrongly_is_a_problem(start):
    node = start(routes=ROUTES)
    for target, method, status in (("/v1/", "GET", 404), ("/v1/nodes", "POST", 405), ("/v1/channels?limit=0", "GET", 400), ("/v1/channels?limit=x", "GET", 400),
                                   ("/v1/channels/%zz", "GET", 400), ("/v1/connections/x", "POST", 404), ("/v1/connections/x/explode", "POST", 404)):
        problem = ask(node, target, method, status)
        assert problem["status"] == status and problem["detail"]


def test_nobody_speaks_on_the_nodes_own_channels(start):
    node = start(routes=ROUTES)
    answer = node.control("POST", "/publish/", json.dumps({"items": [{"channel": "\x01holdfast/nodes", "http-stream": {"content": "{}"}}]}).encode())
    assert answer.status == 400 and b"byte 1" in answer.body
