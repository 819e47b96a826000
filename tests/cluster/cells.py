"""The cells: what a fault does, on which brokers, and for whom it may lose messages. To add one, write a function and decorate it."""
import signal
from dataclasses import dataclass, field
from typing import Callable


def nobody(run, listener):
    return False


def everybody(run, listener):
    return True


def chosen(run, listener):
    return listener in run.chosen or listener.channel in run.chosen


@dataclass
class Cell:
    name: str
    what: str
    fault: Callable
    needs: frozenset = frozenset()     # of the broker's faults
    nodes: str = "any"                 # "many": several gateways; "one": gateway and control in one
    may_gap: Callable = nobody         # (run, listener): may be told of a gap
    may_end: Callable = nobody         # (run, listener): its connections may end on nodes that live
    prepare: Callable = lambda run: None  # before clients start
    shape: str = ""                    # of the broker
    broker_options: dict = field(default_factory=dict)

    def suits(self, broker):
        return self.needs <= broker.faults and self.nodes in ("any", "many" if broker.nodes > 1 else "one")


CELLS = {}


def cell(name, what, needs=(), **more):
    def add(fault):
        CELLS[name] = Cell(name, what, fault, frozenset(needs), **more)
        return fault
    return add


@cell("fault-free", "nothing happens")
async def fault_free(run):
    await run.last()
    run.heal()


# ---- nodes

@cell("gateway-kill", "kill -9 of a gateway; it is started again later", nodes="many")
async def gateway_kill(run):
    victim = run.some_gateway()
    await victim.kill()
    run.heal()  # the others are there
    await run.last()
    await run.again(victim)
