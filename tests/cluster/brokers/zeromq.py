"""No broker: nodes talk to each other over ZeroMQ. Each node's socket lies behind a gate, through which the others reach it."""
from brokers.base import Base, free_port

PLACES = 8  # for nodes


class Broker(Base):
    name = "zeromq"
    is_noticed = False
    faults = frozenset({"gate", "history"})
    # What a node had taken and not passed on goes with it, and nobody keeps what passes while a link is cut.
    gaps = {name: True for name in ("control-kill", "control-stop", "gateway-stop", "cut-one", "cut-control", "cut-all", "flapping", "stall-one",
                                    "stall-control", "half-open")}

    def version(self):
        return "ZeroMQ between nodes"

    async def start(self, folder, shape=""):
        self.places = [(free_port(), free_port()) for _ in range(PLACES)]  # (the node's, the gate's)
        self.taken = {}

    def gate(self, slot):
        inside, outside = self.places[self.taken.setdefault(slot, len(self.taken))]
        return ("127.0.0.1", inside), outside

    def config(self, slot, gate, **options):
        inside, own = self.places[self.taken[slot]]
        peers = ["tcp://127.0.0.1:%d" % outside for _, outside in self.places if outside != own]
        return {"broker": {"type": "zeromq", "zeromq": {"bind": "tcp://127.0.0.1:%d" % inside, "peers": peers, **options}}}
