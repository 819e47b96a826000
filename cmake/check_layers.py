#!/usr/bin/env python3
"""Reads every #include and refuses those that cmake/layers.txt does not allow. `--self-test` shows that it can."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def read_rules(text):
    layers, libraries = {}, {}
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if line:
            key, _, allowed = line.rpartition(":") if line.endswith(":") else line.partition(": ")
            (libraries if key[0] in '<"' else layers)[key] = allowed.split()
    return layers, libraries


def folder_of(path, layers):
    """The deepest layer that holds the path."""
    parts = path.split("/")[:-1]
    while parts and "/".join(parts) not in layers:
        parts.pop()
    return "/".join(parts)


def problems(path, text, rules):
    layers, libraries = rules
    here = folder_of(path, layers)
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, name = match.groups()
        there = folder_of(name, layers) if kind == '"' else ""
        if there and there != here and "*" not in layers[here] and there not in layers[here]:
            yield "%s:%d: %s may not include %s" % (path, number, here, name)
        for library, folders in libraries.items():
            if (kind + name).startswith(library) and not here.startswith("tests") and here not in folders \
                    and not any(here.startswith(f + "/") for f in folders):
                yield "%s:%d: %s may not include %s%s: only %s may" % (path, number, here, kind, name, ", ".join(folders))


def main():
    rules = read_rules((ROOT / "cmake" / "layers.txt").read_text())
    if "--self-test" in sys.argv:
        assert list(problems("gateway/hub/x.cpp", '#include "gateway/net/loop.h"', rules))
        assert list(problems("gateway/hub/x.cpp", "#include <boost/asio.hpp>", rules))
        assert not list(problems("gateway/hub/x.cpp", '#include "gateway/base/text.h"', rules))
    files = subprocess.run(["git", "ls-files", "--", "*.h", "*.cpp"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    found = [p for f in files if f.split("/")[0] in ("gateway", "adapters", "control", "examples") for p in problems(f, (ROOT / f).read_text(), rules)]
    print("\n".join(found) or "%d files keep to cmake/layers.txt" % len(files))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
