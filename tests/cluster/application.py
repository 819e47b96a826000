"""A backend behind the nodes that knows every acknowledged message, as an application with a database does: GRIP's reliable holds.

A client says what it has (`?last=N`); the answer is what followed, and a hold whose prev-id is the newest. Where a node cannot prove that nothing
was missed it asks here again, so these clients get everything, whatever the broker loses.
"""
import asyncio
import re

from publishers import ORIGIN


class Application:
    def __init__(self, publishers):
        self.publishers = publishers  # channel -> Publisher
        self.asked = 0

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def routes(self):
        return [{"path_begins": "/grip", "targets": [{"address": "127.0.0.1:%d" % self.port}]}]

    def close(self):
        self.server.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                writer.write(self._answer(head))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    def _answer(self, head):
        self.asked += 1
        mode, channel, last = re.match(r"GET /grip-(stream|response)/([^?]+)\?last=(\d+)", head).groups()
        last = int(last)
        # Where the hold stands since its link was made.
        if seen := re.search(r"^Grip-Last: [^;]+; last-id=(\d+)-", head, re.MULTILINE):
            last = max(last, int(seen[1]))
        publications = self.publishers[channel].publications
        new = [p for p in publications if p.acked is not None and p.n > last]
        newest = new[-1].n if new else last
        headers = []
        if mode == "stream" or not new:
            headers = ["Grip-Hold: " + mode, "Grip-Channel: %s; prev-id=%s" % (channel, publications[newest - 1].uid if newest else ORIGIN)]
            if mode == "stream":
                headers += ["Grip-Link: </grip-stream/%s?last=%d>; rel=next" % (channel, newest), "Grip-Keep-Alive: \\n; format=cstring; timeout=3"]
            else:
                headers += ["Grip-Timeout: 3"]
        body = "".join("%s %d %s\n" % (channel, p.n, p.uid) for p in new).encode()
        lines = ["HTTP/1.1 200 OK", "Content-Type: text/plain", "Content-Length: %d" % len(body)] + headers
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
