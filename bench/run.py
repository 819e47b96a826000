#!/usr/bin/env python3
"""Measures a node against the least work that a push server can do, in the same run.

    ./dev bench                      all rows
    ./dev bench --only sse,memory    some
    ./dev bench --pairs 9 --save     more pairs; keep the table in bench/results
    ./dev bench --cluster            two nodes on each broker instead; --cluster --help has its options

Server on core 0, generator and backend on core 1. Machines drift by a factor of two over minutes, so each row is the median of pairs of
runs that follow each other: ratios mean something, absolute numbers little. The generator, backend and floor come from the bench kit (HOLDFAST_BENCH_KIT,
default ../shared/bench).
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
KIT = pathlib.Path(os.environ.get("HOLDFAST_BENCH_KIT", ROOT.parent / "shared" / "bench"))
BUILD = ROOT / "build" / "bench"
SERVER_CORE, LOAD_CORE = "0", "1"

PUBLISH_HEAD = (r"POST /publish/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                r"Content-Length: {len}\r\n\r\n{body}")


UPGRADE = (r"GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           r"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, process):
    end = time.monotonic() + 15
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit("bench: a server ended before it listened: %s" % process.args)
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit("bench: nothing listens on port %d" % port)


class Server:
    """A process pinned to a core; `port` is where clients connect, `control` where publishers do."""

    def __init__(self, args, port, control=None, core=SERVER_CORE, **kw):
        self.process = subprocess.Popen(["taskset", "-c", core] + [str(a) for a in args], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, **kw)
        self.port, self.control = port, control or port
        wait_port(port, self.process)
        wait_port(self.control, self.process)

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Bench:
    def __init__(self, binary, pairs):
        self.binary, self.pairs = binary, pairs
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
        self.rows = []
        self.origin = Server([BUILD / "origin", free_port_for(self, "origin")], self.ports["origin"], core=LOAD_CORE)

    # -- servers
    def holdfast(self):
        edge, control, admin = free_port(), free_port(), free_port()
        config = self.work / "holdfast.yaml"
        config.write_text(json.dumps({
            "loops": 1,
            "listen": [{"address": "127.0.0.1:%d" % edge}],
            "control": {"http": {"address": "127.0.0.1:%d" % control}, "grpc": {"address": ""}},
            "metrics": {"address": "127.0.0.1:%d" % admin},
            "log": {"level": "warn"},
            "routes": [{"path_begins": "/", "targets": [{"address": "127.0.0.1:%d" % self.origin.port}]},
                       {"path_begins": "/", "protocol": "ws", "targets": [{"address": "127.0.0.1:%d" % self.origin.port, "over_http": True}]}],
        }))
        return Server([self.binary, "serve", "--config", config], edge, control)

    def floor(self, *options):
        port = free_port()
        return Server([BUILD / "floor", port, *options], port)

    def nginx(self):
        port = free_port()
        config = self.work / "nginx.conf"
        config.write_text("""
daemon off; master_process off; worker_processes 1; pid %s/nginx.pid; error_log /dev/null;
events { worker_connections 20000; }
http { access_log off; keepalive_requests 1000000000;
  client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;
  upstream o { server 127.0.0.1:%d; keepalive 256; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:%d; location / { proxy_pass http://o; proxy_http_version 1.1; proxy_set_header Connection ""; } } }
""" % ((self.work,) * 6 + (self.origin.port, port)))
        return Server(["nginx", "-c", config], port)

    # -- load
    def load(self, server, **options):
        args = ["taskset", "-c", LOAD_CORE, str(BUILD / "loadgen"), "--port", str(server.port), "--pid", str(server.pid)]
        for key, value in options.items():
            args += ["--" + key.replace("_", "-"), str(value)]
        run = subprocess.run(args, capture_output=True, text=True, timeout=600)
        if run.returncode != 0 or not run.stdout.strip():
            sys.exit("bench: the generator failed: %s\n%s" % (" ".join(args), run.stderr[-2000:]))
        return json.loads(run.stdout)

    @staticmethod
    def publisher(server, fmt="http-stream", batch=1):
        content = {"http-stream": r'{"content":"data: {payload}\\n\\n"}', "http-response": r'{"body":"{payload}"}',
                   "ws-message": r'{"content":"{payload}"}'}[fmt]
        return dict(pub_port=server.control, pub_request=PUBLISH_HEAD, pub_body='{"items":[{items}]}', pub_sep=",",
                    pub_item='{"channel":"{chan}","formats":{"%s":%s}}' % (fmt, content), batch=batch)

    @staticmethod
    def floor_publisher(server):
        return dict(pub_port=server.port, pub_body="{items}", pub_item="{payload}", pub_sep=r"\n",
                    pub_request=r"POST /pub/{chan} HTTP/1.1\r\nHost: l\r\nContent-Length: {len}\r\n\r\n{body}")

    def fan_out(self, server, is_floor, conns, mode="sse", **options):
        path = "/%s/{chan}" % mode if is_floor else "/%s?ch={chan}" % mode
        publisher = self.floor_publisher(server) if is_floor else self.publisher(server, {"sse": "http-stream", "ws": "ws-message"}[mode])
        request = UPGRADE if mode == "ws" else r"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
        return self.load(server, mode=mode, conns=conns, parallel=500, request=request % path, size=100, **publisher, **options)

    # -- table
    def row(self, name, value, goal, note="", unit=""):
        ok = value <= goal
        self.rows.append((name, value, goal, unit, note, ok))
        print("  %-58s %9.3f %-4s goal <= %-8g %s  %s" % (name, value, unit, goal, "ok  " if ok else "MISS", note), flush=True)

    def paired(self, make_a, make_b, measure_a, measure_b, pairs=None):
        """Medians of a, b and a/b over pairs of fresh servers."""
        a, b = [], []
        for _ in range(pairs or self.pairs):
            for make, measure, out in ((make_a, measure_a, a), (make_b, measure_b, b)):
                server = make()
                try:
                    out.append(measure(server))
                finally:
                    server.stop()
        return statistics.median(a), statistics.median(b), statistics.median(x / y for x, y in zip(a, b))

    # -- rows
    def sse(self):
        self.fan_outs("sse", "SSE")

    def ws(self):
        self.fan_outs("ws", "WebSockets")

    def fan_outs(self, mode, what):
        for conns, messages in ((1000, 2000), (10000, 200)):
            for window, options, floor_name in ((8, ["--coalesce"], "coalescing floor"), (1, [], "plain floor")):
                def cost(server, is_floor):
                    r = self.fan_out(server, is_floor, conns, mode, window=window, pub_conns=min(window, 4),
                                     messages=messages if window > 1 else messages // 2)
                    if r["lost"] or r["dup"] or r["misrouted"]:
                        sys.exit("bench: lost %(lost)s, duplicated %(dup)s, misrouted %(misrouted)s" % r)
                    return r["srv_us_per_delivery"]
                ours, floor, ratio = self.paired(self.holdfast, lambda: self.floor(*options), lambda s: cost(s, False), lambda s: cost(s, True))
                self.row("CPU per delivery, %d %s, %d in flight / %s" % (conns, what, window, floor_name), ratio, 1.25,
                         "%.2f us, floor %.2f us" % (ours, floor), "x")

    def latency(self):
        def p99(server, is_floor, rate):
            r = self.fan_out(server, is_floor, 1000, rate=rate, messages=int(rate * 5), pub_conns=4)
            return r["latency"]["p99_us"]
        server = self.holdfast()
        most = self.fan_out(server, False, 1000, window=8, messages=1000, pub_conns=4)["publishes_per_s"]
        server.stop()
        ours, floor, ratio = self.paired(self.holdfast, lambda: self.floor("--coalesce"), lambda s: p99(s, False, most / 2),
                                         lambda s: p99(s, True, most / 2))
        self.row("p99 publish to delivery at half rate / floor", ratio, 1.5, "%.0f us, floor %.0f us, at %.0f/s" % (ours, floor, most / 2), "x")

    def memory(self):
        server = self.holdfast()
        r = self.load(server, mode="stream", conns=10000, parallel=500, request=r"GET /stream?ch={chan} HTTP/1.1\r\nHost: localhost\r\n\r\n",
                      size=100, idle=3, messages=3, window=1, pub_conns=1, **self.publisher(server))
        server.stop()
        self.row("private memory per idle stream, 10000 held", r["mem_anon_per_conn_b"], 1024, "PSS %.0f B" % r["mem_pss_per_conn_b"], "B")

    def wsmemory(self):
        server = self.holdfast()
        r = self.fan_out(server, False, 10000, "ws", idle=3, messages=3, window=1, pub_conns=1)
        server.stop()
        self.row("private memory per idle WebSocket, 10000 held", r["mem_anon_per_conn_b"], 1024, "PSS %.0f B" % r["mem_pss_per_conn_b"], "B")

    def echo(self):
        for conns in (1, 100, 1000):
            runs = []
            for _ in range(self.pairs):
                server = self.holdfast()
                runs.append(self.load(server, mode="echo", conns=conns, parallel=500, duration=4, size=100, request=UPGRADE % "/echo"))
                server.stop()
            latency = "p50 %.0f us, p99 %.0f us" % tuple(statistics.median(r["latency"][k] for r in runs) for k in ("p50_us", "p99_us"))
            self.row("CPU per message, WebSocket-over-HTTP echo, %d connections" % conns,
                     statistics.median(r["srv_us_per_request"] for r in runs), 100, latency, "us")

    def proxy(self):
        def cost(server):
            r = self.load(server, mode="http", conns=64, duration=4, request=r"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return r["srv_us_per_request"]
        ours, nginx, ratio = self.paired(self.holdfast, self.nginx, cost, cost)
        self.row("CPU per proxied request / nginx", ratio, 1.25, "%.1f us, nginx %.1f us" % (ours, nginx), "x")

    def hold(self):
        costs = []
        for _ in range(self.pairs):
            server = self.holdfast()
            r = self.load(server, mode="longpoll", conns=1000, channels=1000, rounds=10, pub_conns=4, warmup=0,
                          request=r"GET /lp?ch={chan} HTTP/1.1\r\nHost: localhost\r\n\r\n", size=100, **self.publisher(server, "http-response"))
            server.stop()
            if r["cycles_missed"]:
                sys.exit("bench: %d hold cycles were not answered" % r["cycles_missed"])
            costs.append(r["srv_us_per_cycle"])
        self.row("CPU per GRIP hold cycle", statistics.median(costs), 100, "", "us")

    def connects(self):
        server = self.holdfast()
        r = self.load(server, mode="sse", conns=10000, parallel=1000, request=r"GET /sse?ch={chan} HTTP/1.1\r\nHost: localhost\r\n\r\n",
                      size=100, messages=1, window=1, pub_conns=1, **self.publisher(server))
        server.stop()
        self.row("connects refused or unanswered, 10000 with 1000 in flight", r["conn_failed"], 0,
                 "%.0f/s, %.0f us each" % (r["conn_per_s"], r.get("conn_srv_us_per_conn", 0)), "")

    def publish(self):
        costs = []
        for _ in range(self.pairs):
            server = self.holdfast()
            r = self.load(server, mode="sse", conns=1, request=r"GET /sse?ch=only HTTP/1.1\r\nHost: localhost\r\n\r\n", chan_fmt="nobody%d",
                          size=100, warmup=0, messages=60000, pub_conns=8, drain=1, **self.publisher(server))
            server.stop()
            costs.append(r["srv_us_per_publish"])
        self.row("CPU per accepted POST", statistics.median(costs), 30, "", "us")


ROWS = ("sse", "ws", "latency", "memory", "wsmemory", "echo", "proxy", "hold", "connects", "publish")


def free_port_for(bench, name):
    bench.ports = {name: free_port()}
    return bench.ports[name]


def build_kit():
    if not (KIT / "loadgen").is_dir():
        sys.exit("bench: the bench kit is not at %s; set HOLDFAST_BENCH_KIT" % KIT)
    BUILD.mkdir(parents=True, exist_ok=True)
    for name, source in (("loadgen", "loadgen/loadgen.cpp"), ("origin", "loadgen/origin.cpp"), ("floor", "floor/floor.cpp")):
        target, path = BUILD / name, KIT / source
        if not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
            print("building", name, flush=True)
            subprocess.run(["g++", "-O2", "-std=c++20", "-w", "-o", str(target), str(path)], check=True)


def main():
    if "--cluster" in sys.argv:
        script = str(ROOT / "bench" / "cluster.py")
        os.execv(sys.executable, [sys.executable, script] + [word for word in sys.argv[1:] if word != "--cluster"])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "build" / "release" / "holdfast"))
    parser.add_argument("--only", default=",".join(ROWS), help="rows: " + ", ".join(ROWS))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="write the table to bench/results")
    args = parser.parse_args()
    build_kit()
    bench = Bench(args.bin, args.pairs)
    try:
        for name in args.only.split(","):
            print(name, flush=True)
            getattr(bench, name)()
    finally:
        bench.origin.stop()
        shutil.rmtree(bench.work, ignore_errors=True)
    if args.save:
        model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
        lines = ["# %s, %s, Linux %s, %d pairs" % (time.strftime("%Y-%m-%d"), model, platform.release(), args.pairs), "",
                 "Command: `./dev bench --only %s --pairs %d --save`" % (args.only, args.pairs), "", "| what | value | goal | |", "| --- | --- | --- | --- |"]
        lines += ["| %s | %.3f %s | %g | %s |" % (n, v, u, g, note) for n, v, g, u, note, _ in bench.rows]
        path = ROOT / "bench" / "results" / (time.strftime("%Y-%m-%d") + ".md")
        _, mark, sections = path.read_text().partition("\n## ") if path.exists() else ("", "", "")  # of ./dev bench --cluster
        path.write_text("\n".join(lines) + "\n" + mark + sections)
        print("wrote", path.relative_to(ROOT))
    sys.exit(0 if all(row[-1] for row in bench.rows) else 1)


if __name__ == "__main__":
    main()
