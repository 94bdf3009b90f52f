"""Stored rollouts as a benchmark: the data, the processes, the gate, the rows and the verdicts."""

import doctest
import importlib.util
import os
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

import creditlib as cl
from benchmarks import cli
from benchmarks.files import child, data, file_rows, jobs, measure, page, table_credit
from benchmarks.files.child import Child
from benchmarks.files.data import Size, generate
from benchmarks.files.file_rows import FileRow
from creditlib import rollouts
from creditlib.testing import agree

pytestmark = pytest.mark.usefixtures("allocator_left_alone")

TINY = Size(rows=96, files=3, turns=5, words=4, tokens=6, row_group=20)
GB = 10**9


# --- the data -----------------------------------------------------------------------------------


def test_the_first_half_of_each_file_straddles():
    # 3 files of 32 rows, 16 of each straddle: 48 rows, 6 groups of 8, the members 6 rows apart.
    # The other 48 rows are 6 groups of neighbours: 16 rows of a file are 2 groups.
    found = [data.groups_of_file(TINY, number).tolist() for number in range(3)]
    assert found[0] == [*range(6), *range(6), *range(4), *[6] * 8, *[7] * 8]
    counts = Counter(group for each in found for group in each)
    assert set(counts.values()) == {8}
    apart = [group for group in counts if sum(group in each for each in found) > 1]
    assert sorted(apart) == list(range(6))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_group_or_every_group_straddles(share):
    size = replace(TINY, straddle=share)
    found = [set(data.groups_of_file(size, number).tolist()) for number in range(3)]
    assert (found[0] & found[1] & found[2]) == (set() if share == 0 else set(range(12)))


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_what_is_generated_is_read(kind, tmp_path):
    generate(tmp_path, replace(TINY, kind=kind))
    found = rollouts.read(tmp_path)
    assert found.tensors["reward"].shape == (96,)
    assert len(set(found.tensors["group"].tolist())) == 12
    assert int(found.tensors["turn_count"].max()) <= 5
    assert {"anchor", "duration", "turn_length", "turn_reward"} <= set(found.tensors)


def test_one_seed_gives_the_same_files_and_another_size_is_refused(tmp_path):
    first, second = generate(tmp_path / "a", TINY), generate(tmp_path / "b", TINY)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    other = generate(tmp_path / "c", replace(TINY, seed=6))
    assert first[0].read_bytes() != other[0].read_bytes()
    assert generate(tmp_path / "a", TINY) == first
    with pytest.raises(ValueError, match="holds data of another size"):
        generate(tmp_path / "a", replace(TINY, rows=97))


def test_long_observations_are_one_column_too(tmp_path):
    """pyarrow makes several chunks of more than 64 MB of NumPy's text."""
    (path,) = generate(tmp_path, replace(TINY, rows=50, files=1, words=72_000))
    turns = pq.read_table(path, columns=["turns"])["turns"].to_pylist()
    lengths = [len(turn["observation"]) for row in turns for turn in row]
    assert 4 * sum(lengths) > 64 << 20
    assert min(lengths) > 8 * 72_000 // 4


def test_equal_states_have_equal_texts_and_turns_meet(tmp_path):
    generate(tmp_path, TINY)
    tensors = rollouts.read(tmp_path).tensors
    credit = cl.apply("gigpo", tensors, episode_weight=0.0)
    assert bool((credit != 0).any())


# --- what other engines call --------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ["gigpo", "grpo"])
def test_a_part_is_credited_as_the_batch_is(estimator, tmp_path):
    table = pa.concat_tables([pq.read_table(path) for path in generate(tmp_path, TINY)])
    found = table_credit.credited(table.select(table_credit.COLUMNS), estimator)
    batch = rollouts.read(tmp_path)
    whole = cl.apply(estimator, batch.tensors)
    assert found["id"].to_pylist() == [row["id"] for row in batch.trajectories]
    for row, credit in enumerate(found["credit"].to_pylist()):
        turns = 1 if estimator == "grpo" else len(batch.trajectories[row]["turns"])
        assert len(credit) == turns
        assert agree(torch.tensor(credit), whole.reshape(96, -1)[row, :turns])


def test_credit_of_trajectories_is_compared_too(tmp_path):
    pq.write_table(pa.table({"trajectory": ["b"], "grpo": [2.0]}), tmp_path / "1.credit.parquet")
    pq.write_table(pa.table({"id": ["a"], "credit": [[1.0, 3.0]]}), tmp_path / "2.parquet")
    found = measure.credit_of(tmp_path, "grpo").to_pylist()
    assert found == [{"id": "a", "credit": [1.0, 3.0]}, {"id": "b", "credit": [2.0]}]


def test_batches_in_order_become_whole_parts():
    batches = [
        pa.RecordBatch.from_pydict({"part": [1, 1, 2], "x": [0, 1, 2]}),
        pa.RecordBatch.from_pydict({"part": [2, 5], "x": [3, 4]}),
    ]
    found = [part["x"].to_pylist() for part in jobs.whole_parts(batches)]
    assert found == [[0, 1], [2, 3], [4]]


# --- a process ----------------------------------------------------------------------------------


def test_a_process_is_measured_with_its_children():
    script = (
        "import subprocess, sys, time\n"
        "own = bytearray(64 << 20); own[::4096] = b'x' * len(own[::4096])\n"
        "inner = 'import time; b = bytearray(64 << 20); b[::4096] = b\"x\" * len(b[::4096]);'\n"
        "inner += 'print(flush=True); input()'\n"
        "pipe = subprocess.PIPE\n"
        "child = subprocess.Popen([sys.executable, '-c', inner], stdin=pipe, stdout=pipe)\n"
        "child.stdout.readline()\n"
        "for _ in range(20): time.sleep(0.02)\n"
        "child.communicate(b'\\n')\n"
    )
    found = child.run([sys.executable, "-c", script])
    assert found.failure == ""
    assert found.peak > 128 << 20
    assert found.seconds > 0


def test_a_process_that_fails_or_stays_too_long_says_so():
    found = child.run([sys.executable, "-c", "raise ValueError('no disk')"])
    assert found.failure == "ValueError: no disk"
    found = child.run([sys.executable, "-c", "while True: pass"], limit=0.0)
    assert found.failure == "it was ended after 0 s"


def test_a_child_runs_on_one_core_and_we_on_all():
    before = os.sched_getaffinity(0)
    code = "import os; assert len(os.sched_getaffinity(0)) == 1"
    assert child.run([sys.executable, "-c", code]).failure == ""
    assert os.sched_getaffinity(0) == before


# --- a run --------------------------------------------------------------------------------------


@pytest.fixture
def here(monkeypatch):
    """Jobs run in this process; other engines are absent."""
    spec = importlib.util.find_spec
    absent = ("polars", "duckdb", "ray")
    monkeypatch.setattr(
        measure.importlib.util, "find_spec", lambda name: None if name in absent else spec(name)
    )

    def run(command, **_):
        if "benchmarks.files.jobs" in command:
            jobs.main([each for each in command[3:] if each != "jobs=2"])
            return Child(2.0, 1.0, GB // 2)
        inputs = command[4 : command.index("-e")]
        rollouts.credit(inputs, command[-3], out=command[-1])
        return Child(3.0, None, GB // 2)

    monkeypatch.setattr(measure, "run", run)


def run_files(*arguments):
    return CliRunner().invoke(cli.app, ["files", *arguments])


def test_the_command_measures_ours_and_names_who_is_not_installed(here, tmp_path):
    path = tmp_path / "rows.csv"
    done = run_files(
        *("--rows", "96", "--files", "3", "--words", "4", "--tokens", "4"),
        *("--test", "main", "--test", "jobs", "--data", str(tmp_path / "data")),
        *("--results", str(path)),
    )
    assert done.exit_code == 0, done.output
    assert "no number: polars is not installed" in done.output
    rows = {(row.test, row.contestant): row for row in file_rows.read([path])}
    assert rows["main", "creditlib credit"].seconds == 3.0
    assert rows["main", "creditlib, rollouts.read"].peak_bytes == GB // 2
    assert rows["main", "ray data, map_groups"].refused == "ray is not installed"
    assert [name for test, name in rows if test == "jobs"] == ["creditlib", "creditlib, --jobs 2"]


def test_a_series_has_two_decades_of_rows(here, tmp_path):
    size = replace(TINY, rows=2400, turns=2, words=1, tokens=1)
    found = measure.series(size, tmp_path / "x", "grpo", 1, 9.0, lambda text: None)
    assert [row.rows for row in found] == [24, 75, 240, 758, 2400]
    assert {row.inner_seconds for row in found} == {1.0}


def test_other_credit_gets_no_number():
    ours = pa.table({"id": ["a", "b"], "credit": [[1.0], [0.0, 2.0]]})
    row = FileRow(contestant="x", seconds=1.0, peak_bytes=5)
    off = pa.table({"id": ["a", "b"], "credit": [[1.0], [0.0, 2.01]]})
    few = ours.slice(0, 1)
    assert measure.gated(row, ours, ours) == row
    assert measure.gated(row, off, ours).refused == "its credit differs from ours"
    assert measure.gated(row, few, ours).refused == "1 trajectories of 2"
    assert measure.gated(row, few, ours).seconds is None


def test_what_cannot_be_run_is_said():
    for arguments, said in (
        (["--test", "speed"], "is none of main"),
        (["--kind", "csv"], "parquet, jsonl"),
    ):
        done = run_files(*arguments)
        assert done.exit_code == 2
        assert said in done.output


@pytest.mark.parametrize("estimator", ["gigpo", "grpo"])
@pytest.mark.parametrize("name", ["polars, ", "duckdb, ", "ray data, "])
@pytest.mark.nightly
def test_the_jobs_of_another_engine_give_our_credit(name, estimator):
    package = name.split(",")[0].split()[0]
    pytest.importorskip(package, reason=f"{package} is not installed")
    with tempfile.TemporaryDirectory() as folder:  # its path is short: Ray opens sockets below it
        place = Path(folder) / "data"
        found = measure.main(TINY, place, estimator, 1, 300.0, name, lambda text: None)
    refused = {row.contestant: row.refused for row in found if row.refused}
    assert set(refused) <= {"polars, expressions"}
    assert not (refused and estimator == "grpo")


# --- rows and verdicts --------------------------------------------------------------------------


def row(contestant, seconds, peak, **more):
    given = {"test": "main", "bytes": int(1.26 * GB), "machine": "m", "side": "ours", **more}
    return FileRow(contestant=contestant, seconds=seconds, peak_bytes=int(peak * GB), **given)


def test_what_is_written_is_read_again(tmp_path):
    rows = [row("creditlib", 2.5, 0.5, inner_seconds=1.25), FileRow(refused="a, b")]
    file_rows.append(tmp_path / "m.csv", rows[:1])
    file_rows.append(tmp_path / "m.csv", rows[1:])
    assert file_rows.read([tmp_path / "m.csv"]) == rows


def test_only_the_last_run_of_a_test_counts():
    old, new = row("a", 1.0, 1.0, date="1", run="x"), row("b", 1.0, 1.0, date="2", run="y")
    other = replace(old, test="series")
    assert file_rows.latest([old, new, other]) == [new, other]


def test_verdicts_by_hand():
    found = page.verdicts(
        [
            row("creditlib credit", 12.0, 0.8),
            row("creditlib, rollouts.read", 9.0, 1.5),
            row("polars, map_groups", 30.0, 2.2, side="peer"),
            # 10 times the rows take 10 and then 100 times as long: exponents 1 and 2, slope 1.5.
            *(
                row("creditlib", 1.0, 0.5, test="series", rows=rows, inner_seconds=seconds)
                for rows, seconds in ((10, 1.0), (100, 10.0), (1000, 1000.0))
            ),
            row("creditlib", 9.0, 0.5, test="jobs", inner_seconds=8.0),
            row("creditlib, --jobs 2", 6.0, 0.9, test="jobs", inner_seconds=5.0),
            row("creditlib, --memory 500MB", 90.0, 0.7, test="memory", bytes=10 * GB),
        ]
    )
    assert found == [
        ("credit, one core", "at most 15 s", "12 s", "yes"),
        ("credit, peak", "at most 0.7 GB", "0.8 GB", "**no**"),
        ("`rollouts.read`, peak", "at most 2 GB", "1.5 GB", "yes"),
        ("against polars, map_groups", "at least 3 times faster", "2.5", "**no**"),
        ("against polars, map_groups", "at least 3 times smaller", "2.8", "**no**"),
        ("credit, 10 to 1,000 trajectories", "exponent at most 1.05", "1.50", "**no**"),
        ("`--jobs 2` on two cores", "at least 1.6 times faster than one", "1.6", "yes"),
        ("creditlib, --memory 500MB, 10 GB of files", "at most 1 GB", "0.7 GB", "yes"),
    ]


def test_the_section_is_there_when_something_was_measured(tmp_path):
    assert page.section(tmp_path / "nothing") == page.section(tmp_path) == ""
    rows = [row("creditlib credit", 12.0, 0.5, input="1.26 GB", rows=9), FileRow(machine="m")]
    file_rows.append(tmp_path / "m.csv", rows[:1])
    text = page.section(tmp_path)
    assert text.startswith("## Credit of stored rollouts\n")
    assert "| credit, one core | at most 15 s | 12 s | yes |" in text
    assert "| 1.26 GB | 1 | **creditlib credit** | 12.0 |  | 105 | 0.50 GB |" in text


@pytest.mark.parametrize("module", [child, data, measure, table_credit])
def test_examples_run(module):
    assert doctest.testmod(module).failed == 0
