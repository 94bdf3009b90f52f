import numpy as np
import pyarrow
import pytest

from creditlib.inputs.ids import anchor_ids, ids
from creditlib.rollouts.crediting import arrow_values
from creditlib.rollouts.crediting.arrow_values import UnknownFormError


def test_scores_are_numbers_and_nan_is_told_from_null():
    values, nan = arrow_values.scores(pyarrow.array([1.5, None, float("nan")]), True)
    assert np.isnan(values).tolist() == [False, True, True]
    assert nan.tolist() == [False, False, True]
    assert arrow_values.scores(pyarrow.array([True, None]), True)[0][0] == 1.0
    assert np.isnan(arrow_values.scores(pyarrow.nulls(2), True)[0]).all()


@pytest.mark.parametrize(
    ("values", "flag"), [(["1"], True), ([1e39], True), ([float("inf")], True), ([True], False)]
)
def test_what_is_no_score_is_unknown(values, flag):
    with pytest.raises(UnknownFormError):
        arrow_values.scores(pyarrow.array(values), flag)


def test_names_have_the_ids_of_the_library():
    kind, found, check = arrow_values.names(pyarrow.array(["b", "a", "b"]), True)
    assert kind == "text"
    assert found.tolist() == ids(["b", "a", "b"]).tolist()
    assert check[0] == check[2] != check[1]
    kind, found, _ = arrow_values.names(pyarrow.array([4, None], pyarrow.int32()), False)
    assert (kind, found.tolist()) == ("integer", [ids([4]).item(), -1])
    for wrong in (pyarrow.array(["a", None]), pyarrow.array([1.5])):
        with pytest.raises(UnknownFormError):
            arrow_values.names(wrong, True)


def test_turns_have_columns_for_keys_with_values():
    column = pyarrow.array(
        [[{"observation": "hall", "reward": 1.0, "tokens": [1, 2], "seconds": None}], []]
    )
    flat, count = arrow_values.turns(column)
    wanted = {"turn_reward", "anchor", "duration", "turn_length"}
    found = arrow_values.turn_columns(flat, count, wanted)
    assert {name: each.to_pylist() for name, each in found.items()} == {
        "turn_reward": [[1.0], []],
        "anchor": [anchor_ids([["hall"]])[0].tolist(), []],
        "turn_length": [[2], []],
    }


def test_lists_and_counts():
    lists, size = arrow_values.objectives(pyarrow.array([[1.0, None], [0.0, 2.0]]))
    assert size == 2
    assert np.isnan(lists.to_pylist()[0][1])
    assert arrow_values.integers(pyarrow.array([1, 0], pyarrow.int16())).tolist() == [1, 0]
    for wrong in ([[1.0], [1.0, 2.0]], [None, [1.0]]):
        with pytest.raises(UnknownFormError):
            arrow_values.objectives(pyarrow.array(wrong))
    for wrong in ([-1], [1.0], [None, 1]):
        with pytest.raises(UnknownFormError):
            arrow_values.integers(pyarrow.array(wrong))
    assert arrow_values.text(pyarrow.array([1, 2])).to_pylist() == ["1", "2"]
    assert not arrow_values.some(pyarrow.nulls(2))
