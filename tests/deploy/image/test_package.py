"""The Debian package: installs, keeps what the administrator wrote, runs as the unit says, and goes."""

import configparser
import pathlib
import re
import shlex
import subprocess

import pytest
import roots

UNIT = "usr/lib/systemd/system/holdfast.service"


@pytest.fixture(scope="session")
def package(build):
    roots.sh("cpack", "--config", build / "CPackConfig.cmake", "-B", roots.WORK / "deb", cwd=roots.ROOT)
    (found,) = (roots.WORK / "deb").glob("*.deb")
    return found


@pytest.fixture(scope="session")
def installed(debian, package):
    root = roots.copy(debian, roots.WORK / "package")
    (root / "tmp" / "holdfast.deb").write_bytes(package.read_bytes())
    apt = "export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && apt-get install -y -qq --no-install-recommends /tmp/holdfast.deb"
    roots.install(root, "sh", "-ec", apt)
    return root


@pytest.fixture(scope="session")
def unit(installed):
    """Section -> key -> last value; keys may repeat in units."""
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",), delimiters=("=",))
    parser.optionxform = str
    parser.read(installed / UNIT)
    return {section: dict(parser[section]) for section in parser.sections()}


def owner_and_mode(path):
    status = path.stat()
    return status.st_uid, oct(status.st_mode & 0o7777)


def test_it_makes_the_user_and_hides_the_configuration(installed):
    entry = roots.sh("chroot", installed, "getent", "passwd", "holdfast").strip().split(":")
    assert entry[-1] == "/usr/sbin/nologin" and int(entry[2]) < 1000
    assert owner_and_mode(installed / "etc/holdfast/holdfast.yaml") == (0, "0o640")


def test_systemd_takes_the_unit_and_the_user(installed):
    roots.install(installed, "sh", "-ec", "export DEBIAN_FRONTEND=noninteractive; apt-get install -y -qq --no-install-recommends systemd procps")
    with roots.system(installed):
        run = roots.run(installed, "systemd-analyze", "verify", "--man=no", "holdfast.service")
        assert run.returncode == 0 and "holdfast" not in run.stdout, run.stdout
        run = roots.run(installed, "systemd-sysusers", "--dry-run", "/usr/lib/sysusers.d/holdfast.conf")
        assert run.returncode == 0, run.stdout


def test_the_unit_is_hardened(installed):
    run = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=20", installed / UNIT], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert re.search(r"exposure level for \S+: [01]\.\d", run.stdout), run.stdout[-300:]


def test_the_unit_gives_a_drain_its_time(unit, installed):
    window = re.search(r"window: (\d+)s", pathlib.Path(roots.ROOT / "config/reference.yaml").read_text())
    assert int(unit["Service"]["TimeoutStopSec"]) > int(window[1]) + 30


def test_what_the_unit_starts_serves(installed, unit):
    service = unit["Service"]
    with roots.read_only(installed) as view, roots.network() as enter:
        check = roots.run(view, *shlex.split(service["ExecStartPre"]), user="holdfast:holdfast")
        assert check.returncode == 0, check.stdout
        user = "%s:%s" % (service["User"], service["Group"])
        with roots.Serving(view, *shlex.split(service["ExecStart"]), user=user, network=enter) as node:
            # Listens, and publishes through its own client.
            script = """exec 3<>/dev/tcp/127.0.0.1/7999; printf 'GET /events/deb HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&3
                        read -r -t 10 status <&3; echo "$status"
                        for i in 1 2 3 4 5; do holdfast publish deb through-the-package >&2
                        while read -r -t 2 line <&3; do case $line in *through-the-package*) echo received; exit 0;; esac; done; done; exit 1"""
            arguments, variables = roots.inside(view, "bash", "-c", script, user=user)
            run = subprocess.run([*enter, *arguments], env=variables, capture_output=True, text=True, timeout=60)
            assert run.returncode == 0 and "received" in run.stdout, run.stdout + run.stderr
            # SIGHUP reloads and does not end it.
            node.process.send_signal(1)
            for line in node.process.stdout:
                node.said.append(line)
                if "routes were read again" in line:
                    break
            assert node.process.poll() is None


def test_an_upgrade_keeps_what_the_administrator_wrote(installed):
    config = installed / "etc/holdfast/holdfast.yaml"
    written = config.read_text() + "\n# mine\n"
    config.write_text(written)
    roots.install(installed, "dpkg", "--install", "--force-confold", "/tmp/holdfast.deb")
    assert config.read_text() == written


def test_it_goes_and_leaves_nothing(installed):
    roots.install(installed, "dpkg", "--purge", "holdfast")
    for path in ("usr/bin/holdfast", UNIT, "etc/holdfast", "usr/share/doc/holdfast"):
        assert not (installed / path).exists(), path
