"""How much memory a file takes while it is read, compared with its size on disk."""

import json
import random
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("lengths", [tokens_of, texts_only])
@pytest.mark.parametrize("megabytes", [40, pytest.param(190, marks=pytest.mark.nightly)])
def test_json_lines_take_at_most_three_times_their_size(megabytes, lengths, tmp_path):
    path = tmp_path / "x.jsonl"
    rows = written(path, megabytes, lengths)
    command = [sys.executable, str(CHILD), str(path)]
    done = subprocess.run(command, capture_output=True, check=True, cwd=CHECKOUT)
    size, grown, read = map(int, done.stdout.split())
    assert read == rows
    assert size >= megabytes * 1_000_000
    assert grown <= 3 * size, grown / size
