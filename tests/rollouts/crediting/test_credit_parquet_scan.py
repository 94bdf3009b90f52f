"""Parquet read as columns gives what the same rows give as JSON, whatever the types are."""

import pyarrow
import pyarrow.parquet
import pytest
from credit_cases import plain, refusal, trajectories, written

from creditlib import rollouts
from creditlib.rollouts.crediting.parquet_scan import scan_row_group
from creditlib.rollouts.crediting.row_scan import scan_rows
from creditlib.rollouts.crediting.sources import expand, open_sources

NEEDS = frozenset(
    (
        *("turn_reward", "anchor", "action", "duration", "process_reward", "gold_log_prob"),
        *("turn_length", "length", "rewards"),
    )
)


def parts_of(path, needs=NEEDS):
    (source,), _ = open_sources(expand(path), "auto", False)
    return [part for unit in source.units for part in scan_row_group(unit, needs, False)]


@pytest.mark.parametrize("needs", [NEEDS, NEEDS - {"action"}, frozenset({"reward", "length"})])
def test_columns_are_those_of_the_rows(needs, tmp_path):
    rows = trajectories(8)
    rollouts.write(tmp_path / "a.parquet", rows)
    (mine,) = parts_of(tmp_path / "a.parquet", needs)
    places = [f"{tmp_path / 'a.parquet'} row {number}" for number in range(1, len(rows) + 1)]
    other = scan_rows(rows, places, range(len(rows)), needs, False)
    assert mine.facts == other.facts
    assert mine.labels.equals(other.labels)
    assert set(mine.columns.column_names) == set(other.columns.column_names)
    for name in mine.columns.column_names:
        assert mine.columns[name].to_pylist() == other.columns[name].to_pylist(), name


STRANGE = {
    "flags": plain("a", True),
    "integers": plain(3, 1),
    "null outcomes": plain("a", None),
    "an observation that is an object": {
        "group": "a",
        "outcome": 1.0,
        "turns": [{"observation": {"door": 1}}, {"observation": None}],
    },
    "answers": plain("a", 1.0, answer="56"),
    "a stated length": plain("a", 1.0, length=7),
    "no turns": plain("a", 1.0, turns=0),
}


@pytest.mark.parametrize("case", STRANGE)
def test_types_of_every_kind(case, tmp_path):
    row = STRANGE[case]
    rollouts.write(tmp_path / "a.parquet", [row, row])
    needs = frozenset({"anchor", "answer", "length"})
    (mine,) = parts_of(tmp_path / "a.parquet", needs)
    path = tmp_path / "a.parquet"
    read = rollouts.read(path)
    other = scan_rows(read.trajectories, read.places, range(2), needs, False)
    assert mine.columns.to_pydict() == other.columns.to_pydict()


def test_dictionaries_and_large_lists_are_columns_too(tmp_path):
    turns = pyarrow.large_list(pyarrow.struct([("reward", pyarrow.float32())]))
    table = pyarrow.table(
        {
            "group": pyarrow.array(["a", "a", "b"]).dictionary_encode(),
            "outcome": pyarrow.array([1, 0, 1], pyarrow.int8()),
            "turns": pyarrow.array([[{"reward": 1.0}], [{"reward": 2.0}], []], turns),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    found = rollouts.credit(tmp_path / "a.parquet", ["rloo", "mica"])
    assert written(found)["rloo"].to_pylist() == [1.0, -1.0, 0.0]


@pytest.mark.parametrize(
    ("column", "values", "fact"),
    [
        ("outcome", ["1", "x"], "`outcome` must be a finite number, true, false or null, got '1'"),
        ("outcome", [1.0, float("inf")], "got inf in {path} row 2"),
        ("group", ["a", None], "`group` must be a text or an integer, got None in {path} row 2"),
        ("turns", [[], None], "`turns` must be a list of objects, got None in {path} row 2"),
        ("turns", [[1], [2]], "`turns` must be a list of objects, got 1 in {path} row 1 turn 0"),
        ("id", [1.5, 2.0], "`id` must be a text or an integer, got 1.5 in {path} row 1"),
    ],
)
def test_wrong_types_are_refused_with_the_row(column, values, fact, tmp_path):
    path = tmp_path / "a.parquet"
    columns = {"group": ["a", "a"], "outcome": [1.0, 0.0], "turns": [[{"text": "x"}]] * 2}
    pyarrow.parquet.write_table(pyarrow.table({**columns, column: values}), path)
    assert fact.format(path=path) in refusal(path, "rloo")


def test_an_observation_that_is_no_json_is_named(tmp_path):
    path = tmp_path / "a.parquet"
    turn = {"observation_json": "{"}
    table = {"group": ["a"], "outcome": [1.0], "turns": [[{"observation_json": "1"}, turn]]}
    pyarrow.parquet.write_table(pyarrow.table(table), path)
    assert f"got '{{' in {path} row 1 turn 1" in refusal(path, "gigpo")
