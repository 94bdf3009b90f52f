"""One browser for all tests of this folder that a process runs."""

import pytest

from browser.chromium import needed
from docs.screenshots import launched


def pytest_runtest_setup(item):
    """Skip what needs a browser where there is none; here, not in the fixture, it is one line."""
    if "browser" in item.fixturenames:
        needed()


@pytest.fixture(scope="package")
def browser():
    """A browser without a window, closed at the end of the folder.

    It must not outlive the folder: playwright runs an event loop, and other tests run their own.
    """
    with launched() as chromium:
        yield chromium
