"""The store that tests of addresses share."""

import pytest
from store_cases import MEMORY, emptied


@pytest.fixture
def memory():
    """The address of an empty store of fsspec, in the memory of this process."""
    emptied()
    yield MEMORY
    emptied()
