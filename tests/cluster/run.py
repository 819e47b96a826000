#!/usr/bin/env python3
"""Breaks a cluster in many ways while clients listen and publishers publish, and checks that nobody missed anything without being told."""
import argparse
import asyncio
import dataclasses
import importlib
import logging
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cells import CELLS  # noqa: E402
from cluster import Run  # noqa: E402
from report import Row, section, write_section  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHOWN = 5  # violations of a cell


@dataclasses.dataclass
class Scale:
    channels: int = 100
    listeners: int = 300
    rate: float = 200.0   # publications a second, in all
    seconds: float = 8.0  # of a fault


QUICK = Scale(40, 120, 80.0, 3.0)


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", required=True, choices=["memory", "redis", "kafka", "zeromq"])
    parser.add_argument("--cells", help="names, with commas between; without it all that suit the broker")
    parser.add_argument("--bin", default=os.environ.get("HOLDFAST_BIN", str(ROOT / "build" / "release" / "holdfast")), help="the program")
    parser.add_argument("--seconds", type=float, help="how long a fault lasts")
    parser.add_argument("--quick", action="store_true", help="fewer channels and listeners, shorter faults")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--markdown", metavar="FILE", help="rewrites the broker's section of this file")
    parser.add_argument("--keep", metavar="DIR", help="leaves logs of nodes and clients there")
    parser.add_argument("--list", action="store_true", help="names the cells and ends")
    given = parser.parse_args()
    if given.markdown and given.cells:
        parser.error("--markdown writes the table of all cells")
    return given


def cells_of(broker, names):
    if not names:
        return [cell for cell in CELLS.values() if cell.suits(broker)]
    wrong = [name for name in names.split(",") if name not in CELLS or not CELLS[name].suits(broker)]
    if wrong:
        sys.exit("no such cell for %s: %s" % (broker.name, ", ".join(wrong)))
    return [CELLS[name] for name in names.split(",")]


def say(text, end="\n"):
    print(text, end=end, flush=True)


async def run_cell(cell, broker, binary, roles, scale, given, folder):
    began = time.monotonic()
    if sys.stdout.isatty():
        def phase(word):
            say("\r\033[K  %-20s %s" % (cell.name, word), end="")
    else:
        def phase(word):
            pass
    run = Run(cell, broker, binary, roles, scale, given.seed, folder, phase)
    violations, totals = await run.execute()
    row = Row.of(cell, totals, violations)
    if sys.stdout.isatty():
        say("\r\033[K", end="")
    say("  %s %5.1f s" % (row.line(), time.monotonic() - began))
    first = list({(violation.rule, violation.listener): violation for violation in reversed(violations)}.values())[::-1]
    for violation in first[:SHOWN]:
        say("    " + str(violation).replace("\n", "\n    "))
    if len(violations) > SHOWN:
        say("    %d in all" % len(violations))
    if violations:
        more = (" --quick" if given.quick else "") + (" --seconds %g" % given.seconds if given.seconds else "")
        say("    again: tests/cluster/run.py --broker %s --cells %s --seed %d%s --keep DIR" % (broker.name, cell.name, given.seed, more))
    if given.keep:
        keep_logs(run, folder / "listeners")
    return row


def keep_logs(run, folder):
    folder.mkdir()
    for listener in run.listeners:
        (folder / ("%s.%s" % (listener.log.name, listener.kind))).write_text("".join("%s\n" % event for event in listener.log.events))


def end_what_was_started_on(number):
    """The signal cancels the run, once: a second one would cancel the cleaning up."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def cancel():
        loop.add_signal_handler(number, lambda: None)
        task.cancel()
    loop.add_signal_handler(number, cancel)


async def main():
    end_what_was_started_on(signal.SIGTERM)
    given = options()
    broker = importlib.import_module("brokers." + given.broker).Broker()
    cells = cells_of(broker, given.cells)
    if given.list:
        for cell in cells:
            say("%-22s %s" % (cell.name, cell.what))
        return 0
    scale = dataclasses.replace(QUICK if given.quick else Scale())
    if given.seconds:
        scale.seconds = given.seconds
    binary = pathlib.Path(given.bin).resolve()
    roles = "--role" in subprocess.run([binary, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    say("%s, %d cells, %d channels, %d listeners, %g messages a second, seed %d" %
        (broker.version(), len(cells), scale.channels, scale.listeners, scale.rate, given.seed))
    say("  " + Row.head())
    rows = []
    with tempfile.TemporaryDirectory(prefix="holdfast-cluster-") as temporary:
        try:
            for cell in cells:
                folder = pathlib.Path(given.keep or temporary) / cell.name
                if folder.exists():
                    sys.exit("%s is there already" % folder)
                folder.mkdir(parents=True)
                rows.append(await run_cell(cell, broker, binary, roles, scale, given, folder))
        finally:
            await broker.close()
    bad = [row for row in rows if row.violations]
    say("%d of %d cells kept the promise" % (len(rows) - len(bad), len(rows)))
    if given.markdown:
        version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        write_section(given.markdown, broker, section(broker, version, scale, rows, given.seed))
    return 1 if bad else 0


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # not of each write to a connection that is gone
    try:
        sys.exit(asyncio.run(main()))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
