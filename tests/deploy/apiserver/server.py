"""etcd, kube-apiserver and kube-controller-manager on loopback."""

import contextlib
import http.client
import json
import os
import pathlib
import secrets
import socket
import ssl
import subprocess
import time

import yaml

BINARIES = pathlib.Path(os.environ["APISERVER"])
PATIENCE = 60


def free_ports(count):
    with contextlib.ExitStack() as stack:
        return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


class ApiServer:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.token = secrets.token_hex(16)
        client, peer, self.port = free_ports(3)
        (self.folder / "tokens.csv").write_text("%s,admin,admin,system:masters\n" % self.token)
        subprocess.run(["openssl", "genrsa", "-out", self.folder / "accounts.key", "2048"], check=True, capture_output=True)
        self.processes = [
            self._start("etcd", "--data-dir", "etcd", "--unsafe-no-fsync", "--listen-client-urls", "http://127.0.0.1:%d" % client,
                        "--advertise-client-urls", "http://127.0.0.1:%d" % client, "--listen-peer-urls", "http://127.0.0.1:%d" % peer),
            self._start("kube-apiserver", "--etcd-servers", "http://127.0.0.1:%d" % client, "--secure-port", self.port, "--bind-address", "127.0.0.1",
                        "--cert-dir", "certificates", "--token-auth-file", "tokens.csv", "--authorization-mode", "RBAC",
                        "--service-cluster-ip-range", "10.96.0.0/16", "--service-account-issuer", "https://tests", "--service-account-key-file",
                        "accounts.key", "--service-account-signing-key-file", "accounts.key")]
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        self.eventually(lambda: self.call("GET", "/readyz")[0] == 200, "ready")
        self.kubeconfig = self.folder / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:%d" % self.port, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "u", "user": {"token": self.token}}]}))
        self.processes.append(self._start("kube-controller-manager", "--kubeconfig", self.kubeconfig, "--leader-elect=false", "--secure-port", "0",
                                          "--controllers", "deployment-controller,replicaset-controller,serviceaccount-controller"))

    def _start(self, name, *arguments):
        with open(self.folder / (name + ".log"), "wb") as log:
            return subprocess.Popen([BINARIES / name, *map(str, arguments)], cwd=self.folder, stdout=log, stderr=log)

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def call(self, method, path, body=None, kind="application/json"):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Authorization": "Bearer " + self.token, "Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read()
            warnings = answer.headers.get_all("Warning") or []
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, (json.loads(text) if is_json else text.decode()), warnings
        except OSError as error:
            return 0, str(error), []
        finally:
            connection.close()

    def eventually(self, condition, what):
        """Looks again and again, and meanwhile for the end of the server, after which nothing can come any more."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end and all(p.poll() is None for p in self.processes), "never " + what + self.logs()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.processes[-1].wait(0.1)

    def logs(self):
        return "".join("\n%s: %s" % (path.name, path.read_text()[-1500:]) for path in self.folder.glob("*.log"))

    def define(self, path):
        """The kinds of a file of CustomResourceDefinitions."""
        for definition in yaml.safe_load_all(path.read_text()):
            status, answer, _ = self.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
            assert status == 201, answer
            name = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + definition["metadata"]["name"]
            self.eventually(lambda at=name: self.established(at), "defined " + str(path))

    def established(self, at):
        conditions = self.call("GET", at)[1].get("status", {}).get("conditions") or []
        return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)

    def namespace(self, name):
        labels = {"pod-security.kubernetes.io/" + mode: "restricted" for mode in ("enforce", "warn")}
        status, answer, _ = self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        assert status == 201, answer
        self.eventually(lambda: self.call("GET", "/api/v1/namespaces/%s/serviceaccounts/default" % name)[0] == 200, "given an account")
