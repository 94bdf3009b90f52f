"""Every estimator gives its numbers on every backend."""

import pytest

from creditlib.vocabulary.backends import interpreted


@pytest.fixture(autouse=True)
def _on_every_backend(backend):
    """Each test of this folder runs once for every backend there is."""


def pytest_collection_modifyitems(items):
    """Long loops run on the reference, which `tests/test_backends.py` holds the others to.

    Of Triton's interpreter only what is worked out by hand is asked for: it is slow.
    """
    left_out = {item for item in items if "_on_every_backend" in item.fixturenames and _long(item)}
    items[:] = [item for item in items if item not in left_out]


def _long(item):
    chosen = item.callspec.params["backend"]
    if chosen == "triton" and interpreted():
        return "by_hand" not in item.name
    return chosen != "torch" and "against" in item.name
