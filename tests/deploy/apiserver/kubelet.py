"""Plays the kubelet of one namespace: Pods whose init container passes are ready, those that run to an end have ended."""

import datetime
import pathlib
import subprocess
import tempfile
import threading

import chart
import cluster


class Kubelet:
    """Runs `check-config` of each Pod with the program, on what the API server has; reports the rest. `ends` is how Pods end that end."""

    def __init__(self, api, namespace, ends="Succeeded"):
        self.api, self.namespace, self.ends = api, namespace, ends
        self.refused = {}  # Pod -> what its init container said
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def _work(self):
        reported = set()
        while not self.done.wait(0.1):
            for pod in self.api.call("GET", "/api/v1/namespaces/%s/pods" % self.namespace)[1]["items"]:
                if pod["metadata"]["uid"] not in reported:
                    reported.add(pod["metadata"]["uid"])
                    self._report(pod["metadata"]["name"], self._status(pod))

    def _report(self, name, status):
        self.api.call("PATCH", "/api/v1/namespaces/%s/pods/%s/status" % (self.namespace, name), {"status": status}, "application/merge-patch+json")

    def _status(self, pod):
        if pod["spec"]["restartPolicy"] == "Never":
            return {"phase": self.ends}
        if not self._check(pod):
            return {"phase": "Pending", "conditions": [{"type": "Initialized", "status": "False"}]}
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"phase": "Running", "conditions": [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in ("Initialized", "Ready", "ContainersReady")]}

    def _check(self, pod):
        containers = [c for c in pod["spec"].get("initContainers", []) if c["name"] == "check-config"]
        if not containers:
            return True  # the bundled Redis
        with tempfile.TemporaryDirectory() as folder:
            files = cluster.Files(pathlib.Path(folder) / "etc", self, pod["spec"])
            run = subprocess.run(cluster.arguments(containers[0], files), env=cluster.variables(containers[0]), capture_output=True, text=True)
        if run.returncode != 0:
            self.refused[pod["metadata"]["name"]] = run.stderr
        return run.returncode == 0

    # What cluster.Files asks of a rendering: here the API server answers.
    def one(self, kind, name):
        assert kind == "ConfigMap"
        return self.api.call("GET", "/api/v1/namespaces/%s/configmaps/%s" % (self.namespace, name))[1]
