"""What the wire-level tests share: a node of the real program, a scripted backend, raw HTTP over sockets.

Nothing sleeps: everything waits on a condition with a deadline. Nothing has a fixed port: servers bind port 0 and say what they got.
"""
import contextlib
import json
import os
import pathlib
import queue
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get("HOLDFAST_BIN", ROOT / "build" / "dev" / "holdfast"))
PATIENCE = 10.0
# The address sanitizer keeps freed memory for a while; tests that bound memory want little of that.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=4:" + os.environ.get("ASAN_OPTIONS", "")}


class Closed(Exception):
    """The peer closed the connection."""


class Connection:
    """A client connection with a read buffer and deadlines."""

    def __init__(self, address, tls=None, server_name=None, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(address)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())
        return self

    def _fill(self, until):
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing in time; have %r" % self.buffer[-300:])
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except (ConnectionError, ssl.SSLError) as why:
            raise Closed(str(why)) from why
        if not data:
            raise Closed("closed; had %r" % self.buffer[-300:])
        self.buffer += data

    def read_until(self, mark, patience=PATIENCE):
        until = time.monotonic() + patience
        while mark not in self.buffer:
            self._fill(until)
        at = self.buffer.index(mark) + len(mark)
        out, self.buffer = self.buffer[:at], self.buffer[at:]
        return out

    def read_exactly(self, count, patience=PATIENCE):
        until = time.monotonic() + patience
        while len(self.buffer) < count:
            self._fill(until)
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def read_to_close(self, patience=PATIENCE):
        until = time.monotonic() + patience
        with contextlib.suppress(Closed):
            while True:
                self._fill(until)
        out, self.buffer = self.buffer, b""
        return out

    def silent_for(self, seconds):
        """True if neither a byte nor the end comes for so long."""
        try:
            self._fill(time.monotonic() + seconds)
        except TimeoutError:
            return True
        except Closed:
            return False
        return False

    def response(self, method="GET", patience=PATIENCE):
        return Response(self, method, patience)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Response:
    """A response whose head is read; the body may still be coming."""

    def __init__(self, connection, method, patience):
        self.connection = connection
        head = connection.read_until(b"\r\n\r\n", patience)[:-4].decode("latin-1").split("\r\n")
        version, status, *reason = head[0].split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), head[0]
        self.status, self.reason = int(status), reason[0] if reason else ""
        self.fields = [tuple(line.split(": ", 1)) if ": " in line else (line.rstrip(":"), "") for line in head[1:]]
        self.headers = {name.lower(): value for name, value in self.fields}
        self.body = b""
        self.ended = method == "HEAD" or self.status in (204, 304) or self.status < 200 or self.headers.get("content-length") == "0"
        self.whole = self.ended
        self._left = int(self.headers.get("content-length", -1))
        self.chunked = self.headers.get("transfer-encoding") == "chunked"

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def read_piece(self, patience=PATIENCE):
        """The next piece of the body (a chunk, when chunked); b"" at the end."""
        if self.ended:
            return b""
        c = self.connection
        try:
            if self.chunked:
                size = int(c.read_until(b"\r\n", patience), 16)
                data = c.read_exactly(size + 2, patience)
                assert data.endswith(b"\r\n"), data
                data = data[:-2]
                if not size:
                    self.ended = self.whole = True
            else:
                if not c.buffer:
                    c._fill(time.monotonic() + patience)
                take = len(c.buffer) if self._left < 0 else min(self._left, len(c.buffer))
                data, c.buffer = c.buffer[:take], c.buffer[take:]
                if self._left >= 0:
                    self._left -= take
                    self.ended = self.whole = self._left == 0
        except Closed:
            self.ended = True
            self.whole = not self.chunked and self._left < 0
            return b""
        self.body += data
        return data

    def until(self, text, patience=PATIENCE):
        """Reads on until the body has this text."""
        text = text if isinstance(text, bytes) else text.encode()
        end = time.monotonic() + patience
        while text not in self.body:
            assert not self.ended, "the body ended without %r: %r" % (text, self.body[-500:])
            self.read_piece(max(0.001, end - time.monotonic()))
        return self.body

    def read(self, patience=PATIENCE):
        """The whole body."""
        end = time.monotonic() + patience
        while not self.ended:
            self.read_piece(max(0.001, end - time.monotonic()))
        return self.body


class Request:
    """What the backend got."""

    def __init__(self, method, target, fields, body):
        self.method, self.target, self.fields, self.body = method, target, fields, body
        self.headers = {name.lower(): value for name, value in fields}

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]


class Backend:
    """A backend on a port of its own. `answer` is bytes, or called with (request, connection) and returns bytes or None (it wrote itself, and the
    connection is closed)."""

    def __init__(self, answer=None, port=0):
        self.answer = answer or reply()
        self.requests = queue.Queue()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        c = Connection.__new__(Connection)
        c.socket, c.buffer = s, b""
        try:
            while True:
                head = c.read_until(b"\r\n\r\n", 3600)[:-4].decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                request = Request(method, target, [tuple(line.split(": ", 1)) for line in head[1:]], b"")
                if not getattr(self.answer, "raw", False):
                    self._read_body(c, request)
                self.requests.put(request)
                out = self.answer(request, c) if callable(self.answer) else self.answer
                if out is None:
                    return
                s.sendall(out)
        except (Closed, OSError, TimeoutError, ValueError):
            pass
        finally:
            s.close()

    @staticmethod
    def _read_body(c, request):
        if "content-length" in request.headers:
            request.body = c.read_exactly(int(request.headers["content-length"]))
        elif request.headers.get("transfer-encoding") == "chunked":
            while True:
                size = int(c.read_until(b"\r\n"), 16)
                request.body += c.read_exactly(size + 2)[:-2]
                if not size:
                    return

    def next(self, patience=PATIENCE):
        return self.requests.get(timeout=patience)

    def close(self):
        """Refuses connections from now on; those that are open go on."""
        self.listener.shutdown(socket.SHUT_RDWR)  # close() alone leaves a pending accept() listening
        self.listener.close()


def reply(body=b"ok", status=200, headers=(), reason="Whatever"):
    body = body if isinstance(body, bytes) else body.encode()
    lines = ["HTTP/1.1 %d %s" % (status, reason)] + ["%s: %s" % h for h in headers] + ["Content-Length: %d" % len(body), "", ""]
    return "\r\n".join(lines).encode() + body


def hold(mode, *channels, body=b"", headers=()):
    return reply(body, 200, [("Content-Type", "text/plain"), ("Grip-Hold", mode)] + [("Grip-Channel", c) for c in channels] + list(headers))


class Node:
    """A running holdfast. `config` is merged over a configuration that listens on ports of its own; or `file` is its configuration, with
    `sets` ("key=value") over it."""

    def __init__(self, backend=None, file=None, sets=(), **config):
        self.folder = tempfile.TemporaryDirectory(prefix="holdfast-test-")
        path = pathlib.Path(self.folder.name)
        base = {
            "listen": [{"address": "127.0.0.1:0"}],
            "control": {"http": {"address": "127.0.0.1:0"}, "grpc": {"address": "127.0.0.1:0"}},
            "metrics": {"address": "127.0.0.1:0"},
            "drain": {"window": "200ms"},
            "loops": 2,
        }
        if backend is not None:
            base["routes"] = [{"path_begins": "/", "targets": [{"address": "127.0.0.1:%d" % backend.port}]}]
        for key, value in config.items():
            if isinstance(value, dict) and isinstance(base.get(key), dict):
                base[key] = {**base[key], **value}
            else:
                base[key] = value
        self.config = pathlib.Path(file or path / "holdfast.yaml")
        if file is None:
            self.config.write_text(json.dumps(base))
        sets = [word for one in sets for word in ("--set", one)]
        self.log_path = path / "log"
        self.process = subprocess.Popen([BINARY, "serve", "--config", str(self.config), *sets], stdout=subprocess.PIPE,
                                        stderr=open(self.log_path, "wb"), cwd=path, env=ENVIRONMENT)
        self.addresses = {}
        self.stopped = False
        end = time.monotonic() + 30
        for line in self.process.stdout:
            match = re.match(rb"\s+(clients|publishers|grpc|sockets|metrics)\s+(\S+)(?: \((\w+)\))?", line)
            if match:
                name = match[3].decode() if match[3] else match[1].decode()
                self.addresses.setdefault(name, []).append(match[2].decode())
            if b"metrics" in line or time.monotonic() > end:
                break
        if "metrics" not in self.addresses:
            raise AssertionError("the node did not start:\n" + self.log())
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def log(self):
        return self.log_path.read_text(errors="replace")

    @staticmethod
    def _host_port(url):
        host, _, port = url.split("//", 1)[1].split("/")[0].rpartition(":")
        return host.strip("[]"), int(port)

    def edge(self, index=0):
        url = self.addresses["clients"][index]
        return url.split("unix:", 1)[1] if "unix:" in url else self._host_port(url)

    def connect(self, index=0, **options):
        return Connection(self.edge(index), **options)

    def get(self, target, headers=(), method="GET", body=b"", index=0):
        """Sends a request on a connection of its own; returns the response once its head is there."""
        return self.ask(target, headers, method, body, index).response(method)

    def ask(self, target, headers=(), method="GET", body=b"", index=0):
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: app.test"] + ["%s: %s" % h for h in headers]
        if body:
            lines.append("Content-Length: %d" % len(body))
        return self.connect(index).send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def control(self, method, target, body=b"", headers=()):
        with Connection(self._host_port(self.addresses["publishers"][0])) as c:
            lines = ["%s %s HTTP/1.1" % (method, target), "Host: control", "Connection: close", "Content-Length: %d" % len(body)]
            c.send("\r\n".join(lines + ["%s: %s" % h for h in headers]).encode() + b"\r\n\r\n" + body)
            response = c.response(method)
            response.read()
            return response

    def publish(self, channel, content=None, response=None, **item):
        formats = {}
        if content is not None:
            formats["http-stream"] = content if isinstance(content, dict) else {"content": content}
        if response is not None:
            formats["http-response"] = response if isinstance(response, dict) else {"body": response}
        answer = self.control("POST", "/publish/", json.dumps({"items": [{"channel": channel, "formats": formats, **item}]}).encode())
        assert answer.status == 200, answer.body
        return answer

    def metrics(self):
        with Connection(self._host_port(self.addresses["metrics"][0])) as c:
            c.send("GET /metrics HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
            text = c.response().read().decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line and line[0] != "#"}

    def admin(self, target):
        with Connection(self._host_port(self.addresses["metrics"][0])) as c:
            c.send("GET %s HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n" % target)
            response = c.response()
            response.read()
            return response

    def signal(self, number):
        self.process.send_signal(number)

    def resident_bytes(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))

    def stop(self):
        """Drains and says how it ended; a sanitizer's report or a crash is a failure. Once is enough."""
        if self.stopped:
            return
        self.stopped = True
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the node did not end:\n" + self.log()[-3000:])
        log = self.log()
        self.folder.cleanup()
        assert code == 0, "the node ended with %d:\n%s" % (code, log[-6000:])
        assert "runtime error" not in log and "Sanitizer" not in log, log[-6000:]


def eventually(condition, patience=PATIENCE, what="condition"):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        threading.Event().wait(0.02)
    raise AssertionError("not in time: " + what)
