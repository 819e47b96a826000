#!/usr/bin/env python3
"""Holds dashboards and alert rules to what a node exposes: dashboards.py SCRAPE, where SCRAPE is a file with the text of /metrics."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ROOT / "deploy" / "helm" / "holdfast" / "files"
# What Grafana puts in; $__rate_interval and its like are durations.
VARIABLES = {"__rate_interval": "5m", "__interval": "1m", "__range": "1h", "datasource": "prometheus"}
NAME = re.compile(r"(?<![\w\"$:])((?:holdfast|process|namespace_job|namespace_job_reason|instance)[a-z0-9_]*(?::[a-z0-9_:]+)?)(?=[\s{\[)]|$)")
LABELS = {"namespace", "namespace_job", "namespace_job_reason", "job", "instance"}


def exposed(scrape):
    """Every name that a query may use: of the scrape, of what it was made without (other brokers, tracing), and of the recording rules."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", scrape, re.M):
        names |= {name + end for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    assert "holdfast_build_info" in names, "no scrape of a node"
    for section in re.findall(r"^With `[^`]+`:\n\n((?:\|.*\n)+)", (ROOT / "docs" / "metrics.md").read_text(), re.M):
        names |= set(re.findall(r"^\| `(\w+)`", section, re.M))
    return names | set(re.findall(r"- record: (\S+)", (FILES / "alerts.yaml").read_text()))


def substitute(expression):
    return re.sub(r"\$\{?(\w+)\}?", lambda match: VARIABLES.get(match[1], "x"), expression)


def unknown(expression, names):
    bare = re.sub(r'\{[^}]*\}', " ", expression)
    bare = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    return sorted(set(NAME.findall(bare)) - names - LABELS)


def panels_of(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def overlapping(a, b):
    return a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def layout_problems(panels):
    for i, panel in enumerate(panels):
        at = panel.get("gridPos", {})
        if not all(isinstance(at.get(key), int) for key in "xywh") or at["x"] + at["w"] > 24 or min(at["w"], at["h"]) < 1:
            yield "%r: gridPos %s does not fit 24 columns" % (panel.get("title"), at)
            continue
        for other in panels[:i]:
            if "x" in other.get("gridPos", {}) and overlapping(at, other["gridPos"]):
                yield "%r lies on %r" % (panel.get("title"), other.get("title"))


def panel_problems(panel, variables, names):
    title = panel.get("title")
    if not title:
        yield "panel %s has no title" % panel.get("id")
    if panel["type"] == "row":
        return
    if not panel.get("description"):
        yield "%r has no description" % title
    if not panel.get("fieldConfig", {}).get("defaults", {}).get("unit"):
        yield "%r has no unit" % title
    if panel.get("datasource", {}).get("uid") != "${datasource}":
        yield "%r does not use the data source variable" % title
    if not panel.get("targets"):
        yield "%r has no query" % title
    for target in panel.get("targets", []):
        expression = target.get("expr", "")
        for name in re.findall(r"\$\{?(\w+)\}?", expression):
            if name not in variables and name not in VARIABLES:
                yield "%r uses the variable %s, which is not there" % (title, name)
        for name in unknown(expression, names):
            yield "%r asks for %s, which no node exposes" % (title, name)


def rules_for(expressions):
    """A rule file, so that promtool parses each expression."""
    rules = [{"record": "check:expression:%d" % i, "expr": substitute(text)} for i, text in enumerate(expressions)]
    return json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})


def parse_problems(expressions):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(rules_for(expressions))
        file.flush()
        said = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True)
    if said.returncode != 0:
        yield "promtool does not take an expression: " + said.stderr.strip()


def dashboard_problems(path, names):
    try:
        dashboard = json.loads(path.read_text())
    except ValueError as why:
        yield "is no JSON: %s" % why
        return
    for key in ("uid", "title", "schemaVersion", "panels", "templating"):
        if not dashboard.get(key):
            yield "has no %s" % key
            return
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    for wanted in ("datasource", "namespace", "job", "instance"):
        if wanted not in variables:
            yield "has no variable %s" % wanted
    panels = list(panels_of(dashboard))
    ids = [panel.get("id") for panel in panels]
    if len(set(ids)) != len(ids):
        yield "has two panels with one id"
    yield from layout_problems(panels)
    for panel in panels:
        yield from panel_problems(panel, variables, names)
    expressions = [target.get("expr", "") for panel in panels for target in panel.get("targets", [])]
    expressions += [entry["expr"] for entry in dashboard.get("annotations", {}).get("list", []) if "expr" in entry]
    yield from parse_problems(expressions)


def alert_problems(names):
    """Each alert has metrics that exist, a runbook, and a case in which it fires and one in which it does not."""
    rules = (FILES / "alerts.yaml").read_text()
    tests = (ROOT / "tests" / "deploy" / "alerts_test.yaml").read_text()
    headings = re.findall(r"^### (\w+)$", (ROOT / "docs" / "alerts.md").read_text(), re.M)
    alerts = re.findall(r"^\s+- alert: (\w+)$", rules, re.M)
    for heading in set(headings) ^ set(alerts):
        yield "%s is in one of alerts.yaml and docs/alerts.md only" % heading
    for alert in alerts:
        if "runbook: docs/alerts.md#%s\n" % alert.lower() not in rules:
            yield "%s has no runbook" % alert
        if not re.search(r"alertname: %s\n\s+exp_alerts:\n" % alert, tests):
            yield "no test shows %s firing" % alert
        if not re.search(r"alertname: %s\n\s+exp_alerts: \[\]\n" % alert, tests):
            yield "no test shows %s quiet" % alert
    for expression in re.findall(r"^\s+expr: (?:\|\n((?:\s{10}.*\n)+)|(.*)\n)", rules, re.M):
        for name in unknown("".join(expression), names):
            yield "a rule asks for %s, which no node exposes" % name


def self_test():
    """The checks can fail."""
    place = {"type": "timeseries", "title": "a", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8}}
    assert list(layout_problems([place, {**place, "gridPos": {"x": 11, "y": 7, "w": 2, "h": 2}}]))
    assert not list(layout_problems([place, {**place, "gridPos": {"x": 12, "y": 0, "w": 12, "h": 8}}]))
    assert unknown('sum by (job) (rate(holdfast_nothing_total{job="holdfast"}[5m])) / holdfast_known', {"holdfast_known"}) == ["holdfast_nothing_total"]
    assert len(list(panel_problems({"type": "stat", "id": 1}, set(), set()))) == 5
    assert list(panel_problems({"type": "stat", "title": "a", "targets": [{"expr": "rate(x[$__no])"}]}, set(), set()))
    assert list(parse_problems(["sum(("])) and not list(parse_problems(["rate(a{b=~\"$c\"}[$__rate_interval])"]))


def main():
    self_test()
    names = exposed(pathlib.Path(sys.argv[1]).read_text())
    problems = ["alerts: " + problem for problem in alert_problems(names)]
    for path in sorted(FILES.glob("*dashboard*.json")):
        problems += ["%s: %s" % (path.name, problem) for problem in dashboard_problems(path, names)]
    print("\n".join(problems) or "dashboards and alerts name what a node exposes")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
