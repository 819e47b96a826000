"""The edge: framing, limits, slow and vanishing peers, TLS, Unix sockets. Errors are responses."""
import ssl
import subprocess

import pytest
from kit import Backend, Closed, Connection, eventually, hold, reply

HEAD = b"Host: app.test\r\n"


@pytest.mark.parametrize("text, status", [
    (b"GARBAGE\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    (b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: +3\r\n\r\nabc", 400),
    (b"POST / HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.0\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n" + HEAD + b"X-A : b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n" + HEAD + b"X-A: b\r\n c\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n" + HEAD + b"X-A: \x00\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\n" + HEAD + b"\r\n", 505),
    (b"CONNECT a:1 HTTP/1.1\r\n" + HEAD + b"\r\n", 501),
    (b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 3\r\nExpect: tea\r\n\r\nabc", 417),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n", 414),
    (b"GET / HTTP/1.1\r\n" + HEAD + b"X-Big: " + b"y" * 20000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\n" + HEAD + b"X-A: b\r\n" * 101 + b"\r\n", 431),
])
def test_what_could_be_read_in_two_ways_is_refused_and_reaches_no_backend(node, backend, text, status):
    c = node.connect().send(text)
    assert c.response().status == status
    c.read_to_close()
    assert backend.requests.empty()


@pytest.mark.parametrize("body", [b"0x3\r\nabc\r\n0\r\n\r\n", b"-1\r\na\r\n0\r\n\r\n", b"3\nabc\n0\n\n", b"3\r\nabcd\r\n0\r\n\r\n"])
def test_a_broken_chunked_body_is_400_and_the_backend_gets_no_whole_request(node, backend, body):
    c = node.connect().send(b"POST / HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert c.response().status == 400
    c.read_to_close()
    assert backend.requests.empty()


def test_pipelined_requests_are_answered_in_order(node, backend):
    backend.answer = lambda request, _: reply(request.target)
    c = node.connect()
    c.send(b"".join(b"GET /%d HTTP/1.1\r\n" % n + HEAD + b"\r\n" for n in range(20)))
    assert [c.response().read() for _ in range(20)] == [b"/%d" % n for n in range(20)]


def test_a_request_cut_at_every_byte_is_the_same_request(node, backend):
    text = b"POST /cut HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    for at in range(1, len(text), 7):
        c = node.connect().send(text[:at])
        c.send(text[at:])
        assert c.response().read() == b"ok"
        assert backend.next().body == b"abc"


def test_http_1_0_clients_get_a_response_that_ends_with_the_connection(start):
    backend = Backend(lambda request, c: c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n") and None)
    node = start(backend)
    c = node.connect().send(b"GET / HTTP/1.0\r\n\r\n")
    r = c.response()
    assert "transfer-encoding" not in r.headers and r.read() == b"abc"


def test_http_1_0_keep_alive_is_honoured(node):
    c = node.connect()
    for _ in range(2):
        c.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        r = c.response()
        assert r.headers["connection"] == "keep-alive" and r.read() == b"ok"


def test_a_head_that_takes_too_long_is_408(start, backend):
    node = start(backend, edge={"head_timeout": "300ms"})
    c = node.connect().send(b"GET / HTTP/1.1\r\n")
    assert c.response().status == 408
    c.read_to_close()


def test_a_body_below_the_rate_is_408(start, backend):
    node = start(backend, edge={"body_grace": "300ms"})
    c = node.connect().send(b"POST / HTTP/1.1\r\n" + HEAD + b"Content-Length: 100000\r\n\r\nabc")
    assert c.response().status == 408


def test_an_idle_connection_is_closed(start, backend):
    node = start(backend, edge={"idle_timeout": "200ms"})
    c = node.connect().send(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n")
    c.response().read()
    assert c.read_to_close() == b""


def test_a_half_closed_client_gets_its_response(node):
    c = node.connect().send(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n")
    c.half_close()
    assert c.response().read() == b"ok"


def test_too_many_connections_are_told_so(start, backend):
    node = start(backend, loops=1, edge={"max_connections": 2})
    held = [node.connect() for _ in range(2)]
    for c in held:
        assert c.send(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n").response().read() == b"ok"
    assert node.connect().response().status == 503


def test_a_held_client_that_never_reads_is_dropped_at_its_bound_and_the_others_go_on(start):
    backend = Backend(hold("stream", "flood"))
    node = start(backend, loops=1)
    slow = node.connect(receive_buffer=4096).send(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n")
    slow.read_until(b"\r\n\r\n")
    fast = node.get("/")
    eventually(lambda: node.metrics()["holdfast_subscriptions"] == 2)
    sent = 0
    for n in range(200):
        node.publish("flood", "x" * 20000 + "%d;" % n)
        sent += 20000 + len("%d;" % n)
        fast.until("x%d;" % n)
        if node.metrics()["holdfast_slow_clients_dropped_total"] == 1:
            break
    metrics = node.metrics()
    assert metrics["holdfast_slow_clients_dropped_total"] == 1
    assert metrics["holdfast_queue_bytes"] < 100_000
    assert "does not read" in node.log()
    node.publish("flood", "still here")
    fast.until("still here")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")

    def make(name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                        "-addext", "subjectAltName=DNS:" + name, "-keyout", str(folder / (name + ".key")), "-out", str(folder / (name + ".crt"))],
                       check=True, capture_output=True)
        return {"cert": str(folder / (name + ".crt")), "key": str(folder / (name + ".key"))}
    return make


def trusting(certificate):
    context = ssl.create_default_context(cafile=certificate["cert"])
    return context


def test_tls_chooses_the_certificate_by_name(start, backend, certificates):
    a, b = certificates("a.test"), certificates("b.test")
    node = start(backend, listen=[{"address": "127.0.0.1:0", "tls": [a, b]}])
    for name, certificate in (("a.test", a), ("b.test", b)):
        c = node.connect(tls=trusting(certificate), server_name=name)
        assert c.send(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n").response().read() == b"ok"


def test_old_tls_is_refused(start, backend, certificates):
    a = certificates("old.test")
    node = start(backend, listen=[{"address": "127.0.0.1:0", "tls": [a]}])
    context = trusting(a)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        node.connect(tls=context, server_name="old.test")


def test_new_certificates_are_used_without_a_restart(start, backend, certificates):
    first = certificates("swap.test")
    node = start(backend, listen=[{"address": "127.0.0.1:0", "tls": [first]}])
    before = open(first["cert"]).read()
    stays = node.connect(tls=trusting(first), server_name="swap.test")
    second = certificates("swap.test")  # written over the first
    assert open(second["cert"]).read() != before

    def served():
        try:
            return node.connect(tls=trusting(second), server_name="swap.test")
        except ssl.SSLError:
            return None
    c = eventually(served, what="the new certificate")
    assert c.send(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n").response().read() == b"ok"
    assert stays.send(b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n").response().read() == b"ok"


def test_unix_sockets_and_ipv6_and_several_listeners(start, backend, tmp_path):
    path = str(tmp_path / "edge.sock")
    node = start(backend, listen=[{"address": "127.0.0.1:0"}, {"address": "[::1]:0"}, {"address": "unix:" + path, "mode": "600"}])
    for index in range(3):
        assert node.get("/", index=index).read() == b"ok"
