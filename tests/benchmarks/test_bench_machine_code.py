"""Rows of counted machine code: how many programs fit, what is predicted, what is written."""

import csv
import subprocess
import sys

import pytest
from kernels import without_interpreter

from benchmarks import machine_code

pytest.importorskip("triton")


def test_programs_that_fit_by_hand():
    # 88 registers · 32 · 4 warps = 11,264 of 65,536: 5 a multiprocessor, 132 of them
    assert machine_code.resident(88, 4096, 4) == 5 * 132
    # by threads: 8 warps of 64; by shared memory: 99 KiB and 1 KiB of 228
    assert machine_code.resident(16, 0, 8) == 8 * 132
    assert machine_code.resident(16, 99 * 1024, 4) == 2 * 132


def test_the_longer_of_bytes_and_instructions_is_predicted():
    bytes_only = machine_code._seconds(0, 92e9, 132, 1e12)
    assert bytes_only == pytest.approx(0.1)
    work = machine_code.OF_ISSUE * machine_code.ISSUE
    assert machine_code._seconds(work, 1, 132, 1e12) == pytest.approx(1)
    # 66 programs leave half of 132 multiprocessors idle; of 133 one has a multiprocessor to itself
    assert machine_code._seconds(work, 1, 66, 1e12) == pytest.approx(2)
    assert machine_code._seconds(work, 1, 133, 1e12) == pytest.approx(2 * 132 / 133)


def test_rows_are_replaced_by_their_key(tmp_path):
    def row(label, least):
        own = {"label": label, "triton": "3.9.0", "call": "gae", "kernel": "whole", "least": least}
        return dict.fromkeys(machine_code.COLUMNS, "") | own

    file = tmp_path / "rows.csv"
    machine_code.write([row("before", 2), row("after", 1)], file)
    machine_code.write([row("after", 3)], file)
    with file.open(newline="") as lines:
        found = [(each["label"], each["least"]) for each in csv.DictReader(lines)]
    assert found == [("before", "2"), ("after", "3")]


def test_a_call_is_counted_without_a_gpu():
    command = [sys.executable, "-m", "benchmarks.machine_code", "--only", "to_tokens 1024"]
    done = subprocess.run(
        command, env=without_interpreter.environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    header, kernel, whole_call = (line.split() for line in done.stdout.splitlines())
    cells = dict(zip(header[1:], kernel[2:], strict=False))
    assert kernel[2] == "padded_kernel"
    # 4096 tokens of a row in tiles of 1024 are 4 programs; 5 bytes a token, and a few of credit
    assert cells["programs"] == str(4 * 1024)
    assert 5 <= float(cells["bytes"]) < 5.1
    assert whole_call[2:4] == ["all", "1"]
