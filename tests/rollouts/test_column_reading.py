"""Parquet read as columns gives what reading row by row gives, and hands on what it does not."""

import pickle
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from creditlib import rollouts
from creditlib.rollouts import parquet_files, reading
from creditlib.rollouts.column_rows import ColumnRows

SEEDS = range(24)


def random_rows(seed):
    """Trajectories with some of the keys, which all of them have, and values of any form."""
    draw = np.random.default_rng(seed)
    keys = {
        "reward": lambda: float(draw.normal()),
        "seconds": lambda: int(draw.integers(0, 9)),
        "process_reward": lambda: bool(draw.integers(2)),
        "gold_log_prob": lambda: -float(draw.random()),
        "tokens": lambda: draw.integers(0, 2 ** int(draw.integers(3, 40)), draw.integers(4)),
        "observation": lambda: draw.choice(["hall", "attic", "", None]),
        "action": lambda: draw.choice([1, 2, None]),
        "text": lambda: draw.choice(["go", "ünï", None]),
        "tool": lambda: draw.choice([None, "hammer"]),
    }
    own = {
        "id": lambda: f"t{draw.integers(99)}",
        "rewards": lambda: [float(draw.random()), None],
        "answer": lambda: draw.choice(["yes", "no", None]),
        "seed": lambda: draw.choice([None, 7]),
        "day": lambda: date(2026, 1, int(draw.integers(1, 9))),
    }
    chosen = [key for key in keys if draw.random() < 0.7]
    top = [key for key in own if draw.random() < 0.7]
    integer = draw.random() < 0.5
    rows = []
    for _ in range(int(draw.integers(1, 40))):
        group = int(draw.integers(6))
        turns = [
            {"text": None, **{key: keys[key]() for key in chosen}}
            for _ in range(int(draw.integers(0, 6)))
        ]
        rows.append(
            {
                "group": group if integer else f"g{group}",
                "outcome": draw.choice([None, 1.0, 0.0, float("nan"), -2.5]),
                "turns": turns,
                **{key: own[key]() for key in top},
            }
        )
    return rows


def both_ways(path, monkeypatch, **options):
    """What is read as columns, and what is read row by row."""
    columns = rollouts.read(path, **options)
    with monkeypatch.context() as patch:
        patch.setattr(reading, "read_columns", lambda *_: None)
        return columns, rollouts.read(path, **options)


def plain(value):
    """A value without arrays, in which equal values are equal."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("similarity", [None, 0.9])
@pytest.mark.parametrize("seed", SEEDS)
def test_columns_are_rows(seed, similarity, monkeypatch, tmp_path):
    rows = random_rows(seed)
    for number, part in enumerate((rows[: len(rows) // 2], rows[len(rows) // 2 :])):
        if part:
            rollouts.write(tmp_path / f"{number}.parquet", part)
    monkeypatch.setattr(parquet_files, "_ROWS", 3)
    columns, whole = both_ways(tmp_path, monkeypatch, similarity=similarity)
    assert list(columns.tensors) == list(whole.tensors)
    for name, tensor in whole.tensors.items():
        found = columns.tensors[name]
        assert found.dtype == tensor.dtype, name
        assert np.array_equal(found.numpy(), tensor.numpy(), equal_nan=found.is_floating_point())
    for name in ("places", "groups", "notes", "unknown_keys", "format", "sources"):
        assert getattr(columns, name) == getattr(whole, name), name
    assert plain(list(columns.trajectories)) == plain(whole.trajectories)


def test_most_random_files_are_read_as_columns(tmp_path):
    kinds = []
    for seed in SEEDS:
        path = tmp_path / f"{seed}.parquet"
        rollouts.write(path, random_rows(seed))
        kinds.append(type(rollouts.read(path).trajectories))
    assert kinds.count(ColumnRows) >= len(SEEDS) * 3 // 4


def file_of(folder, **columns):
    table = {"group": [1, 1], "outcome": [1.0, 0.0], "turns": [[{"text": "x"}]] * 2, **columns}
    path = folder / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.table(table), path)
    return path


def turns_of(key, *values):
    return {"turns": [[{"text": "x", key: value}] for value in values]}


@pytest.mark.parametrize(
    "columns",
    [
        {"outcome": ["1", "0"]},
        {"outcome": [1e39, 0.0]},
        {"group": [None, "a"]},
        {"group": [1.5, 2.5]},
        {"turns": [None, [{"text": "x"}]]},
        {"turns": [[None], [{"text": "x"}]]},
        {"turns": ["x", "y"]},
        {"length": [1, None]},
        {"length": [1.0, 2.0]},
        {"rewards": [[1.0], [1.0, 2.0]]},
        {"rewards": [None, [1.0]]},
        turns_of("reward", 1.0, None),
        turns_of("seconds", 1.0, -1.0),
        turns_of("gold_log_prob", -1.0, 1.0),
        turns_of("tokens", [1, -100], [2]),
        turns_of("tokens", [1, None], [2]),
        turns_of("tokens", [[1]], [[2]]),
        turns_of("token_count", 1, -1),
        turns_of("text", 1, 2),
        turns_of("observation_json", "{", "{}"),
        {"turns": [[{"tokens": [1], "token_count": 2}], []]},
        {"turns": [[{"tokens": [1]}], []], "length": [2, 0]},
    ],
)
def test_a_value_that_breaks_the_schema_is_refused_as_ever(columns, refusal, monkeypatch, tmp_path):
    path = file_of(tmp_path, **columns)
    text = refusal(rollouts.read, path)
    monkeypatch.setattr(reading, "read_columns", lambda *_: None)
    assert text == refusal(rollouts.read, path)
    assert str(path) in text


@pytest.mark.parametrize(
    "columns",
    [
        turns_of("observation", [1, 2], [1, 2]),
        turns_of("observation", {"door": 1}, {"door": 2}),
        {"turns": [[{"observation": "x", "observation_json": None}],
                   [{"observation": None, "observation_json": '"x"'}]]},
        {"turns": pyarrow.array([[], []], pyarrow.list_(pyarrow.null()))},
        {"outcome": [Decimal("1.0"), Decimal("0.0")]},
        {"answer": [[1], [2]]},
    ],
)  # fmt: skip
def test_other_forms_are_read_row_by_row(columns, tmp_path):
    found = rollouts.read(file_of(tmp_path, **columns))
    assert isinstance(found.trajectories, list)
    assert found.tensors["reward"].tolist() == [1.0, 0.0]


def test_a_date_that_python_lacks_is_refused_before_it_is_asked_for(refusal, tmp_path):
    dates = pyarrow.array([0, 2**30], pyarrow.date32())
    text = refusal(rollouts.read, file_of(tmp_path, day=dates))
    assert text.endswith(f"in {tmp_path / 'x.parquet'} row 2.")


def test_a_missing_key_in_the_second_file_is_named(refusal, tmp_path):
    rows = [{"group": 1, "outcome": 1.0, "turns": [{"reward": 1.0}]}]
    rollouts.write(tmp_path / "1.parquet", rows)
    rollouts.write(tmp_path / "2.parquet", [{**rows[0], "turns": [{"text": "x"}]}])
    assert refusal(rollouts.read, tmp_path) == (
        "rollouts: `reward` must be in every turn or in none, got none in "
        f"{tmp_path / '2.parquet'} row 1 turn 0."
    )


def test_columns_and_lines_in_one_folder(tmp_path):
    rows = [{"group": 1, "outcome": 1.0, "turns": [{"text": "x"}]}]
    rollouts.write(tmp_path / "1.parquet", rows)
    rollouts.write(tmp_path / "2.jsonl", rows)
    assert len(rollouts.read(tmp_path).trajectories) == 2


def test_groups_and_the_representation_make_no_rows(monkeypatch, tmp_path):
    rows = [{"group": f"g{n // 2}", "outcome": 1.0, "turns": [{"text": "x"}]} for n in range(1200)]
    rollouts.write(tmp_path / "x.parquet", rows)
    found = rollouts.read(tmp_path / "x.parquet")
    monkeypatch.setattr(ColumnRows, "_item", None)
    monkeypatch.setattr(ColumnRows, "__iter__", None)
    assert len(found.groups) == 600
    assert repr(found) == (
        "Rollouts(1,200 rows, 600 groups, 1,200 turns; format creditlib; tensors group, reward, "
        "turn_count, turn_reward, valid)"
    )


def test_what_was_read_is_written_and_pickled(tmp_path):
    rows = [{"group": "a", "outcome": 1.0, "turns": [{"text": "x", "tokens": [1, 2]}]}]
    rollouts.write(tmp_path / "x.parquet", rows)
    found = rollouts.read(tmp_path / "x.parquet")
    rollouts.write(tmp_path / "y.jsonl", found.trajectories)
    again = rollouts.read(tmp_path / "y.jsonl")
    assert plain(list(found.trajectories)) == plain(again.trajectories)
    copy = pickle.loads(pickle.dumps(found))
    assert plain(list(copy.trajectories)) == plain(list(found.trajectories))
    assert copy.places == found.places
