"""The embedded broker: one node, gateway and control in one."""
from brokers.base import Base


class Broker(Base):
    name = "memory"
    nodes = 1
    faults = frozenset({"history", "short_history"})

    def version(self):
        return "embedded"

    def config(self, slot, addresses, **options):
        return {"broker": {"type": "memory", "memory": options}}
