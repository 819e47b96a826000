"""What the chart renders, as text and as objects."""

import os
import pathlib
import re
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "holdfast"
CASES = sorted((CHART / "ci").glob("*.yaml"))
HELM = os.environ["HELM"]
HOLDFAST = os.environ["HOLDFAST"]
NODE = "holdfast-node"  # the label of Pods that run the program

# What Holdfast reads is not to be what the tests' own environment says.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST")}


def helm(*arguments):
    return subprocess.run([HELM, *map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT)


def template(*arguments, version="1.32.0"):
    """`helm template` of release hf in namespace live."""
    return helm("template", "hf", CHART, "--namespace", "live", "--kube-version", version, *arguments)


def indented(path, width):
    return "\n".join(" " * width + line if line else " " * width for line in path.read_text().rstrip("\n").split("\n"))


def golden_text(text):
    """Without what is another's: secrets that are made anew each time, and files that are carried as they are."""
    for name, width in {"alerts.yaml": 2, "dashboard.json": 4, "publish-and-receive.sh": 10}.items():
        text = text.replace(indented(CHART / "files" / name, width), " " * width + "(files/%s)" % name)
    return re.sub(r'(?m)^(  (?:publish-tokens|redis-password|mesh-key): )"[A-Za-z0-9]{40}"$', r"\1(generated)", text)


class Rendered:
    def __init__(self, name, text):
        self.name = name
        self.text = text
        self.objects = [o for o in yaml.safe_load_all(text) if o]

    @classmethod
    def of(cls, case, *arguments):
        run = template("--values", case, *arguments)
        assert run.returncode == 0, "%s: %s" % (case.name, run.stderr)
        return cls(case.stem, run.stdout)

    @classmethod
    def with_values(cls, *arguments):
        run = template(*arguments)
        assert run.returncode == 0, run.stderr
        return cls("values", run.stdout)

    def all(self, kind):
        return [o for o in self.objects if o["kind"] == kind]

    def one(self, kind, name):
        found = [o for o in self.all(kind) if o["metadata"]["name"] == name]
        assert len(found) == 1, "%s: %d objects are %s %s" % (self.name, len(found), kind, name)
        return found[0]

    def pods(self):
        """Pod templates of Deployments, and Pods: (name, metadata, spec)."""
        out = [(d["metadata"]["name"], d["spec"]["template"]["metadata"], d["spec"]["template"]["spec"]) for d in self.all("Deployment")]
        return out + [(p["metadata"]["name"], p["metadata"], p["spec"]) for p in self.all("Pod")]

    def nodes(self):
        """The Pod templates that run the program."""
        return [(name, spec) for name, metadata, spec in self.pods() if metadata["labels"].get(NODE) == "true"]

    def config(self):
        (found,) = [o["data"]["holdfast.yaml"] for o in self.all("ConfigMap") if "holdfast.yaml" in o.get("data", {})]
        return found
