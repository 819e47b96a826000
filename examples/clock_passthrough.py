#!/usr/bin/env python3
"""A backend that speaks WebSocket itself, with Python's standard library: it echoes, and a clock is published into its connections.

    clock_passthrough.py [PORT [PUBLISH_URL]]     default: 8002 http://127.0.0.1:5561/publish/

The node connects here once per client and relays. Because the handshake's answer names the extension `grip`, messages of this backend that
begin with `c:` are for the node (here: subscribe this client to a channel) and those that begin with `m:` are for the client. The clock ticks
in one place and reaches every subscribed client with one publication.
"""
import base64
import hashlib
import json
import socketserver
import struct
import sys
import threading
import time
import urllib.request

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 8002
PUBLISH_URL = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:5561/publish/"
CHANNEL = "clock"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Clock(socketserver.StreamRequestHandler):
    def handle(self):
        key = ""
        while (line := self.rfile.readline().strip()):
            name, _, value = line.decode("latin-1").partition(":")
            if name.lower() == "sec-websocket-key":
                key = value.strip()
        accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
        self.wfile.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Extensions: grip\r\n\r\n" % accept).encode())
        self.send(TEXT, b"c:" + json.dumps({"type": "subscribe", "channel": CHANNEL}).encode())
        while (frame := self.read()):
            opcode, payload = frame
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == CLOSE:
                return self.send(CLOSE, payload)
            elif opcode == TEXT:  # a whole message: this example leaves fragments out
                self.send(TEXT, b"m:you said " + payload)

    def send(self, opcode, payload):
        size = struct.pack("!B", len(payload)) if len(payload) < 126 else struct.pack("!BH", 126, len(payload))
        self.wfile.write(bytes([0x80 | opcode]) + size + payload)

    def read(self):
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 0x7f
        if size >= 126:
            size = int.from_bytes(self.rfile.read(2 if size == 126 else 8), "big")
        mask = self.rfile.read(4)
        return head[0] & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(size)))


def tick():
    while True:
        items = {"items": [{"channel": CHANNEL, "formats": {"ws-message": {"content": time.strftime("%H:%M:%S")}}}]}
        try:
            urllib.request.urlopen(urllib.request.Request(PUBLISH_URL, json.dumps(items).encode())).close()
        except OSError as error:
            print("cannot publish: %s" % error, file=sys.stderr)
        time.sleep(1)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", PORT), Clock) as server:
        print("clock backend on port %d" % server.server_address[1], flush=True)
        threading.Thread(target=tick, daemon=True).start()
        server.serve_forever()
