import json
import sys

import pyarrow.parquet
import pytest
from cli_runs import error_of, run
from typer.testing import CliRunner

from creditlib.cli import app

TURN = {"observation": "7*8?", "text": "56"}
ROWS = [
    {"group": "7*8", "outcome": 1.0, "turns": [TURN]},
    {"group": "7*8", "outcome": 0.0, "turns": [TURN, {"observation": "15", "text": "15"}]},
    {"group": "6*6", "outcome": 1.0, "turns": [TURN]},
    {"group": "6*6", "outcome": None, "turns": [TURN]},
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def credit_of(path):
    return pyarrow.parquet.read_table(path).to_pydict()


def test_credit_writes_a_file_beside_the_input_and_prints_a_summary(file):
    found = run("credit", file, "-e", "rloo", "-e", "gigpo", "--option", "gigpo.scale=None")
    assert found.exit_code == 0
    table = credit_of(file.with_name("rollouts.credit.parquet"))
    assert table["rloo"] == [1.0, -1.0, 0.0, 0.0]
    assert table["gigpo"] == [[1.0], [-1.0, -0.5], [0.0], [0.0]]
    lines = found.output.splitlines()
    for name, count in (("groups", 2), ("lone", 1), ("informative", 1), ("excluded", 1)):
        assert any(name in line and line.split()[-1] == str(count) for line in lines)
    assert "credit by quantile" in found.output
    assert f"wrote 1 file: {file.with_name('rollouts.credit.parquet')}." in found.output


def test_credit_as_json_and_into_a_folder(file, tmp_path):
    found = run("credit", file, "-e", "rloo", "-o", tmp_path / "out", "--json", "--to", "jsonl")
    summary = json.loads(found.output)
    assert summary["outputs"] == [str(tmp_path / "out" / "rollouts.credit.jsonl")]
    assert (summary["rows"], summary["groups"], summary["excluded"]) == (4, 2, 1)
    assert summary["credit"]["rloo"]["1"] == 1.0


def test_credit_filters_stitches_and_resumes(file):
    found = run("credit", file, "-e", "rloo", "--stitch", "--filter", "informative")
    assert found.exit_code == 0
    rows = file.with_name("rollouts.credited.jsonl").read_text().splitlines()
    assert [json.loads(row)["rloo"] for row in rows] == [1.0, -1.0]
    again = run("credit", file, "-e", "rloo", "--stitch", "--filter", "informative", "--resume")
    assert again.output.startswith("wrote 0 files, kept 1 finished")


def test_credit_counts_bad_rows_only_when_asked(file, monkeypatch, capsys):
    file.write_text(file.read_text() + "{\n")
    assert error_of(monkeypatch, capsys, "credit", file, "-e", "rloo") == (
        "creditlib: rollouts: a line must be one JSON object, got text that is not JSON in "
        f"{file} line 5 column 2 (Expecting property name enclosed in double quotes).\n"
    )
    found = run("credit", file, "-e", "rloo", "--skip-bad")
    assert f"{file} line 5" in " ".join(found.output.split())
    assert credit_of(file.with_name("rollouts.credit.parquet"))["rloo"][-1] is None


def test_refusals_name_the_option_that_was_typed(file, monkeypatch, capsys):
    def sentence(*args):
        text = error_of(monkeypatch, capsys, "credit", file, *args)
        assert text.count("\n") == 1
        return text

    start = "creditlib: credit: "
    assert sentence("-e", "grpp").startswith(f"{start}`--estimator` must be a name")
    assert sentence("-e", "gae").startswith(f"{start}`--estimator` must be estimators of")
    assert sentence("-e", "igpo").startswith(f"{start}`--estimator` must be estimators whose")
    assert sentence("-e", "rloo", "--memory", "lots").startswith(f"{start}`--memory` must be a")
    assert sentence("-e", "rloo", "--engine", "x").startswith(f"{start}`--engine` must be 'local'")
    assert sentence("-e", "rloo", "--filter", "all").startswith(f"{start}`--filter` must be")
    assert sentence("-e", "rloo", "--to", "csv").startswith(f"{start}`--to` must be")
    assert sentence("-e", "rloo", "--format", "csv").startswith(f"{start}`--format` must be one")
    assert sentence("-e", "rloo", "--key", "group=x").startswith(f"{start}`--key` must be left")
    assert sentence("-e", "rloo", "--option", "grpo.scale=1").startswith(
        f"{start}`--option` must start with an estimator of the command (rloo)"
    )
    weight = ("--reward-weight", "a=b")
    assert "must be a number for a, got 'b'" in sentence("-e", "rloo", *weight)
    run("credit", file, "-e", "rloo")
    assert sentence("-e", "rloo").endswith("which exists; allow it with --overwrite.\n")


def test_credit_takes_a_folder_and_a_function_beside_the_shell(file, tmp_path, monkeypatch):
    (tmp_path / "own_credit_for_stored_rollouts.py").write_text(
        "def twice(*, reward):\n    return 2 * reward\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    found = run("credit", tmp_path, "-e", "own_credit_for_stored_rollouts:twice")
    assert found.exit_code == 0
    assert credit_of(file.with_name("rollouts.credit.parquet"))["twice"] == [2.0, 0.0, 2.0, 0.0]


def test_credit_reads_standard_input_and_writes_a_file(file, tmp_path, monkeypatch, capsys):
    assert error_of(monkeypatch, capsys, "credit", "-", "-e", "rloo") == (
        "creditlib: credit: `--out` must be a folder or a file to write to where standard input is "
        "read, got None.\n"
    )
    out = tmp_path / "now.parquet"
    found = CliRunner().invoke(
        app.app, ["credit", "-", "-e", "rloo", "-o", str(out)], input=file.read_bytes()
    )
    assert found.exit_code == 0
    assert found.output.endswith(f"wrote 1 file: {out}.\n")
    assert credit_of(out)["rloo"] == [1.0, -1.0, 0.0, 0.0]
