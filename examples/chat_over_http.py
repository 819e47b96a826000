#!/usr/bin/env python3
"""A chat room as a backend that knows only HTTP: WebSocket-over-HTTP with Python's standard library.

    chat_over_http.py [PORT [PUBLISH_URL]]        default: 8001 http://127.0.0.1:5561/publish/

The node holds the WebSockets. What a client does comes here as events in a POST; the answer's events go to the client. `c:` messages are for
the node: here they subscribe each client to the room. Everybody in the room gets what is published to it, on whichever node they are.
"""
import http.server
import json
import sys
import urllib.request

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 8001
PUBLISH_URL = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:5561/publish/"
ROOM = "room"


def read_events(body):
    """TYPE[ SP HEXSIZE] CRLF [CONTENT CRLF], one after the other."""
    while body:
        line, _, body = body.partition(b"\r\n")
        kind, _, size = line.partition(b" ")
        content = b""
        if size:
            content, body = body[:int(size, 16)], body[int(size, 16) + 2:]
        yield kind.decode(), content


def event(kind, content=b""):
    return b"%s %x\r\n%s\r\n" % (kind.encode(), len(content), content) if content else kind.encode() + b"\r\n"


def publish(text):
    items = {"items": [{"channel": ROOM, "formats": {"ws-message": {"content": text}}}]}
    urllib.request.urlopen(urllib.request.Request(PUBLISH_URL, json.dumps(items).encode(), {"Content-Type": "application/json"})).close()


class Chat(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        answer, opening = b"", False
        for kind, content in read_events(self.rfile.read(int(self.headers["Content-Length"]))):
            if kind == "OPEN":
                opening = True
                answer += event("OPEN") + event("TEXT", b"c:" + json.dumps({"type": "subscribe", "channel": ROOM}).encode())
                answer += event("TEXT", b"m:welcome")  # m: marks what is meant for the client
            elif kind == "TEXT":
                publish(content.decode())
            elif kind == "CLOSE":
                answer += event("CLOSE", content)
        self.send_response(200)
        self.send_header("Content-Type", "application/websocket-events")
        if opening:
            self.send_header("Sec-WebSocket-Extensions", "grip")  # allows c: and m:
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Chat)
    print("chat backend on port %d" % server.server_port, flush=True)
    server.serve_forever()
