"""Whether a run kept the promise: a pure function over what publishers and listeners logged.

I1 order      a listener gets a channel in the order in which it was published
I2 twice      nothing comes twice, unless the listener was told of a boundary between
I3 missing    every acknowledged message is delivered, or lies where the listener was told of a boundary
I4 alarm      no boundary, and no ended connection, where nothing can have been lost
I5 late       within 10 s after the fault is over everybody gets what is published then, and all that was acknowledged
I6 foreign    nothing from another channel, and nothing that nobody published

A boundary is a gap that the node told, or a connection that begins without a position: the client knows that it does not know. It covers what
lies between the last message before it and the first after it.
"""
from dataclasses import dataclass, field


@dataclass
class Violation:
    rule: str
    listener: str
    channel: str
    text: str
    near: list = field(default_factory=list)

    def __str__(self):
        lines = ["%s %s on %s: %s" % (self.rule, self.listener, self.channel, self.text)]
        return "\n".join(lines + ["      %s %s" % (">" if mark else " ", event) for mark, event in self.near])


@dataclass
class Totals:
    published: int = 0
    acked: int = 0
    delivered: int = 0
    missed: int = 0         # acknowledged, and not delivered to a listener that was told of it
    gaps: int = 0
    reconnects: int = 0
    replayed: int = 0       # came again behind a boundary
    catch_up: float = 0.0   # slowest listener: from the end of the fault to the first message that was published after it


def check(history):
    """(violations, totals)"""
    totals = Totals()
    violations = []
    for channel, publications in history.publications.items():
        totals.published += len(publications)
        totals.acked += sum(p.acked is not None for p in publications)
        if not any(p.started >= history.healed and p.acked is not None and p.acked <= history.healed + history.patience for p in publications):
            violations.append(Violation("I5", "its publisher", channel, "nothing was acknowledged within %g s after the fault" % history.patience))
    for log in history.listeners:
        violations += _Listener(history, log, totals).check()
    return violations, totals


class _Listener:
    def __init__(self, history, log, totals):
        self.history, self.log, self.totals = history, log, totals
        self.published = {p.n: p for p in history.publications.get(log.channel, ())}
        self.violations = []
        self.seen = {}             # n -> number of the run in which it came last
        self.run = 0               # a run is what lies between boundaries
        self.last = None           # of this run
        self.oldest = None         # of all runs
        self.newest = None
        self.began = None          # when the run did, if it is not the first
        self.since = None          # publications begun after this must be in this run
        self.connected = False
        self.repeated = 0          # gaps in a row at the same position
        self.fresh = None          # when the first message came that was published after the fault

    def found(self, rule, index, text):
        events = self.log.events
        near = [(i == index, events[i]) for i in range(max(0, index - 4), min(len(events), index + 4))]
        self.violations.append(Violation(rule, "%s (%s)" % (self.log.name, self.log.kind), self.log.channel, text, near))

    def check(self):
        for index, event in enumerate(self.log.events):
            getattr(self, "on_" + event.what)(index, event)
        self.at_the_end()
        return self.violations

    # ---- boundaries

    def boundary(self, at):
        self.run += 1
        self.last = self.since = None
        self.began = at

    def on_connect(self, index, event):
        if self.connected:
            self.totals.reconnects += 1
            if event.position is None:
                self.boundary(event.at)
        self.connected = True

    def on_started(self, index, event):
        if self.last is None and self.since is None:
            self.since = event.at

    def on_gap(self, index, event):
        before = self.log.events[index - 1]
        self.repeated = self.repeated + 1 if before.what == "gap" and before.position == event.position else 0
        if self.repeated == 2:
            self.found("I4", index, "told again and again of one gap (%s): its position does not move" % event.text)
        self.totals.gaps += 1
        self.boundary(event.at)
        if not self.log.may_gap:
            self.found("I4", index, "told of a gap (%s) where nothing can have been lost" % event.text)

    def on_end(self, index, event):
        if event.node in self.history.touched:
            return
        if self.log.told_by_end and self.log.may_gap:
            self.totals.gaps += 1
        elif not self.log.may_end and not self.log.may_gap:
            self.found("I4", index, "its connection ended (%s) though nothing happened to %s" % (event.text, event.node))

    # ---- messages

    def on_message(self, index, event):
        self.totals.delivered += 1
        if event.channel != self.log.channel:
            return self.found("I6", index, "got %d of %s" % (event.n, event.channel))
        publication = self.published.get(event.n)
        if publication is None or publication.uid != event.uid:
            return self.found("I6", index, "got %d (%s), which nobody published" % (event.n, event.uid))
        if self.last is None:
            self.first_of_run(index, event)
        elif event.n > self.last:
            self.missing(index, self.last + 1, event.n)
        elif self.seen.get(event.n) == self.run:
            self.found("I2", index, "%d came twice and no boundary lies between" % event.n)
        else:
            self.found("I1", index, "%d came after %d" % (event.n, self.last))
        if event.n in self.seen:
            self.totals.replayed += 1
        self.seen[event.n] = self.run
        self.last = event.n if self.last is None else max(self.last, event.n)
        self.oldest = event.n if self.oldest is None else min(self.oldest, event.n)
        self.newest = max(self.newest or 0, event.n)
        if self.fresh is None and publication.started >= self.history.healed:
            self.fresh = event.at - self.history.healed

    def first_of_run(self, index, event):
        if self.since is None:
            return
        lost = [n for n in range(1, event.n) if self.must_have(n) and self.published[n].started > self.since]
        if lost:
            self.found("I3", index, "%s missing between where it was told to stand and %d" % (numbers(lost), event.n))

    def missing(self, index, first, end):
        lost = [n for n in range(first, end) if self.must_have(n)]
        if lost:
            self.found("I3", index, "%s missing before %d, and no boundary was told" % (numbers(lost), end))

    def must_have(self, n):
        publication = self.published.get(n)
        return publication is not None and publication.acked is not None and n not in self.seen

    def covered(self, n):
        """By a boundary after which nothing came: what was acknowledged before it lies on its other side."""
        return self.last is None and self.began is not None and self.published[n].acked < self.began

    def at_the_end(self):
        history = self.history
        if self.newest is not None:
            self.totals.missed += sum(self.must_have(n) for n in range(self.oldest, self.newest))
        if self.fresh is None:
            end = len(self.log.events) - 1
            return self.found("I5", end, "nothing that was published after the fault came")
        if self.fresh > history.patience:
            self.found("I5", len(self.log.events) - 1, "waited %.1f s after the fault" % self.fresh)
        self.totals.catch_up = max(self.totals.catch_up, self.fresh)
        lost = [n for n in self.published if n > self.newest and self.must_have(n) and not self.covered(n)]
        if lost:
            self.found("I5", len(self.log.events) - 1, "the newest, %s, never came" % numbers(lost))


def numbers(values):
    """[3, 4, 5, 8] -> "3-5, 8"."""
    parts = []
    for value in sorted(values):
        if parts and parts[-1][1] == value - 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ", ".join(str(a) if a == b else "%d-%d" % (a, b) for a, b in parts)
