"""docs/metrics.md says what /metrics has: each name, its type and labels, for each broker; and promtool finds nothing to say."""
import json
import re
import shutil
import subprocess
import tempfile

import pytest
from kit import ROOT, Connection, eventually, hold
from test_redis import ROUTES, redis  # noqa: F401: a fixture
from ws import WebSocket

TYPES = {"C": "counter", "G": "gauge", "H": "histogram"}
SOURCE = re.compile(r'\b(counter|gauge|histogram|gauge_call|counter_call)\(\s*"([a-z0-9_]+)"|constant\(metrics, "([a-z0-9_]+)"')


def documented():
    """Name: (type, labels, the setting that it comes with or None)."""
    found, setting = {}, None
    for line in (ROOT / "docs" / "metrics.md").read_text().splitlines():
        if line.startswith("## "):
            setting = None
        if match := re.match(r"With `(.+)`:$", line):
            setting = match[1]
        if line.startswith("| `"):
            names, kind, _, labels, _, _ = [cell.strip() for cell in line.strip()[1:-1].split("|")]
            # "door", "version, role", or "mode: each, of, its values"
            labels = {label.strip() for label in labels.split(":")[0].split(",") if label.strip()}
            for name in re.findall(r"`(\w+)`", names):
                found[name] = (TYPES[kind], labels, setting)
    return found


def in_sources():
    found = {}
    for folder in ("gateway", "control", "adapters"):
        for path in (ROOT / folder).rglob("*.cpp"):
            found.update(scan(path))
        for path in (ROOT / folder).rglob("*.h"):
            found.update(scan(path))
    return found


def scan(path):
    for kind, name, constant in SOURCE.findall(path.read_text()):
        yield name or constant, "gauge" if constant else kind.replace("_call", "")


def text_of(node):
    with Connection(node._host_port(node.addresses["metrics"][0])) as c:
        c.send("GET /metrics HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
        return c.response().read().decode()


def exposed(text):
    """Name: (type, labels)."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            found[name] = (kind, set())
        elif line and line[0] != "#":
            name, labels = re.match(r"(\w+)(?:\{(.*)\})? ", line).groups()
            family = name if name in found else re.sub(r"_(bucket|sum|count)$", "", name)
            found[family][1].update(set(re.findall(r'(\w+)="', labels or "")) - {"le"})
    return found


def traffic(node):
    """One of each kind of hold, a delivery to each, a refused request."""
    stream, poll, ws = node.get("/events/a"), node.ask("/poll/a"), WebSocket(node, "/ws/a")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 3, what="the holds")
    item = {"channel": "a", "formats": {"http-stream": {"content": "one\n"}, "http-response": {"body": "one"}, "ws-message": {"content": "one"}}}
    assert node.control("POST", "/publish/", json.dumps({"items": [item]}).encode()).status == 200
    stream.until("one")
    assert poll.response().read() == b"one"
    ws.expect_text("one")
    with node.connect() as c:
        assert c.send("nonsense\r\n\r\n").response().status == 400


def check(node, *settings):
    text = text_of(node)
    has = exposed(text)
    wanted = {name: entry[:2] for name, entry in documented().items() if entry[2] in (None, *settings)}
    assert {n: k for n, (k, _) in has.items()} == {n: k for n, (k, _) in wanted.items()}
    assert {n: labels for n, (_, labels) in has.items()} == {n: labels for n, (_, labels) in wanted.items()}
    promtool = shutil.which("promtool")
    assert promtool, "promtool is in Debian's package prometheus: ./dev setup test"
    said = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_with_memory_a_scrape_has_what_the_page_says(start):
    node = start(routes=ROUTES, tracing={"endpoint": "http://127.0.0.1:1/v1/traces"})
    traffic(node)
    check(node, "broker.type: memory", "tracing.endpoint")
    values = eventually(lambda: (m := node.metrics())["holdfast_delivery_lag_seconds_count"] >= 1 and m, what="the lag")
    assert values['holdfast_delivery_lag_seconds_bucket{le="10"}'] == values["holdfast_delivery_lag_seconds_count"]
    assert values["holdfast_bad_requests_total"] == 1 and values["holdfast_ready"] == 1 and values["holdfast_broker_up"] == 1
    assert 0 < values["process_open_fds"] < values["process_max_fds"]
    assert values["process_resident_memory_bytes"] > 1_000_000 and values["process_threads"] > 2


def test_with_redis_a_scrape_has_what_the_page_says(start, redis):  # noqa: F811
    node = start(routes=ROUTES, broker={"type": "redis", "redis": {"address": "127.0.0.1:%d" % redis.port, "timeout": "1s"}})
    eventually(lambda: node.metrics()["holdfast_broker_up"] == 1, what="Redis")
    traffic(node)
    check(node, "broker.type: redis")
    redis.kill()
    eventually(lambda: node.metrics()["holdfast_broker_up"] == 0, what="the loss of Redis")
    values = node.metrics()
    assert values["holdfast_broker_outages_total"] == 1 and values["holdfast_ready"] == 0


def test_with_zeromq_a_scrape_has_what_the_page_says(start):
    with tempfile.TemporaryDirectory() as folder:
        mesh = "ipc://%s/mesh" % folder
        node = start(routes=ROUTES, broker={"type": "zeromq", "zeromq": {"bind": mesh, "peers": [mesh]}})
        eventually(lambda: node.metrics()["holdfast_broker_up"] == 1, what="the mesh")
        traffic(node)
        check(node, "broker.type: zeromq")


def test_the_page_has_each_metric_of_the_sources_and_no_other():
    page = {name: kind for name, (kind, _, _) in documented().items()}
    assert in_sources() == page


def test_a_draining_node_says_until_when(start, backend):
    backend.answer = hold("stream", "a")
    node = start(backend, drain={"delay": "2s", "window": "1s"})
    held = node.get("/")
    before = node.metrics()
    assert before["holdfast_draining"] == 0 and before["holdfast_drain_deadline_timestamp_seconds"] == 0
    node.signal(15)
    after = eventually(lambda: (m := node.metrics())["holdfast_draining"] == 1 and m, what="the drain")
    assert after["holdfast_drain_deadline_timestamp_seconds"] - after["process_start_time_seconds"] > 2.5
    assert after["holdfast_ready"] == 0
    held.read(20)


@pytest.mark.parametrize("name", ["connections", "control_connections"])
def test_limits_are_those_of_the_configuration(start, name):
    node = start(edge={"max_connections": 7}, control={"http": {"address": "127.0.0.1:0", "max_connections": 9}})
    values = node.metrics()
    assert values["holdfast_connections_limit"] == 14  # two loops
    assert values['holdfast_control_connections_limit{door="http"}'] == 9
