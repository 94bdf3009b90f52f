"""Trajectories as a sequence over compressed columns."""

from pathlib import Path

import pyarrow
import pytest

from creditlib.rollouts import column_rows
from creditlib.rollouts.column_rows import ColumnRows, HeldBatch, RowPlaces, held

PATH = Path("x.parquet")


def batch(*outcomes):
    rows = [{"group": "a", "outcome": each, "turns": [{"text": str(each)}]} for each in outcomes]
    return pyarrow.Table.from_pylist(rows).to_batches()[0]


BATCHES = [held(PATH, 1, batch(0.0, 1.0)), held(PATH, 3, batch(2.0)), held(PATH, 4, batch(True))]
ROWS = [
    {"group": "a", "outcome": each, "turns": [{"text": text}]}
    for each, text in ((0.0, "0.0"), (1.0, "1.0"), (2.0, "2.0"), (1.0, "True"))
]


def test_it_is_the_list_of_its_rows():
    found = ColumnRows(BATCHES, ["a"] * 4)
    assert len(found) == 4
    assert found == ROWS
    assert found == ROWS
    assert found != ROWS[:3]
    assert found != "text"
    assert list(found) == [found[n] for n in range(4)] == found[:]
    assert found[-1] == ROWS[3]
    with pytest.raises(IndexError):
        found[4]
    assert repr(found) == "ColumnRows(4 rows)"


def test_a_changed_row_changes_nothing():
    found = ColumnRows(BATCHES, ["a"] * 4)
    found[0]["outcome"] = 7.0
    assert found[0] == ROWS[0]


def test_a_batch_is_opened_once_for_rows_in_order(monkeypatch):
    opened = []
    original = HeldBatch.opened
    monkeypatch.setattr(HeldBatch, "opened", lambda self: opened.append(1) or original(self))
    found = ColumnRows(BATCHES, ["a"] * 4)
    for row in range(4):
        assert found[row] == ROWS[row]
    assert len(opened) == 3


def test_places():
    found = RowPlaces(BATCHES)
    assert found == [f"x.parquet row {n}" for n in range(1, 5)]
    assert found[2:0:-1] == ["x.parquet row 3", "x.parquet row 2"]
    assert len(RowPlaces([])) == 0


def test_without_zstandard_batches_are_held_as_they_are(monkeypatch):
    class Arrow:
        Codec = type("Codec", (), {"is_available": staticmethod(lambda name: False)})
        ipc, BufferOutputStream = pyarrow.ipc, pyarrow.BufferOutputStream

    plain = batch(*map(float, range(500)))
    packed = held(PATH, 1, plain)
    monkeypatch.setattr(column_rows, "arrow_modules", lambda: (Arrow, None, None))
    whole = held(PATH, 1, plain)
    assert len(packed.data) < len(whole.data)
    assert whole.opened().equals(plain)
    assert packed.opened().equals(plain)
