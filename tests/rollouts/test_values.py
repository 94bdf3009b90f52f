import math
from decimal import Decimal

import numpy as np
import pytest
import torch

from creditlib.rollouts.values import (
    SCORE,
    items_of,
    number_of,
    plain_value,
    schema_error,
    score_of,
)


def score(value):
    return score_of(value, "score", "x line 1")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        *[(1, 1.0), (-0.5, -0.5), (True, 1.0), (False, 0.0), (None, None), (math.nan, None)],
        *[(np.float32(0.5), 0.5), (np.int8(3), 3.0), (np.bool_(True), 1.0), (np.array(2.0), 2.0)],
        *[(np.float16("nan"), None), (torch.tensor(1.5), 1.5), (torch.tensor(True), 1.0)],
        *[(Decimal("0.25"), 0.25), (Decimal("NaN"), None)],
    ],
)
def test_a_score(value, wanted):
    found = score(value)
    assert found == wanted
    assert found is None or type(found) is float


@pytest.mark.parametrize(
    ("value", "end"),
    [
        ("1", "got '1' in x line 1; write the number without quotes."),
        ("NaN", "got 'NaN' in x line 1; write null where there is no number."),
        ("false", "got 'false' in x line 1; write it without quotes."),
        ("high", "got 'high' in x line 1."),
        (math.inf, "got inf in x line 1; write null where there is no number."),
        (3.5e38, "got 3.5e+38 in x line 1."),
        (10**400, f"got {'1' + '0' * 56}... in x line 1."),
        ([1], "got [1] in x line 1."),
        (np.ones(1), "got array([1.]) in x line 1."),
        (b"1", "got b'1' in x line 1."),
        (1j, "got 1j in x line 1."),
    ],
)
def test_what_is_no_score(value, end, refusal):
    assert refusal(score, value) == f"rollouts: `score` must be {SCORE}, {end}"


def test_a_number_that_is_measured_is_no_flag_and_has_a_smallest_value(refusal):
    def seconds(value):
        wanted = "a finite number, at least 0"
        return number_of(value, "seconds", "x", wanted, (0.0, 1e9), flag=False)

    assert [seconds(value) for value in (0, 2.5, None, math.nan)] == [0.0, 2.5, None, None]
    for value in (True, -0.5, "1"):
        assert f"must be a finite number, at least 0, got {value!r}" in refusal(seconds, value)


def test_a_place_is_computed_only_for_a_sentence(refusal):
    def never():
        raise AssertionError

    assert score_of(1.0, "score", never) == 1.0
    assert refusal(score_of, "x", "score", lambda: "y turn 3").endswith("in y turn 3.")


def test_a_sentence_is_one_line():
    text = str(schema_error("tokens", "flat", np.zeros((2, 2)), "x"))
    assert text == "rollouts: `tokens` must be flat, got array([[0., 0.], [0., 0.]]) in x."


def test_items():
    objects = np.array([{"a": 1}, {"b": 2}], dtype=object)
    assert items_of(objects) == [{"a": 1}, {"b": 2}]
    assert items_of((1, 2)) == (1, 2)
    for value in ("text", {"a": 1}, None, 7, np.zeros(2), np.zeros((1, 1), dtype=object)):
        assert items_of(value) is None


def test_plain_values():
    assert type(plain_value(np.int64(7))) is int
    assert type(plain_value(np.str_("x"))) is str
    array = np.ones(1)
    assert plain_value(array) is array
