"""The command of a session: what it refuses, what it prints, and its exit code."""

import pytest
from typer.testing import CliRunner

from benchmarks import results
from benchmarks.gpu import cli
from benchmarks.gpu.session import Outcome, Session, left_out, rows_of
from benchmarks.results import Row

FINE = (Outcome("grid", "fine", 1.0),)


@pytest.fixture
def command(monkeypatch):
    asked = {}
    monkeypatch.setattr(cli, "prepare_environment", lambda: None)

    def run(*arguments, outcomes=FINE, rows=(), **variables):
        def played(session, parts, seconds, say):
            asked.update(session=session, parts=[part.name for part in parts], seconds=seconds)
            run_id = dict(session.stamp)["run"]
            for row in rows:
                results.append(session.out / "m.csv", [Row(run=run_id, **row)])
            return list(outcomes)

        monkeypatch.setattr(cli, "run", played)
        done = CliRunner().invoke(cli.app, list(arguments), env=variables)
        return done, asked

    return run


def test_a_session_prints_its_rows_and_what_became_of_its_parts(command, tmp_path):
    rows = [
        {"op": "gae", "shape": "2x3", "contestant": "creditlib", "p50_us": 50.0, "floor_us": 25.0},
        {"op": "gae", "contestant": "other", "side": "peer", "refused": "cannot"},
    ]
    done, asked = command("--out", str(tmp_path), rows=rows)
    assert done.exit_code == 0, done.output
    assert "50 %" in done.output
    assert "no number gae other: cannot" in done.output
    assert "1 rows in" in done.output
    assert asked["seconds"] == 480
    assert asked["parts"] == cli.NAMES
    assert (asked["session"].device, asked["session"].out) == ("cuda", tmp_path)


def test_something_wrong_is_said_and_is_the_exit_code(command, tmp_path):
    rows = [{"op": "gae", "side": "ours", "refused": "differs"}]
    outcomes = (Outcome("right", "ended with code 1", 2.0), Outcome("grid", "fine", 3.0))
    done, _ = command(rows=rows, outcomes=outcomes, OUT=str(tmp_path))
    assert done.exit_code == 1
    assert "WRONG gae" in done.output
    assert "right          ended with code 1, 2 s" in done.output
    assert "grid           fine, 3 s" in done.output


def test_parts_time_and_checkouts_are_chosen(command, tmp_path):
    given = ["--rehearse", "--only", "grid,facts", "--minutes", "2", "--peer", f"slime={tmp_path}"]
    done, asked = command(*given, OUT=str(tmp_path))
    assert done.exit_code == 0, done.output
    assert (asked["parts"], asked["seconds"]) == (["facts", "grid"], 120)
    assert asked["session"].peers == (("slime", tmp_path),)
    assert asked["session"].device == "stand-in"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "grid,nothing"], "no part nothing"),
        (["--peer", "slime"], "is not NAME=PATH"),
    ],
)
def test_what_cannot_be_run_is_said(command, arguments, said):
    done, _ = command(*arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_without_a_gpu_the_rehearsal_is_named(command, tmp_path):
    done, _ = command(OUT=str(tmp_path), outcomes=(Outcome("facts", "ended with code 3", 1.0),))
    assert done.exit_code == 2
    assert "--rehearse" in done.output


def test_only_rows_of_this_run_are_shown(tmp_path):
    results.append(tmp_path / "m.csv", [Row(run="a", op="x"), Row(run="b", op="y")])
    results.append(tmp_path / "gpu" / "m.csv", [Row(run="b", op="z")])
    here = Session("cuda", tmp_path, (("run", "b"),))
    assert [row.op for row in rows_of(here)] == ["y", "z"]


def test_what_was_left_out_in_this_session_is_repeated_at_the_end(tmp_path):
    here = Session("cuda", tmp_path)
    assert left_out(here, 0) == []
    here.log.parent.mkdir()
    before = "grid: 9 left out, its 5 s are over\n"
    here.log.write_text(before + "a line\npytest was stopped after 60 s\nforms: 2 left out, so\n")
    found = ["pytest was stopped after 60 s", "forms: 2 left out, so"]
    assert left_out(here, len(before)) == found
