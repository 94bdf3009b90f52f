"""The whole session of a GPU in its own processes, on the stand-in: everything but CUDA itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.gpu.parts import PARTS

pytest.importorskip("triton")
ROOT = Path(__file__).parents[2]


def session(folder, *arguments, **variables):
    """Run the command from another folder, so that only the session itself finds the project."""
    environment = {name: value for name, value in os.environ.items() if name != "OUT"}
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | variables
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.nightly
def test_a_rehearsal_runs_every_part_and_brings_launches(tmp_path):
    # TRITON_INTERPRET stays as the tests have it: the session must switch it off itself.
    # The limit is far away: a machine that others use must not end a part before its time.
    arguments = ("--rehearse", "--minutes", "60")
    cache = str(tmp_path / "cache")
    done = session(tmp_path, *arguments, OUT=str(tmp_path), TRITON_CACHE_DIR=cache)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    summary = done.stdout[-1000:].splitlines()
    for part in PARTS:
        assert [line for line in summary if line.startswith(f"{part.name} ") and "fine" in line]
    rows = results.read([*tmp_path.glob("*.csv"), *tmp_path.glob("gpu/*.csv")])
    assert {row.device for row in rows} == {"stand-in"}
    assert not [row for row in rows if row.p50_us is not None]
    assert not [row for row in rows if row.side == "ours" and row.refused]
    found = {(row.op, row.contestant): row for row in rows if row.shape == "64x512"}
    gae = found["gae", "creditlib"]
    assert (gae.launches, gae.torch_launches) == (1, 0)
    assert gae.host_us > 0
    grpo = found["grpo to tokens", "creditlib"]
    assert grpo.launches >= 2
    assert {row.contestant for row in rows} >= {"split", "whole 2048/8", "table", "torch"}
    assert "each kernel launched" in (tmp_path / "gpu" / "session.log").read_text()
