"""What the tests of `rollouts.credit` share: random trajectories in many files, and the check."""

import json
import random
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

import creditlib as cl
from creditlib import rollouts
from creditlib.vocabulary.messages import ContractError

HALVES = (0.0, 0.5, 1.0)


def trajectories(seed=0, groups=30, most=6):
    """Trajectories with every key of the schema, in an order that mixes the groups."""
    rng = random.Random(seed)
    found = [
        {
            "group": f"task {group}",
            "id": f"{group}-{member}",
            "outcome": rng.choice((None, *HALVES)),
            "rewards": [rng.choice(HALVES), rng.random()],
            "answer": rng.choice("xyz"),
            "turns": [_turn(rng) for _ in range(rng.randint(0, 5))],
        }
        for group in range(groups)
        for member in range(rng.randint(1, most))
    ]
    rng.shuffle(found)
    return found


def _turn(rng):
    return {
        "observation": rng.choice(("hall", "attic", "cellar")),
        "action": rng.choice(("left", "right")),
        "text": "...",
        "tokens": list(range(rng.randint(1, 4))),
        "reward": rng.choice(HALVES),
        "seconds": rng.random(),
        "process_reward": rng.random(),
        "gold_log_prob": -rng.random(),
    }


def spread(folder, rows, files=24, kind="parquet"):
    """The rows in files 0, 1, ...: a group lies in many. Returns them in the order of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        rollouts.write(folder / f"{number}.{kind}", rows[number::files])
    return [row for number in range(files) for row in rows[number::files]]


def written(found):
    """All outputs as one table."""
    tables = [pyarrow.parquet.read_table(path) for path in found.outputs]
    return pyarrow.concat_tables(tables, promote_options="default")


def assert_equals_apply(found, rows, names, options=None):
    """Every number is that of `apply` on the whole batch: the difference is 0."""
    table, batch = written(found), rollouts.from_trajectories(rows)
    assert table["group"].to_pylist() == [row["group"] for row in rows]
    for name in names:
        wanted = cl.apply(name, batch.tensors, **(options or {}).get(name, {})).numpy()
        lengths = [len(row["turns"]) for row in rows]
        have = table[name].to_pylist()
        for row, (mine, whole, count) in enumerate(zip(have, wanted, lengths, strict=True)):
            part = whole if whole.ndim == 0 else whole[:count]
            assert np.asarray(mine, dtype=np.float32).tolist() == part.tolist(), (name, row)


def lines(path, *rows):
    """A file of JSON Lines; a text stands for itself."""
    Path(path).write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    )
    return path


def refusal(*args, **kwargs):
    with pytest.raises(ContractError) as caught:
        rollouts.credit(*args, **kwargs)
    text = str(caught.value)
    assert "\n" not in text
    return text


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def plain(group, outcome, turns=1, **more):
    return {"group": group, "outcome": outcome, "turns": [{"text": "x"}] * turns, **more}
