"""One cell's run: broker, gates, nodes, listeners and publishers, from the start to the logs that the checker reads."""
import asyncio
import collections
import itertools
import pathlib
import random
import signal
import time

from application import Application
from checker import Violation, check
from clients import GRIP_KINDS, KINDS, ROUTES
from gate import Gates
from history import History
from net import Http
from nodes import Node
from publishers import Publisher
from waiting import until

READY = 20.0
LONGEST = 60.0    # that a fault may take besides its own time
LAST_WORDS = 6.0  # for what was acknowledged last to reach everybody, once publishers are done


class Run:
    """What a cell's fault has at hand. `scale` has channels, listeners, rate, seconds."""

    def __init__(self, cell, broker, binary, roles, scale, seed, folder, say=lambda phase: None):
        self.cell, self.broker, self.binary, self.roles, self.scale, self.say = cell, broker, binary, roles, scale, say
        self.rng = random.Random(seed)
        self.folder = pathlib.Path(folder)
        self.began = time.monotonic()
        self.gateways, self.controls, self.all_nodes = [], [], []
        self.gates = {}
        self.counts = collections.Counter()  # of places by role, and of lives by place
        self.application = None
        self.turns = itertools.count(self.rng.randrange(100))
        self.healed_at = None
        self.listeners, self.publishers, self.tasks = [], {}, []
        self.preferred = None     # where listeners that come back go
        self.trouble = []         # Violations that are no listener's
        self.chosen = set()       # listeners or channels that a fault concerns; its may_gap looks here

    def now(self):
        return time.monotonic() - self.began

    # ---- nodes

    async def add(self, role, slot=None):
        """Starts a node; `slot` is the name of the place it takes, and of its gate."""
        slot = slot or self.numbered(role, "-")
        if slot not in self.gates:
            self.gates[slot] = await Gates.start(self.broker.ways(slot))
        config = {
            "listen": [{"address": "127.0.0.1:0"}], "control": {"http": {"address": "127.0.0.1:0"}, "grpc": {"address": ""}}, "metrics": {"address": "127.0.0.1:0"},
            "loops": 2, "drain": {"window": "500ms"}, "hold": {"sse_retry": "300ms"}, "routes": ROUTES + self.application.routes(),
            **self.cell.node_options, **self.broker.config(slot, self.gates[slot].addresses, **self.cell.broker_options),
        }
        arguments = ["--role", role] if self.roles and self.broker.nodes > 1 else []
        node = Node(self.binary, self.folder / "nodes", self.numbered(slot, "."), config, arguments)
        node.slot, node.role = slot, role
        self.all_nodes.append(node)
        await node.start()
        await until(node.is_ready, READY, "%s to be ready" % node.name)
        node.serving = True
        (self.gateways if role == "gateway" else self.controls).append(node)
        return node

    def numbered(self, name, mark):
        self.counts[name] += 1
        return "%s%s%d" % (name, mark, self.counts[name])

    async def again(self, node):
        """Another life of a node that ended."""
        return await self.add(node.role, node.slot)

    def gate(self, node):
        return self.gates[node.slot]

    def serving(self, nodes):
        return [node for node in nodes if node.serving]

    def some_gateway(self):
        return self.rng.choice(self.serving(self.gateways))

    def some_control(self):
        return self.rng.choice(self.serving(self.controls))

    def pick(self, _):
        if self.preferred and self.preferred.serving:
            return self.preferred
        nodes = self.serving(self.gateways)
        return nodes[next(self.turns) % len(nodes)] if nodes else None

    def publish_doors(self):
        return self.serving(self.controls or self.gateways)

    # ---- clients

    def add_listener(self, kind, channel, name=None):
        name = name or "listener-%d" % (len(self.listeners) + 1)
        listener = kind(name, channel, self.pick, self.now, random.Random(self.rng.getrandbits(64)))
        self.listeners.append(listener)
        return listener

    def add_publisher(self, channel, chained=False):
        rate = self.scale.rate / self.scale.channels
        self.publishers[channel] = Publisher(channel, rate, self.publish_doors, self.now, random.Random(self.rng.getrandbits(64)),
                                             self.broker.idempotent, chained)

    def spawn(self, coroutine):
        self.tasks.append(asyncio.create_task(coroutine))
        return self.tasks[-1]

    # ---- for faults

    async def last(self, seconds=None):
        """The fault's own time."""
        await asyncio.sleep(self.scale.seconds if seconds is None else max(0.0, seconds))

    async def noticed(self, nodes):
        """Until these nodes say that they have no broker: a fault that nobody notices tests nothing."""
        if not self.broker.is_noticed:
            return

        async def all_without():
            return not any([await node.is_ready() for node in nodes])
        await until(all_without, 30, "nodes that say that they have no broker")

    async def send_away(self, listeners):
        """They leave by their own will, and keep their positions; `listener.come_back()` ends it."""
        for listener in listeners:
            listener.leave()
        await until(lambda: all(listener.idle for listener in listeners), 10, "listeners to be gone")

    async def flood(self, channels, count, size=0):
        """So many messages on each channel, as fast as they are acknowledged."""
        publishers = [self.publishers[channel] for channel in channels]
        for publisher in publishers:
            publisher.padding, publisher.burst = "x" * size, count
            publisher.kick.set()
        await until(lambda: not any(publisher.burst for publisher in publishers), 30, "a flood")
        for publisher in publishers:
            publisher.padding = ""

    async def total(self, metric):
        return sum([(await node.metrics()).get(metric, 0) for node in self.serving(self.gateways)])

    def heal(self):
        """The fault is over: from here on the clock runs for everybody to be well again."""
        self.healed_at = self.now()
        for publisher in self.publishers.values():
            publisher.kick.set()

    # ---- from the start to the end

    async def execute(self):
        """(violations, totals)"""
        try:
            self.say("starting")
            await self.start()
            self.say("fault")
            async with asyncio.timeout(LONGEST + 5 * self.scale.seconds):
                await self.cell.fault(self)
            if self.healed_at is None:
                self.heal()
            self.say("settling")
            await self.settle()
        except (TimeoutError, RuntimeError) as why:
            self.trouble.append(Violation("run", "the run", self.cell.name, "%s: %s" % (type(why).__name__, why)))
        finally:
            self.say("stopping")
            await self.stop()
        return self.judge()

    async def start(self):
        (self.folder / "broker").mkdir(parents=True)
        await self.broker.start(self.folder / "broker", self.cell.shape)
        self.application = await Application(self.publishers).start()
        many = self.broker.nodes > 1
        await asyncio.gather(*(self.add("gateway") for _ in range(self.broker.nodes)), *(self.add("control") for _ in range(2 if many else 0)))
        channels = ["ch-%d" % i for i in range(self.scale.channels)]
        for i in range(self.scale.listeners * 9 // 10):
            self.add_listener(KINDS[(i + i // len(channels)) % len(KINDS)], channels[i % len(channels)])
        for channel in channels:
            self.add_publisher(channel)
        if await self.takes_keys():
            for channel in channels[::2]:
                self.publishers[channel].by_key = True
        for i in range(self.scale.listeners // 10):
            channel = "app-%d" % (i // 3)
            self.add_listener(GRIP_KINDS[i % 2], channel)
            if channel not in self.publishers:
                self.add_publisher(channel, chained=True)
        self.cell.prepare(self)
        for listener in self.listeners:
            self.spawn(listener.run())

        async def all_held():
            return await self.total("holdfast_subscriptions") >= len(self.listeners)
        await until(all_held, READY, "every listener to be held")
        self.publishing = [self.spawn(publisher.run()) for publisher in self.publishers.values()]
        await until(lambda: all(listener.newest for listener in self.listeners), READY, "a first message for every listener")

    async def takes_keys(self):
        """Whether this program's control API knows Idempotency-Key: two of them are refused."""
        http = await Http.connect(self.publish_doors()[0].control)
        await http.request("POST", "/publish/", [("Idempotency-Key", "a"), ("Idempotency-Key", "b")], b'{"items":[]}')
        answer = await http.read_body()
        http.close()
        return b"Idempotency-Key" in answer

    async def settle(self):
        patience = self.broker.settles
        with_fresh = {}

        def has_fresh(listener):
            publications = self.publishers[listener.channel].publications
            if listener.channel not in with_fresh:
                with_fresh[listener.channel] = next((p.n for p in publications if p.started >= self.healed_at), None)
            first = with_fresh[listener.channel]
            if first is None:
                del with_fresh[listener.channel]
                return False
            return listener.newest >= first
        await self.in_time(lambda: all(map(has_fresh, self.listeners)), patience - (self.now() - self.healed_at))
        for publisher in self.publishers.values():
            publisher.give_up_at = self.now() + LAST_WORDS
            publisher.stop()
        await asyncio.gather(*self.publishing)

        def has_all(listener):
            return listener.newest >= max((p.n for p in self.publishers[listener.channel].publications if p.acked is not None), default=0)
        await self.in_time(lambda: all(map(has_all, self.listeners)), LAST_WORDS)

    async def in_time(self, condition, patience):
        """What is not in time is found by the checker."""
        try:
            await until(condition, patience, "")
        except TimeoutError:
            pass

    async def stop(self):
        while left := [task for task in self.tasks if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.2)  # wait_for may swallow a cancellation that comes as its time is up
        for task in self.tasks:
            if not task.cancelled() and (error := task.exception()):
                self.found("suite", "a client", "%s: %s" % (type(error).__name__, error))
        for listener in self.listeners:
            if listener.connection:
                listener.connection.close()
        self.touched = {node.name for node in self.all_nodes if node.touched}  # by the fault, not by what follows
        for node in self.all_nodes:
            if not node.expected_to_end and not node.running():
                self.found("node", node.name, "it died with %s:\n%s" % (node.process.returncode, node.log()[-1500:]))
            node.signal(signal.SIGCONT)
        ended = await asyncio.gather(*(node.drain() for node in self.all_nodes if node.running()), return_exceptions=True)
        for why in ended:
            if why is not None:
                self.found("node", "a node", "it did not end well: %s %s" % (type(why).__name__, why))
        for node in self.all_nodes:
            if node.running():
                await node.kill()
            for line in node.log_errors()[:3]:
                self.found("log", node.name, line)
        for gate in self.gates.values():
            await gate.close()
        if self.application:
            self.application.close()
        await self.broker.stop()

    def found(self, rule, who, text):
        self.trouble.append(Violation(rule, who, self.cell.name, text))

    def judge(self):
        for publisher in self.publishers.values():
            for problem in publisher.problems[:3]:
                self.found("publish", publisher.channel, "was answered " + problem)
        for listener in self.listeners:
            may_gap = self.broker.gaps.get(self.cell.name, self.cell.may_gap(self, listener))
            listener.log.may_gap = may_gap and type(listener) not in GRIP_KINDS
            listener.log.may_end = self.cell.may_end(self, listener)
        publications = {channel: publisher.publications for channel, publisher in self.publishers.items()}
        healed = self.healed_at if self.healed_at is not None else self.now()
        violations, totals = check(History(publications, [listener.log for listener in self.listeners], self.touched, healed, self.broker.settles))
        return self.trouble + violations, totals
