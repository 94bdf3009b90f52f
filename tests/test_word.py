import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditlib.word import Word

RANGES = {
    "nothing": (Word("m"), "", [-math.inf, 0, math.inf], []),
    "low": (Word("m", low=0), "at least 0", [0, 1e9], [-1e-9, -1]),
    "high": (Word("m", high=0), "at most 0", [0, -1e9], [1e-9, 1]),
    "low and high": (Word("m", low=0, high=1), "in [0, 1]", [0, 0.5, 1], [-0.1, 1.1]),
    "above": (Word("m", above=0), "above 0", [1e-9, 5], [0, -1]),
}


@pytest.mark.parametrize("case", RANGES)
def test_a_range_says_and_allows_the_same(case):
    word, text, allowed, refused = RANGES[case]
    assert word.range() == text
    assert all(word.allows(value) for value in allowed)
    assert not any(word.allows(value) for value in refused)


@given(st.sampled_from([word for word, *_ in RANGES.values()]))
def test_nan_is_in_no_range(word):
    assert not word.allows(math.nan)


def test_a_word_without_more_has_no_unit_no_whole_and_no_axis():
    word = Word("m")
    assert (word.unit, word.part_of, word.nan, word.axis) == ("", "", "", False)
