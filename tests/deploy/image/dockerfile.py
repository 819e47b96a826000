"""Stages of a Dockerfile, as far as this project's uses the language."""

import json
import pathlib
import posixpath
import shlex

import roots


def instructions(path):
    """(word, rest) of each instruction; lines that end in a backslash go on."""
    out, line = [], ""
    for raw in path.read_text().splitlines():
        if not line and (not raw.strip() or raw.lstrip().startswith("#")):
            continue
        line += raw.rstrip("\\") if raw.endswith("\\") else raw
        if not raw.endswith("\\"):
            word, _, rest = line.strip().partition(" ")
            out.append((word.upper(), rest.strip()))
            line = ""
    return out


def stages(path):
    out = []
    for word, rest in instructions(path):
        if word == "FROM":
            out.append((rest, []))
        else:
            out[-1][1].append((word, rest))
    return out


def context_without_ignored(project, folder):
    """What .dockerignore lets through: it leaves everything out and names what is not."""
    words = [line for line in (project / ".dockerignore").read_text().split() if not line.startswith("**/")]
    assert words[0] == "*" and all(word.startswith("!") for word in words[1:])
    roots.remove(folder)
    for word in words[1:]:
        target = folder / word[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        roots.sh("cp", "-a", "--no-preserve=ownership", project / word[1:], target)
    return folder


class Image:
    """What a stage's instructions made of a root."""

    def __init__(self, root, environment=None):
        self.root, self.environment = root, environment or {}
        self.user, self.entry, self.command, self.ports, self.folder = "0:0", [], [], [], "/"

    def build(self, steps, context, stages_out):
        for word, rest in steps:
            getattr(self, "do_" + word.lower())(rest, context, stages_out)
        return self

    def do_copy(self, rest, context, stages_out):
        words = shlex.split(rest)
        source_root = context
        if words[0].startswith("--from="):
            # "/out/ /": what the stage of that name would have put there.
            source_root = stages_out[words.pop(0).removeprefix("--from=")]
        *sources, target = words
        inside = pathlib.Path(str(self.root) + posixpath.join(self.folder, target))
        if target.endswith("/"):
            inside.mkdir(parents=True, exist_ok=True)
        else:
            inside.parent.mkdir(parents=True, exist_ok=True)
        for source in sources:
            path = source_root / source.lstrip("/")
            # The contents of a folder, as Docker copies them.
            roots.sh("cp", "-a", "--no-preserve=ownership", *(path.iterdir() if path.is_dir() else [path]), inside)

    def do_run(self, rest, context, stages_out):
        roots.install(self.root, "sh", "-ec", "cd %s; %s" % (self.folder, rest), environment=self.environment)

    def do_workdir(self, rest, *_):
        self.folder = rest
        pathlib.Path(str(self.root) + rest).mkdir(parents=True, exist_ok=True)

    def do_user(self, rest, *_):
        self.user = rest

    def do_entrypoint(self, rest, *_):
        self.entry = json.loads(rest)

    def do_cmd(self, rest, *_):
        self.command = json.loads(rest)

    def do_expose(self, rest, *_):
        self.ports = [int(port) for port in rest.split()]

    def do_label(self, *_):
        pass
