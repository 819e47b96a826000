"""Runs a real Pushpin (1.36, as Debian 12 has it) where one is installed: what `holdfast import-pushpin` is held against.

    apt-get install pushpin condure zurl     # and stop the service that comes with it
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from kit import Closed, Connection, Node, eventually

PROGRAMS = ("pushpin", "pushpin-proxy", "pushpin-handler", "condure", "zurl")


def installed():
    return all(shutil.which(program) for program in PROGRAMS)


def free_ports(count):
    """Ports that were free a moment ago: Pushpin cannot be told to take any."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Pushpin:
    """A running Pushpin. `conf` is the text of a pushpin.conf; what would meet another instance is set anew below it."""

    def __init__(self, conf, routes):
        self.folder = tempfile.TemporaryDirectory(prefix="pushpin-test-")
        path = pathlib.Path(self.folder.name)
        edge, control, pull, sub, command = free_ports(5)
        (path / "routes").write_text(routes)
        (path / "pushpin.conf").write_text(with_keys(conf, {
            "global": {"rundir": path / "run"},
            "runner": {"services": "condure,zurl,pushpin-proxy,pushpin-handler", "http_port": "127.0.0.1:%d" % edge, "logdir": path / "log"},
            "proxy": {"zurl_out_specs": "ipc://{rundir}/{ipc_prefix}zurl-in",
                      "zurl_out_stream_specs": "ipc://{rundir}/{ipc_prefix}zurl-in-stream",
                      "zurl_in_specs": "ipc://{rundir}/{ipc_prefix}zurl-out"},
            "handler": {"push_in_spec": "tcp://127.0.0.1:%d" % pull, "push_in_sub_specs": "tcp://127.0.0.1:%d" % sub,
                        "command_spec": "tcp://127.0.0.1:%d" % command, "push_in_http_port": control},
        }))
        self.addresses = {"publishers": ["http://127.0.0.1:%d" % control]}
        self.address = ("127.0.0.1", edge)
        self.log_path = path / "out"
        self.process = subprocess.Popen(["pushpin", "--config", str(path / "pushpin.conf"), "-m"], cwd=path, start_new_session=True,
                                        stdout=open(self.log_path, "wb"), stderr=subprocess.STDOUT)
        try:
            eventually(lambda: self._accepts(edge) and self._accepts(control), 20, "Pushpin")
            eventually(self._answers, 20, "Pushpin's parts find each other")
        except AssertionError as why:
            log = self.log_path.read_text(errors="replace")
            self.stop()
            raise AssertionError("%s\n%s" % (why, log)) from why

    @staticmethod
    def _accepts(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def _answers(self):
        try:
            with self.connect() as c:
                c.send("GET /%s HTTP/1.1\r\nHost: nobody.invalid\r\n\r\n" % self.PROBE).response(patience=2)
            return True
        except (TimeoutError, OSError, Closed):
            return False

    PROBE = "probe-of-the-test"

    def connect(self, index=0):
        return Connection(self.address)

    _host_port = staticmethod(Node._host_port)
    control = Node.control

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(8)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(8)
        self.folder.cleanup()


def with_keys(conf, keys):
    """The text of a pushpin.conf with these keys {section: {key: value}} set."""
    out = []
    section = None

    def flush():
        out.extend("%s=%s" % pair for pair in keys.get(section, {}).items())

    for line in conf.splitlines():
        if line.startswith("["):
            flush()
            section = line.strip("[]")
        if line.split("=")[0] not in keys.get(section, {}):
            out.append(line)
    flush()
    return "\n".join(out) + "\n"
