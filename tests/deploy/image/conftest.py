import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import roots  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--build", required=True, help="folder of a release build")
    parser.addoption("--whole", action="store_true", help="run the Dockerfile's first stage too, which builds for some minutes, instead of taking that")


@pytest.fixture(scope="session")
def build(request):
    return pathlib.Path(request.config.getoption("--build"))


@pytest.fixture(scope="session")
def debian():
    """A fresh Debian 12 that nobody changes."""
    return roots.debootstrap(roots.WORK / "debian")
