"""Objects are what Kubernetes takes, and they fit each other."""

import json
import re

import chart
import kubernetes_validate
import pytest
import yaml

VERSIONS = ["1.25", "1.32", "1.37"]  # the oldest that Chart.yaml allows, one in the middle, the newest
# Kinds that others define: their schemas are not Kubernetes'.
CUSTOM = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "HTTPRoute", "ScaledObject"}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid(rendered, version):
    for thing in rendered.objects:
        if thing["kind"] not in CUSTOM:
            kubernetes_validate.validate(thing, version, strict=True)


def test_a_misspelt_field_would_be_found(renders):
    thing = renders["default"].one("Deployment", "hf-holdfast")
    thing = {**thing, "spec": {**thing["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(thing, VERSIONS[1], strict=True)


def test_names_are_unique_and_short(rendered):
    seen = set()
    for thing in rendered.objects:
        key = (thing["kind"], thing["metadata"]["name"])
        assert key not in seen, key
        assert len(key[1]) <= 63
        seen.add(key)


def matches(selector, labels):
    return all(labels.get(key) == value for key, value in selector.items())


def ports_of(spec):
    return {port["name"] for container in spec["containers"] for port in container.get("ports", [])}


def test_services_reach_pods_that_have_the_port(rendered):
    for service in rendered.all("Service"):
        reached = [spec for _, metadata, spec in rendered.pods() if matches(service["spec"]["selector"], metadata["labels"])]
        assert reached, service["metadata"]["name"]
        for port in service["spec"]["ports"]:
            for spec in reached:
                assert port["targetPort"] in ports_of(spec), (service["metadata"]["name"], port)


def test_deployments_disruption_budgets_and_policies_select_their_pods_only(rendered):
    for deployment in rendered.all("Deployment"):
        selected = [name for name, metadata, _ in rendered.pods() if matches(deployment["spec"]["selector"]["matchLabels"], metadata["labels"])]
        assert selected == [deployment["metadata"]["name"]]
    for kind, key in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        for thing in rendered.all(kind):
            selected = [name for name, metadata, _ in rendered.pods() if matches(thing["spec"][key]["matchLabels"], metadata["labels"])]
            assert selected == [thing["metadata"]["name"]], (kind, selected)


def test_policies_name_ports_that_exist(rendered):
    for policy in rendered.all("NetworkPolicy"):
        (spec,) = [s for name, _, s in rendered.pods() if name == policy["metadata"]["name"]]
        for rule in policy["spec"]["ingress"]:
            for port in rule["ports"]:
                assert port["port"] in ports_of(spec)


def test_nobody_but_those_named_reaches_the_control_port(rendered):
    if rendered.name == "pushpin-routes":
        assert not rendered.all("NetworkPolicy")  # switched off there
        return
    opened = [rule for policy in rendered.all("NetworkPolicy") for rule in policy["spec"]["ingress"] if {"port": "control", "protocol": "TCP"} in rule["ports"]]
    assert len(opened) == 1
    assert all(peer != {} for peer in opened[0]["from"]) and opened[0]["from"]


def test_every_pod_passes_the_restricted_standard(rendered):
    for name, _, spec in rendered.pods():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault", name
        assert spec["automountServiceAccountToken"] is False, name
        assert not any("hostPath" in volume for volume in spec.get("volumes", [])), name
        for container in spec.get("initContainers", []) + spec["containers"]:
            if container["name"] in ("wait", "side"):
                continue  # the user's own, in everything.yaml
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["requests"], name


def test_volumes_and_variables_come_from_objects_that_exist_or_are_the_users(rendered):
    own = {(o["kind"], o["metadata"]["name"]): set(o.get("data", {})) | set(o.get("stringData", {})) for o in rendered.objects}
    users = {"publishers", "kafka-user", "grip", "kafka-cluster-ca", "redis", "live-tls", "api.example-tls", "more"}
    for _, _, spec in rendered.pods():
        mounted = {mount["name"] for c in spec["containers"] + spec.get("initContainers", []) for mount in c.get("volumeMounts", [])}
        assert mounted == {volume["name"] for volume in spec.get("volumes", [])}
        for volume in spec.get("volumes", []):
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in own
            if "secret" in volume:
                name = volume["secret"]["secretName"]
                assert name in users or ("Secret", name) in own
                for item in volume["secret"].get("items", []):
                    assert name in users or item["key"] in own[("Secret", name)]
        for container in spec["containers"]:
            for variable in container.get("env", []):
                source = variable.get("valueFrom", {}).get("secretKeyRef")
                if source:
                    assert source["name"] in users or source["key"] in own[("Secret", source["name"])]


def test_variables_are_given_once(rendered):
    for name, _, spec in rendered.pods():
        for container in spec["containers"]:
            names = [variable["name"] for variable in container.get("env", [])]
            assert len(names) == len(set(names)), name


def test_pods_have_the_time_that_drain_needs(renders):
    for name, seconds in {"default": 340, "redis-sentinels": 2 + 600 + 30, "everything": 600}.items():
        for _, spec in renders[name].nodes():
            assert spec["terminationGracePeriodSeconds"] == seconds


def test_liveness_never_asks_about_the_broker(rendered):
    for _, spec in rendered.nodes():
        assert spec["containers"][0]["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "admin"}


def test_a_pod_is_ready_before_one_goes(rendered):
    for deployment in rendered.all("Deployment"):
        if not deployment["metadata"]["name"].endswith("-redis"):
            assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_autoscalers_replace_the_number_and_name_their_deployment(rendered):
    scaled = {o["spec"]["scaleTargetRef"]["name"] for o in rendered.all("HorizontalPodAutoscaler") + rendered.all("ScaledObject")}
    for deployment in rendered.all("Deployment"):
        assert ("replicas" in deployment["spec"]) != (deployment["metadata"]["name"] in scaled)
    assert scaled <= {d["metadata"]["name"] for d in rendered.all("Deployment")}


def test_disruption_budgets_come_with_the_second_pod(renders):
    assert not renders["default"].all("PodDisruptionBudget")
    assert len(renders["split-kafka"].all("PodDisruptionBudget")) == 2
    assert len(renders["redis-sentinels"].all("PodDisruptionBudget")) == 1


def test_a_new_chart_version_alone_restarts_nothing(rendered):
    for name, metadata, _ in rendered.pods():
        if metadata["labels"].get("holdfast-node") == "true":
            assert not any("version" in key or "chart" in key for key in metadata["labels"]), name


def test_the_keda_query_matches_the_gateways_pods_only(renders):
    query = renders["keda"].all("ScaledObject")[0]["spec"]["triggers"][0]["metadata"]["query"]
    pattern = re.search(r'pod=~"([^"]+)"', query)[1]
    assert 'namespace="live"' in query
    assert re.fullmatch(pattern, "hf-holdfast-6f7d8c9b5d-x2x4z")
    for other in ("hf-holdfast-control-6f7d8c9b5d-x2x4z", "hf-holdfast-redis-6f7d8c9b5d-x2x4z", "other-6f7d8c9b5d-x2x4z"):
        assert not re.fullmatch(pattern, other), other


def test_monitors_select_their_service_and_their_pods(renders):
    everything = renders["everything"]
    service = everything.one("Service", "push-metrics")
    assert matches(everything.one("ServiceMonitor", "push")["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
    labels = everything.one("Deployment", "push")["spec"]["template"]["metadata"]["labels"]
    assert matches(everything.one("PodMonitor", "push")["spec"]["selector"]["matchLabels"], labels)


def test_rules_and_dashboard_arrive_as_they_are(renders):
    everything = renders["everything"]
    assert everything.one("PrometheusRule", "push")["spec"] == yaml.safe_load((chart.CHART / "files/alerts.yaml").read_text())
    carried = everything.one("ConfigMap", "push-dashboard")["data"]["holdfast.json"]
    assert json.loads(carried) == json.loads((chart.CHART / "files/dashboard.json").read_text())
