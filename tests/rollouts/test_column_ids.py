"""Ids of a column that comes in batches."""

import numpy as np
import pyarrow
import pytest
import torch

from creditlib import anchor_ids
from creditlib.rollouts import column_ids
from creditlib.rollouts.arrow_values import UnknownFormError
from creditlib.rollouts.column_ids import IdColumn, encoded
from creditlib.rollouts.json_files import json_value


def ids_of(*batches, decode=None):
    column = IdColumn()
    for values in batches:
        array = pyarrow.array(values)
        column.add(encoded(array) if array.null_count < len(array) else None, len(values), decode)
    return column.ids()


@pytest.mark.parametrize(
    "batches",
    [
        (["a", "b", None], ["b", "c"], [None]),
        ([1, 2, None, 1], [2]),
        ([1.0, float("nan"), 0.5], [0.5]),
        ([True, False, True],),
    ],
)
def test_they_are_those_of_all_values_together(batches):
    values = [None if each != each else each for batch in batches for each in batch]
    assert torch.equal(ids_of(*batches), anchor_ids([values])[0])


def test_json_texts_are_their_values():
    texts = ['{"a": 1, "b": 2}', '{"b": 2, "a": 1}', "null", "NaN", '"x"']
    found = ids_of(texts[:1], texts[1:], decode=json_value)
    assert torch.equal(found, anchor_ids([[{"a": 1, "b": 2}] * 2 + [None, None, "x"]])[0])


def test_without_any_value_there_is_no_tensor():
    assert ids_of([None, None], [None]) is None


def test_two_texts_of_one_id_are_not_taken(monkeypatch):
    def same(observations):
        return torch.tensor([[7 if each is not None else -1 for each in observations[0]]])

    monkeypatch.setattr(column_ids, "anchor_ids", same)
    assert ids_of(["a", "a"], ["a"]).tolist() == [7, 7, 7]
    with pytest.raises(UnknownFormError):
        ids_of(["a"], ["b"])
    with pytest.raises(UnknownFormError):
        ids_of(["a", "b"])


@pytest.mark.parametrize(
    "array",
    [
        pyarrow.array([[1], [2]]),
        pyarrow.array([{"a": 1}]),
        pyarrow.array([b"x"]),
        pyarrow.array([1, 2]).dictionary_encode(),
        pyarrow.DictionaryArray.from_arrays([0, 1], ["x", None]),
    ],
)
def test_other_types_have_no_code(array):
    with pytest.raises(UnknownFormError):
        encoded(array)


def test_values_are_kept_on_request():
    column = IdColumn(keep=True)
    column.add(encoded(pyarrow.array(["a", None, "a"])), 3)
    column.add(None, 2)
    assert column.values == ["a", None, "a", None, None]
    assert np.array_equal(column.ids().numpy() < 0, [False, True, False, True, True])
