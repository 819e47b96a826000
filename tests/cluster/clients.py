"""Listeners that behave as real clients: they keep their last position, and come back with it to any node that lives."""
import asyncio
import json
from urllib.parse import quote

from history import Event, ListenerLog
from net import Broken, Http, WebSocket

SILENCE = 12.0       # a client that hears neither message nor keep-alive for so long gives the connection up
POLL_TIMEOUT = 3     # of the route
GAP_PAUSE = 0.05     # before a poll that follows one
ENOUGH = 5           # times that a poll is told of the same gap; then the client begins anew
HEAD_PATIENCE = 3.0  # for an answer to begin

ROUTES = [
    {"path": "/sse/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"], "keep_alive": "3s"}},
    {"path": "/raw/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"], "content_type": "text/plain", "keep_alive": "3s"}},
    {"path": "/poll/{channel}", "hold": {"mode": "response", "channels": ["{channel}"], "timeout": "%ds" % POLL_TIMEOUT}},
    {"path": "/ws/{channel}", "hold": {"mode": "websocket", "channels": ["{channel}"], "keep_alive": "3s"}},
]


class Ended(Exception):
    """The node ended the connection in good order."""


class Listener:
    """`pick` gives a gateway (or None while there is none), `now` the run's clock."""
    kind = ""
    told_by_end = False  # there is no other way to tell it of a gap

    def __init__(self, name, channel, pick, now, rng):
        self.log = ListenerLog(name, self.kind, channel, told_by_end=self.told_by_end)
        self.channel, self.pick, self.now, self.rng = channel, pick, now, rng
        self.position = None
        self.retry = 0.2      # s; spread by half
        self.newest = 0
        self.node = None
        self.welcome = asyncio.Event()  # cleared: the client has gone away by its own will
        self.welcome.set()
        self.idle = False
        self.reading = asyncio.Event()  # cleared: it is connected and reads nothing
        self.reading.set()
        self.receive_buffer = None      # of its socket
        self.connection = None
        self.progress = asyncio.Event()  # set at each event

    def note(self, what, **more):
        self.log.events.append(Event(self.now(), what, self.node.name, **more))
        self.progress.set()

    def message(self, text):
        channel, n, uid = text.split()[:3]
        n = int(n)
        self.note("message", channel=channel, n=n, uid=uid)
        self.newest = max(self.newest, n)

    def gap(self, reason):
        self.note("gap", text=reason, position=self.position)

    def repeated_gaps(self):
        """How often in a row it was told of a gap without moving on."""
        count = 0
        for event in reversed(self.log.events):
            if event.what != "gap" or event.position != self.position:
                break
            count += 1
        return count

    def opened(self):
        if self.leaving():
            raise Ended("left")
        self.note("connect", position=self.position)

    async def read(self, pieces):
        async for piece in pieces:
            await self.reading.wait()
            yield piece

    async def run(self):
        while True:
            self.idle = True
            await self.welcome.wait()
            self.idle = False
            self.node = self.pick(self.rng)
            if self.node is not None:
                await self.once()
            await asyncio.sleep(self.retry * self.rng.uniform(0.5, 1.5))

    async def once(self):
        count = len(self.log.events)
        why = "ended"
        try:
            await self.session()
        except Ended as end:
            why = str(end)
        except TimeoutError:
            why = "silent"
        except (OSError, Broken) as error:
            why = str(error) or type(error).__name__
        finally:
            if self.connection:
                self.connection.close()
                self.connection = None
        if any(event.what == "connect" for event in self.log.events[count:]) and not self.leaving():
            self.note("end", text=why)

    # A client that goes away by its own will is no ended connection.
    def leave(self):
        self.welcome.clear()
        if self.connection:
            self.connection.close()

    def leaving(self):
        return not self.welcome.is_set()

    def come_back(self):
        self.welcome.set()

    async def session(self):
        raise NotImplementedError


class Sse(Listener):
    kind = "sse"
    path = "/sse/"

    async def session(self):
        self.connection = http = await Http.connect(self.node.edge, receive_buffer=self.receive_buffer)
        headers = [("Accept", "text/event-stream")] + ([("Last-Event-ID", self.position)] if self.position else [])
        status, _ = await http.request("GET", self.path + self.channel, headers, patience=HEAD_PATIENCE)
        if status != 200:
            raise Broken("status %d" % status)
        self.opened()
        fresh = self.position is None
        text, event, data = b"", {}, []
        async for piece in self.read(http.pieces(SILENCE)):
            text += piece
            *lines, text = text.split(b"\n")
            for line in lines:
                name, _, value = line.decode().partition(": ")
                if line == b"":
                    fresh = self.dispatch(event, data, fresh)
                    event, data = {}, []
                elif name == "data":
                    data.append(value)
                elif name in ("id", "event", "retry"):
                    event[name] = value
        raise Ended("clean end")

    def dispatch(self, event, data, fresh):
        if "retry" in event:
            self.retry = int(event["retry"]) / 1000 / 1.5
        if event.get("event") == "gap":
            self.gap(json.loads(data[0])["reason"])
        elif data:
            self.message(data[0])
        if "id" in event:
            self.position = event["id"]
            if fresh and not data:
                self.note("started")
            fresh = False
        return fresh


class Raw(Listener):
    kind = "raw"
    path = "/raw/"
    told_by_end = True

    def target(self):
        return self.path + self.channel

    async def session(self):
        self.connection = http = await Http.connect(self.node.edge, receive_buffer=self.receive_buffer)
        status, _ = await http.request("GET", self.target(), patience=HEAD_PATIENCE)
        if status != 200:
            raise Broken("status %d" % status)
        self.opened()
        text = b""
        async for piece in self.read(http.pieces(SILENCE)):
            text += piece
            *lines, text = text.split(b"\n")
            for line in lines:
                if line:
                    self.message(line.decode())
        raise Ended("clean end")


class Poll(Listener):
    kind = "poll"
    path = "/poll/"

    async def session(self):
        self.connection = http = await Http.connect(self.node.edge, receive_buffer=self.receive_buffer)
        opened = False
        while True:
            headers = [("X-Holdfast-Position", self.position)] if self.position else []
            before = self.position
            status, answer = await http.request("GET", self.path + self.channel, headers, patience=POLL_TIMEOUT + HEAD_PATIENCE)
            body = await http.read_body()
            if status not in (200, 204):
                raise Broken("status %d" % status)
            if not opened:
                self.opened()
                opened = True
            self.position = answer.get("x-holdfast-position", self.position)
            if "x-holdfast-gap" in answer:
                self.gap(answer["x-holdfast-gap"])
                if self.repeated_gaps() >= ENOUGH:
                    self.position = None
            elif status == 200:
                self.message(body.decode())
            if before is None and self.position and status == 204:
                self.note("started")
            if "x-holdfast-gap" in answer:
                await asyncio.sleep(GAP_PAUSE)
            if answer.get("connection", "").lower() == "close":
                raise Ended("clean end")


class Ws(Listener):
    kind = "ws"
    path = "/ws/"

    async def session(self):
        target = self.path + self.channel + ("?position=" + quote(self.position) if self.position else "")
        self.connection = socket = await WebSocket.open(self.node.edge, target, [("Sec-WebSocket-Protocol", "holdfast.positions")],
                                                         self.receive_buffer)
        self.opened()
        async for text in self.read(socket.texts(SILENCE)):
            message = json.loads(text)
            fresh = self.position is None
            if "gap" in message:
                self.gap(message["gap"])
            elif "data" in message:
                self.message(message["data"])
            elif fresh:
                self.note("started")
            self.position = message["position"] or self.position
        raise Ended("closed with %s" % socket.closed)


class PlainWs(Listener):
    """A WebSocket without positions: it is closed where something is missing."""
    kind = "ws-plain"
    path = "/ws/"
    told_by_end = True

    async def session(self):
        self.connection = socket = await WebSocket.open(self.node.edge, self.path + self.channel, (), self.receive_buffer)
        self.opened()
        async for text in self.read(socket.texts(SILENCE)):
            self.message(text)
        raise Ended("closed with %s" % socket.closed)


class GripStream(Raw):
    """A reliable stream: its application keeps it whole, so no message may ever be missing."""
    kind = "grip"
    path = "/grip-stream/"
    told_by_end = False

    def target(self):
        self.position = str(self.newest)
        return "%s%s?last=%d" % (self.path, self.channel, self.newest)


class GripPoll(Listener):
    """Long polls of an application: an answer is what the application had, or the next message."""
    kind = "grip-poll"
    path = "/grip-response/"

    async def session(self):
        self.connection = http = await Http.connect(self.node.edge)
        opened = False
        while True:
            self.position = str(self.newest)
            status, answer = await http.request("GET", "%s%s?last=%d" % (self.path, self.channel, self.newest),
                                                patience=POLL_TIMEOUT + HEAD_PATIENCE)
            body = await http.read_body()
            if status != 200:
                raise Broken("status %d" % status)
            if not opened:
                self.opened()
                opened = True
            for line in body.decode().splitlines():
                self.message(line)
            if answer.get("connection", "").lower() == "close":
                raise Ended("clean end")


KINDS = [Sse, Raw, Poll, Ws, PlainWs]   # of direct routes: a broker that loses messages makes them told of a gap
GRIP_KINDS = [GripStream, GripPoll]     # an application heals what the broker loses
