"""`rollouts.credit` on cases worked out on paper; the faults of tests/mutants fail here."""

import json
import os

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from creditlib import rollouts
from creditlib.rollouts.crediting.conversion import settled
from creditlib.rollouts.crediting.groups import batches, checked_groups, split_by_group
from creditlib.rollouts.crediting.manifest import KEY, is_finished
from creditlib.rollouts.crediting.parts import Facts, Lack, merge_facts
from creditlib.rollouts.crediting.plan import make_plan
from creditlib.rollouts.crediting.sources import expand, open_sources
from creditlib.rollouts.crediting.spill import Store, loaded
from creditlib.rollouts.crediting.summary import counted, merge_counts
from creditlib.vocabulary.messages import ContractError


def _row(group, outcome, *seen, **more):
    return {"group": group, "outcome": outcome, "turns": [{"observation": s} for s in seen], **more}


def _lines(path, *rows):
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return path


def _credit(*args, **kwargs):
    """All rows that a run writes; a refusal fails the test."""
    try:
        found = rollouts.credit(*args, **kwargs)
    except ContractError as error:
        pytest.fail(str(error))
    return [row for path in found.outputs for row in pyarrow.parquet.read_table(path).to_pylist()]


def test_two_files_of_one_group(tmp_path):
    """rloo: 1 − (0 + 0.5) / 2 = 0.75, 0 − 0.75 = −0.75, 0.5 − 0.5 = 0; lone and excluded rows: 0.

    The hall is met by two, the attic by one: 1 of 2 turns, 1 of 1; the cellar by nobody.
    """
    rows = [
        _row("a", 1.0, "hall", "attic"),
        _row("b", 1.0, "hall"),
        _row("a", 0.0, "hall"),
        _row("a", 0.5, "cellar"),
        _row("b", None, "hall"),
        _row("c", 2.0),
    ]
    for number in range(2):
        rollouts.write(tmp_path / f"{number}.parquet", rows[number * 3 : number * 3 + 3])
    plain = {"gigpo": {"scale": None}}
    summary = rollouts.credit(tmp_path, ["rloo", "gigpo"], options=plain)
    paths = summary.outputs
    found = [row for path in paths for row in pyarrow.parquet.read_table(path).to_pylist()]
    names = ("trajectory", "group", "rloo", "group_size", "group_constant", "met_a_peer")
    assert [tuple(row[name] for name in names) for row in found] == [
        (0, "a", 0.75, 3, False, 0.5),
        (1, "b", 0.0, 1, False, 0.0),
        (2, "a", -0.75, 3, False, 1.0),
        (0, "a", 0.0, 3, False, 0.0),
        (1, "b", 0.0, 1, False, None),
        (2, "c", 0.0, 1, False, None),
    ]
    # The trajectories earn 1, 0 and 0.5 against the mean 0.5. The hall is left with the returns
    # 0.95 and 0: with +0.475 and −0.475.
    wanted = [[0.5 + 0.475, 0.5], [0.0], [-0.5 - 0.475], [0.0], [0.0], []]
    assert [row["gigpo"] for row in found] == [np.float32(each).tolist() for each in wanted]
    counts = (summary.groups, summary.lone, summary.constant, summary.informative)
    assert counts == (3, 2, 0, 1)
    assert (summary.excluded, summary.turns, summary.trajectories) == (1, 6, 6)
    assert summary.credit["rloo"] == {
        0.0: -0.75,
        0.05: -0.75,
        0.25: 0.0,
        0.5: 0.0,
        0.75: 0.0,
        0.95: 0.75,
        1.0: 0.75,
    }


def test_a_constant_group_is_not_informative(tmp_path):
    file = _lines(tmp_path / "a.jsonl", *(_row(g, float(g == 2), "x") for g in (1, 2, 1, 2)),
                  _row(3, 1.0), _row(3, 0.0))  # fmt: skip
    found = _credit(file, "rloo", filter="informative")
    assert [(row["row"], row["group"], row["rloo"]) for row in found] == [(4, 3, 1.0), (5, 3, -1.0)]
    assert rollouts.credit(file, "rloo", overwrite=True).constant == 2


def test_bad_rows_keep_their_place(tmp_path):
    file = _lines(tmp_path / "a.jsonl", _row(1, 1.0), "{", _row(1, "x"), _row(1, 0.0, id="a"),
                  _row(1, 9.0, id="a"))  # fmt: skip
    found = rollouts.credit(file, "rloo", skip_bad=True)
    assert found.bad == 3
    assert any(f"{file} line 2 column 2" in note for note in found.notes)
    table = pyarrow.parquet.read_table(found.outputs[0]).to_pydict()
    assert table["rloo"] == [1.0, None, None, -1.0, None]
    assert table["group_size"] == [2, None, None, 2, None]


def test_lengths_come_from_tokens_or_are_stated(tmp_path):
    """opo: 1 and 0 of lengths 1 and 3 have the baseline (1 · 1 + 3 · 0) / 4 = 0.25."""
    turns = [[{"tokens": [5]}], [{"tokens": [5, 6]}, {"tokens": [7]}]]
    own = [{"group": 1, "outcome": 1.0 - i, "turns": turns[i]} for i in range(2)]
    turn = [{"text": "x"}]
    other = [{"group": 1, "outcome": 1.0 - i, "turns": turn, "length": 1 + 2 * i} for i in (0, 1)]
    for number, rows in enumerate((own, other)):
        for kind in ("jsonl", "parquet"):
            file = tmp_path / f"{number}.{kind}"
            rollouts.write(file, rows)
            found = _credit(file, "opo", out=tmp_path / kind)
            assert [row["opo"] for row in found] == [0.75, -0.25]


def test_groups_stay_together():
    table = pyarrow.table({"group": [4, 1, 4, 2], "place": [1, 2, 3, 4]})
    found = {key: part["place"].to_pylist() for key, part in split_by_group(table, 3)}
    assert found == {1: [1, 2, 3], 2: [4]}
    rows = batches(np.array([4, 1, 4, 2]), np.array([2, 2, 2, 2]), cells=4)
    assert [each.tolist() for each in rows] == [[1, 3], [0, 2]]


def test_a_copy_of_a_trajectory_is_refused():
    table = pyarrow.table({"group": [1, 2, 1], "check": [1, 2, 1], "name": [7, 7, 7],
                           "file": [0, 0, 3], "place": [1, 2, 5]})  # fmt: skip
    with pytest.raises(ContractError, match="0:1 and in 3:5"):
        checked_groups(table, lambda file, number: f"{file}:{number}", False)
    nameless = table.set_column(2, "name", [[-1, -1, -1]])
    kept, _ = checked_groups(nameless, lambda file, number: f"{file}:{number}", True)
    assert kept.num_rows == 3


def test_tables_on_disk_keep_their_order():
    with Store(30) as store:
        for number in range(5):
            store.put(number % 2, pyarrow.table({"x": [number, number + 10]}))
        assert store.spilled == 2
        found = loaded(store.lend(0))
        assert [table["x"].to_pylist() for table in found] == [[0, 10], [2, 12], [4, 14]]


def test_facts_are_reduced_in_order():
    first = Facts(lacks={"duration": Lack(2, "x line 1")}, nan=Lack(1, "x line 2"), rows=3)
    second = Facts(lacks={"duration": Lack(1, "y line 1")}, nan=Lack(1, "y line 2"), rows=4)
    found = merge_facts([first, second])
    assert found.lacks == {"duration": Lack(3, "x line 1")}
    assert (found.nan, found.rows) == (Lack(2, "x line 2"), 7)


def test_quantiles_of_credit():
    one = counted(np.array([-2.0, 0.5, 0.5, 1.0], dtype=np.float32))
    two = merge_counts([one, one])
    assert [two.quantile(share) for share in (0.0, 0.25, 0.5, 1.0)] == [-2.0, -2.0, 0.5, 1.0]


def test_a_run_is_resumed_only_if_it_is_equal(tmp_path):
    file = _lines(tmp_path / "a.jsonl", _row(1, 1.0), _row(1, 0.0))
    (path,) = rollouts.credit(file, "rloo").outputs
    output = tmp_path / "a.credit.parquet"
    manifest = pyarrow.parquet.read_schema(path).metadata[KEY]
    sources, _ = open_sources(expand(file), "auto", False)
    assert is_finished(output, manifest, sources)
    assert not is_finished(output, manifest.replace(b"rloo", b"grpo"), sources)
    later = output.stat().st_mtime_ns + 10**9
    os.utime(file, ns=(later, later))
    assert not is_finished(output, manifest, sources)


def test_what_compares_the_batch_is_known():
    def whole(name, **options):
        return make_plan(name, {name: options}).asked[0].whole

    assert [whole(name) for name in ("gdpo", "gpg", "duration_weight")] == [True] * 3
    assert [whole(name) for name in ("grpo", "gigpo")] == [False] * 2
    assert whole("grpo", scale_over="batch")


def test_row_groups_are_counted_on(tmp_path):
    path = tmp_path / "a.parquet"
    rollouts.write(path, [_row(1, 1.0), _row(1, 0.0)])
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path), path, row_group_size=1)
    found = _credit(path, "rloo")
    assert [(row["trajectory"], row["rloo"]) for row in found] == [(0, 1.0), (1, -1.0)]


def test_a_folder_in_the_order_of_its_numbers(tmp_path):
    for name in ("10.jsonl", "9.jsonl", "9.credit.parquet"):
        _lines(tmp_path / name, _row(1, 1.0))
    assert [path.name for path, _ in expand(tmp_path)] == ["9.jsonl", "10.jsonl"]


def test_rows_of_a_step_that_lie_apart_are_seen(tmp_path):
    """Steps 1, 1, 2 and 3, 3: pieces; with a 2 behind them, or with a 1 behind the 2: none."""

    def options(*steps):
        for number, each in enumerate(steps):
            rows = [{"input": "q", "output": "x", "score": 1.0, "step": step} for step in each]
            _lines(tmp_path / f"{number}.jsonl", *rows)
        sources, _ = open_sources(expand(tmp_path), "auto", False)
        return settled(sources, {}, False)

    assert options([1, 1, 2], [3, 3]) == {"named_by": "prompt"}
    assert options([1, 1, 2], [3, 3, 2]) is None
    assert options([1, 1, 2, 1], [3, 3]) is None


def test_a_session_of_two_rows_is_one_trajectory_at_its_last_row(tmp_path):
    """Two sessions of two outputs: rloo of 1 and 0 stands in the last rows of the sessions."""
    found = [("s_0_0", 0.0), ("s_1_0", 1.0), ("s_0_1", 1.0), ("s_1_1", 0.0)]
    rows = [{"input": "q", "output": "x", "score": s, "step": 1, "uid": uid} for uid, s in found]
    credit = _credit(_lines(tmp_path / "a.jsonl", *rows), "rloo")
    assert [row["rloo"] for row in credit] == [None, None, 1.0, -1.0]
