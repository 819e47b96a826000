"""The image that the Dockerfile describes, and the Pod that the chart makes of it."""

import pathlib
import re
import subprocess

import dockerfile
import pytest
import roots
import yaml

DOCKERFILE = roots.ROOT / "deploy" / "docker" / "Dockerfile"
GOLDEN = roots.ROOT / "tests" / "deploy" / "golden" / "default.yaml"
SCRIPT = roots.ROOT / "deploy" / "helm" / "holdfast" / "files" / "publish-and-receive.sh"
TOKEN = "token-of-the-image-test"


@pytest.fixture(scope="session")
def stages():
    return dockerfile.stages(DOCKERFILE)


@pytest.fixture(scope="session")
def program(build, stages, request):
    """What the first stage leaves in /out: by all its steps, or by the last one from the build at hand."""
    if request.config.getoption("--whole"):
        name, steps = stages[0]
        assert name == "debian:12 AS build"
        context = dockerfile.context_without_ignored(roots.ROOT, roots.WORK / "context")
        root = roots.copy(request.getfixturevalue("debian"), roots.WORK / "build-stage")
        with roots.compiler_cache(root) as environment:
            dockerfile.Image(root, environment).build(steps, context, {})
        return root / "out"
    (command,) = [rest for word, rest in stages[0][1] if word == "RUN" and "cmake --install" in rest]
    out = roots.WORK / "out"
    roots.remove(out)
    roots.sh("sh", "-ec", command.replace("DESTDIR=/out", "DESTDIR=%s" % out).replace("build/release", str(build)), cwd=roots.ROOT)
    return out


@pytest.fixture(scope="session")
def image(debian, stages, program):
    name, steps = stages[-1]
    assert name == "debian:12-slim"
    made = dockerfile.Image(roots.copy(debian, roots.WORK / "image")).build(steps, roots.ROOT, {"build": program.parent})
    # The Pod's files, where the chart mounts them.
    objects = [o for o in yaml.safe_load_all(GOLDEN.read_text()) if o]
    (config,) = [o["data"]["holdfast.yaml"] for o in objects if o["kind"] == "ConfigMap"]
    for path, text in {"config/holdfast.yaml": config, "publish-tokens/tokens": TOKEN + "\n"}.items():
        file = made.root / "etc" / "holdfast" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return made


@pytest.fixture(scope="session")
def pod():
    (deployment,) = [o for o in yaml.safe_load_all(GOLDEN.read_text()) if o and o["kind"] == "Deployment"]
    return deployment["spec"]["template"]["spec"]


def test_it_runs_as_the_user_that_the_chart_names(image, pod):
    context = pod["securityContext"]
    assert image.user == "%d:%d" % (context["runAsUser"], context["runAsGroup"]) and context["runAsUser"] != 0


def test_it_exposes_the_ports_that_the_chart_uses(image, pod):
    assert {port["containerPort"] for port in pod["containers"][0]["ports"]} <= set(image.ports)


def test_it_has_every_library_and_lists_no_other(image, program, tmp_path):
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian" / "control").write_text("Source: x\n\nPackage: x\nArchitecture: any\n")
    wanted = roots.sh("sh", "-ec", "dpkg-shlibdeps -O -e %s 2>/dev/null" % (program / "usr/bin/holdfast"), cwd=tmp_path)
    wanted = {re.match(r"\S+", part)[0] for part in wanted.strip().removeprefix("shlibs:Depends=").split(", ")}
    listed = {line.split("#")[0].strip() for line in (roots.ROOT / "deploy/docker/runtime-packages").read_text().splitlines()} - {""}
    # Every Debian has the first two; the authorities are read and not linked to.
    assert wanted - {"libc6", "libgcc-s1"} == listed - {"ca-certificates"}
    assert "not found" not in roots.sh("chroot", image.root, "ldd", "/usr/bin/holdfast")


def test_it_carries_no_tool_that_builds_or_lists_of_packages(image):
    for path in ("usr/bin/g++", "usr/bin/cmake", "usr/bin/curl", "tmp/install-runtime", "tmp/runtime-packages"):
        assert not (image.root / path).exists(), path
    assert not list((image.root / "var/lib/apt/lists").glob("*Packages*"))


def test_its_own_configuration_wants_a_token(image):
    with roots.read_only(image.root) as view, roots.network() as enter:
        run = roots.run(view, *image.entry, *image.command, user=image.user)
        assert run.returncode == 2 and "token_file" in run.stdout, run.stdout
        environment = {"HOLDFAST_CONTROL_HTTP_TOKENS": TOKEN}
        with roots.Serving(view, *image.entry, *image.command, user=image.user, environment=environment, network=enter) as node:
            assert "7999" in "".join(node.said)


def test_as_the_charts_pod_it_checks_serves_and_passes_helm_test(image, pod):
    with roots.read_only(image.root) as view, roots.network() as enter:
        run = roots.run(view, *image.entry, *pod["initContainers"][0]["args"], user=image.user)
        assert run.returncode == 0, run.stdout
        with roots.Serving(view, *image.entry, *pod["containers"][0]["args"], user=image.user, network=enter) as node:
            status = pathlib.Path("/proc/%d/status" % node.process.pid).read_text()
            assert re.search(r"^Uid:\s+65532\s", status, re.M) and re.search(r"^CapEff:\s+0+$", status, re.M)
            assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
            environment = {"CLIENT_HOST": "127.0.0.1", "CLIENT_PORT": "7999", "CONTROL_URL": "http://127.0.0.1:5561",
                           "TOKEN_FILE": "/etc/holdfast/publish-tokens/tokens"}
            arguments, variables = roots.inside(view, "bash", "-c", SCRIPT.read_text(), environment=environment, user=image.user)
            run = subprocess.run([*enter, *arguments], env=variables, capture_output=True, text=True, timeout=60)
            assert run.returncode == 0 and "received" in run.stdout, run.stdout + run.stderr


def test_the_root_cannot_be_written(image):
    with roots.read_only(image.root) as view:
        run = roots.run(view, "sh", "-c", "touch /tmp/x /etc/holdfast/x /x", user=image.user)
        assert run.returncode != 0 and run.stdout.count("Read-only file system") == 3, run.stdout


def test_it_is_small(image, debian):
    def size(folder):
        return int(roots.sh("du", "-sm", "--one-file-system", folder).split()[0])
    # The image's base is slimmer than this one: what counts is what is put on it.
    assert size(image.root) - size(debian) < 60
