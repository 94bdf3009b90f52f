"""No trainer stands in the table of docs/trainers without a test that ran inside it.

`make integration-all` runs the tests of `tests/trainers`; the option --write of its script puts the
date, the versions and the number of tests that passed into docs/trainers/runs.md. These tests tie
that record to the pages, to the adapters and to the test files.
"""

import ast
import datetime
import importlib.util
import re
from pathlib import Path

import pytest

from creditlib.integrations import adapters

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "trainers"
TRAINERS = ROOT / "tests" / "trainers"
_spec = importlib.util.spec_from_file_location("run_all", TRAINERS / "run_all.py")
run_all = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(run_all)

README = (DOCS / "README.md").read_text()
RUNS = (DOCS / "runs.md").read_text()
ROWS = run_all.read_table(RUNS)
# Adapters that were tested with stand-ins only: listed under a heading that says so.
UNSEEN = {"verl_agent"}
HEADING = "## Tested with stand-ins only"


def pages(text):
    """The pages that the rows of tables link, by the name of the adapter."""
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    found = {name for row in rows for name in re.findall(r"\]\((\w+)\.md\)", row)}
    return {name for name in found if (DOCS / f"{name}.md").exists()} & set(adapters())


def test_every_row_of_the_table_has_a_test_that_ran():
    above, _, below = README.partition(HEADING)
    assert pages(above) == set(ROWS) == set(run_all.names())
    assert pages(below.partition("\n## ")[0]) == UNSEEN
    assert set(adapters()) == set(ROWS) | UNSEEN


@pytest.mark.parametrize("name", sorted(ROWS))
def test_what_ran_is_what_the_adapter_calls_tested(name):
    row, trainer = ROWS[name], adapters()[name].TRAINER
    assert row.version == trainer.known[-1]
    assert datetime.date.fromisoformat(row.date)
    assert re.fullmatch(r"3\.\d+\.\d+", row.python)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_every_test_of_the_file_was_there_when_it_ran(name):
    """A test that was added since makes the record old: `make integration TRAINER=NAME`."""
    tree = ast.parse((TRAINERS / f"test_{name}_itself.py").read_text())
    tests = [node for node in tree.body if getattr(node, "name", "").startswith("test_")]
    assert 0 < len(tests) <= ROWS[name].passed


@pytest.mark.parametrize("name", sorted(ROWS))
def test_the_readme_names_the_version_that_ran(name):
    title = adapters()[name].TRAINER.name
    found = re.search(
        rf"^\| {re.escape(_title(title))} \| ([^|]+) \|",
        README.partition("## What was run")[2],
        re.M,
    )
    assert found
    assert ROWS[name].version in found.group(1)


def _title(name):
    """The README writes one of them in small letters."""
    return {"Stable-Baselines3": "stable-baselines3"}.get(name, name)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_every_trainer_that_ran_has_its_pinned_packages(name):
    pinned = ROOT / "constraints" / f"{name}.txt"
    alone = ROOT / "constraints" / f"{name}-alone.txt"
    assert pinned.exists()
    assert (ROWS[name].source == "wheel alone") is alone.exists()
    assert (ROWS[name].source == "checkout") is (name in run_all.CHECKOUTS)
    if alone.exists():
        assert f"=={ROWS[name].version}" in alone.read_text()


ROW = run_all.Row("verl", "1.0", "pip", "2026-01-02", "3.11.7", "2.13.0", 5)


def test_a_row_replaces_that_of_its_trainer_and_leaves_the_others():
    """By hand: verl is new, trl stays, and the text around the table stays."""
    old = run_all.Row("trl", "0.9", "pip", "2025-01-02", "3.11.7", "2.12.0", 3)
    page = f"# Head\n\n{run_all.table([old, ROW])}\nTail.\n"
    newer = run_all.Row("verl", "1.1", "pip", "2026-02-02", "3.11.7", "2.13.0", 6)
    found = run_all.with_rows(page, {"verl": newer})
    assert found == page.replace("| 1.0 |", "| 1.1 |").replace("2026-01-02", "2026-02-02").replace(
        "| 5 |", "| 6 |"
    )
    assert run_all.read_table(found) == {"trl": old, "verl": newer}
    empty = f"# Head\n\n{run_all.table([])}\nTail.\n"
    assert run_all.with_rows(empty, {"verl": ROW}) == f"# Head\n\n{run_all.table([ROW])}\nTail.\n"
    assert run_all.with_rows(page, {}) == page


def test_a_run_counts_what_passed_and_names_the_rest(tmp_path):
    """By hand: 9 tests, of which 1 failed, 2 were skipped and 1 had an error: 5 passed."""
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="9" failures="1" errors="1" skipped="2"/></testsuites>'
    )
    assert run_all.counts(report) == (5, "1 failed, 1 errors, 2 skipped")
    report.write_text('<testsuite tests="4" failures="0" errors="0" skipped="0"/>')
    assert run_all.counts(report) == (4, "")
