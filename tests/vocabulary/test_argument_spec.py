import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditlib.vocabulary.argument_spec import ArgumentSpec

RANGES = {
    "nothing": (ArgumentSpec("m"), "", [-math.inf, 0, math.inf], []),
    "low": (ArgumentSpec("m", low=0), "at least 0", [0, 1e9], [-1e-9, -1]),
    "high": (ArgumentSpec("m", high=0), "at most 0", [0, -1e9], [1e-9, 1]),
    "low and high": (ArgumentSpec("m", low=0, high=1), "in [0, 1]", [0, 0.5, 1], [-0.1, 1.1]),
    "above": (ArgumentSpec("m", above=0), "above 0", [1e-9, 5], [0, -1]),
}


@pytest.mark.parametrize("case", RANGES)
def test_a_range_says_and_allows_the_same(case):
    spec, text, allowed, refused = RANGES[case]
    assert spec.range() == text
    assert all(spec.allows(value) for value in allowed)
    assert not any(spec.allows(value) for value in refused)


@given(st.sampled_from([spec for spec, *_ in RANGES.values()]))
def test_nan_is_in_no_range(spec):
    assert not spec.allows(math.nan)


def test_a_spec_with_only_a_meaning_has_no_unit_no_axis_and_no_kind():
    spec = ArgumentSpec("m")
    assert (spec.unit, spec.part_of, spec.nan, spec.axis, spec.kind) == ("", "", "", "", "")
    assert (spec.engine, spec.ambiguous, spec.over_tokens) == (False, False, False)
    assert spec.turn_sensitive
