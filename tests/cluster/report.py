"""What a run shows: a line per cell for the terminal, a table per broker for docs/faults.md."""
from dataclasses import dataclass


@dataclass
class Row:
    name: str
    what: str
    acked: int
    published: int
    delivered: int
    gaps: int
    reconnects: int
    catch_up: float
    violations: int

    @classmethod
    def of(cls, cell, totals, violations):
        return cls(cell.name, cell.what, totals.acked, totals.published, totals.delivered, totals.gaps, totals.reconnects, totals.catch_up,
                   len(violations))

    @property
    def verdict(self):
        return "kept" if not self.violations else "%d violations" % self.violations

    @staticmethod
    def head():
        return "%-22s %11s %9s %6s %10s %8s  %s" % ("cell", "acked", "delivered", "gaps", "reconnects", "catch-up", "promise")

    def line(self):
        return "%-22s %5d/%-5d %9d %6d %10d %6.1f s  %-14s" % (self.name, self.acked, self.published, self.delivered, self.gaps,
                                                               self.reconnects, self.catch_up, self.verdict)
    # section


def write_section(path, broker, scale, rows, quick):
    raise NotImplementedError
