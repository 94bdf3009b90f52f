"""One rule for null, NaN, flags, infinity and text as an outcome, in every reader and format."""

import json
import math

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from creditlib import rollouts
from creditlib.vocabulary.messages import ContractError

MISSING = object()
UNSCORED = "unscored"
REFUSED = "refused"

# value -> the outcome that it is; `UNSCORED`: the row takes no part
RULE = [
    (1, 1.0),
    (0.25, 0.25),
    (-2.5, -2.5),
    (True, 1.0),
    (False, 0.0),
    (None, UNSCORED),
    (math.nan, UNSCORED),
    ("1", REFUSED),
    ("true", REFUSED),
    ("nan", REFUSED),
    (math.inf, REFUSED),
    (-math.inf, REFUSED),
    (1e300, REFUSED),
    ([1.0], REFUSED),
    ({"score": 1.0}, REFUSED),
    (MISSING, REFUSED),
]


def own(value):
    return {"group": "a", "outcome": value, "turns": [{"text": "x"}]}


def verl(value):
    return {"input": "q", "output": "x", "score": value, "step": 1}


def verl_session(value):
    return {**verl(value), "uid": "s_0_0"}


def trl(value):
    return {"step": 1, "prompt": "q", "completion": "x", "accuracy": value, "advantage": 0.0}


def without_missing(row):
    return {key: value for key, value in row.items() if value is not MISSING}


def read_lines(folder, row, **options):
    path = folder / "x.jsonl"
    path.write_text(json.dumps(row) + "\n")
    return rollouts.read(path, **options)


def read_array(folder, row, **options):
    path = folder / "x.json"
    path.write_text(json.dumps([row], indent=1))
    return rollouts.read(path, **options)


def read_parquet(folder, row, **options):
    path = folder / "x.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), path)
    return rollouts.read(path, **options)


def read_memory(folder, row, **options):
    return rollouts.from_trajectories([row])


def read_numpy(folder, row, **options):
    """As rows of a data frame come: numpy's numbers, NaN for None."""
    value = row.get("outcome", MISSING)
    if value is not MISSING and not isinstance(value, (str, list, dict)):
        row = {**row, "outcome": np.array(math.nan if value is None else value)[()]}
    return rollouts.from_trajectories([row])


WEIGHTS = {"reward_weights": {"accuracy": 1.0}}
READERS = [
    *[(read, own, {}) for read in (read_lines, read_array, read_parquet, read_memory, read_numpy)],
    *[(read, verl, {"format": "verl"}) for read in (read_lines, read_array, read_parquet)],
    *[(read, verl_session, {"format": "verl"}) for read in (read_lines, read_array, read_parquet)],
    *[(read, trl, WEIGHTS) for read in (read_lines, read_array, read_parquet)],
]


@pytest.mark.parametrize(
    ("read", "row_of", "options"),
    READERS,
    ids=[f"{r.__name__}-{f.__name__}" for r, f, _ in READERS],
)
@pytest.mark.parametrize(("value", "wanted"), RULE, ids=[repr(value)[:12] for value, _ in RULE])
def test_every_reader_takes_an_outcome_alike(read, row_of, options, value, wanted, tmp_path):
    row = without_missing(row_of(value))
    if wanted is REFUSED:
        with pytest.raises(ContractError) as caught:
            read(tmp_path, row, **options)
        assert str(caught.value).startswith("rollouts: `")
        assert str(caught.value).endswith(".")
        return
    found = read(tmp_path, row, **options)
    assert found.tensors["valid"].tolist() == [wanted is not UNSCORED]
    assert found.tensors["reward"].tolist() == [0.0 if wanted is UNSCORED else wanted]
    outcome = found.trajectories[0]["outcome"]
    assert outcome is None if wanted is UNSCORED else outcome == wanted
    assert type(outcome) in (float, int, type(None))


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_what_is_written_follows_the_rule_too(suffix, tmp_path):
    rows = [own(value) for value in (True, math.nan, None, np.float32(0.5), 0)]
    rollouts.write(tmp_path / f"x.{suffix}", rows)
    found = rollouts.read(tmp_path)
    assert [row["outcome"] for row in found.trajectories] == [1.0, None, None, 0.5, 0.0]
    if suffix == "jsonl":
        assert "NaN" not in (tmp_path / "x.jsonl").read_text()
