import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from chart import CASES, Rendered  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="write the golden files instead of comparing with them")


@pytest.fixture(scope="session")
def renders():
    """Each of ci/*.yaml, rendered once."""
    return {case.stem: Rendered.of(case) for case in CASES}


@pytest.fixture(params=[case.stem for case in CASES])
def rendered(request, renders):
    return renders[request.param]
