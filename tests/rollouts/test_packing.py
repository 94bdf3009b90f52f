import json

import numpy as np
import pytest

from creditlib import rollouts
from creditlib.rollouts.packing import Packer, narrow_ids, packed_ids


def test_ids_are_an_array_of_int32():
    """Three ids take 12 bytes."""
    found = packed_ids([4, 5, 2**31 - 1])
    assert found.dtype == np.int32
    assert found.nbytes == 12
    assert found.tolist() == [4, 5, 2**31 - 1]
    assert packed_ids([]).tolist() == []


@pytest.mark.parametrize(
    "values",
    [[4, True], [4.0], ["4"], [[4]], [None], [-1], [-100, 7], [2**31], [2**70], [{"id": 4}]],
)
def test_any_other_list_stays_as_it_is(values):
    assert packed_ids(values) is values


@pytest.mark.parametrize("values", [[-1, 2], [0, 2**31]])
def test_an_array_that_does_not_fit_stays_as_it_is(values):
    array = np.array(values)
    assert narrow_ids(array) is array


def test_an_array_that_fits_is_narrowed():
    for kind in ("uint8", "int16", "int64", "uint64"):
        found = narrow_ids(np.array([0, 7], dtype=kind))
        assert (found.dtype, found.tolist()) == (np.int32, [0, 7])


def test_equal_texts_of_rows_and_observations_become_one_object():
    rows = [
        json.loads('{"input": "a long prompt", "turns": [{"observation": "a long prompt"}, 7]}')
        for _ in range(2)
    ]
    packer = Packer()
    for row in rows:
        packer.pack(row)
    texts = [row["input"] for row in rows] + [row["turns"][0]["observation"] for row in rows]
    assert len({id(text) for text in texts}) == 1
    assert (
        rows[0]
        == rows[1]
        == {
            "input": "a long prompt",
            "turns": [{"observation": "a long prompt"}, 7],
        }
    )


def test_only_the_tokens_of_a_turn_are_packed():
    """A list inside an observation is part of a state: its type decides its id."""
    row = {"tokens": [1], "turns": [{"tokens": [2], "observation": {"tokens": [3]}}]}
    Packer().pack(row)
    assert row["tokens"] == [1]
    assert row["turns"][0]["observation"] == {"tokens": [3]}
    assert isinstance(row["turns"][0]["tokens"], np.ndarray)


@pytest.mark.parametrize("tokens", [[5, 6], [5, 2**40], []])
def test_json_and_parquet_give_the_same_tokens(tokens, tmp_path):
    turns = [{"tokens": tokens}, {"tokens": [7]}]
    rows = [{"group": 1, "outcome": 1.0, "turns": turns}]
    for suffix in ("jsonl", "parquet"):
        rollouts.write(tmp_path / f"x.{suffix}", rows)
        found = rollouts.read(tmp_path / f"x.{suffix}")
        assert [list(turn["tokens"]) for turn in found.trajectories[0]["turns"]] == [tokens, [7]]
        assert found.tensors["length"].tolist() == [len(tokens) + 1]
        rollouts.write(tmp_path / f"again.{suffix}", found.trajectories)
        again = rollouts.read(tmp_path / f"again.{suffix}")
        assert again.tensors["turn_length"].tolist() == [[len(tokens), 1]]


def test_rows_share_their_keys(tmp_path):
    line = json.dumps({"group": 1, "outcome": 1, "turns": [{"observation": "x"}], "own_key_z": 1})
    (tmp_path / "x.jsonl").write_text(f"{line}\n{line}\n")
    first, second = rollouts.read(tmp_path / "x.jsonl").trajectories
    assert all(a is b for a, b in zip(first, second, strict=True))
