"""Wrong values are refused, and the complaint names the place."""

import json
import subprocess

import chart
import pytest
import yaml

SCHEMA = [
    # values, place, what is said of it
    ("config.edge.idle_timout=5s", "/config/edge", "idle_timout"),
    ("config.edge.idle_timeout=soon", "/config/edge/idle_timeout", "pattern"),
    ("config.edge.max_request_head=5XB", "/config/edge/max_request_head", "pattern"),
    ("config.edge.max_request_head=5", "/config/edge/max_request_head", "minimum"),
    ("config.loops=65", "/config/loops", "maximum"),
    ("config.loops=many", "/config/loops", "integer"),
    ("config.log.level=loud", "/config/log/level", "one of"),
    ("config.broker.type=rabbit", "/config/broker/type", "one of"),
    ("config.broker.redis.tls=maybe", "/config/broker/redis/tls", "boolean"),
    ("config.broker.kafka.brokers=kafka:9092", "/config/broker/kafka/brokers", "array"),
    ("config.role=gateway", "/config", "role"),
    ("config.drain.window=1s", "/config", "drain"),
    ("config.control.http.address=0.0.0.0:1", "/config/control/http", "address"),
    ("configFromSecrets.brokerpassword.secretName=x", "/configFromSecrets", "brokerpassword"),
    (r"configFromSecrets.broker\.redis\.password.secretName=x", "/configFromSecrets/broker.redis.password", "key"),
    ("secretMounts.Redis.secretName=x", "/secretMounts", "Redis"),
    ("routes[0].pathbegins=/", "/routes/0", "pathbegins"),
    ("routes[0].targets[0].adress=a:1", "/routes/0/targets/0", "adress"),
    ("routes[0].hold.chanels=a", "/routes/0/hold", "chanels"),
    ("mode=both", "/mode", "one of"),
    ("drain.window=2 weeks", "/drain/window", "pattern"),
    ("drain.delay=3601", "/drain/delay", "maximum"),
    ("ports.client=80", "/ports/client", "minimum"),
    ("gateway.replicas=0", "/gateway/replicas", "minimum"),
    ("gateway.service.type=Public", "/gateway/service/type", "one of"),
    ("gateway.ingress.enabled=true", "/gateway/ingress/hosts", "minItems"),
    ("gateway.httpRoute.enabled=true", "/gateway/httpRoute/parentRefs", "minItems"),
    ("gateway.pdb.enabled=perhaps", "/gateway/pdb/enabled", "one of"),
    ("gateway.pod.resorces.x=1", "/gateway/pod", "resorces"),
    ("control.auth.tokens[0]=short", "/control/auth/tokens/0", "minLength"),
    ("control.grpc.service.headless=true,control.grpc.service.type=NodePort", "/control/grpc/service/type", "ClusterIP"),
    ("image.digest=latest", "/image/digest", "pattern"),
    ("metrics.serviceMonitor.interval=30", "/metrics/serviceMonitor/interval", "string"),
    ("listenHost=localhost", "/listenHost", "pattern"),
    ("pod.probes.liveness.httpGet.path=/", "/pod/probes/liveness", "httpGet"),
    ("replicaCount=3", "''", "replicaCount"),
]

TOGETHER = [
    ("gateway.replicas=2", "gateway.replicas: 2 Pods with config.broker.type: memory"),
    ("gateway.autoscaling.enabled=true", "gateway.replicas: 10 Pods with config.broker.type: memory"),
    ("gateway.keda.enabled=true", "gateway.replicas: 10 Pods with config.broker.type: memory"),
    ("mode=split", "mode: split needs a broker"),
    ("pod.terminationGracePeriodSeconds=339", "pod.terminationGracePeriodSeconds: 339 s for gateway are less than"),
    ("drain.window=20m,pod.terminationGracePeriodSeconds=600", "1240 s"),
    ("drain.window=61m", "drain.window: at most 1h"),
    ("config.broker.redis.password=secret", "config.broker.redis.password: would stand in a ConfigMap"),
    ("config.proxy.signing.key=secret", "config.proxy.signing.key: would stand in a ConfigMap"),
    ("extraConfig.drain.window=1h", "extraConfig.drain"),
    ("extraConfig.role=gateway", "extraConfig.role"),
    ("redis.enabled=true,config.broker.type=kafka", "redis.enabled: the bundled Redis is the broker then, but config.broker.type is kafka"),
    ("redis.enabled=true,config.broker.redis.address=a:1", "config.broker.redis.address"),
    (r"redis.enabled=true,configFromSecrets.broker\.redis\.password.secretName=a,configFromSecrets.broker\.redis\.password.key=k",
     "configFromSecrets.broker.redis.password"),
    ("gateway.tls.plain=false", "gateway.tls.plain"),
    ("gateway.tls.plain=false,gateway.tls.secrets[0]=t,gateway.ingress.enabled=true,gateway.ingress.hosts[0].host=a", "gateway.tls.plain"),
    ("redis.enabled=true,gateway.autoscaling.enabled=true,gateway.keda.enabled=true", "gateway.keda.enabled"),
    ("redis.enabled=true,gateway.autoscaling.enabled=true,gateway.autoscaling.minReplicas=11", "gateway.autoscaling: minReplicas 11"),
]


@pytest.mark.parametrize("values, place, said", SCHEMA, ids=[case[0] for case in SCHEMA])
def test_the_schema_names_the_place(values, place, said):
    run = chart.template("--set", values)
    assert run.returncode != 0
    assert "at '%s'" % place.strip("'") in run.stderr and said in run.stderr, run.stderr


@pytest.mark.parametrize("values, said", TOGETHER, ids=[case[0] for case in TOGETHER])
def test_values_that_contradict_each_other_are_refused(values, said):
    run = chart.template("--set", values)
    assert run.returncode != 0 and said in run.stderr, run.stderr


def test_a_secret_may_be_a_mounted_file():
    assert chart.template("--set", "config.proxy.signing.key=file:/etc/holdfast/secrets/grip/key").returncode == 0


def test_a_kubernetes_that_is_too_old_is_refused():
    run = chart.template(version="1.24.0")
    assert run.returncode != 0 and "1.25" in run.stderr


def test_the_schema_is_what_the_program_says():
    run = subprocess.run(["python3", chart.ROOT / "deploy/helm/schema.py", chart.HOLDFAST, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_grpc_door_is_open_when_the_program_has_one():
    program = json.loads(subprocess.run([chart.HOLDFAST, "print-reference", "--json-schema"], capture_output=True, text=True, check=True).stdout)
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text())
    assert values["control"]["grpc"]["enabled"] == ("grpc" in program["properties"]["control"]["properties"])


def test_every_value_that_can_be_set_has_a_default_to_read():
    """values.yaml is the documentation: what the schema takes and values.yaml does not show is a secret."""
    schema = json.loads((chart.CHART / "values.schema.json").read_text())
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text())

    def walk(schema_at, values_at, path):
        if "$ref" in schema_at:
            schema_at = schema["definitions"][schema_at["$ref"].rsplit("/", 1)[1]]
        for name, member in schema_at.get("properties", {}).items():
            here = path + "." + name if path else name
            if here in ("global", "config", "configFromSecrets", "gateway.pod", "control.pod") or "probes." in here:
                continue
            assert name in values_at, here
            if isinstance(values_at[name], dict):
                walk(member, values_at[name], here)

    walk(schema, values, "")
