"""Parquet files whose content Python cannot hold, and rows that come in batches."""

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from creditlib import rollouts
from creditlib.rollouts import parquet_files

TURNS = [{"text": "x"}]


def written(folder, table):
    path = folder / "x.parquet"
    pyarrow.parquet.write_table(table, path)
    return path


def not_utf8():
    """A column of texts whose second text is the byte 0xe9."""
    texts = pyarrow.array([b"ok", b"\xe9"])
    return pyarrow.StringArray.from_buffers(2, *texts.buffers()[1:])


def test_a_text_that_is_not_utf8_is_named_with_its_row(refusal, tmp_path):
    table = pyarrow.table({"group": not_utf8(), "outcome": [1.0, 2.0], "turns": [TURNS, TURNS]})
    path = written(tmp_path, table)
    assert refusal(rollouts.read, path) == (
        "rollouts: `group` must be values that Python can hold, got the byte 0xe9 in a text that "
        f"is not UTF-8 in {path} row 2."
    )


def test_so_is_one_inside_a_turn(refusal, tmp_path):
    parts = pyarrow.StructArray.from_arrays([not_utf8()], ["text"])
    turns = pyarrow.ListArray.from_arrays([0, 1, 2], parts)
    table = pyarrow.table({"group": [1, 2], "outcome": [1.0, 2.0], "turns": turns})
    path = written(tmp_path, table)
    assert refusal(rollouts.read, path).endswith(f"in {path} row 2.")


def test_a_date_that_python_lacks_is_named(refusal, tmp_path):
    dates = pyarrow.array([0, 2**30], pyarrow.date32())
    columns = {"group": [1, 2], "outcome": [1.0, 2.0], "turns": [TURNS, TURNS], "day": dates}
    path = written(tmp_path, pyarrow.table(columns))
    text = refusal(rollouts.read, path)
    assert text.startswith("rollouts: `day` must be values that Python can hold, got OverflowErr")
    assert text.endswith(f"in {path} row 2.")


def test_a_column_twice_is_refused(refusal, tmp_path):
    columns = [pyarrow.array(["a"]), pyarrow.array(["b"]), pyarrow.array([TURNS])]
    path = written(tmp_path, pyarrow.Table.from_arrays(columns, ["group", "group", "turns"]))
    assert refusal(rollouts.read, path) == (
        f"rollouts: a table must have each key once, got `group` twice in {path}; leave one of "
        "them out."
    )


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("{oops", "the text of a JSON value"),
        ("", "the text of a JSON value"),
        ("9" * 5000, "the text of a JSON value"),
        ('{"a": 1, "a": 2}', "the text of a JSON value"),
        (7, "the text of a JSON value"),
        ("[" * 100_000, "the text of a JSON value of moderate depth"),
    ],
)
def test_an_observation_that_is_no_json_is_named_with_row_and_turn(
    value, wanted, refusal, tmp_path
):
    turns = [None, [], [{"observation_json": None}, {"observation_json": value}]]
    table = pyarrow.table({"group": [1, 2, 3], "outcome": [1.0] * 3, "turns": turns})
    path = written(tmp_path, table)
    text = refusal(rollouts.read, path)
    assert text.startswith(f"rollouts: `observation_json` must be {wanted}, got ")
    assert text.endswith(f" in {path} row 3 turn 1.")


def test_a_broken_page_is_named_with_the_file(refusal, tmp_path):
    rows = [
        {"group": 1, "outcome": 1.0, "turns": [{"text": f"{n} {'x' * 400}"}]} for n in range(300)
    ]
    path = tmp_path / "x.parquet"
    rollouts.write(path, rows)
    data = bytearray(path.read_bytes())
    for place in range(8, 200):
        data[place] ^= 0x55
    path.write_bytes(data)
    text = refusal(rollouts.read, path)
    assert text.startswith(f"rollouts: {path} must be a readable Parquet file: ")


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_batches_change_nothing(size, monkeypatch, tmp_path):
    rows = [
        {
            "group": n % 3,
            "outcome": float(n),
            "turns": [{"tokens": list(range(k)), "observation": {"n": n}} for k in range(n)],
        }
        for n in range(7)
    ]
    path = tmp_path / "x.parquet"
    rollouts.write(path, rows)
    whole = rollouts.read(path)
    monkeypatch.setattr(parquet_files, "_ROWS", size)
    found = rollouts.read(path)
    assert found.places == whole.places == [f"{path} row {n}" for n in range(1, 8)]
    for name, tensor in whole.tensors.items():
        assert found.tensors[name].equal(tensor), name
    assert [len(turn["tokens"]) for turn in found.trajectories[6]["turns"]] == [0, 1, 2, 3, 4, 5]


def test_a_null_among_token_ids_is_named_with_its_own_turn(refusal, tmp_path):
    turns = [[{"tokens": [1, 2]}, {"tokens": [3, None]}]]
    table = pyarrow.table({"group": [1], "outcome": [1.0], "turns": turns})
    path = written(tmp_path, table)
    text = refusal(rollouts.read, path)
    assert "`tokens` must be a flat list of token ids" in text
    assert f"got [3, None] in {path} row 1 turn 1" in text


def test_tokens_take_four_bytes_each(tmp_path):
    turns = [[{"tokens": np.arange(5)}]]
    path = written(tmp_path, pyarrow.table({"group": [1], "outcome": [1.0], "turns": turns}))
    assert rollouts.read(path).trajectories[0]["turns"][0]["tokens"].dtype == np.int32
