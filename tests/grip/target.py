"""The conformance suite's view of this product: how a node is configured and started.

    CONFORMANCE_TARGET=<here>/target.py HOLDFAST_BIN=build/dev/holdfast python -m pytest
"""
import json
import os
import signal
import subprocess

from targets.base import Endpoints, Target, free_port, wait_port


def config_text(s, ports, workdir):
    local = lambda name: "127.0.0.1:%d" % ports[name]
    return json.dumps({
        "listen": [{"address": local("edge")}],
        "routes_file": os.path.join(workdir, "routes"),
        "broker": {"type": "memory"},
        "control": {"http": {"address": local("control"), "max_body": s.control_max_body}, "grpc": {"address": ""},
                    "zmq": {"pull": "tcp://" + local("pull"), "sub": ["tcp://" + local("sub")], "command": "tcp://" + local("command"),
                            "stats": "ipc://%s/stats" % workdir, "stats_format": s.stats_format,
                            "report_interval": "%ds" % s.report_interval, "connection_ttl": "%ds" % s.connection_ttl,
                            "subscription_ttl": "%ds" % s.subscription_ttl}},
        "metrics": {"address": local("metrics")},
        "edge": {"max_request_head": s.client_buffer_size},
        "proxy": {"signing": {"issuer": s.sig_iss, "key": s.sig_key}, "upstream_key": s.upstream_key, "debug": s.debug,
                  "auto_cross_origin": s.auto_cross_origin, "accept_x_forwarded_proto": s.accept_x_forwarded_proto,
                  "x_forwarded_for": s.x_forwarded_for, "x_forwarded_for_trusted": s.x_forwarded_for_trusted,
                  "orig_headers_need_mark": s.orig_headers_need_mark, "accept_route_header": s.accept_route_header,
                  "cdn_loop": s.cdn_loop},
        # Without a rate Holdfast does not limit deliveries: the suite's default stands for "no particular one".
        "delivery": {"rate": s.message_rate if s.message_rate != 2500 else 0, "high_water_mark": s.message_hwm,
                     "reorder_wait": "%dms" % s.message_wait_ms, "id_cache_ttl": "%ds" % s.id_cache_ttl,
                     "subscription_linger": "%ds" % s.subscription_linger},
        # The suite expects the request about a second after a first subscription that Pushpin always makes.
        "hold": {"channels_per_connection": s.subscription_max, "rerequest": "always"},
        "drain": {"window": "100ms"},
        "log": {"level": "debug"},
    }, indent=2)


class HoldfastTarget(Target):
    name = "holdfast"

    def __init__(self):
        self.bin = os.path.abspath(os.environ.get("HOLDFAST_BIN", "holdfast"))
        self.lacks = set()
        self.proc = None
        self.out = None

    def start(self, s, workdir):
        ports = {name: free_port() for name in ("edge", "control", "pull", "sub", "command", "metrics")}
        with open(os.path.join(workdir, "routes"), "w") as f:
            f.write("\n".join(r.line() for r in s.routes) + "\n")
        conf = os.path.join(workdir, "holdfast.yaml")
        with open(conf, "w") as f:
            f.write(config_text(s, ports, workdir))
        log = os.environ.get("HOLDFAST_LOG_DIR")
        path = os.path.join(log or workdir, "node-%s.log" % s.name)
        self.out = open(path, "ab")
        self.proc = subprocess.Popen([self.bin, "serve", "--config", conf], stdout=self.out, stderr=subprocess.STDOUT, cwd=workdir)
        for name in ("edge", "control", "metrics"):
            wait_port(("127.0.0.1", ports[name]), alive=lambda: self.proc.poll() is None)
        tcp = lambda name: "tcp://127.0.0.1:%d" % ports[name]
        return Endpoints(("127.0.0.1", ports["edge"]), ("127.0.0.1", ports["control"]), tcp("pull"), tcp("sub"), tcp("command"),
                         "ipc://%s/stats" % workdir, ("127.0.0.1", ports["metrics"]))

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def stop(self):
        code = None
        if self.proc is not None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                code = self.proc.wait(15)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait(5)
        self.proc = None
        if self.out:
            self.out.close()
        assert code in (0, None), "the node ended with %s" % code
