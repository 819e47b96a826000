"""A running node of the program."""
import asyncio
import json
import pathlib
import re
import signal

from net import get

START_PATIENCE = 20.0


class Node:
    """`name` belongs to one life of a node: one that is started again has another, so that logs tell them apart."""

    def __init__(self, binary, folder, name, config, arguments=()):
        self.binary, self.name, self.config, self.arguments = str(binary), name, config, list(arguments)
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True)
        self.log_path = self.folder / "log"
        self.process = None
        self.addresses = {}
        self.serving = False
        self.expected_to_end = False
        self.touched = False

    async def start(self):
        path = self.folder / "holdfast.yaml"
        path.write_text(json.dumps(self.config, indent=1))
        self.process = await asyncio.create_subprocess_exec(
            self.binary, "serve", "--config", str(path), *self.arguments, stdout=asyncio.subprocess.PIPE,
            stderr=open(self.log_path, "wb"), cwd=self.folder)
        try:
            await asyncio.wait_for(self._read_addresses(), START_PATIENCE)
        except TimeoutError:
            raise RuntimeError("%s did not start:\n%s" % (self.name, self.log()[-2000:])) from None
        return self

    async def _read_addresses(self):
        while line := await self.process.stdout.readline():
            found = re.match(rb"\s+(clients|publishers|metrics)\s+http://([^:/\s]+):(\d+)", line)
            if found:
                self.addresses[found[1].decode()] = (found[2].decode(), int(found[3]))
            if b"metrics" in line:
                self.drain_stdout = asyncio.create_task(self.process.stdout.read())
                return
        raise RuntimeError("%s did not start:\n%s" % (self.name, self.log()[-2000:]))

    @property
    def edge(self):
        return self.addresses["clients"]

    @property
    def control(self):
        return self.addresses["publishers"]

    async def is_ready(self):
        status, _ = await get(self.addresses["metrics"], "/readyz")
        return status == 200

    async def metrics(self):
        _, body = await get(self.addresses["metrics"], "/metrics")
        pairs = (line.rsplit(" ", 1) for line in body.decode().splitlines() if line and line[0] != "#")
        return {name: float(value) for name, value in pairs}

    def running(self):
        return self.process is not None and self.process.returncode is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    async def kill(self):
        self.serving, self.touched, self.expected_to_end = False, True, True
        self.signal(signal.SIGKILL)
        await self.process.wait()

    async def drain(self, patience=20.0):
        """SIGTERM; raises TimeoutError if it does not end."""
        self.serving, self.touched, self.expected_to_end = False, True, True
        self.signal(signal.SIGTERM)
        code = await asyncio.wait_for(self.process.wait(), patience)
        if code != 0:
            raise RuntimeError("%s ended with %d:\n%s" % (self.name, code, self.log()[-2000:]))

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_errors(self):
        return [line for line in self.log().splitlines() if re.match(r"\S+ error ", line) or "runtime error" in line or "Sanitizer" in line]
