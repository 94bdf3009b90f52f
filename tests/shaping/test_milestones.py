"""Milestones found in text."""

import pytest

from creditlib import ContractError, find_milestones

PATTERNS = ["^loaded data$", r"loss: \d+"]


def test_by_hand():
    outputs = ["hello\nloaded data\nbye", "loaded data now, loss: 7", ""]
    # line anchors hold per line; the second output has more on its line
    expected = [[True, False], [False, True], [False, False]]
    assert find_milestones(outputs, PATTERNS).tolist() == expected


def test_many_matches_are_one_milestone():
    assert find_milestones(["loss: 1\nloss: 2"], PATTERNS).sum() == 1


@pytest.mark.parametrize(("outputs", "patterns"), [([], PATTERNS), (["x"], []), ([], [])])
def test_nothing_to_search_or_to_find(outputs, patterns):
    result = find_milestones(outputs, patterns)
    assert result.shape == (len(outputs), len(patterns))
    assert not result.any()


def test_a_broken_pattern_is_named():
    with pytest.raises(ContractError, match=r"find_milestones: `patterns` must be valid .*'\('"):
        find_milestones(["x"], ["ok", "("])
