"""What a run leaves behind: what was published, and what each listener logged. The checker reads nothing else."""
from dataclasses import dataclass, field
from typing import Optional


@dataclass
class Publication:
    """Message `n` of a channel. `acked` is None while nobody said 200: it may or may not be delivered."""
    channel: str
    n: int
    uid: str
    started: float
    acked: Optional[float] = None
    attempts: int = 0


@dataclass
class Event:
    """One line of a listener's log.

    connect   a connection is open. `position`: what the client came back with; None: it begins anew
    started   the node said where the client stands: whatever is published from now on must come
    message   `channel`, `n`, `uid`
    gap       the node said that something may be missing before what follows; `text` is its reason
    end       the connection is over; for kinds without another way to tell it, the node may have said by it what `gap` says
    """
    at: float
    what: str
    node: str = ""
    channel: str = ""
    n: int = 0
    uid: str = ""
    position: Optional[str] = None
    text: str = ""

    def __str__(self):
        if self.what == "message":
            return "%8.3f message %s %d (%s) from %s" % (self.at, self.channel, self.n, self.uid, self.node)
        where = " at %s" % self.node if self.node else ""
        more = " with position %s" % self.position if self.position else ""
        return "%8.3f %s%s%s %s" % (self.at, self.what, where, more, self.text)


@dataclass
class ListenerLog:
    name: str
    kind: str
    channel: str
    events: list = field(default_factory=list)
    told_by_end: bool = False  # a gap is told by ending the connection
    may_gap: bool = False   # the cell's fault may lose messages for this listener
    may_end: bool = False   # the cell's fault may end its connections on nodes that live


@dataclass
class History:
    publications: dict      # channel -> [Publication], in the order in which they were published
    listeners: list         # ListenerLog
    touched: set            # names of nodes that were killed or told to stop: their connections end
    healed: float           # when the fault was over
    patience: float = 10.0  # everything is well again within so long
