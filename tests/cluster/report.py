"""What a run shows: a line per cell for the terminal, a table per broker for docs/faults.md."""
import pathlib
import time
from dataclasses import dataclass


@dataclass
class Row:
    name: str
    what: str
    acked: int
    published: int
    delivered: int
    missed: int
    gaps: int
    reconnects: int
    catch_up: float
    violations: int

    @classmethod
    def of(cls, cell, totals, violations):
        return cls(cell.name, cell.what, totals.acked, totals.published, totals.delivered, totals.missed, totals.gaps, totals.reconnects, totals.catch_up,
                   len(violations))

    @property
    def verdict(self):
        return "kept" if not self.violations else "%d violation%s" % (self.violations, "s" if self.violations > 1 else "")

    @staticmethod
    def head():
        return "%-22s %11s %9s %6s %6s %10s %8s  %s" % ("cell", "acked", "delivered", "missed", "gaps", "reconnects", "catch-up", "promise")

    def line(self):
        return "%-22s %5d/%-5d %9d %6d %6d %10d %6.1f s  %-14s" % (
            self.name, self.acked, self.published, self.delivered, self.missed, self.gaps, self.reconnects, self.catch_up, self.verdict)

    def cells(self):
        return [self.name, self.what, "%d" % self.acked, "%d" % self.delivered, "%d" % self.missed, "%d" % self.gaps, "%d" % self.reconnects,
                "%.1f s" % self.catch_up, self.verdict]


INTRODUCTION = """# What happens when things break

Holdfast promises: a subscriber gets a channel in order, or is told. `tests/cluster/run.py` tries to break that promise. It starts a broker and a
cluster of real nodes, publishes numbered messages to them while clients of all kinds listen (server-sent events, plain streams, long polls,
WebSockets with and without positions, and those of a GRIP application behind the nodes), breaks something in each *cell* of the tables below, and
then compares what was acknowledged with what each client got.

Checked in every cell, for every client:

- it got each channel in the order of publishing, nothing twice, nothing of other channels;
- everything that was acknowledged came, or is missing exactly where the client was told of a gap (plain streams and plain WebSockets are told by
  ending; they have no positions, so for them each reconnect is one);
- to clients of the GRIP application everything came, whatever the broker lost: the node asked the application;
- it was told of no gap, and no connection ended, where nothing can have been lost;
- within 10 s after the fault it got what was published then, and everything before;
- no node died by itself, or wrote an error to its log.

```sh
python3 tests/cluster/run.py --broker redis --markdown docs/faults.md   # --quick: a few minutes; --cells NAME,...; --list
```

*Delivered* counts each client's messages; *missed* those that a client did not get, and was told of. *Gaps told* counts clients, not messages. *Catch-up* is how long the slowest client waited, from the end of the fault, for a message that was
published after it.
"""
HEADINGS = ["cell", "what happens", "acknowledged", "delivered", "missed", "gaps told", "reconnects", "catch-up", "promise"]


def section(broker, binary, scale, rows, seed):
    gateways = "%d gateways and 2 nodes to publish to" % broker.nodes if broker.nodes > 1 else "one node"
    lines = ["## %s" % (broker.title or broker.name.capitalize()), "",
             "%s; %s; %s. %d channels, %d listeners, %g messages a second; faults of %g s; seed %d; %s." %
             (broker.version(), binary, gateways, scale.channels, scale.listeners, scale.rate, scale.seconds, seed, time.strftime("%Y-%m-%d")), "",
             "| %s |" % " | ".join(HEADINGS), "|" + " --- |" * len(HEADINGS)]
    return "\n".join(lines + ["| %s |" % " | ".join(row.cells()) for row in rows])


def write_section(path, broker, text):
    """Rewrites what stands between the broker's markers; everything else stays."""
    path = pathlib.Path(path)
    old = path.read_text() if path.exists() else INTRODUCTION
    begin, end = "<!-- %s: written by tests/cluster/run.py -->" % broker.name, "<!-- end of %s -->" % broker.name
    block = "%s\n%s\n%s" % (begin, text, end)
    if begin in old:
        head, _, rest = old.partition(begin)
        path.write_text(head + block + rest.partition(end)[2])
    else:
        path.write_text(old.rstrip("\n") + "\n\n" + block + "\n")
