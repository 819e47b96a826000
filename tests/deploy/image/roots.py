"""Debian roots in folders, and programs in them. Mounts live in the mount namespace of the test run (image.sh)."""

import contextlib
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
WORK = ROOT / "build" / "image"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "LC_ALL": "C"}


def sh(*command, **options):
    run = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert run.returncode == 0, "%s: %s" % (command, run.stdout[-4000:])
    return run.stdout


def mounted_under(folder):
    return [line.split()[1] for line in open("/proc/mounts") if (line.split()[1] + "/").startswith(str(folder) + "/")]


def remove(folder):
    """Never through a mount: nothing is removed while something is mounted there."""
    assert not mounted_under(folder), mounted_under(folder)
    if folder.exists():
        sh("rm", "-rf", "--one-file-system", folder)


def debootstrap(folder):
    remove(folder)
    cache = WORK / "packages"
    cache.mkdir(parents=True, exist_ok=True)
    sh("debootstrap", "--variant=minbase", "--cache-dir=%s" % cache, "bookworm", folder)
    assert not mounted_under(folder), mounted_under(folder)
    return folder


def copy(base, folder):
    remove(folder)
    sh("cp", "-a", "--reflink=auto", base, folder)
    return folder


@contextlib.contextmanager
def system(folder):
    """/proc and the few devices that programs want; the host's /dev is not shared."""
    sh("mount", "-t", "proc", "proc", folder / "proc")
    sh("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder / "dev")
    try:
        for name, minor in {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}.items():
            os.mknod(folder / "dev" / name, 0o020666, os.makedev(1, minor))
            os.chmod(folder / "dev" / name, 0o666)
        os.symlink("/proc/self/fd", folder / "dev" / "fd")
        yield
    finally:
        sh("umount", folder / "dev")
        sh("umount", folder / "proc")


@contextlib.contextmanager
def compiler_cache(folder):
    """The cache of this machine's builds, where there is one, and what ccache has to know to use it for sources in /src."""
    cache = os.environ.get("CCACHE_DIR")
    if not cache:
        yield {}
        return
    (folder / "ccache").mkdir(exist_ok=True)
    sh("mount", "--bind", cache, folder / "ccache")
    try:
        yield {"CCACHE_DIR": "/ccache", "CCACHE_BASEDIR": "/src", "CCACHE_NOHASHDIR": "1"}
    finally:
        sh("umount", folder / "ccache")


@contextlib.contextmanager
def read_only(folder):
    """The same tree, which nobody can write to."""
    view = folder.with_name(folder.name + "-read-only")
    view.mkdir(exist_ok=True)
    sh("mount", "--bind", folder, view)
    try:
        sh("mount", "-o", "remount,bind,ro", view)
        with system(view):
            yield view
    finally:
        sh("umount", view)


def inside(folder, *command, environment=None, user=None):
    """A command in that root. With a user: without capabilities and without a way to get any."""
    who = ["setpriv", "--no-new-privs", "chroot", "--userspec=%s" % user] if user else ["chroot"]
    return [*who, str(folder), *command], {**ENVIRONMENT, **(environment or {})}


def run(folder, *command, environment=None, user=None):
    arguments, variables = inside(folder, *command, environment=environment, user=user)
    return subprocess.run(arguments, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def install(folder, *command, environment=None):
    """As `run`, with the network's names, for apt."""
    (folder / "etc" / "resolv.conf").write_text(pathlib.Path("/etc/resolv.conf").read_text())
    with system(folder):
        out = run(folder, *command, environment=environment)
    assert out.returncode == 0, out.stdout[-4000:]


class Serving:
    """A program that says where it is; stopped at the end, by a signal that it must obey."""

    def __init__(self, folder, *command, environment=None, user=None, network=()):
        arguments, variables = inside(folder, *command, environment=environment, user=user)
        self.process = subprocess.Popen([*network, *arguments], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if "metrics " in line:
                return
        raise AssertionError("it did not start: " + "".join(self.said))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.said.append(self.process.stdout.read())
        assert self.process.wait(60) == 0, "".join(self.said)


@contextlib.contextmanager
def network():
    """A network of its own with loopback only: what listens on well-known ports meets nobody. Gives the words that enter it."""
    keeper = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        assert keeper.stdout.readline() == "up\n"
        yield ["nsenter", "--net=/proc/%d/ns/net" % keeper.pid]
    finally:
        keeper.stdin.close()
        keeper.wait(20)
