"""The control API over gRPC, as Python callers have it: stubs made from the repository's proto."""
import importlib
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
_folder = tempfile.TemporaryDirectory(prefix="holdfast-stubs-")
_include = str(pathlib.Path(protoc.__file__).parent / "_proto")
assert protoc.main(["protoc", "-I%s" % PROTO, "-I%s" % _include, "--python_out=%s" % _folder.name, "--grpc_python_out=%s" % _folder.name,
                    str(PROTO / "holdfast/control/v1/control.proto")]) == 0
sys.path.insert(0, _folder.name)
pb = importlib.import_module("holdfast.control.v1.control_pb2")
stubs = importlib.import_module("holdfast.control.v1.control_pb2_grpc")

PATIENCE = 10


def item(channel, content="hello\n", **more):
    return pb.Item(channel=channel, http_stream=pb.HttpStream(content=content), **more)


class Client:
    """A channel to a node's gRPC door. Calls have a deadline unless they are given one."""

    def __init__(self, node, **options):
        self.address = node.addresses["grpc"][0]
        self.channel = grpc.insecure_channel(self.address, **options)
        self.stub = stubs.ControlStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def __getattr__(self, name):
        method = getattr(self.stub, name)
        return lambda request, timeout=PATIENCE, **more: method(request, timeout=timeout, **more)

    def publish(self, *items, **more):
        return self.Publish(pb.PublishRequest(items=items, **more)).results


def code_of(call, *args, **more):
    """The code and text that a call fails with."""
    try:
        answer = call(*args, **more)
        if hasattr(answer, "__next__"):
            list(answer)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""
