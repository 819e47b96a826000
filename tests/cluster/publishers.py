"""One publisher per channel: it numbers its messages, and says message n until it is acknowledged before it goes on to n + 1.

Its repeats are harmless: by the id of the item, which listeners' nodes look at, or by the key of the request, which the broker looks at.
"""
import asyncio
import json

from history import Publication
from net import Broken, Http

PATIENCE = 4.0  # for an answer; then another node is asked.
ORIGIN = "0-origin"  # the id before the first message of a chained channel


class Publisher:
    """`controls()` gives the nodes that take publications now. `items(publication)` makes the item."""

    def __init__(self, channel, rate, controls, now, rng, repeat=True, chained=False):
        self.channel, self.rate, self.controls, self.now, self.rng, self.repeat = channel, rate, controls, now, rng, repeat
        self.chained = chained        # items name the one before, for GRIP's reliable holds
        self.by_key = False           # repeats are known by the request's Idempotency-Key; else by the item's id
        self.padding = ""
        self.burst = 0                # messages to publish as fast as they are acknowledged
        self.publications = []
        self.kick = asyncio.Event()   # says: publish now
        self.stopping = False
        self.problems = []            # answers that no fault explains
        self.turn = rng.randrange(1000)
        self.http = self.node = None

    async def run(self):
        loop = asyncio.get_running_loop()
        due = loop.time() + self.rng.random() / self.rate
        while not self.stopping:
            if self.burst:
                self.burst -= 1
            else:
                try:
                    await asyncio.wait_for(self.kick.wait(), max(0.0, due - loop.time()))
                    self.kick.clear()
                except TimeoutError:
                    due = max(due, loop.time() - 1) + self.rng.uniform(0.5, 1.5) / self.rate
            if not self.stopping:
                await self.say_next()
        self.drop()

    def stop(self):
        self.stopping = True
        self.kick.set()

    async def say_next(self):
        n = len(self.publications) + 1
        publication = Publication(self.channel, n, "%d-%08x" % (n, self.rng.getrandbits(32)), self.now())
        self.publications.append(publication)
        while True:
            publication.attempts += 1
            if await self.say(publication):
                publication.acked = self.now()
                return
            if not self.repeat or self.abandoned():
                return
            await asyncio.sleep(self.rng.uniform(0.05, 0.2))

    def abandoned(self):
        return self.stopping and self.now() > self.give_up_at

    give_up_at = float("inf")  # set when it is stopped

    def body(self, publication):
        content = "%s %d %s %s" % (self.channel, publication.n, publication.uid, self.padding)
        item = {"channel": self.channel, **({} if self.by_key else {"id": publication.uid}),
                "formats": {"http-stream": {"content": content.rstrip() + "\n"}, "http-response": {"body": content.rstrip()}}}
        if self.chained:
            item["prev-id"] = self.publications[publication.n - 2].uid if publication.n > 1 else ORIGIN
        return json.dumps({"items": [item]}).encode()

    async def say(self, publication):
        try:
            if self.http is None:
                nodes = self.controls()
                if not nodes:
                    return False
                self.node = nodes[self.turn % len(nodes)]
                self.http = await Http.connect(self.node.control, PATIENCE)
            status, _ = await self.http.request("POST", "/publish/", [("Idempotency-Key", publication.uid)] if self.by_key else [],
                                                self.body(publication), PATIENCE)
            answer = await self.http.read_body(PATIENCE)
        except (OSError, Broken, asyncio.IncompleteReadError):
            self.turn += 1
            self.drop()
            return False
        if status == 200:
            return True
        if status != 503:
            self.problems.append("%d %s" % (status, answer.decode(errors="replace").strip()))
        self.turn += 1
        self.drop()
        return False

    def drop(self):
        if self.http:
            self.http.close()
            self.http = None
