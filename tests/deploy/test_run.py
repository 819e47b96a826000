"""What is rendered is taken by the program itself: checked, served, and tested as `helm test` would."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time

import chart
import cluster
import yaml


def check(spec, files):
    (container,) = [c for c in spec["initContainers"] if c["name"] == "check-config"]
    return subprocess.run(cluster.arguments(container, files), env=cluster.variables(container), capture_output=True, text=True)


def test_every_rendered_configuration_passes_the_init_container(rendered, tmp_path):
    for name, spec in rendered.nodes():
        run = check(spec, cluster.Files(tmp_path / name, rendered, spec))
        assert run.returncode == 0 and "warning" not in run.stderr, (name, run.stdout, run.stderr)


def test_what_the_schema_cannot_see_ends_in_the_init_container_with_its_reason(tmp_path):
    for number, (values, reason) in enumerate([
            ("extraConfig.edge.idle_timeoutt=5s", "did you mean 'edge.idle_timeout'"),
            ("config.edge.max_request_head=5MiB", "must be between 1KiB and 64KiB"),
            ("routes[0].path=/x,routes[0].hold.channels[0]={y}", "has no parameter {y}"),
            ("config.broker.foreign[0]=x=raw", "broker.foreign")]):
        rendered = chart.Rendered.with_values("--set", values.replace("{y}", "\\{y\\}"))
        ((_, spec),) = rendered.nodes()
        run = check(spec, cluster.Files(tmp_path / str(number), rendered, spec))
        assert run.returncode == 2 and reason in run.stderr, (values, run.stderr)


def test_missing_tokens_end_in_the_init_container(tmp_path):
    rendered = chart.Rendered.with_values()
    ((_, spec),) = rendered.nodes()
    files = cluster.Files(tmp_path / "etc", rendered, spec)
    (files.root / "publish-tokens" / "tokens").write_text("")
    run = check(spec, files)
    assert run.returncode == 2 and "holds no token" in run.stderr, run.stderr


def test_every_default_that_the_schema_names_is_taken(tmp_path):
    schema = json.loads((chart.CHART / "values.schema.json").read_text())["properties"]["config"]

    def defaults(at):
        return {name: defaults(m) if "properties" in m else m["default"] for name, m in at["properties"].items()
            if not m.get("writeOnly") and ("properties" in m or "default" in m)}

    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump({"config": defaults(schema)}))
    rendered = chart.Rendered.of(values)
    ((_, spec),) = rendered.nodes()
    run = check(spec, cluster.Files(tmp_path / "etc", rendered, spec))
    assert run.returncode == 0, run.stderr


def run_helm_test(rendered, client, control, folder):
    """The container of the test Pod, at these addresses."""
    (pod,) = rendered.all("Pod")
    (container,) = pod["spec"]["containers"]
    host, port = client.rsplit(":", 1)
    (folder / "token").write_text(cluster.TOKEN + "\n")
    environment = {**chart.ENVIRONMENT, **{variable["name"]: variable["value"] for variable in container["env"]}}
    environment.update(CLIENT_HOST=host, CLIENT_PORT=port, CONTROL_URL="http://" + control,
                       PATH=str(pathlib.Path(chart.HOLDFAST).parent) + os.pathsep + os.environ["PATH"])
    if "TOKEN_FILE" in environment:
        environment["TOKEN_FILE"] = str(folder / "token")
    return subprocess.run([*container["command"], *container["args"]], env=environment, capture_output=True, text=True, timeout=60)


def test_the_default_serves_and_passes_helm_test(renders, tmp_path):
    rendered = renders["default"]
    ((_, spec),) = rendered.nodes()
    files = cluster.Files(tmp_path / "etc", rendered, spec)
    files.with_free_ports()
    with cluster.Node(spec, files) as node:
        node.ready()
        run = run_helm_test(rendered, node.addresses["clients"], node.addresses["publishers"], tmp_path)
        assert run.returncode == 0 and "received" in run.stdout, run.stdout + run.stderr
        # And it is a test: with another's token nothing is published.
        (files.root / "publish-tokens" / "tokens").write_text("x")
        cluster_token, cluster.TOKEN = cluster.TOKEN, "somebody-elses-token"
        try:
            run = run_helm_test(rendered, node.addresses["clients"], node.addresses["publishers"], tmp_path)
        finally:
            cluster.TOKEN = cluster_token
        assert run.returncode != 0 and "received" not in run.stdout


def test_nothing_but_tls_passes_helm_test(renders, tmp_path):
    rendered = renders["tls"]
    ((_, spec),) = rendered.nodes()
    files = cluster.Files(tmp_path / "etc", rendered, spec)
    files.with_free_ports()
    with cluster.Node(spec, files) as node:
        node.ready()
        run = run_helm_test(rendered, node.addresses["clients"], node.addresses["publishers"], tmp_path)
        assert run.returncode == 0 and "received" in run.stdout, run.stdout + run.stderr


def free_ports(count):
    with contextlib.ExitStack() as stack:
        return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


@contextlib.contextmanager
def redis(rendered, folder):
    """The bundled Redis, with the arguments of its container."""
    spec = rendered.one("Deployment", "hf-holdfast-redis")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    (port,) = free_ports(1)
    given = [a.replace("$(REDISCLI_AUTH)", cluster.SECRETS["redis-password"]).replace("/tmp", str(folder)) for a in container["args"]]
    process = subprocess.Popen([*given, "--port", str(port), "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True, text=True,
                             env={**os.environ, "REDISCLI_AUTH": cluster.SECRETS["redis-password"]}).stdout != "PONG\n":
            assert time.monotonic() < end and process.poll() is None, "Redis did not start"
        yield "127.0.0.1:%d" % port
    finally:
        process.terminate()
        process.wait(20)


def test_split_roles_on_the_bundled_redis_pass_helm_test(renders, tmp_path):
    rendered = renders["split-bundled-redis"]
    specs = dict(rendered.nodes())
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(redis(rendered, tmp_path))
        nodes = {}
        for name, spec in specs.items():
            files = cluster.Files(tmp_path / name, rendered, spec)
            files.with_free_ports(**{"hf_holdfast_redis:6379": address})
            nodes[name] = stack.enter_context(cluster.Node(spec, files)).ready()
        run = run_helm_test(rendered, nodes["hf-holdfast"].addresses["clients"], nodes["hf-holdfast-control"].addresses["publishers"], tmp_path)
        assert run.returncode == 0 and "received" in run.stdout, run.stdout + run.stderr


def test_a_mesh_with_the_charts_own_key_passes_helm_test(renders, tmp_path):
    rendered = renders["zeromq"]
    ((_, spec),) = rendered.nodes()
    binds = ["tcp://127.0.0.1:%d" % port for port in free_ports(2)]
    with contextlib.ExitStack() as stack:
        nodes = []
        for number, bind in enumerate(binds):
            files = cluster.Files(tmp_path / str(number), rendered, spec)
            files.with_free_ports()
            path = files.root / "config" / "holdfast.yaml"
            config = yaml.safe_load(path.read_text())
            assert config["broker"]["zeromq"] == {"bind": "tcp://0.0.0.0:5570", "peers": ["tcp://hf-holdfast-mesh:5570"]}
            config["broker"]["zeromq"] = {"bind": bind, "peers": binds}
            path.write_text(yaml.safe_dump(config))
            nodes.append(stack.enter_context(cluster.Node(spec, files)))
        for node in nodes:
            node.ready()
        run = run_helm_test(rendered, nodes[0].addresses["clients"], nodes[1].addresses["publishers"], tmp_path)
        assert run.returncode == 0 and "received" in run.stdout, run.stdout + run.stderr
