"""A node made by `holdfast import-pushpin` answers as Pushpin does: to clients, and towards backends.

The same requests go to both. Where no Pushpin is installed, its answers are those that were recorded:

    HOLDFAST_RECORD_PUSHPIN=1 python -m pytest tests/grip/test_import_pushpin.py     # records them anew; needs Pushpin 1.36
"""
import json
import os
import pathlib
import re
import subprocess

import pytest
import real_pushpin
from import_cases import CASES, KNOWN, Recorder, backend_answer
from kit import BINARY, ENVIRONMENT, Backend, Node
from real_pushpin import Pushpin, free_ports, with_keys

HERE = pathlib.Path(__file__).parent / "pushpin"
SAMPLE = (HERE / "sample.conf").read_text()
ANSWERS = HERE / "answers.json"
RECORDING = bool(os.environ.get("HOLDFAST_RECORD_PUSHPIN"))
PLAIN = {k: v for k, v in ENVIRONMENT.items() if not k.startswith("HOLDFAST_")}  # which would be read as options
EMPTY_PORTS = {"runner": {"http_port": "127.0.0.1:0"},
               "handler": {"push_in_spec": "tcp://127.0.0.1:0", "push_in_sub_specs": "tcp://127.0.0.1:0", "command_spec": "tcp://127.0.0.1:0"}}


def run_import(*arguments):
    return subprocess.run([BINARY, "import-pushpin", *map(str, arguments)], capture_output=True, text=True, env=PLAIN, timeout=60)


def imported_node(folder, conf, routes):
    keys = {**EMPTY_PORTS, "global": {"rundir": folder}}
    (folder / "pushpin.conf").write_text(with_keys(conf, keys))
    (folder / "routes").write_text(routes)
    done = run_import("--config", folder / "pushpin.conf", "--output", folder / "holdfast.yaml")
    assert done.returncode in (0, 1), done.stderr
    checked = subprocess.run([BINARY, "check-config", "--config", folder / "holdfast.yaml"], capture_output=True, text=True, env=PLAIN, timeout=60)
    assert checked.returncode == 0, checked.stderr
    return Node(file=folder / "holdfast.yaml", sets=["metrics.address=127.0.0.1:0", "control.http.address=127.0.0.1:0", "control.grpc.address=", "drain.window=100ms", "loops=2"])


def ask_all(case, proxy, recorder):
    return {ask.name: ask.run(proxy, recorder) for ask in case.asks}


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_imported_node_answers_as_pushpin(case, tmp_path):
    backends = {name: Backend(backend_answer(name)) for name in "ab"}
    closed = free_ports(1)[0]
    recorder = Recorder(backends, closed)
    routes = case.routes.replace("{closed}", str(closed))
    for name, backend in backends.items():
        routes = routes.replace("{%s}" % name, "127.0.0.1:%d" % backend.port)
    conf = with_keys(SAMPLE, case.conf)
    node = imported_node(tmp_path, conf, routes)
    try:
        got = ask_all(case, node, recorder)
    finally:
        node.stop()
    if RECORDING or real_pushpin.installed():
        pushpin = Pushpin(conf, routes)
        try:
            wanted = ask_all(case, pushpin, recorder)
        finally:
            pushpin.stop()
        if RECORDING:
            record(case, wanted)
    else:
        wanted = json.loads(ANSWERS.read_text())[case.name]
    for backend in backends.values():
        backend.close()
    found = differences(got, wanted)
    known = [pattern for name, pattern in KNOWN if re.fullmatch(name, case.name)]
    unknown = [d for d in found if not any(re.match(pattern, d) for pattern in known)]
    assert not unknown, "\n".join(unknown)
    gone = [pattern for name, pattern in KNOWN if name == case.name and not any(re.match(pattern, d) for d in found)]
    assert not gone, "no longer different: %s" % gone


def differences(got, wanted, path=""):
    """One line for each, so that a failure can be read."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        return [d for key in sorted({*got, *wanted}) for d in differences(got.get(key), wanted.get(key), "%s/%s" % (path, key))]
    if isinstance(got, list) and isinstance(wanted, list) and "headers" in path:
        return ["%s: pushpin -%s" % (path, h) for h in wanted if h not in got] + ["%s: holdfast +%s" % (path, h) for h in got if h not in wanted]
    if isinstance(got, list) and isinstance(wanted, list) and len(got) == len(wanted):
        return [d for i, (a, b) in enumerate(zip(got, wanted)) for d in differences(a, b, "%s/%d" % (path, i))]
    return [] if got == wanted else ["%s: pushpin %r, holdfast %r" % (path, wanted, got)]


def record(case, answers):
    all_answers = json.loads(ANSWERS.read_text()) if ANSWERS.exists() else {}
    all_answers[case.name] = answers
    ANSWERS.write_text(json.dumps(all_answers, indent=1, sort_keys=True) + "\n")


# ---- the command

@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pushpin.conf").write_text(SAMPLE)
    (tmp_path / "routes").write_text("* test\n")
    return tmp_path


def test_sample_loses_nothing(folder):
    done = run_import("-c", folder / "pushpin.conf")
    assert done.returncode == 0
    assert "  - address: \"0.0.0.0:7999\"  # runner.http_port\n" in done.stdout
    assert "\nroutes:\n  # routes:1\n  - domain: \"*\"\n    targets:\n      - address: test\n" in done.stdout
    assert "warning   routes:1: whoever reaches the target test can listen to any channel" in done.stderr
    assert "lost" not in done.stderr and "replaced  runner.logdir (pushpin.conf:10): " in done.stderr


def test_what_is_lost_is_said_everywhere(folder):
    (folder / "pushpin.conf").write_text(with_keys(SAMPLE, {"handler": {"state_spec": "tcp://127.0.0.1:1"}}))
    (folder / "routes").write_text("* test\nbad.test,proto=ftp a:1\n")
    done = run_import("-c", folder / "pushpin.conf", "-o", folder / "out.yaml")
    assert done.returncode == 1 and done.stdout == ""
    assert "lost      handler.state_spec (pushpin.conf:" in done.stderr and "lost      routes:2: proto" in done.stderr
    assert "2 to do by hand" in done.stderr
    text = (folder / "out.yaml").read_text()
    assert "#   handler.state_spec (pushpin.conf:" in text and "#   routes:2: proto" in text


def test_report_as_json(folder):
    done = run_import("-c", folder / "pushpin.conf", "-o", folder / "out.yaml", "--json")
    assert done.returncode == 0 and done.stderr == ""
    report = json.loads(done.stdout)
    assert report["routes"] == 1 and report["output"] == str(folder / "out.yaml")
    assert {"option": "delivery.rate", "from": "handler.message_rate"} in report["carried"]
    assert {"option": "upstream.response_timeout", "from": None} in report["carried"]
    assert any(note["what"] == "runner.services" and note["kind"] == "replaced" for note in report["notes"])
    assert run_import("-c", folder / "pushpin.conf", "--json").returncode == 2


def test_nothing_is_written_over_unasked(folder):
    out = folder / "out.yaml"
    out.write_text("mine")
    done = run_import("-c", folder / "pushpin.conf", "-o", out)
    assert done.returncode == 2 and "--force" in done.stderr and out.read_text() == "mine"
    assert run_import("-c", folder / "pushpin.conf", "-o", out, "--force").returncode == 0
    assert out.read_text().startswith("# Made by")


def test_whoever_may_not_read_the_key_there_may_not_here(folder):
    (folder / "pushpin.conf").chmod(0o640)
    run_import("-c", folder / "pushpin.conf", "-o", folder / "out.yaml")
    assert (folder / "out.yaml").stat().st_mode & 0o007 == 0


def test_routes_may_stay_in_their_file(folder):
    done = run_import("-c", folder / "pushpin.conf", "-o", folder / "out.yaml", "--keep-routes")
    assert done.returncode == 0
    assert "routes_file: %s  # proxy.routesfile" % (folder / "routes") in (folder / "out.yaml").read_text()
    assert "\nroutes:" not in (folder / "out.yaml").read_text()


def test_missing_files_are_named(folder):
    done = run_import("-c", folder / "nothing")
    assert done.returncode == 2 and "nothing: cannot be read" in done.stderr
    (folder / "routes").unlink()
    done = run_import("-c", folder / "pushpin.conf")
    assert done.returncode == 2 and "routes: cannot be read" in done.stderr and done.stdout == ""
