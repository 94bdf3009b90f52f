"""A trajectory with a plain group, outcome and list of turns."""

import numpy as np

from creditlib.rollouts.normal_rows import normal_row


def test_a_plain_row_is_the_object_itself():
    row = {"group": "a", "outcome": 1.0, "turns": []}
    assert normal_row(row, "x") is row


def test_numbers_of_numpy_flags_and_nan():
    row = {"group": np.int64(3), "outcome": np.bool_(True), "turns": np.array([], dtype=object)}
    found = normal_row(row, "x")
    assert found == {"group": 3, "outcome": 1.0, "turns": []}
    assert (type(found["group"]), type(found["outcome"])) == (int, float)
    assert normal_row({**found, "outcome": float("nan")}, "x")["outcome"] is None


def test_a_missing_key_is_named_with_a_near_miss(refusal):
    assert refusal(normal_row, {"groop": 1, "outcome": 1.0, "turns": []}, "x.jsonl line 7") == (
        "rollouts: `group` must be in every trajectory, got none in x.jsonl line 7; it has `groop`."
    )
