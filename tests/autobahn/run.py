#!/usr/bin/env python3
"""Passes the Autobahn WebSocket cases, as kosoku runs them, through a node to two echo backends: one that speaks WebSocket (`native`) and one
that speaks WebSocket-over-HTTP (`over_http`). Exits 1 if a case fails or too many are not strict.

    run.py --quick                   all protocol cases, a sample of sizes and compression
    run.py --all                     everything: many minutes of CPU time
    run.py --cases 1-3,9.1.*,12.1.1-12.1.5
    run.py --direct                  against the echo backend itself: proves this tool without a node

Installs what it needs from requirements.txt into build/autobahn/venv.
"""
import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "autobahn"

SECTIONS = {1: "framing", 2: "pings and pongs", 3: "reserved bits", 4: "opcodes", 5: "fragmentation", 6: "UTF-8", 7: "closing",
            9: "limits and performance", 10: "automatic fragmentation", 12: "compression, sizes", 13: "compression, parameters"}
# Sections that take minutes are run in parts (9.1, 9.2, ...), so that there is something to see and a time limit means something.
PARTS = {9: 8, 12: 5, 13: 7}
QUICK = ("1-7,10,9.1.1-9.1.6,9.2.1-9.2.6,9.3.1,9.4.9,9.5.6,9.6.6,9.7.1-9.7.6,9.8.1-9.8.6,12.1.1-12.1.6,12.2.1-12.2.2,12.3.10,12.4.5,12.5.5,"
         "13.1.1-13.1.4,13.2.1-13.2.2,13.3.1-13.3.2,13.4.1-13.4.2,13.5.1,13.6.1,13.7.1-13.7.2")
ALL = ",".join(map(str, SECTIONS))

VERDICTS = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED")
GOOD_CLOSES = ("OK", "INFORMATIONAL")
MOST_NON_STRICT = 5  # in each way; strict is: invalid text is refused within the frame, not at its end
PROGRESS_EVERY = 30

Result = collections.namedtuple("Result", "case verdict why")


def with_packages():
    """Goes on in a Python that has the packages."""
    venv = BUILD / "venv"
    stamp, wanted = venv / ".ready", HERE / "requirements.txt"
    if not stamp.exists() or stamp.stat().st_mtime < wanted.stat().st_mtime:
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "-q", "install", "--disable-pip-version-check", "-r", wanted], check=True)
        stamp.touch()
    python = str(venv / "bin" / "python")
    if sys.executable != python:
        os.execv(python, [python, *sys.argv])


def groups_of(text):
    """{"1": ["1.*"], "9.1": ["9.1.1", "9.1.2"], ...}: what one kosoku runs each."""
    groups = collections.OrderedDict()
    for piece in text.split(","):
        first, _, last = piece.strip().partition("-")
        head, _, number = first.rpartition(".")
        numbers = [number] if not last else range(int(number), int(last.rpartition(".")[2]) + 1)
        for case in (".".join(filter(None, (head, str(n)))) for n in numbers):
            words = case.split(".")
            section = int(words[0])
            if section not in SECTIONS:
                continue  # Autobahn has no 8 and no 11
            if words[1:] in ([], ["*"]):
                for part in ["%d.%d" % (section, n + 1) for n in range(PARTS[section])] if section in PARTS else [str(section)]:
                    groups.setdefault(part, []).append(part + ".*")
            else:
                groups.setdefault(".".join(words[:2]) if section in PARTS else words[0], []).append(case)
    return groups


def judged(case, index):
    behavior, close = index["behavior"], index["behaviorClose"]
    if behavior not in VERDICTS or behavior == "FAILED":
        return Result(case, "FAILED", behavior)
    return Result(case, behavior, "") if close in GOOD_CLOSES else Result(case, "FAILED", "close " + close)


def run_group(url, patterns, out, parallel, limit):
    """The results of one kosoku; a run that does not end in time, or breaks, is one failed result for each of its patterns."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    command = [sys.executable, HERE / "kosoku_bytes.py", "-p", str(parallel), "-o", out]
    for pattern in patterns:
        command += ["-i", pattern]
    with open(out / "log", "wb") as log:
        process = subprocess.Popen([*command, url], stdout=log, stderr=subprocess.STDOUT)
    began = time.monotonic()
    try:
        while process.poll() is None:
            spent = time.monotonic() - began
            if spent > limit:
                return [Result(pattern, "FAILED", "not done in %d s" % limit) for pattern in patterns]
            try:
                process.wait(min(PROGRESS_EVERY, limit - spent + 0.1))
            except subprocess.TimeoutExpired:
                print("    %s: %d s" % (out.name, time.monotonic() - began), flush=True)
    finally:
        process.kill()
        process.wait()
    report = out / "index.json"
    if not report.exists():
        last = (out / "log").read_text(errors="replace").strip().rpartition("\n")[2]
        return [Result(pattern, "FAILED", last) for pattern in patterns]
    return [judged(case, index) for agent in json.loads(report.read_text()).values() for case, index in agent.items()]


def run_way(way, url, groups, options):
    print("%s: %s" % (way, url), flush=True)
    results = []
    for group, patterns in groups.items():
        began = time.monotonic()
        some = run_group(url, patterns, options.out / way / group, options.parallel, options.limit)
        results += some
        counts = collections.Counter(r.verdict for r in some)
        print("  %-5s %4d cases %4d s   %s" % (group, len(some), time.monotonic() - began,
                                              ", ".join("%s %d" % (v, counts[v]) for v in VERDICTS if counts[v])), flush=True)
    return results


def order(case):
    return [int(word) if word.isdigit() else 0 for word in case.split(".")]


def table(results):
    """A Markdown table: a line for each section."""
    sections = collections.defaultdict(collections.Counter)
    for r in results:
        sections[int(r.case.split(".")[0])][r.verdict] += 1
    total = sum(sections.values(), collections.Counter())
    lines = ["| section | cases | " + " | ".join(VERDICTS) + " |", "| --- |" + " ---: |" * (len(VERDICTS) + 1)]
    for name, counts in [*(("%d %s" % (s, SECTIONS[s]), sections[s]) for s in sorted(sections)), ("**all**", total)]:
        lines.append("| %s | %d | %s |" % (name, sum(counts.values()), " | ".join(str(counts[v]) for v in VERDICTS)))
    return "\n".join(lines) + "\n"


def not_ok(results):
    """The cases of each verdict but OK."""
    out = ""
    for verdict in VERDICTS[1:]:
        some = sorted((r for r in results if r.verdict == verdict), key=lambda r: order(r.case))
        if some:
            out += "\n%s: %s\n" % (verdict, ", ".join(r.case + (" (%s)" % r.why if r.why else "") for r in some))
    return out


def problems(way, results):
    counts = collections.Counter(r.verdict for r in results)
    if counts["FAILED"]:
        yield "%s: %d failed" % (way, counts["FAILED"])
    if counts["NON-STRICT"] > MOST_NON_STRICT:
        yield "%s: %d are not strict, at most %d may" % (way, counts["NON-STRICT"], MOST_NON_STRICT)
    for section in sorted({int(r.case.split(".")[0]) for r in results}):
        if all(r.verdict == "UNIMPLEMENTED" for r in results if r.case.startswith("%d." % section)):
            yield "%s: nothing of section %d is implemented" % (way, section)


def start_backend(*options):
    process = subprocess.Popen([sys.executable, HERE / "echo_backend.py", *options], stdout=subprocess.PIPE)
    return process, [int(port) for port in process.stdout.readline().split()]


def start_node(binary, websocket_port, http_port):
    os.environ["HOLDFAST_BIN"] = str(binary)
    sys.path.insert(0, str(ROOT / "tests" / "grip"))
    from kit import Node

    return Node(routes=[
        {"path_begins": "/native", "targets": [{"address": "127.0.0.1:%d" % websocket_port}]},
        {"path_begins": "/over_http", "targets": [{"address": "127.0.0.1:%d" % http_port, "over_http": True}]},
    ], websocket={"max_message": 33554432, "max_frames": 100000, "over_http_buffer": 33554432, "over_http_reply": 67108864})


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", dest="cases", action="store_const", const=QUICK, help="the default")
    which.add_argument("--all", dest="cases", action="store_const", const=ALL)
    which.add_argument("--cases", help="sections, cases, patterns and ranges, by commas")
    parser.add_argument("--direct", action="store_true", help="no node: the echo backend alone, with its own compression")
    parser.add_argument("--way", choices=("native", "over_http"), help="only this one")
    parser.add_argument("--bin", type=pathlib.Path, default=os.environ.get("HOLDFAST_BIN", ROOT / "build" / "release" / "holdfast"))
    parser.add_argument("--out", type=pathlib.Path, default=BUILD / "report", help="kosoku's reports (default: build/autobahn/report)")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="write the tables there")
    parser.add_argument("--parallel", type=int, default=1, help="cases at a time (default: 1)")
    parser.add_argument("--limit", type=int, default=900, metavar="SECONDS", help="for each line of the output (default: 900)")
    parser.set_defaults(cases=QUICK)
    return parser.parse_args(arguments)


def run_ways(options, groups):
    """[(way, results)]"""
    backend, (websocket_port, http_port) = start_backend(*["--compression"] if options.direct else [])
    node = None
    try:
        if options.direct:
            return [("direct", run_way("direct", "ws://127.0.0.1:%d/echo" % websocket_port, groups, options))]
        node = start_node(options.bin, websocket_port, http_port)
        ways = [options.way] if options.way else ["native", "over_http"]
        return [(way, run_way(way, "ws://%s:%d/%s" % (*node.edge(), way), groups, options)) for way in ways]
    finally:
        backend.kill()
        backend.wait()
        if node:
            node.stop()


def main():
    options = options_of(sys.argv[1:])
    with_packages()
    done = run_ways(options, groups_of(options.cases))
    text = "\n".join("## %s\n\n%s%s" % (way, table(results), not_ok(results)) for way, results in done)
    print("\n" + text)
    if options.markdown:
        options.markdown.write_text(text)
    wrong = [problem for way, results in done for problem in problems(way, results)]
    print("\n".join(wrong) or "good")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
