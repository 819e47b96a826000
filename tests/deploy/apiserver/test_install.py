"""A real API server takes what the chart makes: admission, defaults, custom kinds, upgrades, helm test."""

import base64
import re

import chart
import pytest
from kubelet import Kubelet

# everything.yaml has containers of the user's own, which do not fit the standard, and classes that this server does not have.
OWN = [case for case in chart.CASES if case.stem != "everything"]


def helm(api, namespace, *arguments):
    return chart.helm("--kubeconfig", api.kubeconfig, "--namespace", namespace, *arguments)


def secret(api, namespace, key):
    status, found, _ = api.call("GET", "/api/v1/namespaces/%s/secrets/hf-holdfast" % namespace)
    assert status == 200, found
    return base64.b64decode(found["data"][key])


def items(api, namespace, path):
    return api.call("GET", path.replace("NAMESPACE", namespace))[1]["items"]


@pytest.mark.parametrize("case", chart.CASES, ids=[case.stem for case in chart.CASES])
def test_every_example_installs(api, case):
    namespace = "install-" + case.stem
    api.namespace(namespace)
    run = helm(api, namespace, "install", "hf", chart.CHART, "--values", case)
    assert run.returncode == 0, run.stderr
    if case in OWN:
        assert "arning" not in run.stderr, run.stderr  # such as "would violate PodSecurity"
    run = helm(api, namespace, "uninstall", "hf", "--wait=false")
    assert run.returncode == 0, run.stderr
    for path in ("/apis/apps/v1/namespaces/NAMESPACE/deployments", "/api/v1/namespaces/NAMESPACE/services", "/api/v1/namespaces/NAMESPACE/secrets"):
        api.eventually(lambda at=path: not items(api, namespace, at), "removed: " + path)


@pytest.mark.parametrize("case", OWN, ids=[case.stem for case in OWN])
def test_pods_are_admitted_by_the_restricted_standard(api, case):
    namespace = "pods-" + case.stem
    api.namespace(namespace)
    assert helm(api, namespace, "install", "hf", chart.CHART, "--values", case).returncode == 0
    deployments = items(api, namespace, "/apis/apps/v1/namespaces/NAMESPACE/deployments")
    assert deployments
    for deployment in deployments:
        pod = {"metadata": {**deployment["spec"]["template"]["metadata"], "generateName": "pod-"}, "spec": deployment["spec"]["template"]["spec"]}
        status, answer, warnings = api.call("POST", "/api/v1/namespaces/%s/pods?fieldValidation=Strict" % namespace, pod)
        assert status == 201 and not warnings, (answer, warnings)


def test_a_pod_that_is_root_would_not_be_admitted(api):
    api.namespace("root")
    pod = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "x", "image": "x"}]}}
    status, answer, _ = api.call("POST", "/api/v1/namespaces/root/pods", pod)
    assert status == 403 and "restricted" in answer["message"]


def test_an_upgrade_keeps_secrets_and_restarts_pods_for_a_new_configuration(api):
    namespace = "upgrade"
    api.namespace(namespace)

    def checksum():
        found = api.call("GET", "/apis/apps/v1/namespaces/upgrade/deployments/hf-holdfast")[1]
        return found["spec"]["template"]["metadata"]["annotations"]["checksum/config"], found["metadata"]["generation"]

    assert helm(api, namespace, "install", "hf", chart.CHART).returncode == 0
    token, before = secret(api, namespace, "publish-tokens"), checksum()
    assert len(token) == 40
    assert helm(api, namespace, "upgrade", "hf", chart.CHART).returncode == 0
    assert secret(api, namespace, "publish-tokens") == token and checksum() == before
    run = helm(api, namespace, "upgrade", "hf", chart.CHART, "--set", "config.edge.idle_timeout=30s,redis.enabled=true")
    assert run.returncode == 0, run.stderr
    assert secret(api, namespace, "publish-tokens") == token and checksum()[0] != before[0]
    password = secret(api, namespace, "redis-password")
    # From one Deployment to two, on a live release: selectors are immutable, so they must not change with the mode.
    run = helm(api, namespace, "upgrade", "hf", chart.CHART, "--set", "mode=split,redis.enabled=true,gateway.replicas=3")
    assert run.returncode == 0, run.stderr
    assert secret(api, namespace, "redis-password") == password and secret(api, namespace, "publish-tokens") == token


def test_wrong_values_change_nothing(api):
    api.namespace("wrong")
    assert helm(api, "wrong", "install", "hf", chart.CHART).returncode == 0
    run = helm(api, "wrong", "upgrade", "hf", chart.CHART, "--set", "config.edge.idle_timout=30s")
    assert run.returncode != 0 and "/config/edge" in run.stderr
    assert re.search(r"^hf\s+wrong\s+1\s", helm(api, "wrong", "list").stdout, re.M)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_helm_test_runs_its_pod_and_tells_how_it_ended(api, phase):
    namespace = "test-" + phase.lower()
    api.namespace(namespace)
    assert helm(api, namespace, "install", "hf", chart.CHART).returncode == 0
    with Kubelet(api, namespace, ends=phase):
        run = helm(api, namespace, "test", "hf", "--timeout", "60s")
    assert (run.returncode == 0) == (phase == "Succeeded"), run.stdout + run.stderr
    assert "hf-holdfast-test" in run.stdout


def ready(api, namespace):
    """Deployment -> Pods that are ready."""
    return {d["metadata"]["name"]: d["status"].get("readyReplicas", 0) for d in items(api, namespace, "/apis/apps/v1/namespaces/NAMESPACE/deployments")}


def test_it_is_installed_upgraded_and_tested_to_the_end(api):
    api.namespace("life")
    with Kubelet(api, "life"):
        run = helm(api, "life", "install", "hf", chart.CHART, "--wait", "--timeout", "60s")
        assert run.returncode == 0, run.stderr
        assert ready(api, "life") == {"hf-holdfast": 1}
        run = helm(api, "life", "upgrade", "hf", chart.CHART, "--wait", "--timeout", "120s", "--set", "mode=split,redis.enabled=true,gateway.replicas=3")
        assert run.returncode == 0, run.stderr
        # Helm does not wait for the last Pod of before to go.
        all_ready = {"hf-holdfast": 3, "hf-holdfast-control": 2, "hf-holdfast-redis": 1}
        api.eventually(lambda: ready(api, "life") == all_ready, "ready in the right number")
        run = helm(api, "life", "test", "hf", "--timeout", "60s")
        assert run.returncode == 0, run.stdout + run.stderr
        assert helm(api, "life", "uninstall", "hf", "--wait", "--timeout", "60s").returncode == 0
        api.eventually(lambda: not ready(api, "life"), "removed")


def test_a_wrong_configuration_ends_in_the_init_container_and_the_pods_of_before_go_on(api):
    api.namespace("before")
    with Kubelet(api, "before") as kubelet:
        assert helm(api, "before", "install", "hf", chart.CHART, "--wait", "--timeout", "60s").returncode == 0
        run = helm(api, "before", "upgrade", "hf", chart.CHART, "--wait", "--timeout", "8s", "--set", "extraConfig.edge.idle_timeoutt=5s")
        assert run.returncode != 0
        assert ["did you mean 'edge.idle_timeout'" in said for said in kubelet.refused.values()] == [True]
        assert ready(api, "before") == {"hf-holdfast": 1}
        # And it is mended by an upgrade that is right.
        assert helm(api, "before", "upgrade", "hf", chart.CHART, "--wait", "--timeout", "60s").returncode == 0
