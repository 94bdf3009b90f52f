import pytest

from creditlib.audit.sizes import FULL, QUICK, sizes_of
from creditlib.vocabulary.messages import ContractError


def test_what_is_not_given_is_as_usual():
    assert sizes_of(False, None, None, None, 8) == FULL
    assert sizes_of(True, None, None, None, 8) == QUICK


def test_a_path_ends_with_the_updates_that_are_given():
    found = sizes_of(False, 30, 2, 25, 8)
    assert (found.groups, found.seeds, found.updates, found.along) == (30, 2, 25, (0, 10, 20))


def test_too_small_numbers_are_refused():
    with pytest.raises(ContractError, match="`seeds` must be at least 1, got 0"):
        sizes_of(False, None, 0, None, 8)
