"""Parquet read as columns, each number worked out from the rule in `docs/rollouts.md`.

Every file here is read as columns: a reader that goes back to rows fails the test.
"""

import gzip
import io
import itertools
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch

from creditlib import rollouts
from creditlib.rollouts import parquet_files
from creditlib.rollouts.column_rows import ColumnRows
from creditlib.vocabulary.messages import ContractError

HALL, ATTIC = "a hall", "an attic"
# Two trajectories of one group, of 2 turns and of 1 turn; the second has no outcome.
ROWS = [
    {
        "group": "house",
        "id": "first",
        "outcome": True,
        "rewards": [1.0, None],
        "length": 5,
        "answer": "key",
        "turns": [
            {"observation": HALL, "action": "up", "text": "I go", "tokens": [4, 5, 6]},
            {"observation": ATTIC, "action": None, "text": "I see", "tokens": [7, 2**31 - 1]},
        ],
    },
    {
        "group": "house",
        "id": None,
        "outcome": None,
        "rewards": [0.5, 0.25],
        "length": 1,
        "answer": None,
        "turns": [{"observation": HALL, "action": "up", "text": "", "tokens": [8]}],
    },
]


def columns_of(*tables, **options):
    """What one file for each table reads as."""
    folder = Path(tempfile.mkdtemp())
    for number, rows in enumerate(tables):
        table = rows if isinstance(rows, pyarrow.Table) else pyarrow.Table.from_pylist(list(rows))
        pyarrow.parquet.write_table(table, folder / f"{number}.parquet", row_group_size=1)
    found = rollouts.read(folder, **options)
    assert isinstance(found.trajectories, ColumnRows)
    return found


def same(tensor, expected):
    wanted = torch.tensor(expected, dtype=tensor.dtype)
    torch.testing.assert_close(tensor, wanted, rtol=0, atol=0, equal_nan=True)


def test_every_tensor_of_two_rows():
    found = columns_of(ROWS).tensors
    same(found["reward"], [1.0, 0.0])  # null is no outcome: 0, and not valid
    same(found["valid"], [True, False])
    same(found["turn_count"], [2, 1])
    same(found["turn_reward"], [[0.0, 1.0], [0.0, 0.0]])  # no turn has a reward: the outcome is it
    same(found["turn_length"], [[3, 2], [1, 0]])
    same(found["length"], [5, 1])  # 3 + 2 and 1
    same(found["rewards"], [[1.0, float("nan")], [0.5, 0.25]])
    assert found["group"].unique().numel() == 1
    anchor, action, answer = found["anchor"], found["action"], found["answer"]
    assert anchor[0, 0] == anchor[1, 0] != anchor[0, 1]
    assert anchor[1, 1] == action[0, 1] == action[1, 1] == answer[1] == -1
    assert action[0, 0] == action[1, 0] >= 0
    assert answer[0] >= 0


def test_rows_are_dictionaries_when_they_are_asked_for():
    found = columns_of(ROWS)
    first, second = found.trajectories
    assert first["outcome"] == 1.0
    assert type(first["outcome"]) is float
    assert [turn["text"] for turn in first["turns"]] == ["I go", "I see"]
    assert "action" not in first["turns"][1]
    tokens = first["turns"][1]["tokens"]
    assert (tokens.tolist(), tokens.dtype) == ([7, 2**31 - 1], np.int32)
    assert (second["outcome"], second["id"]) == (None, None)
    assert second["turns"][0]["observation"] == HALL
    assert found.groups == {"house": [0, 1]}
    assert [place.rpartition("/")[2] for place in found.places] == [
        "0.parquet row 1",
        "0.parquet row 2",
    ]


def test_places_count_through_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_files, "_ROWS", 1)
        places = columns_of(ROWS, ROWS).places
    names = [place.rpartition("/")[2] for place in places]
    assert names == [f"{file}.parquet row {row}" for file in (0, 1) for row in (1, 2)]


def test_numbers_of_turns_of_two_files():
    def row(*turns):
        keys = ("reward", "seconds", "process_reward", "gold_log_prob")
        listed = [dict(zip(keys, turn, strict=True)) for turn in turns]
        return {"group": 1, "outcome": 0.0, "turns": listed}

    found = columns_of(
        [row((0.5, 2.0, 1.0, -0.0)), {"group": 1, "outcome": 0.0, "turns": []}],
        [row((1.0, 3.0, 0.0, -1.0), (0.0, 0.0, 0.25, 0.0))],
    ).tensors
    same(found["turn_reward"], [[0.5, 0.0], [0.0, 0.0], [1.0, 0.0]])
    same(found["duration"], [[2.0, 0.0], [0.0, 0.0], [3.0, 0.0]])
    same(found["process_reward"], [[1.0, 0.0], [0.0, 0.0], [0.0, 0.25]])
    # The first turn of the last row raises the belief from exp(-1) to exp(0).
    gain = 1 - torch.exp(torch.tensor(-1.0))
    assert found["information_gain"][2, 0] == gain
    assert found["information_gain"][2, 1] == 0


def test_observations_of_two_files_meet():
    """Text and JSON text: the object is equal whatever the order of its keys."""
    first = [{"observation_json": '{"door": "open", "keys": 1}'}, {"observation_json": '"a hall"'}]
    second = [{"observation_json": '{"keys": 1, "door": "open"}'}, {"observation_json": None}]
    other = [{"observation": "a hall"}]
    rows = [[{"group": 1, "outcome": 1.0, "turns": turns}] for turns in (first, second, other)]
    anchor = columns_of(*rows).tensors["anchor"]
    assert anchor[0, 0] == anchor[1, 0] >= 0
    assert anchor[0, 1] == anchor[2, 0] >= 0
    assert anchor[1, 1] == -1


def test_nearly_equal_observations_share_an_anchor():
    rows = [
        {"group": 1, "outcome": 1.0, "turns": [{"observation": text}]}
        for text in ("a red door, 1", "a red door, 2", "a cellar")
    ]
    anchor = columns_of(rows, similarity=0.9).tensors["anchor"][:, 0]
    assert anchor[0] == anchor[1] != anchor[2]


def test_unknown_keys_are_noted_in_the_order_of_their_values():
    turns = [{"tool": None, "observaton": "x"}, {"tool": 3, "observaton": None}]
    first = [{"group": 1, "outcome": 1.0, "turns": turns, "seed": None}]
    second = [{"group": 1, "outcome": 1.0, "turns": turns[:1], "seed": 7}]
    found = columns_of(first, second)
    assert found.unknown_keys == ("observaton", "tool", "seed")
    assert found.notes == (
        "unknown keys are not read: `observaton` (2 turns; did you mean `observation`?), `tool` "
        "(1 turn), `seed` (1 trajectory).",
    )


def test_a_group_that_is_a_category_is_its_text():
    column = pyarrow.array(["b", "a", "b"]).dictionary_encode()
    turns = [[{"text": "x"}]] * 3
    found = columns_of(pyarrow.table({"group": column, "outcome": [1, 0, 1], "turns": turns}))
    assert found.groups == {"b": [0, 2], "a": [1]}
    assert found.trajectories[1]["group"] == "a"


def test_an_empty_file_is_noted():
    table = pyarrow.Table.from_pylist(ROWS)
    found = columns_of(table, table.slice(0, 0))
    assert len(found.trajectories) == 2
    assert [note.rpartition("/")[2] for note in found.notes] == ["1.parquet has no rows."]


def test_slices_steps_and_negative_rows():
    rows = [{"group": n, "outcome": float(n), "turns": []} for n in range(5)]
    turns = pyarrow.array([[{"text": "x"}]] * 5)
    table = pyarrow.Table.from_pylist(rows).drop_columns(["turns"]).append_column("turns", turns)
    found = columns_of(table, table).trajectories
    outcomes = [row["outcome"] for row in found]
    assert outcomes == [*range(5), *range(5)]
    for low, high, step in itertools.product((None, 1, -3), (None, 7, -1), (1, 3, -1)):
        part = slice(low, high, step)
        assert [row["outcome"] for row in found[part]] == outcomes[part]
    assert found[-1]["outcome"] == 4.0


def test_a_row_in_the_middle_of_a_batch_has_its_own_tokens():
    rows = [
        {"group": 1, "outcome": 1.0, "turns": [{"tokens": [n, n + 1]}, {"tokens": [n]}]}
        for n in range(5)
    ]
    path = Path(tempfile.mkdtemp()) / "x.parquet"
    rollouts.write(path, rows)
    turns = rollouts.read(path).trajectories[3]["turns"]
    assert [turn["tokens"].tolist() for turn in turns] == [[3, 4], [3]]


def test_token_ids_of_the_largest_size_are_held_in_four_bytes():
    found = columns_of([{"group": 1, "outcome": 1.0, "turns": [{"tokens": [2**31 - 1]}]}])
    held = found.trajectories._batches[0].opened().column("turns").type
    assert held.value_type.field("tokens").type.value_type == pyarrow.int32()


def test_compressed_lines_come_by_standard_input():
    class Typed:
        buffer = io.BytesIO(
            gzip.compress(b"\n" * 200_000 + json.dumps({**ROWS[1], "outcome": 2.0}).encode())
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", Typed())
        try:
            found = rollouts.read("-")
        except ContractError as error:
            found = error
    assert isinstance(found, rollouts.Rollouts), found
    assert found.tensors["reward"].tolist() == [2.0]
    assert found.places == ["<stdin> line 200001"]


def test_a_pattern_is_in_the_order_of_numbers():
    folder = Path(tempfile.mkdtemp())
    for number in (9, 10):
        (folder / f"step_{number}").mkdir()
        row = {"group": 1, "outcome": float(number), "turns": []}
        rollouts.write(folder / f"step_{number}" / "x.jsonl", [row])
    found = rollouts.read(f"{folder}/**/*.jsonl")
    assert found.tensors["reward"].tolist() == [9.0, 10.0]


def test_an_integer_of_numpy_is_a_group():
    found = rollouts.from_trajectories([{"group": np.int64(7), "outcome": 1.0, "turns": []}])
    assert found.groups == {7: [0]}
