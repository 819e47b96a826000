"""What bench/cluster.py shows: a line per phase while it runs, then a table with a column per broker."""
import platform
import shlex
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Callable, Optional

GOAL = 1.1  # CPU per delivery of a node on a broker / of a node with the memory broker


# ---- figures of one phase, as the generator says them

def per_second(what):
    return lambda f: f[what] / f["seconds"]


def node_cpu(index):
    """us per delivery of a node."""
    def value(f):
        name = "node%d" % (index + 1)
        return f["cpu"][name] / f["nodes"][index]["delivered"] * 1e6
    return value


def all_nodes_cpu(f):
    return sum(seconds for name, seconds in f["cpu"].items() if name.startswith("node")) / f["delivered"] * 1e6


def cpu_per_item(name):
    return lambda f: f["cpu"][name] / f["published"] * 1e6


def nodes_cpu_per_item(f):
    return sum(seconds for name, seconds in f["cpu"].items() if name.startswith("node")) / f["published"] * 1e6


def idle_share(name):
    """ms of CPU a second."""
    return lambda f: f["cpu"][name] / f["seconds"] * 1e3


def delay(index, which):
    return lambda f: f["nodes"][index]["delay"][which] / 1e3


def answer(which):
    return lambda f: f["answers"][which] / 1e3


def busy(f):
    return f["own_busy"] * 100


def progress(phase, f):
    """The line that says how a phase went."""
    if phase == "idle":
        return "%-10s %s ms of CPU a second" % (phase, ", ".join("%s %.1f" % (name, s / f["seconds"] * 1e3) for name, s in f["cpu"].items()))
    if not f["delivered"]:
        return "%-10s %8.0f items/s in batches of %d, %.1f us of CPU an item, answers p99 %.1f ms" % (
            phase, f["published"] / f["seconds"], f["batch"], nodes_cpu_per_item(f), f["answers"]["p99"] / 1e3)
    each = range(len(f["nodes"]))
    return "%-10s %8.0f deliveries/s, %.1f publications/s, CPU per delivery %s us, p99 %s ms, generator %.0f %% busy" % (
        phase, f["delivered"] / f["seconds"], f["published"] / f["seconds"], ", ".join("%.2f" % node_cpu(i)(f) for i in each),
        ", ".join("%.1f" % delay(i, "p99")(f) for i in each), busy(f))


# ---- the table

@dataclass
class Row:
    name: str
    phase: str
    value: Callable
    over: Optional[str] = None  # what the value is divided by: "memory" right before, or "one" node on the same broker
    goal: Optional[float] = None
    base: Optional[Callable] = None  # what is taken of `over`, if not the same
    digits: int = 2
    alone: bool = False  # of one node on the broker


def fan_rows(phase, first, second):
    """Rows of a phase in which messages are delivered."""
    return [
        Row("deliveries/s", phase, per_second("delivered"), digits=0),
        Row("publications/s", phase, per_second("published"), digits=1),
        Row("CPU per delivery, node 1, us", phase, first),
        Row("CPU per delivery, node 2, us", phase, second),
    ]


def rows(options):
    first, second = node_cpu(0), node_cpu(1)
    steady = "steady, %g publications/s: " % options.rate
    full = "saturated, %d under way: " % options.window
    half = "half the saturated rate: "
    table = []

    def add(begin, *more):
        for row in more:
            row.name = begin + row.name
            table.append(row)
    add("idle: ", Row("CPU of node 1, ms/s", "idle", idle_share("node1"), digits=1), Row("CPU of node 2, ms/s", "idle", idle_share("node2"), digits=1),
        Row("CPU of the broker, ms/s", "idle", idle_share("server"), digits=1))
    for begin, phase, goal in ((steady, "steady", GOAL), (full, "saturated", None)):
        add(begin, *fan_rows(phase, first, second), Row("node 1 / memory, x", phase, first, "memory", goal),
            Row("node 2 / memory, x", phase, second, "memory", goal, first), Row("a node alone on it / memory, x", phase, first, "memory", goal, alone=True),
            Row("CPU of the broker per publication, us", phase, cpu_per_item("server"), digits=0))
        if phase == "steady":
            add(begin, *latency_rows(phase))
    add(half, Row("publications/s", "half", per_second("published"), digits=1), *latency_rows("half"))
    for begin, phase in (("POSTs of 1 item: ", "single"), ("POSTs of 100 items: ", "batch")):
        add(begin, Row("items/s", phase, per_second("published"), digits=0), Row("items/s / memory, x", phase, per_second("published"), "memory"),
            Row("CPU of the nodes per item, us", phase, nodes_cpu_per_item), Row("CPU of the broker per item, us", phase, cpu_per_item("server")),
            Row("p50 of answers, ms", phase, answer("p50")), Row("p99 of answers, ms", phase, answer("p99")))
    add("two nodes / one: ", Row("deliveries/s, saturated, x", "saturated", per_second("delivered"), "one"),
        Row("CPU per delivery, saturated, x", "saturated", all_nodes_cpu, "one"), Row("CPU per delivery, steady, x", "steady", all_nodes_cpu, "one"))
    add("generator: ", Row("busy, steady, %", "steady", busy, digits=0), Row("busy, saturated, %", "saturated", busy, digits=0))
    return table


def latency_rows(phase):
    return [Row("%s at node %d, ms" % (which, i + 1), phase, delay(i, which)) for i in (0, 1) for which in ("p50", "p99")]


class Table:
    """`rounds`: for each round {target: {phase: figures}}; targets are memory/BROKER, BROKER and BROKER/1, which is one node on it."""

    def __init__(self, rounds, options):
        self.columns = ["memory"] + options.brokers
        self.rows = rows(options)
        self.cells = [[self.cell(row, column, rounds) for column in self.columns] for row in self.rows]
        self.rounds, self.options = rounds, options

    @staticmethod
    def cell(row, column, rounds):
        """The median, or None."""
        values = []
        for found in rounds:
            targets = [name for name in found if name.startswith("memory/")] if column == "memory" else [column + "/1" * row.alone]
            over = {"memory": "memory/" + column, "one": column + "/1"}.get(row.over)
            for target in targets:
                try:
                    value = row.value(found[target][row.phase])
                    values.append(value / (row.base or row.value)(found[over][row.phase]) if over else value)
                except (KeyError, IndexError, TypeError, ZeroDivisionError):  # there is no second node, no server, or no such figure
                    continue
        return statistics.median(values) if values else None

    def shown(self, row, value):
        if value is None:
            return "-"
        return "%.*f%s" % (row.digits, value, " MISS" if row.goal and value > row.goal else "")

    def missed(self):
        return any(row.goal and value is not None and value > row.goal for row, cells in zip(self.rows, self.cells) for value in cells)

    def full(self):
        """[[name, value..., goal]] with a head."""
        lines = [["what", "memory, 1 node"] + ["%s, 2 nodes" % name for name in self.columns[1:]] + ["goal"]]
        for row, cells in zip(self.rows, self.cells):
            if any(value is not None for value in cells):
                lines.append([row.name] + [self.shown(row, value) for value in cells] + ["%g" % row.goal if row.goal else ""])
        return lines

    def text(self):
        lines = self.full()
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        return "\n".join("  ".join([line[0].ljust(widths[0])] + [word.rjust(width) for word, width in zip(line[1:], widths[1:])]).rstrip() for line in lines)

    def markdown(self):
        head, *lines = ["| %s |" % " | ".join(line) for line in self.full()]
        return [head, "|" + " --- |" * (len(self.columns) + 2), *lines]

    def notes(self, cores):
        notes = ["%s. CPU is that of whole processes, at %d listeners a node; what is at rest counts." % (cores, self.options.listeners)]
        if cores.nodes_share:
            notes.append("Both nodes share a core, so deliveries/s of two nodes are bounded by it: look at CPU per delivery for what the second node costs.")
        busiest = max((f["own_busy"] for found in self.rounds for phases in found.values() for f in phases.values()), default=0)
        if busiest > 0.9:
            notes.append("The generator was up to %.0f %% busy: where it was, the nodes could do more." % (busiest * 100))
        return notes


def append(path, table, notes, options):
    """A section of its own at the end of the file."""
    command = "./dev bench --cluster " + shlex.join(sys.argv[1:])
    lines = ["## Two nodes on a broker, %d listeners each, %d round%s" % (options.listeners, options.pairs, "s" if options.pairs > 1 else ""), "",
             "Command: `%s`" % command.strip(), "", *notes, "", *table.markdown()]
    if path.exists():
        lines = [path.read_text().rstrip("\n"), "", *lines]
    else:
        model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
        lines = ["# %s, %s, Linux %s" % (time.strftime("%Y-%m-%d"), model, platform.release()), "", *lines]
    path.write_text("\n".join(lines) + "\n")
