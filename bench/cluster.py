#!/usr/bin/env python3
"""Measures two nodes on each broker against one node with the memory broker, in the same run.

    ./dev bench --cluster                              memory, redis, zeromq, kafka; 5 rounds
    ./dev bench --cluster --brokers redis --quick      some, roughly
    ./dev bench --cluster --markdown bench/results/2026-11-25.md

Each round measures each broker, right after memory, with fresh nodes; the table has medians of rounds, and ratios are medians of the ratios with the
memory just before.
The load generator is bench/load/fanout.cpp. Nodes (`role: all`, one loop) hold SSE listeners of one channel through a direct route; everything is
published through node 1. The phases of a measurement:

    idle       nothing is published
    steady     so many publications a second (--rate), the same for all: here CPU per delivery can be compared
    saturated  as many as are delivered, with --window of them under way
    half       half the saturated rate: latency counts from when a message was due
    single     POSTs of one item to 64 channels without listeners
    batch      the same, 100 items each

Then one node on the same broker, steady and saturated: what does the second node cost?

CPU time is that of whole processes (utime + stime), so work at rest counts. From four cores on each node has a core of its own, as have broker and
generator. With two, both nodes share one, and broker and generator the other: then deliveries a second say nothing about growth, CPU per delivery does.
"""
import argparse
import asyncio
import contextlib
import importlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "cluster"), str(ROOT / "bench")]
import cluster_table  # noqa: E402
from brokers.base import free_port  # noqa: E402
from nodes import Node  # noqa: E402
from waiting import until  # noqa: E402

BROKERS = ("redis", "zeromq", "kafka")
FANOUT = ROOT / "build" / "bench" / "fanout"
PHASES = ("idle", "steady", "saturated", "half", "single", "batch")
READY = 60.0     # s for a node to be ready
ANSWER = 240.0   # s for a phase, besides its own time
JAVA = ("-Xms512m", "-Xmx1g", "-XX:+UseSerialGC")


def build_fanout():
    sources = sorted((ROOT / "bench" / "load").iterdir())
    if not FANOUT.exists() or FANOUT.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        print("building the load generator", flush=True)
        FANOUT.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["g++", "-O2", "-std=c++20", "-o", str(FANOUT), str(ROOT / "bench" / "load" / "fanout.cpp")], check=True)


class Cores:
    """Who runs where. A process takes the cores that this thread has when it is started."""

    def __init__(self):
        self.all = sorted(os.sched_getaffinity(0))
        n = len(self.all)
        self.nodes = [{self.all[0]}, {self.all[1 if n > 2 else 0]}]
        self.load = {self.all[-1]}
        self.server = set(self.all[2:-1]) or self.load
        self.nodes_share = self.nodes[0] == self.nodes[1]

    @contextlib.contextmanager
    def only(self, cores):
        os.sched_setaffinity(0, cores)
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.all)

    def __str__(self):
        def names(cores):
            return "+".join(str(c) for c in sorted(cores))
        return "%d cores: nodes on %s, broker on %s, generator on %s" % (
            len(self.all), " and ".join(sorted({names(c) for c in self.nodes})), names(self.server), names(self.load))


class Server:
    """What a broker needs besides the nodes. One lives through all rounds; `config(slot, run)` is clean for each run."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.broker = importlib.import_module("brokers." + name).Broker()
        self.started = False
        self.ports = {}

    async def start(self):
        self.folder.mkdir()
        if self.name == "kafka":
            self.broker.java = JAVA
        self.started = True
        await self.broker.start(self.folder)

    def pid(self):
        return {"redis": lambda: self.broker.primary.process.pid, "kafka": lambda: self.broker.process.pid}.get(self.name, lambda: None)()

    def config(self, slot, count, run):
        if self.name == "redis":
            return {"type": "redis", "redis": {"address": "127.0.0.1:%d" % self.broker.primary.port, "prefix": "run-%d" % run}}
        if self.name == "kafka":
            return {"type": "kafka", "kafka": {"brokers": ["127.0.0.1:%d" % self.broker.port], "topic": "run-%d" % run}}
        if self.name == "zeromq":
            ports = self.ports.setdefault(run, [free_port() for _ in range(count)])
            peers = ["tcp://127.0.0.1:%d" % port for port in ports]
            return {"type": "zeromq", "zeromq": {"bind": peers[slot], "peers": peers}}
        return {"type": "memory"}

    async def stop(self):
        if self.started:
            await self.broker.stop()
            await self.broker.close()


class Fanout:
    """The load generator, with its listeners held."""

    def __init__(self, process):
        self.process = process

    @classmethod
    async def start(cls, nodes, listeners, server_pid):
        arguments = ["--control", "%s:%d" % nodes[0].control, "--path", "/sse/bench", "--listeners", str(listeners)]
        for i, node in enumerate(nodes):
            arguments += ["--edge", "%s:%d" % node.edge, "--cpu", "node%d=%d" % (i + 1, node.process.pid)]
        if server_pid:
            arguments += ["--cpu", "server=%d" % server_pid]
        return cls(await asyncio.create_subprocess_exec(str(FANOUT), *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                                                        stderr=asyncio.subprocess.PIPE))

    async def phase(self, what, seconds=0.0, **options):
        words = [what, "seconds=%g" % seconds] + ["%s=%g" % pair for pair in options.items()]
        self.process.stdin.write((" ".join(words) + "\n").encode())
        line = await asyncio.wait_for(self.process.stdout.readline(), ANSWER + 3 * seconds)
        if not line:
            raise RuntimeError((await self.process.stderr.read()).decode().strip()[-500:] or "the generator ended")
        return json.loads(line)

    async def stop(self):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.cores = Cores()
        self.servers = {}
        self.runs = 0
        self.troubles = []
        self.rounds = []  # of {target: figures}

    def say(self, target, text):
        print("  %-16s %s" % (target, text), flush=True)

    def trouble(self, target, text):
        self.troubles.append("%s: %s" % (target, text))
        self.say(target, "FAILED: " + text)

    async def start_servers(self, names):
        """Those that did start are in `servers`."""
        for name in names:
            server = Server(name, self.folder / name)
            if name in ("redis", "kafka"):
                print("starting %s" % name, flush=True)
            try:
                with self.cores.only(self.cores.server):
                    await server.start()
                self.servers[name] = server
            except (OSError, RuntimeError, TimeoutError, subprocess.CalledProcessError) as why:
                self.trouble(name, "it did not start: %s" % (str(why) or type(why).__name__))
            finally:
                if name not in self.servers:
                    await server.stop()
        if "kafka" in self.servers:
            print("warming Kafka's compiler up; this does not count", flush=True)
            await self.measure("kafka", 1, ("single", "batch"))

    async def start_nodes(self, server, count, nodes):
        """Adds them to `nodes`, so that those that began are known if another fails."""
        self.runs += 1
        for slot in range(count):
            config = {
                "loops": 1, "role": "all", "listen": [{"address": "127.0.0.1:0"}], "control": {"http": {"address": "127.0.0.1:0"}, "grpc": {"address": ""}},
                "metrics": {"address": "127.0.0.1:0"}, "log": {"level": "warn"}, "broker": server.config(slot, count, self.runs),
                "routes": [{"path": "/sse/{channel}", "hold": {"mode": "stream", "channels": ["{channel}"]}}],
            }
            node = Node(self.options.bin, self.folder, "run-%d-node-%d" % (self.runs, slot + 1), config)
            nodes.append(node)
            with self.cores.only(self.cores.nodes[slot]):
                await node.start()
        for node in nodes:
            await until(node.is_ready, READY, "%s to be ready" % node.name)

    async def measure(self, name, count, phases):
        """{phase: what the generator says of it}"""
        target = "%s, %d node%s" % (name, count, "s" if count > 1 else "")
        nodes, fanout, figures = [], None, {}
        try:
            await self.start_nodes(self.servers[name], count, nodes)
            with self.cores.only(self.cores.load):
                fanout = await Fanout.start(nodes, self.options.listeners, self.servers[name].pid())
            warm = await fanout.phase("warm")
            self.say(target, "%d listeners hear all, after %.1f s" % (count * self.options.listeners, warm["seconds"]))
            for phase in phases:
                figures[phase] = await self.one_phase(fanout, phase, figures)
                self.say(target, cluster_table.progress(phase, figures[phase]))
                for key, what in (("lost", "deliveries lost"), ("refused", "POSTs refused"), ("wrong", "listeners with a wrong count")):
                    if figures[phase][key]:
                        self.trouble(target, "%s: %d %s" % (phase, figures[phase][key], what))
        except (RuntimeError, TimeoutError, OSError) as why:
            log = next((node.log()[-500:] for node in nodes if node.process and node.process.returncode not in (None, 0)), "")
            self.trouble(target, "%s %s" % (str(why) or type(why).__name__, log))
        finally:
            if fanout:
                await fanout.stop()
            for node in nodes:
                if node.running():
                    await node.kill()
        return figures

    async def one_phase(self, fanout, phase, figures):
        seconds, conns = self.options.seconds, self.options.conns
        if phase == "idle":
            return await fanout.phase("idle", max(2, seconds / 4))
        if phase == "steady":
            return await fanout.phase("fan", seconds, conns=conns, rate=self.options.rate)
        if phase == "saturated":
            return await fanout.phase("fan", seconds, conns=conns, window=self.options.window)
        if phase == "half":
            most = figures["saturated"]["published"] / figures["saturated"]["seconds"]
            return await fanout.phase("fan", seconds, conns=conns, rate=max(1, most / 2))
        return await fanout.phase("publish", seconds / 2, conns=conns, batch={"single": 1, "batch": 100}[phase])

    async def run(self):
        everything = self.options.phases
        await self.start_servers(["memory"] + self.options.brokers)
        for number in range(1, self.options.pairs + 1):
            print("round %d of %d" % (number, self.options.pairs), flush=True)
            found = {}
            for name in [name for name in self.options.brokers if name in self.servers] or [""]:
                # Each has a memory of its own right before it, of which all but the first leave out what is compared with nothing.
                found["memory/" + name] = await self.measure("memory", 1, everything if not found else [p for p in everything if p not in ("idle", "half")])
                if name:
                    found[name] = await self.measure(name, 2, everything)
                    found[name + "/1"] = await self.measure(name, 1, [p for p in everything if p in ("steady", "saturated")])
            self.rounds.append(found)

    async def stop(self):
        for server in self.servers.values():
            await server.stop()


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="./dev bench --cluster")
    parser.add_argument("--bin", default=str(ROOT / "build" / "release" / "holdfast"))
    parser.add_argument("--brokers", default=",".join(BROKERS), help="with commas between: " + ", ".join(BROKERS))
    parser.add_argument("--pairs", type=int, help="rounds (default 5; with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="one round of short phases: to see that it works")
    parser.add_argument("--seconds", type=float, help="of a phase (default 10; with --quick 2)")
    parser.add_argument("--listeners", type=int, default=1000, help="at each node (default %(default)s)")
    parser.add_argument("--rate", type=float, default=25, help="publications a second of the steady phase (default %(default)s)")
    parser.add_argument("--window", type=int, default=32, help="publications under way when saturated (default %(default)s)")
    parser.add_argument("--conns", type=int, default=16, help="publishers' connections (default %(default)s)")
    parser.add_argument("--phases", default=",".join(PHASES), help="with commas between (default %(default)s); half needs saturated")
    parser.add_argument("--markdown", metavar="FILE", help="append a section to FILE, or begin it")
    options = parser.parse_args()
    options.brokers = [name for name in options.brokers.split(",") if name]
    if wrong := set(options.brokers) - set(BROKERS):
        parser.error("no such broker: %s" % ", ".join(sorted(wrong)))
    options.phases = [name for name in PHASES if name in options.phases.split(",")]
    if "half" in options.phases and "saturated" not in options.phases:
        parser.error("half the rate of what? --phases needs saturated too")
    options.bin = os.path.abspath(options.bin)
    if not os.access(options.bin, os.X_OK):
        parser.error("there is no %s: `./dev build`, or name it with --bin" % options.bin)
    options.pairs = options.pairs or (1 if options.quick else 5)
    options.seconds = options.seconds or (2 if options.quick else 10)
    return options


async def bench(options, folder):
    it = Bench(options, folder)
    print("%s; %d listeners a node; %d round%s" % (it.cores, options.listeners, options.pairs, "s" if options.pairs > 1 else ""), flush=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asyncio.current_task().cancel)
    try:
        await it.run()
    finally:
        await it.stop()
    return it


def main():
    options = read_options()
    build_fanout()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
    try:
        it = asyncio.run(bench(options, folder))
    except asyncio.CancelledError:
        sys.exit("bench: interrupted")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table = cluster_table.Table(it.rounds, options)
    print("\n" + table.text())
    notes = table.notes(it.cores) + sorted(set(it.troubles))
    print("\n" + "\n".join(notes))
    if options.markdown:
        cluster_table.append(pathlib.Path(options.markdown), table, notes, options)
        print("wrote", options.markdown)
    sys.exit(1 if it.troubles or table.missed() else 0)


if __name__ == "__main__":
    main()
