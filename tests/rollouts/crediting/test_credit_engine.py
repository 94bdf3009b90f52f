import contextlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from credit_cases import (
    assert_equals_apply,
    lines,
    names_in,
    plain,
    refusal,
    spread,
    trajectories,
    written,
)

import creditlib as cl
from creditlib import rollouts
from creditlib.rollouts.crediting import memory_bytes, sidecar
from creditlib.rollouts.crediting.groups import bucket_count

# Every estimator that credits a group by itself, and those that compare all trajectories.
BY_GROUP = [
    *("grpo", "rloo", "opo", "maxrl", "pass_at_k", "r3l", "gtalign", "agreement", "combine"),
    *("gigpo", "igpo", "a2tgpo", "a2tgpo_clip_scale", "pure", "hgpo", "grpo_process", "fgrpo"),
    *("action_margin", "istar", "matchtir", "mica", "spread_back", "information_gain"),
    *("softmin_returns", "suffix_min_returns", "hard_min_returns", "overlong_penalty"),
]
WHOLE = ["gdpo", "gpg", "reinforce_plus_plus_baseline", "duration_weight"]
OF_BATCH = {"grpo": {"scale_over": "batch"}, "grpo_process": {"over": "turn_of_batch"}}
LIMITS = {"overlong_penalty": {"limit": 8, "buffer": 4}}


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_groups_across_24_files_have_the_credit_of_the_whole_batch(kind, tmp_path):
    """The budget makes many buckets, so no call sees all groups."""
    rows = spread(tmp_path, trajectories(), kind=kind)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert bucket_count(size, 8_000) > 5
    found = rollouts.credit(tmp_path, BY_GROUP, options=LIMITS, memory="8KB")
    assert len(found.outputs) == 24
    assert_equals_apply(found, rows, BY_GROUP, LIMITS)


def test_estimators_that_compare_all_trajectories(tmp_path):
    rows = spread(tmp_path, trajectories(7), files=5)
    found = rollouts.credit(tmp_path, [*WHOLE, "rloo"], memory="60KB")
    assert_equals_apply(found, rows, [*WHOLE, "rloo"])


def test_statistics_of_the_batch_are_those_of_all_files(tmp_path):
    rows = spread(tmp_path, trajectories(1), files=5)
    found = rollouts.credit(tmp_path, list(OF_BATCH), options=OF_BATCH)
    assert_equals_apply(found, rows, OF_BATCH, OF_BATCH)


def test_a_small_budget_spills_and_writes_the_same_bytes(tmp_path):
    spread(tmp_path / "runs", trajectories(2), files=6)
    names = ["grpo", "gigpo"]
    large = rollouts.credit(tmp_path / "runs", names, out=tmp_path / "large")
    small = rollouts.credit(tmp_path / "runs", names, out=tmp_path / "small", memory="1KB")
    for one, other in zip(large.outputs, small.outputs, strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()


@pytest.mark.nightly
@pytest.mark.parametrize("more", [{}, {"stitch": True}, {"memory": "20KB"}], ids=str)
def test_several_processes_write_the_same_bytes(more, tmp_path):
    spread(tmp_path / "runs", trajectories(2), files=6)
    path = tmp_path / "runs" / "0.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path), path, row_group_size=3)
    names = ["gigpo", "rloo"] if more else ["gigpo", "duration_weight"]
    one = rollouts.credit(tmp_path / "runs", names, out=tmp_path / "one", **more)
    two = rollouts.credit(tmp_path / "runs", names, out=tmp_path / "two", jobs=3, **more)
    for left, right in zip(one.outputs, two.outputs, strict=True):
        assert Path(left).read_bytes() == Path(right).read_bytes()
    assert {**one.as_dict(), "outputs": 0} == {**two.as_dict(), "outputs": 0}


def test_a_whole_batch_above_the_budget_is_refused(tmp_path):
    spread(tmp_path, trajectories(2), files=2)
    text = refusal(tmp_path, ["grpo", "gdpo"], memory="1KB")
    assert text.startswith(
        "credit: `memory` must be enough for the columns of all trajectories, which gdpo compares"
    )
    assert not list(tmp_path.glob("*.credit.*"))


def test_a_tiny_case_by_hand(tmp_path):
    """Two files, one group. rloo: 1 − 0 = 1 and 0 − 1 = −1; the lone member gets 0."""
    seen = [{"observation": "hall"}, {"observation": "attic"}]
    a = lines(tmp_path / "a.jsonl", {"group": 7, "outcome": True, "turns": seen}, plain(8, 1.0))
    b = lines(tmp_path / "b.jsonl", {"group": 7, "outcome": 0, "turns": seen[:1]})
    found = rollouts.credit([a, b], ["rloo", "gigpo"], options={"gigpo": {"scale": None}})
    assert written(found).to_pylist() == [
        # the return of the hall is 0.95 · 1 against 0: ±0.475; the attic is met by nobody
        _row(0, 7, 1.0, [0.5 + 0.475, 0.5], 2, False, 0.5),
        _row(1, 8, 0.0, [0.0], 1, False, 0.0),
        _row(0, 7, -1.0, [-0.5 - 0.475], 2, False, 1.0),
    ]
    assert (found.groups, found.lone, found.constant, found.informative) == (2, 1, 0, 1)


def _row(trajectory, group, rloo, gigpo, size, constant, met):
    return {
        "trajectory": trajectory,
        "group": group,
        "rloo": rloo,
        "gigpo": [float(np.float32(value)) for value in gigpo],
        "group_size": size,
        "group_constant": constant,
        "met_a_peer": met,
    }


def test_only_informative_groups_are_written(tmp_path):
    rows = [plain("a", 1.0), plain("b", 1.0), plain("a", 1.0), plain("b", 0.0), plain("c", 1.0)]
    file = lines(tmp_path / "x.jsonl", *rows)
    table = written(rollouts.credit(file, "rloo", filter="informative"))
    assert table.select(["row", "group", "rloo"]).to_pylist() == [
        {"row": 1, "group": "b", "rloo": 1.0},
        {"row": 3, "group": "b", "rloo": -1.0},
    ]


# --- outputs that exist, runs that break off ------------------------------------------------------


def test_an_output_that_exists_is_refused_before_any_work(tmp_path, monkeypatch):
    spread(tmp_path, [plain("a", 1.0), plain("a", 0.0)], files=2)
    first = rollouts.credit(tmp_path, "rloo")
    before = [Path(path).read_bytes() for path in first.outputs]
    text = refusal(tmp_path, "grpo")
    assert text == (
        "credit: `out` must be a folder without the outputs of an earlier run, got "
        f"{first.outputs[0]}, which exists; allow it with `overwrite`."
    )
    assert [Path(path).read_bytes() for path in first.outputs] == before
    again = rollouts.credit(tmp_path, "grpo", overwrite=True)
    assert again.outputs == first.outputs
    assert "grpo" in written(again).column_names


class FullDisk:
    """A disk that is full once `left` outputs are written."""

    def __init__(self, left):
        self.left = left
        self.real = sidecar.replaced

    def __call__(self, path):
        self.left -= 1
        return self.real(path) if self.left >= 0 else _full(self.real, path)


def _full(real, path):
    @contextlib.contextmanager
    def broken():
        with real(path) as file:
            file.write(b"half")
            raise OSError(28, "No space left on device", str(path))
            yield file

    return broken()


def test_a_full_disk_loses_nothing_and_the_run_is_resumed(tmp_path, monkeypatch):
    rows = spread(tmp_path / "runs", trajectories(3), files=4)
    monkeypatch.setattr(sidecar, "replaced", FullDisk(2))
    with pytest.raises(OSError, match="No space left"):
        rollouts.credit(tmp_path / "runs", "gigpo", out=tmp_path / "out")
    monkeypatch.undo()
    names = names_in(tmp_path / "out")
    assert names == ["0.credit.parquet", "1.credit.parquet"]
    times = [(tmp_path / "out" / name).stat().st_mtime_ns for name in names]
    found = rollouts.credit(tmp_path / "runs", "gigpo", out=tmp_path / "out", resume=True)
    assert [Path(path).name for path in found.kept] == names
    assert [(tmp_path / "out" / name).stat().st_mtime_ns for name in names] == times
    assert_equals_apply(found, rows, ["gigpo"])
    whole = rollouts.credit(tmp_path / "runs", "gigpo", out=tmp_path / "out", resume=True)
    assert len(whole.kept) == 4


def test_a_full_disk_keeps_the_old_output_of_an_overwriting_run(tmp_path, monkeypatch):
    spread(tmp_path, [plain("a", 1.0), plain("a", 0.0)], files=1)
    (path,) = rollouts.credit(tmp_path, "rloo").outputs
    before = Path(path).read_bytes()
    monkeypatch.setattr(sidecar, "replaced", FullDisk(0))
    with pytest.raises(OSError, match="No space left"):
        rollouts.credit(tmp_path, "grpo", overwrite=True)
    assert Path(path).read_bytes() == before
    assert names_in(tmp_path) == ["0.credit.parquet", "0.parquet"]


@pytest.mark.parametrize("change", ["estimator", "option", "input"])
def test_a_finished_output_of_another_run_is_not_resumed(change, tmp_path):
    spread(tmp_path, [plain("a", 1.0), plain("a", 0.0)], files=2)
    rollouts.credit(tmp_path, "grpo")
    options = {"grpo": {"scale": None}} if change == "option" else None
    if change == "input":
        rollouts.write(tmp_path / "1.parquet", [plain("a", 0.25)])
    text = refusal(
        tmp_path, "rloo" if change == "estimator" else "grpo", options=options, resume=True
    )
    assert "which exists and was made from other inputs, estimators or options" in text


# --- bad input: one sentence with file and row, or counted ----------------------------------------

GOOD = [plain("a", 1.0), plain("a", 0.0), plain("b", 1.0), plain("b", 0.0)]
NEXT = {"turns": [{"reward": 1.0}]}
BAD = {
    "a truncated line": ('{"group": "a", "outcome": 1.0, "tur', "line 5 column 36"),
    "an outcome of another type": (plain("a", "high"), "got 'high' in {file} line 5"),
    "an infinite outcome": (plain("a", float("inf")), "got inf in {file} line 5"),
    "a missing key": ({"group": "a", "turns": []}, "got none in {file} line 5"),
    "turns that are a text": ({"group": "a", "outcome": 1, "turns": "x"}, "{file} line 5"),
    "a doubled id": (plain("a", 1.0, id="1"), "in {file} line 4 and in {file} line 5"),
    "a key twice": ('{"group": 1, "group": 2}', "`group` twice in {file} line 5"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_one_sentence_with_its_file_and_row(case, tmp_path):
    bad, fact = BAD[case]
    good = [*GOOD[:3], {**GOOD[3], "group": "a", "id": "1"}]
    lines(tmp_path / "a.jsonl", *GOOD[:2])
    file = lines(tmp_path / "b.jsonl", *good, bad)
    text = refusal(tmp_path, "rloo")
    assert fact.format(file=file) in text
    assert names_in(tmp_path) == ["a.jsonl", "b.jsonl"]
    found = rollouts.credit(tmp_path, "rloo", skip_bad=True)
    assert (found.rows, found.bad) == (7, 1)
    assert any(fact.format(file=file) in note for note in found.notes)
    table = written(found)
    assert table.num_rows == 7  # a bad row keeps its place
    assert table["rloo"].to_pylist()[-1] is None
    lines(file, *good)  # the credit of the others is that without the bad row
    clean = written(rollouts.credit(tmp_path, "rloo", overwrite=True))
    assert table["rloo"].to_pylist()[:6] == clean["rloo"].to_pylist()


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_a_key_that_is_missing_in_file_17_of_24(kind, tmp_path):
    rows = trajectories(4)
    spread(tmp_path, rows, kind=kind)
    file = tmp_path / f"17.{kind}"
    without = [{**row, "turns": list(map(_without_reward, row["turns"]))} for row in rows[17::24]]
    first = next(number for number, row in enumerate(without, start=1) if row["turns"])
    rollouts.write(file, without)
    noun = "row" if kind == "parquet" else "line"
    place = f"{file} {noun} {first} turn 0"
    assert refusal(tmp_path, "gigpo") == (
        f"rollouts: `reward` must be in every turn or in none, got none in {place}."
    )
    assert rollouts.credit(tmp_path, "rloo", out=tmp_path / "o").bad == 0  # rloo reads no rewards
    found = rollouts.credit(tmp_path, "gigpo", out=tmp_path / "p", skip_bad=True)
    lacking = sum(bool(row["turns"]) for row in without)
    assert found.bad == lacking
    kept = [r for i, r in enumerate(rows) if i % 24 != 17 or not r["turns"]]
    ordered = [row for number in range(24) for row in rows[number::24] if row in kept]
    have = {row["trajectory"]: row["gigpo"] for row in written(found).to_pylist()}
    batch = rollouts.from_trajectories(ordered)
    credit = cl.apply("gigpo", batch.tensors)
    for row, mine in zip(ordered, credit, strict=True):
        assert have[row["id"]] == mine[: len(row["turns"])].tolist()


def _without_reward(turn):
    return {key: value for key, value in turn.items() if key != "reward"}


def test_a_required_key_that_is_missing_in_a_parquet_file(tmp_path):
    spread(tmp_path, GOOD, files=2)
    table = pyarrow.parquet.read_table(tmp_path / "1.parquet").drop_columns(["outcome"])
    pyarrow.parquet.write_table(table, tmp_path / "1.parquet")
    assert refusal(tmp_path, "rloo") == (
        "rollouts: `outcome` must be in every trajectory, got none in "
        f"{tmp_path / '1.parquet'} row 1."
    )


def test_nan_is_no_outcome_and_the_first_one_is_named(tmp_path):
    file = lines(tmp_path / "a.jsonl", *GOOD[:2], plain("a", float("nan")))
    found = rollouts.credit(file, "rloo")
    assert written(found)["rloo"].to_pylist() == [1.0, -1.0, 0.0]
    assert found.notes == (
        f"1 trajectory takes no part because `outcome` is NaN, the first in {file} line 3.",
    )
    rollouts.write(tmp_path / "b.parquet", [plain("a", 1.0), plain("a", None)])
    table = pyarrow.parquet.read_table(tmp_path / "b.parquet")
    nan = pyarrow.array([1.0, float("nan")])
    pyarrow.parquet.write_table(
        table.set_column(table.schema.get_field_index("outcome"), "outcome", nan),
        tmp_path / "b.parquet",
    )
    (note,) = rollouts.credit(tmp_path / "b.parquet", "rloo").notes
    assert note.endswith("b.parquet row 2.")


def test_a_reward_of_a_turn_that_is_nan_is_named(tmp_path):
    turns = [{"reward": 1.0}, {"reward": float("nan")}]
    file = tmp_path / "a.jsonl"
    lines(file, {"group": 1, "outcome": 1.0, "turns": turns})
    assert refusal(file, "mica").endswith(f"or in none, got nan in {file} line 1 turn 1.")


def test_an_empty_file(tmp_path):
    lines(tmp_path / "a.jsonl", *GOOD)
    (tmp_path / "b.jsonl").touch()
    assert refusal(tmp_path, "rloo") == (
        f"rollouts: {tmp_path / 'b.jsonl'} must hold at least one trajectory, got an empty file."
    )
    found = rollouts.credit(tmp_path, "rloo", skip_bad=True)
    assert (len(found.outputs), found.bad) == (1, 1)


def test_a_corrupt_row_group(tmp_path):
    path = tmp_path / "a.parquet"
    rows = [plain(f"{i // 2}", float(i % 2), id=str(i)) for i in range(60)]
    rollouts.write(path, rows)
    pyarrow.parquet.write_table(
        pyarrow.parquet.read_table(path), path, row_group_size=20, compression="gzip"
    )
    meta = pyarrow.parquet.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = meta.dictionary_page_offset or meta.data_page_offset
    data[start : start + meta.total_compressed_size] = b"\xff" * meta.total_compressed_size
    path.write_bytes(data)
    text = refusal(path, "rloo")
    assert text.startswith(f"rollouts: {path} must be a readable Parquet file: ")
    assert text.endswith("in row group 1, row 21 to row 40.")
    found = rollouts.credit(path, "rloo", skip_bad=True)
    assert (found.rows, found.bad, found.groups) == (60, 20, 20)
    credit = written(found)["rloo"].to_pylist()
    assert credit[20:40] == [None] * 20
    assert credit[:2] == credit[40:42] == [-1.0, 1.0]


def test_a_truncated_parquet_file(tmp_path):
    spread(tmp_path, GOOD, files=2)
    path = tmp_path / "1.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    assert refusal(tmp_path, "rloo").startswith(
        f"rollouts: {path} must be a readable Parquet file:"
    )
    found = rollouts.credit(tmp_path, "rloo", skip_bad=True)
    assert [Path(each).name for each in found.outputs] == ["0.credit.parquet"]


def test_mixed_formats(tmp_path):
    lines(tmp_path / "a.jsonl", *GOOD)
    lines(tmp_path / "b.jsonl", {"input": "x", "output": "y", "score": 1.0, "step": 1})
    assert refusal(tmp_path, "rloo") == (
        f"rollouts: the files must be of one format, got creditlib in {tmp_path / 'a.jsonl'} and "
        f"verl in {tmp_path / 'b.jsonl'}."
    )
    found = rollouts.credit(tmp_path, "rloo", skip_bad=True)
    assert [Path(each).name for each in found.outputs] == ["a.credit.parquet"]
    assert found.bad == 1


def test_a_format_that_is_converted_row_by_row(tmp_path):
    dump = [
        {"input": "7*8", "output": str(n), "score": float(n == 56), "step": 1} for n in (56, 15, 1)
    ]
    lines(tmp_path / "1.jsonl", *dump[:2])
    lines(tmp_path / "2.jsonl", dump[2], {**dump[0], "input": "6*6"})
    table = written(rollouts.credit(tmp_path, "rloo"))
    assert table["rloo"].to_pylist() == [1.0, -0.5, -0.5, 0.0]
    assert "allow" not in refusal(tmp_path, "rloo", overwrite=True, memory="20B")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"memory": "much"}, "credit: `memory` must be a size such as '1GB', got 'much'."),
        ({"jobs": 0}, "credit: `jobs` must be a whole number, at least 1, got 0."),
        ({"engine": "x"}, "credit: `engine` must be 'local' or 'ray', got 'x'."),
        (
            {"engine": "ray", "jobs": 2},
            "credit: `jobs` must be left out where `engine` is 'ray', got 2.",
        ),
        (
            {"out": "nosuch://bucket/runs"},
            "rollouts: a file must be at an address that pyarrow or fsspec can open, got nosuch://",
        ),
        ({"filter": "best"}, "credit: `filter` must be None or 'informative', got 'best'."),
        (
            {"to": "csv"},
            "credit: `to` must be 'parquet', 'jsonl', 'verifiers' or 'atropos', got 'csv'.",
        ),
        ({"keys": {"group": "x"}}, "credit: `keys` must be left out for the format creditlib,"),
        ({"format": "csv"}, "read: `format` must be one of"),
    ],
)
def test_a_wrong_option_is_refused(options, sentence, tmp_path):
    assert refusal(lines(tmp_path / "a.jsonl", *GOOD), "rloo", **options).startswith(sentence)


def test_the_engine_ray_without_ray(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    file = lines(tmp_path / "a.jsonl", *GOOD)
    text = refusal(file, "rloo", engine="ray")
    assert text.startswith("credit: the engine ray needs Ray: pip install ")
    assert names_in(tmp_path) == ["a.jsonl"]


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        rollouts.credit(tmp_path / "nothing.jsonl", "rloo")
    assert refusal(tmp_path, "rloo").startswith("credit: `paths` must be files, or folders that")


def test_sizes():
    assert memory_bytes("1.5 GiB") == memory_bytes("1.5GB") == 1_500_000_000
    assert json.dumps(memory_bytes(12)) == "12"


def test_the_inputs_stay_as_they_are(tmp_path):
    spread(tmp_path / "runs", trajectories(5), files=3, kind="jsonl")
    shutil.copytree(tmp_path / "runs", tmp_path / "copy")
    rollouts.credit(tmp_path / "runs", "gigpo", stitch=True)
    for path in (tmp_path / "copy").iterdir():
        assert path.read_bytes() == (tmp_path / "runs" / path.name).read_bytes()
