"""The command runs on tiny inputs, writes rows, and says what it does not know."""

import pytest
from typer.testing import CliRunner

from benchmarks import cli
from benchmarks.results import read

pytestmark = pytest.mark.usefixtures("allocator_left_alone")


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.setattr(cli.allocator, "verify", lambda: "allocator not asked")
    monkeypatch.setattr(cli.peers, "find", lambda paths: ({}, dict.fromkeys(paths, "absent")))

    def run(*arguments):
        return CliRunner().invoke(cli.app, list(arguments))

    return run


def test_a_quick_run_writes_rows(bench, tmp_path):
    path = tmp_path / "rows.csv"
    done = bench("--quick", "--only", "gae 16x64", "--repeat", "1", "--results", str(path))
    assert done.exit_code == 0, done.output
    rows = {row.contestant: row for row in read([path])}
    assert list(rows) == ["creditlib", "creditlib, out=", "creditlib, torch"]
    assert all(row.p50_us > 0 and row.floor_us > 0 for row in rows.values())
    # 16x64: rewards, values and two results of 4 bytes, a turn map of 1.
    assert rows["creditlib"].moved_bytes == 16 * 64 * (4 * 4 + 1)
    assert "gae 16x64 int8, holes   floor" in done.output


def test_default_processes_are_for_glibc_on_a_cpu(bench, monkeypatch):
    made = []

    def setting(**options):
        made.append(options["default"])
        raise SystemExit(0)

    monkeypatch.setattr(cli, "setting", setting)
    for name, arguments in (("glibc 2.36", []), ("glibc 2.36", ["--no-default"]), ("musl", [])):
        monkeypatch.setattr(cli, "allocator_name", lambda name=name: name)
        bench("--quick", *arguments)
    assert made == [True, False, False]


def test_a_row_of_ours_that_fails_is_said_and_the_others_still_run(bench, monkeypatch):
    measure = cli.measure

    def fails_for_gae(plan, here):
        if plan.op == "gae":
            raise RuntimeError("broken")
        return measure(plan, here)

    monkeypatch.setattr(cli, "measure", fails_for_gae)
    done = bench("--quick", "--only", "*16x64*bool*", "--repeat", "1", "--results", "-")
    assert done.exit_code == 0, done.output
    done = bench("--quick", "--only", "*16x64*", "--repeat", "1", "--results", "-")
    assert done.exit_code == 1
    assert "gae 16x64 int8, holes failed: RuntimeError: broken" in done.output
    assert "whiten 16x64 bool   floor" in done.output


def test_backends_are_chosen(bench, tmp_path):
    done = bench(
        "--quick", "--only", "whiten", "--repeat", "1", "--backend", "torch", "--results", "-"
    )
    assert done.exit_code == 0, done.output
    assert "creditlib, torch" in done.output
    assert "creditlib  " not in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "no such row"], "no row holds"),
        (["--quick", "--peer", "slime"], "is not NAME=PATH"),
    ],
)
def test_what_cannot_be_run_is_said(bench, arguments, said):
    done = bench(*arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_the_report_is_written(bench, tmp_path):
    done = bench("report", "--results", str(tmp_path), "--docs", str(tmp_path / "docs"))
    assert done.exit_code == 0, done.output
    assert "No rows yet." in (tmp_path / "docs" / "performance.md").read_text()


def test_base_compares_the_rows_that_are_no_series(bench, monkeypatch):
    asked = {}

    def against(ref, keys, **options):
        asked.update(ref=ref, keys=keys, **options)
        return ["gae: as before"]

    monkeypatch.setattr(cli.compare, "against", against)
    done = bench("--base", "main", "--only", "gae*", "--repeat", "7")
    assert done.output == "gae: as before\n"
    assert (asked["ref"], asked["rounds"]) == ("main", 7)
    assert not [key for key in asked["keys"] if "scaling" in key]
