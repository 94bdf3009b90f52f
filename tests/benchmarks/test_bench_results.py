"""Rows to a file and back; only the last run of an input counts."""

from dataclasses import replace

import pytest

from benchmarks.results import Row, append, latest, read

pytestmark = pytest.mark.usefixtures("allocator_left_alone")

ROW = Row(
    date="2026-01-02T03:04:05Z",
    run="a",
    machine="m",
    op="gae",
    shape="2x3",
    variant="int8, holes",
    contestant="creditlib, out=",
    side="ours",
    p20_us=1.25,
    p50_us=1.5,
    p80_us=2.0,
    repeats=7,
    floor_us=0.5,
    moved_bytes=54,
    why='a "why" with, commas',
)


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "deep" / "m.csv"
    blank = Row(op="whiten", refused="KeyError: 'x'\nmore")
    append(path, [ROW])
    append(path, [blank])
    assert read([path]) == [ROW, blank]
    assert path.read_text().count("date,run,machine") == 1


def test_a_file_of_older_columns_is_read_and_unknown_columns_are_left(tmp_path):
    path = tmp_path / "old.csv"
    path.write_text("op,p50_us,colour\ngae,2.5,red\n")
    assert read([path]) == [Row(op="gae", p50_us=2.5)]
    newer = Row(op="gae", default_us=5.0)
    append(path, [newer])
    assert read([path]) == [Row(op="gae", p50_us=2.5), newer]


def test_only_the_last_run_of_an_input_on_a_machine_counts():
    newer = replace(ROW, date="2026-01-03T00:00:00Z", run="b", contestant="verl loop")
    other = replace(ROW, op="whiten")
    elsewhere = replace(ROW, machine="n")
    assert latest([ROW, newer, other, elsewhere]) == [newer, other, elsewhere]
