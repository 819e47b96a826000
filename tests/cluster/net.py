"""HTTP/1.1 and WebSocket clients over asyncio, as small as the suite needs them."""
import asyncio
import base64
import os
import socket
import struct

LIMIT = 1 << 20


class Broken(Exception):
    """The peer went away in the middle, or said what makes no sense."""


class Http:
    """One connection. `request` returns (status, headers); the body is read with `read_body` or piece by piece with `pieces`."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.status, self.headers = 0, {}

    @classmethod
    async def connect(cls, address, patience=3.0, receive_buffer=None):
        if receive_buffer:
            raw = socket.socket()
            raw.setblocking(False)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(raw, address), patience)
            reader, writer = await asyncio.open_connection(sock=raw, limit=1024)
        else:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(*address, limit=LIMIT), patience)
        return cls(reader, writer)

    async def request(self, method, target, headers=(), body=None, patience=5.0):
        lines = ["%s %s HTTP/1.1" % (method, target), "Host: cluster.test"] + ["%s: %s" % h for h in headers]
        if body is not None:
            lines.append("Content-Length: %d" % len(body))
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b""))
        return await asyncio.wait_for(self._head(), patience)

    async def _head(self):
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as why:
            raise Broken("closed before an answer") from why
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return self.status, self.headers

    async def pieces(self, silence):
        """Pieces of the body. Ends at its clean end; raises Broken if it breaks off, TimeoutError after `silence` s without a byte."""
        if self.headers.get("transfer-encoding") == "chunked":
            while True:
                try:
                    size = int(await asyncio.wait_for(self.reader.readline(), silence) or b"broken", 16)
                    piece = (await asyncio.wait_for(self.reader.readexactly(size + 2), silence))[:-2]
                except (ValueError, asyncio.IncompleteReadError, ConnectionError) as why:
                    raise Broken("the response broke off") from why
                if not piece:
                    return
                yield piece
        left = int(self.headers.get("content-length", 0)) if self.status not in (204, 304) else 0
        while left:
            piece = await asyncio.wait_for(self.reader.read(min(left, 65536)), silence)
            if not piece:
                raise Broken("the response broke off")
            left -= len(piece)
            yield piece

    async def read_body(self, silence=5.0):
        return b"".join([piece async for piece in self.pieces(silence)])

    def close(self):
        self.writer.transport.abort()


async def get(address, target, patience=2.0):
    """(status, body) of one GET; (0, b"") if nobody answers."""
    http = None
    try:
        http = await Http.connect(address, patience)
        status, _ = await http.request("GET", target, [("Connection", "close")], patience=patience)
        return status, await http.read_body(patience)
    except (OSError, Broken):
        return 0, b""
    finally:
        if http:
            http.close()


class WebSocket:
    """A client's end, past its handshake."""

    def __init__(self, http):
        self.http = http
        self.closed = None  # the code of the node's Close

    @classmethod
    async def open(cls, address, target, headers=(), receive_buffer=None):
        http = await Http.connect(address, receive_buffer=receive_buffer)
        key = base64.b64encode(os.urandom(16)).decode()
        try:
            status, _ = await http.request("GET", target, [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key),
                                                           ("Sec-WebSocket-Version", "13"), *headers], patience=3.0)
            if status != 101:
                raise Broken("no WebSocket: %d" % status)
        except BaseException:
            http.close()
            raise
        return cls(http)

    async def texts(self, silence):
        """Text messages, until the node closes (see `closed`)."""
        reader = self.http.reader
        try:
            while True:
                first, second = await asyncio.wait_for(reader.readexactly(2), silence)
                size = second & 127
                if size == 126:
                    size, = struct.unpack(">H", await reader.readexactly(2))
                elif size == 127:
                    size, = struct.unpack(">Q", await reader.readexactly(8))
                payload = await asyncio.wait_for(reader.readexactly(size), silence)
                opcode = first & 15
                if opcode == 9:
                    self._send(10, payload)
                elif opcode == 8:
                    self.closed = struct.unpack(">H", payload[:2])[0] if payload else 0
                    self._send(8, payload)
                    return
                elif opcode == 1:
                    yield payload.decode()
        except (asyncio.IncompleteReadError, ConnectionError) as why:
            raise Broken("the WebSocket broke off") from why

    def _send(self, opcode, payload):
        mask = os.urandom(4)
        self.http.writer.write(bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def close(self):
        self.http.close()
