"""The blocks of docs/offline.md for other engines run and give the numbers of one call."""

import importlib
import re
import warnings
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from creditlib import apply, rollouts
from creditlib.testing import agree

PAGE = (Path(__file__).parents[2] / "docs" / "offline.md").read_text()
CHOOSE, INSIDE = (
    re.findall(r"```python\n(.*?)```", part, re.DOTALL)
    for part in PAGE.split("## With DuckDB")[1]
    .split("## When something")[0]
    .split("### Credit inside")
)
ENGINES = {
    "duckdb": "import duckdb",
    "polars": "import polars",
    "datasets": "from datasets",
    "ray": "import ray",
}
SLOW = {"ray": [pytest.mark.nightly]}
NAMES = [pytest.param(name, marks=SLOW.get(name, [])) for name in ENGINES]


def rollout(task, name, outcome, *seen):
    turns = [{"observation": each, "text": "...", "reward": 0.0} for each in seen]
    return {"group": task, "id": name, "outcome": outcome, "turns": turns}


ROWS = [
    rollout("door", "a", 1.0, "hall", "attic"),
    rollout("key", "c", 1.0, "hall"),
    rollout("door", "b", 0.0, "hall", "cellar"),
    rollout("key", "d", 1.0, "hall"),
]


def block(blocks, name):
    """The one block that is for an engine."""
    (found,) = [text for text in blocks if ENGINES[name] in text]
    return found


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Executes blocks in a folder with rollouts and their credit."""
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    rollouts.write("runs/1.parquet", ROWS[:2])
    rollouts.write("runs/2.parquet", ROWS[2:])

    def execute(name, *blocks):
        pytest.importorskip(name, reason=f"{name} is not installed")
        names = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            started = start(name, tmp_path, monkeypatch)
            try:
                for text in blocks:
                    exec(text, names)
            finally:
                started()
        return names

    return execute


def start(name, folder, monkeypatch):
    """What an engine needs before it runs in a test; returns how it is ended."""
    engine = importlib.import_module(name)
    if name == "datasets":
        monkeypatch.setattr(engine.config, "HF_DATASETS_CACHE", folder / "cache")
        engine.disable_progress_bars()
        return engine.enable_progress_bars
    if name == "ray":
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        engine.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        return engine.shutdown
    return lambda: None


def table_of(found):
    """A table, tables, a frame or a folder as one arrow table."""
    if isinstance(found, str):
        return pq.read_table(found)
    if isinstance(found, list):
        return pa.concat_tables(found, promote_options="permissive")
    return found if isinstance(found, pa.Table) else found.to_arrow()


def test_every_engine_has_a_block_for_each_purpose():
    assert len(CHOOSE) == 4
    assert len(INSIDE) == 5
    assert all(block(CHOOSE, name) and block(INSIDE, name) for name in ENGINES)


@pytest.mark.parametrize("name", NAMES)
def test_a_sidecar_is_joined_and_filtered(run, name):
    """Of the task "door" the rollout that won: both of "key" did."""
    asked = {"stitch": True, "out": "credited"} if name == "ray" else {"out": "credit"}
    rollouts.credit("runs", ["grpo", "gigpo"], **asked)
    names = run(name, block(CHOOSE, name))
    if name == "datasets":
        rows = [dict(row) for row in names["chosen"]]
    else:
        path = {"polars": "chosen.parquet", "ray": "chosen"}.get(name)
        rows = table_of(path or names["chosen"]).to_pylist()
    (row,) = rows
    assert row["id"] == "a"
    whole = apply("gigpo", rollouts.from_trajectories(ROWS).tensors)
    assert agree(torch.tensor(row["gigpo"]), whole[0])


@pytest.mark.parametrize("name", NAMES)
def test_credit_inside_an_engine_is_that_of_the_batch(run, name):
    names = run(name, INSIDE[0], block(INSIDE, name))
    if name == "datasets":
        rows = names["credited"].with_format(None).to_list()
    else:
        rows = table_of("credited" if name == "ray" else names["credited"]).to_pylist()
    whole = apply("gigpo", rollouts.from_trajectories(ROWS).tensors)
    places = {row["id"]: place for place, row in enumerate(ROWS)}
    assert sorted(row["id"] for row in rows) == ["a", "b", "c", "d"]
    for row in rows:
        credit = whole[places[row["id"]], : len(row["turns"])]
        assert agree(torch.tensor(row["gigpo"]), credit)
