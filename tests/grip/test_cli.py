"""The command line: help that fits a screen, completion by real shells, and `holdfast doctor`."""
import json
import re
import subprocess

import pytest
from kit import BINARY, ENVIRONMENT, Backend

PLAIN = {k: v for k, v in ENVIRONMENT.items() if not k.startswith("HOLDFAST_")}


def holdfast(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, env=PLAIN, timeout=60)


def commands():
    """As the program's help lists them."""
    return re.findall(r"^  ([a-z-]+)  ", holdfast("--help").stdout, re.M)


# ---- help

def test_every_help_fits_a_screen():
    names = commands()
    assert {"serve", "publish", "doctor", "import-pushpin", "completion"} <= set(names)
    for arguments in [["--help"], *[[name, "--help"] for name in names]]:
        done = holdfast(*arguments)
        assert done.returncode == 0 and done.stderr == ""
        lines = done.stdout.rstrip("\n").split("\n")
        assert len(lines) <= 24 and max(map(len, lines)) <= 80, "%s: %d lines, %d columns" % (arguments, len(lines), max(map(len, lines)))


def test_every_command_says_its_exit_codes():
    for name in commands():
        assert re.search(r"^Exit: 0 ", holdfast(name, "--help").stdout, re.M), name


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["serve"], ["doctor", "--nonsense"], ["serve", "--role", "none", "-c", "x"], ["completion", "tcsh"]])
def test_wrong_usage_is_2_and_says_why(arguments):
    done = holdfast(*arguments)
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr) > 10


# ---- completion

def bash_completes(*words):
    """What bash offers for the last word."""
    line = " ".join(words)
    script = """
source <("$1" completion bash)
COMP_WORDS=(%s) COMP_CWORD=%d COMP_LINE=%s
complete -p holdfast >/dev/null || exit 9
compopt() { :; }  # bash has it only while it completes by itself
_holdfast
printf '%%s\\n' "${COMPREPLY[@]}"
""" % (" ".join("'%s'" % w for w in words), len(words) - 1, "'%s'" % line)
    done = subprocess.run(["bash", "-c", script, "bash", BINARY], capture_output=True, text=True, env=PLAIN, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.split()


def test_bash_completes_commands_options_and_values(tmp_path):
    assert set(bash_completes("holdfast", "")) == {*commands(), "-h", "--help", "--version"}
    assert bash_completes("holdfast", "ser") == ["serve"]
    assert bash_completes("holdfast", "print-") == ["print-config", "print-reference"]
    assert "--role" in bash_completes("holdfast", "serve", "--") and "--config" in bash_completes("holdfast", "serve", "--")
    assert bash_completes("holdfast", "serve", "--role", "") == ["all", "gateway", "control"]
    assert bash_completes("holdfast", "serve", "--role", "g") == ["gateway"]
    assert bash_completes("holdfast", "completion", "b") == ["bash"]
    (tmp_path / "node.yaml").write_text("")
    assert bash_completes("holdfast", "doctor", "--config", "%s/no" % tmp_path) == ["%s/node.yaml" % tmp_path]
    assert bash_completes("holdfast", "publish", "--id", "") == []


def test_bash_knows_every_option_of_every_command():
    for name in commands():
        shown = set(re.findall(r"^  .*?(--[a-z-]+)", holdfast(name, "--help").stdout, re.M))
        assert shown <= set(bash_completes("holdfast", name, "--")), name


def test_fish_completes(tmp_path):
    (tmp_path / "holdfast.fish").write_text(holdfast("completion", "fish").stdout)

    def completes(line):
        done = subprocess.run(["fish", "--no-config", "-c", "source %s; complete -C '%s'" % (tmp_path / "holdfast.fish", line)],
                              capture_output=True, text=True, env={**PLAIN, "HOME": str(tmp_path)}, timeout=60)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return [one.split("\t")[0] for one in done.stdout.splitlines()]

    assert set(completes("holdfast ")) == set(commands())
    assert completes("holdfast ser") == ["serve"]
    assert completes("holdfast serve --ro") == ["--role"]
    assert set(completes("holdfast serve --role ")) == {"all", "gateway", "control"}
    assert set(completes("holdfast completion ")) >= {"bash", "zsh", "fish"}


def test_zsh_loads_it(tmp_path):
    (tmp_path / "_holdfast").write_text(holdfast("completion", "zsh").stdout)
    script = "autoload -Uz compinit; compinit -u -D; source %s; print -r -- $_comps[holdfast]; functions _holdfast >/dev/null" % (tmp_path / "_holdfast")
    done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, env={**PLAIN, "HOME": str(tmp_path)}, timeout=60)
    assert done.returncode == 0 and done.stderr == "" and done.stdout == "_holdfast\n", done.stderr
    text = (tmp_path / "_holdfast").read_text()
    for name in commands():
        assert "    %s) _arguments" % name in text
    assert "'*--role[all, gateway (clients) or control (publishers)]:value:(all gateway control)'" in text


# ---- doctor

def doctor(*arguments):
    done = holdfast("doctor", "--json", *arguments)
    report = json.loads(done.stdout)
    return done.returncode, {one["what"]: one for one in report["findings"]}, report


@pytest.fixture
def config(tmp_path):
    def write(**more):
        base = {"listen": [{"address": "127.0.0.1:0"}], "control": {"http": {"address": "127.0.0.1:0"}, "grpc": {"address": ""}}, "metrics": {"address": "127.0.0.1:0"},
                "edge": {"max_connections": 100}, "loops": 1}
        (tmp_path / "holdfast.yaml").write_text(json.dumps({**base, **more}))
        return tmp_path / "holdfast.yaml"
    return write


def test_doctor_finds_backends_that_are_gone(config):
    up, down = Backend(), Backend()
    down.close()
    routes = [{"path_begins": "/%d" % b.port, "targets": [{"address": "127.0.0.1:%d" % b.port}]} for b in (up, down)]
    code, findings, report = doctor("-c", config(routes=routes))
    states = {what.split(" (")[0]: one["state"] for what, one in findings.items()}
    assert code == 1 and report["fail"] == 1
    assert states["backend 127.0.0.1:%d" % up.port] == "ok" and states["backend 127.0.0.1:%d" % down.port] == "fail"
    assert all(one["advice"] for one in findings.values() if one["state"] != "ok")


def test_doctor_knows_whether_the_node_runs(config, start):
    node = start()
    edge, admin = node.edge()[1], int(node.addresses["metrics"][0].split(":")[-1].split("/")[0])
    file = config(listen=[{"address": "127.0.0.1:%d" % edge}], metrics={"address": "127.0.0.1:%d" % admin})
    code, findings, _ = doctor("-c", file)
    assert code == 0 and findings["clients 127.0.0.1:%d" % edge]["text"] == "accepts connections"
    # Without the node's metrics it is somebody else's port.
    file = config(listen=[{"address": "127.0.0.1:%d" % edge}])
    code, findings, _ = doctor("-c", file)
    assert code == 1 and "somebody else" in findings["clients 127.0.0.1:%d" % edge]["text"]


def test_doctor_compares_the_drain_with_the_time_of_a_stop(config):
    file = config(drain={"window": "20s"})
    assert doctor("-c", file, "--grace", "30s")[0] == 0
    code, findings, _ = doctor("-c", file, "--grace", "20s")
    assert code == 1 and findings["drain"]["state"] == "fail" and "TimeoutStopSec=" in findings["drain"]["advice"]


def test_doctor_prints_for_people_too(config):
    done = holdfast("doctor", "-c", config(), "--set", "broker.type=zeromq", "--set", "broker.zeromq.peers=tcp://127.0.0.1:1")
    assert done.returncode == 1 and done.stderr == ""
    assert re.search(r"^FAIL  zeromq peer tcp://127.0.0.1:1: Connection refused\n      -> ", done.stdout, re.M)
    assert re.search(r"^\d+ ok, \d+ to look at, 1 failing$", done.stdout, re.M)


def test_doctor_refuses_a_wrong_configuration(config):
    done = holdfast("doctor", "-c", config(nonsense=1))
    assert done.returncode == 2 and "nonsense" in done.stderr and done.stdout == ""
    assert holdfast("doctor", "--grace", "soon").returncode == 2
