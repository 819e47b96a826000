"""The cells: what a fault does, on which brokers, and for whom it may lose messages. To add one, write a function and decorate it."""
import signal
from dataclasses import dataclass, field
from typing import Callable

from clients import PlainWs, Poll, Raw, Sse, Ws
from waiting import until


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
    node_options: dict = field(default_factory=dict)

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


@cell("gateway-drain", "SIGTERM to a gateway; it drains, and is started again later", nodes="many")
async def gateway_drain(run):
    victim = run.some_gateway()
    await victim.drain()
    run.heal()
    await run.last()
    await run.again(victim)


@cell("gateway-stop", "SIGSTOP of a gateway for 5 s; its clients stay", nodes="many")
async def gateway_stop(run):
    await stop(run, run.some_gateway())


@cell("control-kill", "kill -9 of a node that is published to; it is started again later", nodes="many")
async def control_kill(run):
    victim = run.some_control()
    await victim.kill()
    run.heal()
    await run.last()
    await run.again(victim)


@cell("control-stop", "SIGSTOP for 5 s of a node that is published to; what it had taken is repeated elsewhere", nodes="many")
async def control_stop(run):
    await stop(run, run.some_control())


@cell("rolling-restart", "SIGTERM to one gateway after the other; each is started again before the next", nodes="many")
async def rolling_restart(run):
    for node in run.serving(run.gateways):
        await node.drain()
        await run.again(node)
    run.heal()


@cell("join", "a new gateway; a third of the clients move to it", nodes="many")
async def join(run):
    run.preferred = await run.add("gateway")
    movers = run.rng.sample(run.listeners, len(run.listeners) // 3)
    await run.send_away(movers)
    for listener in movers:
        listener.come_back()
    await until(lambda: all(listener.node is run.preferred and listener.connection for listener in movers), 10, "clients on the new gateway")
    run.preferred = None
    await run.last()
    run.heal()


@cell("node-kill", "kill -9 of the node; it is started again later", nodes="one", may_gap=everybody)
async def node_kill(run):
    victim = run.some_gateway()
    await victim.kill()
    await run.last()
    await run.again(victim)
    run.heal()


@cell("node-drain", "SIGTERM to the node; it is started again", nodes="one", may_gap=everybody)
async def node_drain(run):
    victim = run.some_gateway()
    await victim.drain()
    await run.again(victim)
    run.heal()


@cell("node-kill-twice", "kill -9 of the node, and again while clients are still coming back", nodes="one", may_gap=everybody)
async def node_kill_twice(run):
    for _ in range(2):
        victim = run.some_gateway()
        await victim.kill()
        await run.again(victim)
        await run.last(0.3)
    run.heal()


@cell("node-stop", "SIGSTOP of the node for 5 s", nodes="one")
async def node_stop(run):
    await stop(run, run.some_gateway())


async def stop(run, node):
    node.signal(signal.SIGSTOP)
    await run.last(5.0)
    node.signal(signal.SIGCONT)
    run.heal()


@cell("stutter", "SIGSTOP of a gateway for a moment, again and again")
async def stutter(run):
    end = run.now() + run.scale.seconds
    while run.now() < end:
        victim = run.some_gateway()
        victim.signal(signal.SIGSTOP)
        await run.last(run.rng.uniform(0.05, 0.4))
        victim.signal(signal.SIGCONT)
        await run.last(run.rng.uniform(0.0, 0.2))
    run.heal()


# ---- several at once

@cell("mixed", "one after the other, by chance: gateways and control nodes killed, drained and stopped, links cut and stalled", {"gate"},
      nodes="many")
async def mixed(run):
    await by_chance(run, [kill_some, drain_some, stop_some, cut_some, stall_some])
    run.heal()


@cell("mixed-restarts", "as mixed, and the broker is killed and comes back with nothing", {"gate", "restart_empty"}, nodes="many", may_gap=everybody)
async def mixed_restarts(run):
    await by_chance(run, [kill_some, drain_some, cut_some, renew_broker])
    run.heal()


async def by_chance(run, faults):
    """Each at least once. A fault in the middle of another's recovery is what is wanted: nothing waits for anybody to be well."""
    order = list(faults)
    run.rng.shuffle(order)
    end = run.now() + 2 * run.scale.seconds
    while order or run.now() < end:
        await (order.pop() if order else run.rng.choice(faults))(run)
        await run.last(run.rng.uniform(0.1, 0.8))


def some_node(run):
    return run.rng.choice(run.serving(run.all_nodes))


async def kill_some(run):
    victim = some_node(run)
    await victim.kill()
    await run.last(0.3)
    await run.again(victim)


async def drain_some(run):
    victim = some_node(run)
    await victim.drain()
    await run.again(victim)


async def stop_some(run):
    victim = some_node(run)
    victim.signal(signal.SIGSTOP)
    await run.last(run.rng.uniform(0.2, 2.0))
    victim.signal(signal.SIGCONT)


async def cut_some(run):
    gate = run.gate(some_node(run))
    gate.cut()
    await run.last(run.rng.uniform(0.1, 1.0))
    gate.heal()


async def stall_some(run):
    gate = run.gate(some_node(run))
    gate.stall()
    await run.last(run.rng.uniform(0.5, 2.5))
    gate.heal()


async def renew_broker(run):
    await run.broker.kill()
    await run.last(0.3)
    await run.broker.restart()
    await run.last(1.5)


# ---- clients

@cell("away", "a third of the clients leave, and come back with their positions", {"history"})
async def away(run):
    leavers = run.rng.sample(run.listeners, len(run.listeners) // 3)
    await run.send_away(leavers)
    await run.last()
    for listener in leavers:
        listener.come_back()
    run.heal()


@cell("herd", "all clients leave, and come back together", {"history"})
async def herd(run):
    await run.send_away(run.listeners)
    await run.last(1.0)
    for listener in run.listeners:
        listener.come_back()
    run.heal()


@cell("flood", "30 messages on each channel, as fast as they are acknowledged", {"history"})
async def flood(run):
    await run.flood(list(run.publishers), 30)
    run.heal()


def prepare_slow_readers(run):
    channel = run.listeners[0].channel
    for kind in (Sse, Raw, Ws, PlainWs):
        slow = run.add_listener(kind, channel, "slow-" + kind.kind)
        slow.receive_buffer = 4096
        run.chosen.add(slow)


@cell("slow-reader", "four clients stop reading until they are dropped, then read on and come back; others on their channel notice nothing",
      {"history"}, may_end=chosen, prepare=prepare_slow_readers)
async def slow_reader(run):
    for listener in run.chosen:
        listener.reading.clear()
    channel = next(iter(run.chosen)).channel
    for _ in range(20):
        await run.flood([channel], 20, 4000)
        if await run.total("holdfast_slow_clients_dropped_total") >= len(run.chosen):
            break
    else:
        raise TimeoutError("slow clients were not dropped")
    for listener in run.chosen:
        listener.reading.set()
    run.heal()


@cell("storm", "more than history keeps is published while clients are away: they are told", {"short_history"}, may_gap=chosen,
      broker_options={"history_messages": 50})
async def storm(run):
    await overrun(run)


@cell("long-absence", "more than may be replayed is published while clients are away: they are told", {"history"}, may_gap=chosen,
      node_options={"delivery": {"catch_up_limit": 50}})
async def long_absence(run):
    await overrun(run)


async def overrun(run):
    leavers = run.rng.sample([listener for listener in run.listeners if type(listener) in (Sse, Ws, Poll)], len(run.listeners) // 10)
    channels = sorted({listener.channel for listener in leavers})
    # A poll that asks more seldom than is published falls behind, too.
    run.chosen.update(leavers, (listener for listener in run.listeners if listener.channel in channels and listener.kind == "poll"))
    await run.send_away(leavers)
    await run.flood(channels, 120)
    for listener in leavers:
        listener.come_back()
    run.heal()


# ---- between nodes and broker

@cell("cut-one", "the link of a gateway to the broker is cut", {"gate"})
async def cut_one(run):
    await through(run, run.some_gateway(), "cut")


@cell("cut-moving", "the link of a gateway is cut while a third of the clients leave and come back, some of them to that gateway", {"gate", "history"},
      nodes="many", may_gap=chosen)
async def cut_moving(run):
    movers = run.rng.sample(run.listeners, len(run.listeners) // 3)
    run.chosen.update(movers)  # who comes to the gateway that has no broker may be told that it cannot know
    victim = run.some_gateway()
    run.gate(victim).cut()
    await run.noticed([victim])
    await run.send_away(movers)
    for listener in movers:
        listener.come_back()
    await run.last()
    run.gate(victim).heal()
    run.heal()


@cell("cut-control", "the link of a node that is published to is cut", {"gate"}, nodes="many")
async def cut_control(run):
    await through(run, run.some_control(), "cut")


@cell("cut-all", "the links of all nodes are cut", {"gate"})
async def cut_all(run):
    for gate in run.gates.values():
        gate.cut()
    await run.noticed(run.serving(run.all_nodes))
    await run.last()
    for gate in run.gates.values():
        gate.heal()
    run.heal()


@cell("flapping", "the links of all nodes are cut again and again", {"gate"})
async def flapping(run):
    end = run.now() + run.scale.seconds
    while run.now() < end:
        gate = run.rng.choice(list(run.gates.values()))
        gate.cut()
        await run.last(run.rng.uniform(0.05, 0.4))
        gate.heal()
        await run.last(run.rng.uniform(0.0, 0.2))
    run.heal()


@cell("stall-one", "no byte moves on the link of a gateway, for longer than its time-outs", {"gate"})
async def stall_one(run):
    await through(run, run.some_gateway(), "stall", max(run.scale.seconds, 8.0))


@cell("stall-control", "no byte moves on the link of a node that is published to; what waited there arrives late", {"gate"}, nodes="many")
async def stall_control(run):
    await through(run, run.some_control(), "stall", max(run.scale.seconds, 5.0))


@cell("half-open", "the broker has lost the connections of a gateway, which hears nothing of it", {"gate"})
async def half_open(run):
    run.gate(run.some_gateway()).half_open()
    run.heal()
    await run.last()


@cell("slow-link", "each byte to and from the broker takes 200 ms", {"gate"})
async def slow_link(run):
    for gate in run.gates.values():
        gate.slow(0.2)
    await run.last()
    for gate in run.gates.values():
        gate.heal()
    run.heal()


async def through(run, node, mode, seconds=None):
    gate = run.gate(node)
    getattr(gate, mode)()
    began = run.now()
    await run.noticed([node])
    await run.last((seconds or run.scale.seconds) - (run.now() - began))
    gate.heal()
    run.heal()


# ---- the broker

@cell("restart-empty", "kill -9 of the broker; it comes back with nothing", {"restart_empty"}, may_gap=everybody)
async def restart_empty(run):
    await restart(run)


@cell("restart-kept", "kill -9 of the broker; it comes back with its data", {"restart_kept"}, may_gap=everybody, shape="persistent")
async def restart_kept(run):
    await restart(run)


async def restart(run):
    await run.broker.kill()
    await run.noticed(run.serving(run.all_nodes))
    await run.last()
    await run.broker.restart()
    run.heal()


@cell("kick", "the broker closes all connections, several times", {"kick"})
async def kick(run):
    for _ in range(max(2, int(run.scale.seconds))):
        await run.broker.kick()
        await run.last(1.0)
    run.heal()


@cell("flush", "the broker forgets all data", {"flush"}, may_gap=everybody)
async def flush(run):
    await run.broker.flush()
    run.heal()
    await run.last()


@cell("flush-scripts", "the broker forgets its scripts, several times", {"flush_scripts"})
async def flush_scripts(run):
    for _ in range(max(2, int(run.scale.seconds))):
        await run.broker.flush_scripts()
        await run.last(0.5)
    run.heal()


@cell("pause", "the broker answers nobody for a while", {"pause"})
async def pause(run):
    await run.broker.pause(run.scale.seconds)
    run.heal()


@cell("fail-over-lagging", "the primary dies with acknowledged messages that its replica did not get; the replica takes over", {"fail_over"},
      may_gap=everybody, shape="sentinel")
async def fail_over_lagging(run):
    await run.broker.lag()
    await run.last(2.0)
    await run.broker.fail_over(planned=False)
    run.heal()


@cell("fail-over", "the primary hands over to its replica by order", {"fail_over"}, may_gap=everybody, shape="sentinel")
async def fail_over(run):
    await run.broker.fail_over(planned=True)
    run.heal()
    await run.last(max(run.scale.seconds, 8.0))  # nodes find out one by one
