import json
import sys

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch

from creditlib import rollouts
from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import ContractError

TRAJECTORIES = [
    {
        "group": "kitchen",
        "id": "t1",
        "outcome": 1.0,
        "length": 5,
        "turns": [
            {
                "observation": "a closed door",
                "text": "open door",
                "tokens": [4, 5, 6],
                "reward": 0.0,
                "seconds": 0.5,
                "process_reward": 0.25,
                "gold_log_prob": -2.0,
            },
            {
                "observation": "an open door",
                "text": "go",
                "tokens": [7, 8],
                "reward": 1.0,
                "seconds": 0.25,
                "process_reward": 0.5,
                "gold_log_prob": -1.0,
            },
        ],
    },
    {"group": "cellar", "id": "t2", "outcome": None, "length": 0, "turns": []},
]


def message(call, *args, **options):
    with pytest.raises(ContractError) as caught:
        call(*args, **options)
    return str(caught.value)


def same(found, expected):
    assert found.tensors.keys() == expected.tensors.keys()
    for name, tensor in expected.tensors.items():
        torch.testing.assert_close(found.tensors[name], tensor, rtol=0, atol=0)
        assert found.tensors[name].dtype == tensor.dtype, name


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_round_trip(tmp_path, suffix):
    path = tmp_path / f"rollouts.{suffix}"
    rollouts.write(path, TRAJECTORIES)
    found = rollouts.read(path)
    same(found, rollouts.from_trajectories(TRAJECTORIES))
    assert len(found.tensors) == 13 - 1  # all but `rewards`
    assert [row["id"] for row in found.trajectories] == ["t1", "t2"]
    assert list(found.trajectories[0]["turns"][1]["tokens"]) == [7, 8]
    again = tmp_path / f"again.{suffix}"
    rollouts.write(again, found.trajectories)
    same(rollouts.read(again), found)


def test_parquet_keeps_observations_that_are_not_text(tmp_path):
    observations = ["door", {"door": "open", "x": [1, 2]}, 7]
    rows = [{"group": 1, "outcome": 1.0, "turns": [{"observation": o} for o in observations]}]
    path = tmp_path / "rollouts.parquet"
    rollouts.write(path, rows)
    found = rollouts.read(path)
    assert found.trajectories[0]["turns"] == rows[0]["turns"]
    same(found, rollouts.from_trajectories(rows))


def test_parquet_leaves_absent_keys_absent(tmp_path):
    rows = [{"group": 1, "outcome": 1.0, "turns": [{"observation": "a"}, {"text": "b"}]}]
    path = tmp_path / "rollouts.parquet"
    rollouts.write(path, rows)
    assert rollouts.read(path).trajectories[0]["turns"] == rows[0]["turns"]


def test_parquet_reads_large_lists_and_several_row_groups(tmp_path):
    turn = pyarrow.struct({"tokens": pyarrow.large_list(pyarrow.int32()), "reward": "double"})
    turns = pyarrow.array(
        [[{"tokens": [1, 2], "reward": 1.0}], [], [{"tokens": [3], "reward": 2.0}]],
        type=pyarrow.large_list(turn),
    )
    table = pyarrow.table({"group": [1, 1, 2], "outcome": [0.0, 1.0, 2.0], "turns": turns})
    path = tmp_path / "rollouts.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=1)
    found = rollouts.read(path)
    assert found.tensors["turn_length"].tolist() == [[2], [0], [1]]
    assert isinstance(found.trajectories[0]["turns"][0]["tokens"], np.ndarray)
    assert found.places[2] == f"{path} row 3"


def test_a_parquet_file_is_known_by_its_content(tmp_path):
    rollouts.write(tmp_path / "x.parquet", TRAJECTORIES)
    path = (tmp_path / "x.parquet").rename(tmp_path / "x.jsonl")
    same(rollouts.read(path), rollouts.from_trajectories(TRAJECTORIES))


def test_blank_lines_count_but_hold_nothing(tmp_path):
    path = tmp_path / "x.jsonl"
    line = json.dumps({"group": 1, "outcome": 1.0, "turns": [{}]})
    path.write_text(f"{line}\n\n{line}\n", encoding="utf-8")
    assert rollouts.read(path).places == [f"{path} line 1", f"{path} line 3"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '{"group": 1, "outcome": "x", "turns": []}',
            "`outcome` must be a finite number, true, false or null, got 'x' in {path} line 2.",
        ),
        (
            '{"group": 1, "outcome": 1, "turns": [{"seconds": 1}, {}]}',
            "`seconds` must be in every turn or in none, got none in {path} line 2 turn 1.",
        ),
    ],
)
def test_messages_name_file_and_line(tmp_path, line, expected):
    path = tmp_path / "x.jsonl"
    path.write_text('{"group": 1, "outcome": 1, "turns": []}\n' + line + "\n", encoding="utf-8")
    assert message(rollouts.read, path) == "rollouts: " + expected.format(path=path)


def test_write_names_a_key_of_two_types_in_parquet(tmp_path):
    rows = [{"group": group, "outcome": 1.0, "turns": [{}]} for group in (1, "a")]
    found = message(rollouts.write, tmp_path / "x.parquet", rows)
    assert found == "write: `group` must have one type in Parquet, got int and str."


def test_write_names_a_key_of_a_turn_of_two_types_in_parquet(tmp_path):
    turns = [{"tool": 3}, {"tool": {"name": "x"}}]
    rows = [{"group": 1, "outcome": 1.0, "tool": "x", "turns": turns}]
    assert message(rollouts.write, tmp_path / "x.parquet", rows) == (
        "write: `tool` must have one type in Parquet, got int and dict."
    )


def test_write_names_a_key_that_parquet_cannot_hold(tmp_path):
    rows = [{"group": 1, "outcome": 1.0, "seed": 2**70, "turns": []}]
    found = message(rollouts.write, tmp_path / "x.parquet", rows)
    assert found.startswith("write: `seed` must have one type in Parquet, got int (")


def test_a_missing_pyarrow_is_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    rollouts.write(path, TRAJECTORIES)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    hint = install_hint("parquet")
    assert message(rollouts.read, path) == f"rollouts: Parquet files need pyarrow: {hint}."


def test_json_lines_need_no_pyarrow(tmp_path, monkeypatch):
    path = tmp_path / "x.jsonl"
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    rollouts.write(path, TRAJECTORIES)
    same(rollouts.read(path), rollouts.from_trajectories(TRAJECTORIES))


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_tokens_of_every_container_are_written(tmp_path, suffix):
    tokens = [[5, 6], (7,), np.array([8, 9]), torch.tensor([1, 2, 3]), [np.int32(4)]]
    rows = [{"group": 1, "outcome": 1.0, "turns": [{"tokens": each} for each in tokens]}]
    rollouts.write(tmp_path / f"x.{suffix}", rows)
    found = rollouts.read(tmp_path)
    assert found.tensors["turn_length"].tolist() == [[2, 1, 2, 3, 1]]
    assert [list(map(int, turn["tokens"])) for turn in found.trajectories[0]["turns"]] == [
        *([5, 6], [7], [8, 9], [1, 2, 3], [4])
    ]


def test_a_null_among_the_token_ids_of_a_parquet_file_is_refused(tmp_path):
    turns = pyarrow.array([[{"tokens": [1, None]}]])
    table = pyarrow.table({"group": [1], "outcome": [1.0], "turns": turns})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    assert "`tokens` must be a flat list of token ids" in message(rollouts.read, tmp_path)


def test_an_observation_that_is_no_json_is_refused(tmp_path):
    turns = pyarrow.array([[], [{"observation_json": "7"}, {"observation_json": "{"}]])
    table = pyarrow.table({"group": [1, 2], "outcome": [1.0, 1.0], "turns": turns})
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(table, path)
    assert message(rollouts.read, path) == (
        f"rollouts: `observation_json` must be the text of a JSON value, got '{{' in {path} row 2 "
        "turn 1."
    )
