"""Stands in for a kubelet: gives a rendered container its files and variables on this machine, with ports that are free."""

import contextlib
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request

import yaml

import chart

TOKEN = "token-of-the-tests-0123456789"
SECRETS = {"password": "s3cret", "redis-password": "s3cret", "mesh-key": "abcdefghijklmnopqrstuvwxyz0123456789ABCD", "key": "a-signing-key"}


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=live.example.com", "-keyout", folder / "tls.key", "-out", folder / "tls.crt"], check=True, capture_output=True)
    (folder / "ca.crt").write_bytes((folder / "tls.crt").read_bytes())


class Files:
    """/etc/holdfast of a Pod, under `root`."""

    def __init__(self, root, rendered, spec):
        self.root = pathlib.Path(root)
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for mount in spec["containers"][0]["volumeMounts"]:
            if not mount["mountPath"].startswith("/etc/holdfast/"):
                continue
            folder = pathlib.Path(self.here(mount["mountPath"]))
            folder.mkdir(parents=True)
            self.fill(folder, volumes[mount["name"]], rendered)

    def fill(self, folder, volume, rendered):
        if "configMap" in volume:
            for name, text in rendered.one("ConfigMap", volume["configMap"]["name"])["data"].items():
                (folder / name).write_text(self.here(text))
        elif volume["name"] == "publish-tokens":
            (folder / "tokens").write_text(TOKEN + "\n")
        else:
            certificate(folder)

    def here(self, text):
        return text.replace("/etc/holdfast/", str(self.root) + "/")

    def with_free_ports(self, **hosts):
        """Every listener on loopback and on a port that the system chooses; `hosts` replaces names of Services."""
        path = self.root / "config" / "holdfast.yaml"
        text = path.read_text()
        for name, address in hosts.items():
            text = text.replace(name.replace("_", "-"), address)
        config = yaml.safe_load(text)
        for listen in config["listen"]:
            listen["address"] = "127.0.0.1:0"
        for door in config["control"].values():
            door["address"] = "127.0.0.1:0"
        config["metrics"]["address"] = "127.0.0.1:0"
        config["drain"] = {"delay": "0s", "window": "0s"}
        path.write_text(yaml.safe_dump(config))


def variables(container):
    out = dict(chart.ENVIRONMENT)
    for variable in container.get("env", []):
        source = variable.get("valueFrom", {})
        if "secretKeyRef" in source:
            out[variable["name"]] = SECRETS[source["secretKeyRef"]["key"]]
        elif "resourceFieldRef" in source:
            out[variable["name"]] = container["resources"]["limits"]["cpu"]
        else:
            out[variable["name"]] = variable["value"]
    return out


def arguments(container, files):
    return [chart.HOLDFAST, *(files.here(argument) for argument in container["args"])]


class Node:
    """A container that serves, until it is stopped."""

    def __init__(self, spec, files):
        (container,) = [c for c in spec["containers"] if c["name"] == "holdfast"]
        self.log = open(files.root / "log", "w+b")
        self.process = subprocess.Popen(arguments(container, files), env=variables(container), stdout=subprocess.PIPE, stderr=self.log)
        self.addresses = {}
        for line in self.process.stdout:
            match = re.match(rb"\s+(clients|publishers|metrics)\s+https?://([^/\s]+)", line)
            if match:
                self.addresses[match[1].decode()] = match[2].decode()
            if b"metrics" in line:
                self.probe = container["startupProbe"]["httpGet"]["path"]
                return
        raise AssertionError("the node did not start:\n" + (files.root / "log").read_text())

    def ready(self):
        """As the startup probe finds it."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen("http://%s%s" % (self.addresses["metrics"], self.probe), timeout=5):
                return self
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise AssertionError("the node ended with %d" % self.process.wait(0.05))
        raise AssertionError("the node did not become ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.stdout.close()
        assert self.process.wait(30) == 0
        self.log.close()
