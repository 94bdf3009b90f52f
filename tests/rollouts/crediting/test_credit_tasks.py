"""The tasks as functions; the faults of tests/mutants/mutants_rollouts_ray fail."""

import json
from pathlib import Path

import pytest

from creditlib.rollouts.crediting.conversion import Reading
from creditlib.rollouts.crediting.plan import make_plan
from creditlib.rollouts.crediting.sources import Source, Unit, open_sources
from creditlib.rollouts.crediting.tasks import Common, credit_task, scan_task, stretches
from creditlib.rollouts.creditlib_schema import CREDITLIB


def _sources(folder, *files):
    found = []
    for number, rows in enumerate(files):
        path = folder / f"{number}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        found.append((path, folder))
    return open_sources(found, "auto", False)[0]


def _row(group, outcome):
    return {"group": group, "outcome": outcome, "turns": []}


@pytest.mark.parametrize("buckets", [1, 3])
def test_two_scan_tasks_and_a_credit_task_for_each_bucket(tmp_path, buckets):
    """rloo: 1 − 0 = 1 in the first file, 0 − 1 = −1 in the second; 0.5 alone gets 0."""
    sources = _sources(tmp_path, [_row("a", 1.0), _row("b", 0.5)], [_row("a", 0.0)])
    plan = make_plan("rloo")
    scans = [scan_task(each.units, Reading(plan.needs, False, {}), buckets) for each in sources]
    assert [scan[0].facts.trajectories for scan in scans] == [2, 1]
    assert [scan[1]["group"].to_pylist() for scan in scans] == [["a", "b"], ["a"]]
    common = Common(plan, frozenset(), 0, False, sources, {(0, 0): 0, (1, 0): 1}, 2, 1)
    credit = {0: {}, 1: {}}
    groups = 0
    for bucket in range(buckets):
        found, *pieces = credit_task(common, *(scan[2 + bucket] for scan in scans))
        groups += found.counts.groups
        for bundle, piece in enumerate(pieces):
            if piece is not None:
                rows = zip(piece["index"].to_pylist(), piece["rloo"].to_pylist(), strict=True)
                credit[bundle] |= dict(rows)
    assert (groups, credit) == (2, {0: {0: 1.0, 1: 0.0}, 1: {0: -1.0}})


def _source(*sizes):
    units = tuple(Unit(0, n, "x", "creditlib", True, bytes=size) for n, size in enumerate(sizes))
    return Source(Path("x"), Path(), sum(sizes), CREDITLIB, units, "row")


def test_stretches_hold_whole_files_or_a_part_of_one():
    """At most 10 bytes: 4 + 6, then 5 alone because 5 + 6 > 10, then 8 + 7 in two parts, 1."""
    sources = [_source(4), _source(6), _source(5), _source(6, 2, 7), _source(1)]
    found = [[[u.bytes for u in scan] for scan in each] for each in stretches(sources, 10)]
    assert found == [[[4, 6]], [[5]], [[6, 2], [7]], [[1]]]
