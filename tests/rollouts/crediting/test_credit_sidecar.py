import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from credit_cases import lines, names_in, plain, refusal, spread, trajectories, written

from creditlib import rollouts

ROWS = [plain("a", 1.0), plain("b", 1.0), plain("a", 0.0), plain("b", 1.0)]


def read_lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_a_sidecar_as_lines_holds_the_same_numbers(kind, tmp_path):
    spread(tmp_path, trajectories(11), files=3, kind=kind)
    table = written(rollouts.credit(tmp_path, ["grpo", "gigpo"]))
    found = rollouts.credit(tmp_path, ["grpo", "gigpo"], to="jsonl")
    rows = [row for path in found.outputs for row in read_lines(path)]
    assert rows == table.to_pylist()


def test_a_stitched_copy_is_the_input_with_columns_added(tmp_path):
    path = tmp_path / "a.parquet"
    rollouts.write(path, trajectories(12))
    whole = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(whole, path, row_group_size=7)
    credit = written(rollouts.credit(path, ["grpo", "gigpo"]))
    (name,) = rollouts.credit(path, ["grpo", "gigpo"], stitch=True).outputs
    copy = pyarrow.parquet.read_table(name)
    assert name.endswith("a.credited.parquet")
    assert copy.select(whole.column_names).equals(whole)
    added = ["grpo", "gigpo", "group_size", "group_constant", "met_a_peer"]
    assert copy.column_names == [*whole.column_names, *added]
    assert copy.select(added).equals(credit.select(added))
    assert rollouts.read(name).tensors["reward"].numel() == copy.num_rows
    text = refusal(name, "grpo", stitch=True, out=tmp_path / "o")
    assert "got the column `grpo` of" in text


def test_stitched_lines_and_those_of_informative_groups(tmp_path):
    path = lines(tmp_path / "a.jsonl", *ROWS)
    (name,) = rollouts.credit(path, "rloo", stitch=True).outputs
    rows = read_lines(name)
    assert [row["rloo"] for row in rows] == [1.0, 0.0, -1.0, 0.0]
    assert [{key: row[key] for key in ROWS[0]} for row in rows] == ROWS
    (name,) = rollouts.credit(
        path, "rloo", stitch=True, filter="informative", overwrite=True
    ).outputs
    assert [row["rloo"] for row in read_lines(name)] == [1.0, -1.0]
    spread(tmp_path / "p", ROWS, files=1)
    (name,) = rollouts.credit(tmp_path / "p", "rloo", stitch=True, filter="informative").outputs
    table = pyarrow.parquet.read_table(name)
    assert table["group"].to_pylist() == ["a", "a"]
    assert "row" not in table.column_names


def test_stitching_leaves_out_lines_that_are_broken(tmp_path):
    path = lines(tmp_path / "a.jsonl", ROWS[0], "{", ROWS[2])
    (name,) = rollouts.credit(path, "rloo", stitch=True, skip_bad=True).outputs
    assert [row["rloo"] for row in read_lines(name)] == [1.0, -1.0]


def test_outputs_keep_their_folders_and_have_distinct_names(tmp_path):
    spread(tmp_path / "runs" / "one", ROWS, files=1)
    spread(tmp_path / "runs" / "two", ROWS, files=1)
    found = rollouts.credit(
        str(tmp_path / "runs" / "*" / "*.parquet"), "rloo", out=tmp_path / "out"
    )
    assert names_in(tmp_path / "out") == ["one", "two"]
    assert len(set(found.outputs)) == 2
    both = [tmp_path / "runs" / "one", tmp_path / "runs" / "two"]
    text = refusal(both, "rloo", out=tmp_path / "flat")
    assert text.startswith("credit: `paths` must be files of distinct names, got ")


def test_lines_have_no_parquet_copy(tmp_path):
    path = lines(tmp_path / "a.jsonl", *ROWS)
    assert "'parquet' for a copy of" in refusal(path, "rloo", stitch=True, to="parquet")


def test_names_are_integers_only_where_all_are(tmp_path):
    path = lines(tmp_path / "a.jsonl", plain(1, 1.0, id=5), plain(1, 0.0, id=6))
    table = written(rollouts.credit(path, "rloo"))
    assert table.to_pydict()["group"] == [1, 1]
    assert table.to_pydict()["trajectory"] == [5, 6]
    lines(path, plain(1, 1.0, id=5), plain("x", 0.0, id="y"), plain(2**70, 1.0))
    table = written(rollouts.credit(path, "rloo", overwrite=True))
    assert table.to_pydict()["group"] == ["1", "x", str(2**70)]
    assert table.to_pydict()["trajectory"] == ["5", "y", None]


def test_a_folder_with_outputs_is_still_read(tmp_path):
    rows = spread(tmp_path, ROWS, files=2)
    rollouts.credit(tmp_path, "rloo")
    assert len(rollouts.read(tmp_path).trajectories) == len(rows)
