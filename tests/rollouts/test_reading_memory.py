"""How much memory a file takes while it is read: JSON by its size, Parquet by its columns."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

CHILD = Path(__file__).with_name("read_in_child.py")
CHECKOUT = Path(__file__).parents[2]


def tokens_of(draw):
    return {"tokens": [draw.randrange(150_000) for _ in range(150)]}


def texts_only(draw):
    return {"token_count": 150}


def written(path, megabytes, lengths):
    """JSON Lines of trajectories of 6 turns, with observations that recur; returns the rows."""
    draw = random.Random(0)
    rows = size = 0
    with path.open("w") as file:
        while size < megabytes * 1_000_000:
            turns = [
                {
                    "observation": f"You are in room {draw.randrange(200)}. {'word ' * 20}",
                    "text": f"go north and {'think ' * 40}{rows} {turn}",
                    "reward": 0.0,
                    "seconds": 0.5,
                    **lengths(draw),
                }
                for turn in range(6)
            ]
            row = {"group": f"g{rows // 8}", "id": f"t{rows}", "outcome": 1.0, "turns": turns}
            size += file.write(json.dumps(row) + "\n")
            rows += 1
    return rows


def measured(path):
    """Size of the file, growth of the memory of a process that reads it, and rows."""
    command = [sys.executable, str(CHILD), str(path)]
    done = subprocess.run(command, capture_output=True, check=True, cwd=CHECKOUT)
    return map(int, done.stdout.split())


@pytest.mark.parametrize("lengths", [tokens_of, texts_only])
@pytest.mark.parametrize("megabytes", [40, pytest.param(190, marks=pytest.mark.nightly)])
def test_json_lines_take_at_most_three_times_their_size(megabytes, lengths, tmp_path):
    path = tmp_path / "x.jsonl"
    rows = written(path, megabytes, lengths)
    size, grown, read = measured(path)
    assert read == rows
    assert size >= megabytes * 1_000_000
    assert grown <= 3 * size, grown / size


def table_of(rows, tokens):
    """Trajectories of 9 turns whose words, observations and token ids are drawn."""
    draw = np.random.default_rng(0)
    turns = rows * 9
    words = np.array([f"word{n}" for n in range(997)])
    seen = [" ".join(draw.choice(words, 24)) for _ in range(4000)]
    said = [" ".join(draw.choice(words, 40)) for _ in range(20_000)]
    fields = {
        "observation": pyarrow.array(seen).take(pyarrow.array(draw.integers(0, 4000, turns))),
        "text": pyarrow.array(said).take(pyarrow.array(draw.integers(0, 20_000, turns))),
        "reward": pyarrow.array(draw.random(turns)),
        "tokens": pyarrow.ListArray.from_arrays(
            np.arange(0, turns * tokens + 1, tokens, dtype=np.int32),
            pyarrow.array(draw.integers(0, 150_000, turns * tokens)),
        ),
    }
    struct = pyarrow.StructArray.from_arrays(list(fields.values()), list(fields))
    ends = np.arange(0, turns + 1, 9, dtype=np.int32)
    return pyarrow.table(
        {
            "group": [f"g{n // 8}" for n in range(rows)],
            "outcome": draw.integers(0, 2, rows).astype(float),
            "turns": pyarrow.ListArray.from_arrays(ends, struct),
        }
    )


@pytest.mark.nightly
@pytest.mark.parametrize("row_group", [1000, 10**6])
def test_parquet_takes_at_most_half_more_than_its_columns(row_group, tmp_path):
    table = table_of(rows=16_000, tokens=120)
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=row_group)
    size, grown, read = measured(path)
    assert read == table.num_rows
    assert size >= 90_000_000
    assert grown <= 1.5 * table.nbytes, grown / table.nbytes
