"""Targets behind a ZeroMQ socket (Pushpin's zhttpreq)."""
import threading

import pytest
import zmq


def tnet(value):
    if isinstance(value, dict):
        return sized(b"".join(tnet(k) + tnet(v) for k, v in value.items()), b"}")
    if isinstance(value, list):
        return sized(b"".join(map(tnet, value)), b"]")
    if isinstance(value, int):
        return sized(b"%d" % value, b"#")
    return sized(value if isinstance(value, bytes) else value.encode(), b",")


def sized(content, mark):
    return b"%d:%s%s" % (len(content), content, mark)


def read_tnet(data):
    """(value, rest)"""
    size, _, rest = data.partition(b":")
    content, mark, rest = rest[:int(size)], rest[int(size):int(size) + 1], rest[int(size) + 1:]
    if mark == b"#":
        return int(content), rest
    if mark not in b"}]":
        return content, rest
    values = []
    while content:
        value, content = read_tnet(content)
        values.append(value)
    return (dict(zip(values[::2], values[1::2])) if mark == b"}" else values), rest


@pytest.fixture
def worker(tmp_path):
    context = zmq.Context()
    address = "ipc://%s/handlers" % tmp_path
    yield address, context.socket(zmq.REP)
    context.destroy(linger=0)


def answer(socket, body):
    assert socket.poll(10000), "no request came"
    message = socket.recv()
    assert message[:1] == b"T"
    request, _ = read_tnet(message[1:])
    socket.send(b"T" + tnet({"id": request[b"id"], "code": 200, "reason": "OK", "headers": [["X-Z", "1"]], "body": body}))
    return request


def test_a_request_is_a_message_and_waits_for_a_worker(start, worker):
    address, socket = worker
    node = start(routes=[{"path_begins": "/", "targets": [{"address": "zhttpreq/" + address}]}])
    with node.connect() as c:
        c.send("POST /a?b=c HTTP/1.1\r\nHost: app.test\r\nContent-Length: 4\r\n\r\nbody")
        assert c.silent_for(0.2)
        seen = {}
        thread = threading.Thread(target=lambda: (socket.connect(address), seen.update(answer(socket, "from afar"))))
        thread.start()
        response = c.response()
        assert (response.status, response.read(), response.headers["x-z"]) == (200, b"from afar", "1")
        thread.join()
    assert (seen[b"method"], seen[b"uri"], seen[b"body"]) == (b"POST", b"http://app.test/a?b=c", b"body")


def test_no_worker_in_time_is_a_504(start, worker):
    address, _ = worker
    node = start(routes=[{"path_begins": "/", "targets": [{"address": "zhttpreq/" + address}]}], upstream={"response_timeout": "1s"})
    assert node.get("/").status == 504
