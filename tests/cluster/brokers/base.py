import random
import socket


class Base:
    """What a cell may ask of a broker. One object lives through all cells; `start` begins each cell with a clean name space."""
    name = ""
    title = ""         # where it is written in another way than the name
    nodes = 3          # gateways that share it
    idempotent = True  # a repeat with the same id is recognised, so publishers repeat what was not answered
    is_noticed = True  # a node without it says so (/readyz)
    settles = 10.0     # s after a fault until all is well
    gaps = {}          # cell -> whether it may lose messages on this broker, where that is not what the cell says
    faults = frozenset()
    # gate              nodes reach it through TCP gates: cut, stall, slow, half-open
    # restart_empty     kill -9, and back with nothing
    # restart_kept      kill -9, and back with its data
    # kick              the broker closes all its connections
    # flush             it forgets all data; flush_scripts: only scripts
    # pause             it answers nobody for a while
    # fail_over         its leader dies, or hands over, and another takes its place
    # history           positions can be resumed; short_history: option history_messages bounds it

    def version(self):
        return ""

    async def start(self, folder, shape=""):
        """`shape`: what a cell asks for besides the plain broker ("sentinel", "persistent"). `folder` is empty and the cell's own."""

    async def stop(self):
        """After each cell."""

    async def close(self):
        """After all cells."""

    def ways(self, slot):
        """What the node in this place connects to, each through a gate: (address, port of the gate or 0). Empty: it uses no gates."""
        return []

    def config(self, slot, addresses, **options):
        """What the node in this place has in its configuration; `addresses` are those of its gates."""
        raise NotImplementedError


_given = set()


def free_port():
    """Each once. None that the system takes for outgoing connections (from 32768 on), or one of those may have it by the time it is bound; with room
    for a second port of the same server 10000 above."""
    while True:
        port = random.randrange(10_000, 22_000)
        if port in _given:
            continue
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
