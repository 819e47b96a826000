"""WebSockets for the wire-level tests: frames by hand on both sides, so that every byte is the test's own."""
import base64
import hashlib
import json
import os
import struct

from kit import PATIENCE, Connection, Response, reply

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload=b"", fin=True, rsv=0, mask=None, length=None):
    """The bytes of a frame. `mask`: four bytes, or None. `length`: (code, bytes) instead of the right one."""
    payload = payload.encode() if isinstance(payload, str) else payload
    bit = 0x80 if mask is not None else 0
    if length is not None:
        size = bytes([bit | length[0]]) + length[1]
    elif len(payload) < 126:
        size = bytes([bit | len(payload)])
    elif len(payload) < 65536:
        size = bytes([bit | 126]) + struct.pack(">H", len(payload))
    else:
        size = bytes([bit | 127]) + struct.pack(">Q", len(payload))
    if mask is not None:
        pad = (mask * (len(payload) // 4 + 1))[:len(payload)]
        payload = mask + (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(payload), "big")
    return bytes([(0x80 if fin else 0) | rsv << 4 | opcode]) + size + payload


def close_payload(code, reason=""):
    return struct.pack(">H", code) + reason.encode() if code else b""


class Frames:
    """Either end of a WebSocket on a Connection that is past its handshake."""

    def __init__(self, connection, client):
        self.connection, self.client = connection, client
        self.partial = None

    def send(self, opcode, payload=b"", **options):
        options.setdefault("mask", os.urandom(4) if self.client else None)
        self.connection.send(frame(opcode, payload, **options))
        return self

    def text(self, text):
        return self.send(TEXT, text)

    def control(self, **message):
        return self.text("c:" + json.dumps(message))

    def close_frame(self, code=1000, reason=""):
        return self.send(CLOSE, close_payload(code, reason))

    def recv_frame(self, patience=PATIENCE):
        """(opcode, payload, fin, rsv)"""
        c = self.connection
        first, second = c.read_exactly(2, patience)
        size = second & 0x7f
        if size == 126:
            size = struct.unpack(">H", c.read_exactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", c.read_exactly(8))[0]
        mask = c.read_exactly(4) if second & 0x80 else None
        assert bool(mask) != self.client, "a frame is masked by the wrong side"
        payload = c.read_exactly(size, patience)
        if mask:
            payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if len(payload) < 4096 else self._unmask(payload, mask)
        return first & 15, payload, bool(first & 0x80), first >> 4 & 7

    @staticmethod
    def _unmask(payload, mask):
        pad = (mask * (len(payload) // 4 + 1))[:len(payload)]
        return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(payload), "big")

    def recv(self, patience=PATIENCE):
        """(opcode, payload) of the next message or control frame; fragments are put together."""
        while True:
            opcode, payload, fin, rsv = self.recv_frame(patience)
            assert rsv == 0, "reserved bits %d" % rsv
            if opcode >= 8:
                return opcode, payload
            if opcode != CONT:
                assert self.partial is None, "a message began inside another"
                self.partial = [opcode, b""]
            self.partial[1] += payload
            if fin:
                whole, self.partial = tuple(self.partial), None
                return whole

    def expect(self, opcode, payload=None, patience=PATIENCE):
        got = self.recv(patience)
        payload = payload.encode() if isinstance(payload, str) else payload
        assert got[0] == opcode and payload in (None, got[1]), "wanted %r, got %r" % ((opcode, payload), (got[0], got[1][:200]))
        return got[1]

    def expect_text(self, text, patience=PATIENCE):
        return self.expect(TEXT, text, patience)

    def expect_close(self, code=None, reason=None):
        """Reads up to the Close; returns its code (0: none)."""
        opcode, payload = self.recv()
        while opcode != CLOSE:
            opcode, payload = self.recv()
        got = struct.unpack(">H", payload[:2])[0] if payload else 0
        assert code in (None, got) and reason in (None, payload[2:].decode()), (got, payload[2:])
        return got


class WebSocket(Frames):
    """A client. Opens at once; `response` is the answer to its handshake, and `opened` whether it is a WebSocket now."""

    def __init__(self, node, target="/", headers=(), fields=None, extra=b"", index=0):
        super().__init__(node.connect(index), client=True)
        self.key = base64.b64encode(os.urandom(16)).decode()
        fields = fields or [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", self.key), ("Sec-WebSocket-Version", "13")]
        lines = ["GET %s HTTP/1.1" % target, "Host: app.test"] + ["%s: %s" % f for f in [*fields, *headers]] + ["", ""]
        self.connection.send("\r\n".join(lines).encode() + extra)
        self.response = Response(self.connection, "GET", PATIENCE)
        self.opened = self.response.status == 101
        if self.opened:
            assert self.response.headers["sec-websocket-accept"] == accept_of(self.key)

    def __enter__(self):
        assert self.opened, "%d %r" % (self.response.status, self.response.read())
        return self

    def __exit__(self, *_):
        self.connection.close()


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + ACCEPT_GUID).digest()).decode()


# ---- backends

def native(run, headers=()):
    """An answer of a Backend that speaks WebSocket: `run(frames, request)`."""

    def answer(request, connection):
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Accept: " + accept_of(request.headers["sec-websocket-key"])] + ["%s: %s" % h for h in headers] + ["", ""]
        connection.send("\r\n".join(lines))
        run(Frames(connection, client=False), request)

    return answer


def echo(frames, request):
    while True:
        opcode, payload = frames.recv(3600)
        if opcode == CLOSE:
            frames.send(CLOSE, payload)
            return
        frames.send(PONG if opcode == PING else opcode, payload)


GRIP = ("Sec-WebSocket-Extensions", "grip")


def event(kind, content=b""):
    content = content.encode() if isinstance(content, str) else content
    return b"%s %x\r\n%s\r\n" % (kind.encode(), len(content), content) if content else kind.encode() + b"\r\n"


def events_of(body):
    out = []
    while body:
        line, _, body = body.partition(b"\r\n")
        kind, _, size = line.partition(b" ")
        content = b""
        if size:
            content, body = body[:int(size, 16)], body[int(size, 16) + 2:]
        out.append((kind.decode(), content))
    return out


def events(*parts, headers=(), status=200):
    return reply(b"".join(parts), status, [("Content-Type", "application/websocket-events"), *headers])


def subscribe(channel, **more):
    return event("TEXT", "c:" + json.dumps({"type": "subscribe", "channel": channel, **more}))


def over_http(answer, opening=(), headers=()):
    """An answer of a Backend that speaks WebSocket-over-HTTP: OPEN gets OPEN and `opening`, the rest goes to `answer(events, request)`."""

    def respond(request, _):
        got = events_of(request.body)
        if ("OPEN", b"") in got:
            return events(event("OPEN"), *opening, headers=headers)
        return answer(got, request)

    return respond


def http_echo(got, _):
    """What an echo backend answers to events."""
    out = [event({"PING": "PONG"}.get(kind, kind), content) for kind, content in got if kind != "DISCONNECT"]
    return events(*out)
