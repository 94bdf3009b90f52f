"""The tensors of batches of columns, where batches differ."""

import pyarrow
import pytest

from creditlib.rollouts.arrow_values import UnknownFormError
from creditlib.rollouts.column_tensors import ColumnTensors

TURN = {"text": "x"}


def tensors_of(*batches):
    found = ColumnTensors(similarity=None)
    for rows in batches:
        table = pyarrow.Table.from_pylist([{"group": 1, "turns": [TURN], **row} for row in rows])
        found.add(table.to_batches()[0])
    return found.tensors()


def test_an_excluded_row_needs_no_rewards():
    rows = [{"outcome": 1.0, "rewards": [1.0, 2.0]}, {"outcome": None, "rewards": None}]
    assert tensors_of(rows)["rewards"].tolist() == [[1.0, 2.0], [0.0, 0.0]]
    rows[1]["outcome"] = 0.0
    with pytest.raises(UnknownFormError):
        tensors_of(rows)


def test_batches_with_and_without_a_length_are_not_taken():
    with_length, without = [{"outcome": 1.0, "length": 3}], [{"outcome": 1.0}]
    assert tensors_of(with_length, with_length)["length"].tolist() == [3, 3]
    assert "length" not in tensors_of(without)
    with pytest.raises(UnknownFormError):
        tensors_of(with_length, without)


def test_an_answer_may_be_absent_from_a_batch():
    answer = tensors_of([{"outcome": 1.0, "answer": "a"}], [{"outcome": 1.0}])["answer"]
    assert (answer[0] >= 0, answer[1]) == (True, -1)


def test_equal_groups_are_one_object():
    found = ColumnTensors(similarity=None)
    for name in ("a long name of a group", "another", "a long name of a group"):
        rows = [{"group": name, "outcome": 1.0, "turns": [TURN]}]
        found.add(pyarrow.Table.from_pylist(rows).to_batches()[0])
    assert found.groups[0] is found.groups[2]
    assert found.groups[1] == "another"
