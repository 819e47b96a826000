import pytest
from kit import Backend, Node


@pytest.fixture
def backend():
    made = Backend()
    yield made
    made.close()


@pytest.fixture
def start():
    """Starts nodes; each must end well."""
    nodes = []

    def run(backend=None, **config):
        nodes.append(Node(backend, **config))
        return nodes[-1]
    yield run
    for node in nodes:
        node.stop()


@pytest.fixture
def node(start, backend):
    return start(backend)
