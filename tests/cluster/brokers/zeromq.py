"""No broker: nodes talk to each other. Those that are published to bind and order the channels; gateways only listen to them.

Each node reaches each of the others through a gate of its own.
"""
from brokers.base import Base, free_port

OWNERS = ("control-1", "control-2")


class Broker(Base):
    name = "zeromq"
    title = "ZeroMQ"
    is_noticed = False  # a node alone is a mesh of one
    faults = frozenset({"gate", "history", "short_history"})
    # An owner that goes, or that the others lose sight of, takes the history of its channels along: they begin a new epoch at another.
    gaps = {name: True for name in ("control-kill", "control-stop", "cut-control", "cut-all", "flapping", "stall-control", "mixed")}

    def version(self):
        return "a mesh of nodes"

    async def start(self, folder, shape=""):
        self.ports = {owner: free_port() for owner in OWNERS}

    def ways(self, slot):
        return [(("127.0.0.1", port), 0) for owner, port in self.ports.items() if owner != slot]

    def config(self, slot, addresses, **options):
        bind = "tcp://127.0.0.1:%d" % self.ports[slot] if slot in self.ports else ""
        peers = ["tcp://%s:%d" % address for address in addresses]
        return {"broker": {"type": "zeromq", "zeromq": {"bind": bind, "peers": peers, **options}}}
