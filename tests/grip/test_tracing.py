"""Spans that reach an OpenTelemetry collector: of a publication, of its delivery on another node, and of a proxied request."""
import http.server
import json
import threading

import pytest
from kit import Backend, eventually, reply
from test_redis import ROUTES, Redis

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00-%s-00f067aa0ba902b7-01" % TRACE
NOT_SAMPLED = PARENT[:-1] + "0"


class Collector:
    """Takes OTLP over HTTP with JSON."""

    def __init__(self):
        self.spans, self.resources, self.status = [], [], 200
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == "/v1/traces" and self.headers["Content-Type"] == "application/json"
                if collector.status == 200:
                    for resource in body["resourceSpans"]:
                        collector.resources.append({a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]})
                        collector.spans += [span for scope in resource["scopeSpans"] for span in scope["spans"]]
                self.send_response(collector.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.options = {"endpoint": "http://127.0.0.1:%d/v1/traces" % self.server.server_port, "service": "edge"}

    def span(self, name):
        return eventually(lambda: next((s for s in self.spans if s["name"] == name), None), what="a span named " + name)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def redis():
    server = Redis()
    yield server
    server.close()


def attributes(span):
    return {a["key"]: a["value"]["stringValue"] for a in span["attributes"]}


def publish(node, headers):
    item = {"channel": "news", "formats": {"http-stream": {"content": "x"}}}
    assert node.control("POST", "/publish/", json.dumps({"items": [item]}).encode(), headers).status == 200


def test_a_delivery_on_another_node_is_below_its_publication(start, redis, collector):
    options = {"routes": ROUTES, "tracing": collector.options, "broker": {"type": "redis", "redis": {"address": "127.0.0.1:%d" % redis.port}}}
    one, other = start(**options), start(**options)
    stream = other.get("/events/news")
    eventually(lambda: other.metrics()["holdfast_subscriptions"] == 1)
    publish(one, [("traceparent", PARENT)])
    stream.until("x")
    published, delivered = collector.span("publish"), collector.span("deliver")
    assert published["traceId"] == delivered["traceId"] == TRACE
    assert published["parentSpanId"] == "00f067aa0ba902b7" and delivered["parentSpanId"] == published["spanId"]
    assert attributes(delivered)["messaging.destination.name"] == "news" and attributes(delivered)["holdfast.listeners"] == "1"
    assert int(published["startTimeUnixNano"]) <= int(delivered["endTimeUnixNano"])
    assert {r["service.name"] for r in collector.resources} == {"edge"} and len({r["service.instance.id"] for r in collector.resources}) == 2


def test_a_backend_is_below_the_request_that_it_answers(start, collector):
    backend = Backend(reply("ok"))
    node = start(backend, tracing=collector.options)
    assert node.get("/a?secret=1", [("traceparent", PARENT)]).read() == b"ok"
    span = collector.span("GET")
    assert span["traceId"] == TRACE and span["parentSpanId"] == "00f067aa0ba902b7"
    assert backend.next().headers["traceparent"] == "00-%s-%s-01" % (TRACE, span["spanId"])
    assert attributes(span)["url.path"] == "/a" and attributes(span)["http.response.status_code"] == "200"


def test_what_is_not_sampled_is_passed_on_as_it_is(start, collector):
    backend = Backend(reply("ok"))
    node = start(backend, tracing=collector.options)
    node.get("/", [("traceparent", NOT_SAMPLED)]).read()
    assert backend.next().headers["traceparent"] == NOT_SAMPLED
    node.get("/").read()
    assert "traceparent" not in backend.next().headers
    node.get("/", [("traceparent", PARENT)]).read()
    collector.span("GET")
    assert len(collector.spans) == 1


def test_a_share_of_requests_begins_a_trace(start, collector):
    backend = Backend(reply("ok"))
    node = start(backend, tracing={**collector.options, "sample": 1000})
    node.get("/").read()
    assert "parentSpanId" not in collector.span("GET") and backend.next().headers["traceparent"].endswith("-01")


def test_a_collector_that_refuses_costs_spans_and_nothing_else(start, collector):
    collector.status = 503
    node = start(Backend(reply("ok")), tracing=collector.options)
    assert node.get("/", [("traceparent", PARENT)]).read() == b"ok"
    eventually(lambda: node.metrics().get('holdfast_trace_spans_total{outcome="dropped"}') == 1)
    eventually(lambda: "spans cannot be exported" in node.log())
    collector.status = 200
    node.get("/", [("traceparent", PARENT)]).read()
    eventually(lambda: node.metrics()['holdfast_trace_spans_total{outcome="exported"}'] == 1)
