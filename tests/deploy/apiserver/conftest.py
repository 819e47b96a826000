import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]

import os  # noqa: E402

import server  # noqa: E402

KINDS = ["gateway.networking.k8s.io_httproutes.yaml", "monitoring.coreos.com_servicemonitors.yaml", "monitoring.coreos.com_podmonitors.yaml",
         "monitoring.coreos.com_prometheusrules.yaml", "keda.sh_scaledobjects.yaml"]


@pytest.fixture(scope="session")
def api(tmp_path_factory):
    made = server.ApiServer(tmp_path_factory.mktemp("apiserver"))
    try:
        folders = [pathlib.Path(folder) for folder in os.environ["DEFINITIONS"].split(":")]
        for kind in KINDS:
            # gateway-api has each twice: the standard one comes last by name.
            made.define(sorted(path for folder in folders for path in folder.rglob(kind))[-1])
        yield made
    finally:
        made.stop()
