"""The turns of batches of columns."""

import numpy as np
import pyarrow
import pytest

from creditlib.rollouts.arrow_values import UnknownFormError
from creditlib.rollouts.column_turns import TurnColumns, WholeColumn, check_values


def turns_of(*batches):
    """The turns, and the column that is held of each batch."""
    found = TurnColumns(keep=False)
    held = []
    for turns in batches:
        flat = pyarrow.array(turns)
        held.append(found.add(flat, np.array([len(turns), 0])))
    return found, held


def test_a_column_that_all_rows_have_or_none():
    column = WholeColumn()
    assert column.values() is None
    column.add(None, 0)  # a batch without rows says nothing
    column.add(np.array([1, 2]), 2)
    column.add(np.array([3]), 1)
    assert column.values().tolist() == [1, 2, 3]
    column.add(None, 1)
    with pytest.raises(UnknownFormError):
        column.values()


def test_counts_and_lists_of_tokens_must_agree():
    found, _ = turns_of([{"tokens": [1, 2], "token_count": 2}], [{"tokens": [3], "token_count": 1}])
    assert found.lengths().tolist() == [2, 1]
    found, _ = turns_of([{"tokens": [1, 2], "token_count": 3}])
    with pytest.raises(UnknownFormError):
        found.lengths()


@pytest.mark.parametrize(("largest", "kind"), [(2**31 - 1, "int32"), (2**31, "int64")])
def test_token_ids_that_fit_are_held_in_four_bytes(largest, kind):
    _, (held,) = turns_of([{"tokens": [1, largest]}, {"tokens": [2]}])
    assert held.type.value_type.field("tokens").type.value_type == kind
    tokens = [turn["tokens"] for turn in held.to_pylist()[0]]
    assert tokens == [[1, largest], [2]]


def test_an_observation_that_repeats_is_held_once():
    text = "a long hall " * 9
    _, (held,) = turns_of([{"observation": text}, {"observation": text}, {"observation": None}])
    kind = held.type.value_type.field("observation").type
    assert pyarrow.types.is_dictionary(kind)
    assert held.nbytes < 2 * len(text)
    assert [turn["observation"] for turn in held.to_pylist()[0]] == [text, text, None]
    _, (held,) = turns_of([{"observation": "a"}, {"observation": "b"}])
    assert held.type.value_type.field("observation").type == "string"


def test_keys_that_nobody_reads_in_the_order_of_their_first_values():
    found, _ = turns_of(
        [{"b": None, "a": None, "c": 1}],
        [{"b": None, "a": "x", "c": None}, {"b": 2, "a": "y", "c": 3}],
    )
    assert list(found.unread().items()) == [("c", 2), ("a", 2), ("b", 1)]


def test_a_key_twice_is_not_taken():
    flat = pyarrow.StructArray.from_arrays([pyarrow.array(["x"])] * 2, ["text", "text"])
    with pytest.raises(UnknownFormError):
        TurnColumns(keep=False).add(flat, np.array([1]))


def test_values_that_python_cannot_hold_are_found():
    check_values(pyarrow.array([{"a": [1.5, None], "b": "x"}]))
    check_values(pyarrow.array([0, 1], pyarrow.date32()))
    with pytest.raises(OverflowError):
        check_values(pyarrow.array([2**30], pyarrow.date32()))
