"""The parts of a session on a device that is the CPU: right, wrong, broken, interrupted."""

import sys
from dataclasses import replace

import pytest
import torch

from benchmarks import inputs, results
from benchmarks.gpu import commands, launches, measuring, operations
from benchmarks.gpu.budget import Limit
from benchmarks.gpu.commands import Command, Done, environment, execute
from benchmarks.gpu.context import Context, reason
from benchmarks.gpu.cuda_device import CudaDevice
from benchmarks.gpu.device import Measured
from benchmarks.gpu.parts import (
    ahead,
    counters,
    facts,
    forms,
    grid,
    project_tests,
    right,
    rivals,
    statistics,
)
from benchmarks.gpu.scale import LITTLE, WHOLE
from benchmarks.results import Row
from benchmarks.timing import Times
from benchmarks.work import Offered, Peer, forced

whitening = pytest.importorskip("creditlib.ops.whiten.triton_launch")

pytestmark = pytest.mark.usefixtures("allocator_left_alone")

SMALL = replace(
    LITTLE,
    only=("16x64",),
    without=("driver", "igpo", "pure"),
    odd=((3, 17, 2), (1, 1, 1)),
    layouts=("holes", "full", "packed"),
    operations=WHOLE.operations,
    few_rows=(2,),
    long=64,
    shape=(4, 32, 2),
    values=(16,),
    copies=(1,),
    rivals=((2, 16),),
    others=("torch_loop", "rl_triton"),
    kernels=((3, 17, 2),),
)


class OnCpu:
    """A device that is the CPU: what it computes is compared, times are made up."""

    kind, tensors = "cuda", "cpu"

    def __init__(self):
        self.measured, self.forgotten = [], 0

    def sets(self, size):
        return 3

    def measure(self, calls):
        self.measured.append(len(calls))
        for call in calls:
            call()
        return Measured(Times(9e-6, 10e-6, 11e-6, 5), "graph replay", 30.0, 20.0, 2)

    def copy_us(self, size, sets):
        return 5.0

    refusal = CudaDevice.refusal
    same_bits = CudaDevice.same_bits

    def describe(self):
        return ["the CPU"]

    def forget(self):
        self.forgotten += 1


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def nothing_is_compiled():
    """Compiling all loops would take longer than these tests, which are not about the loops."""
    with forced("torch"):
        yield


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def context(tmp_path, clock):
    shared = {"run": "r", "machine": "m", "device": "cuda"}
    file, log = tmp_path / "rows.csv", tmp_path / "gpu" / "log"
    return Context("part", OnCpu(), Limit(100, clock), SMALL, file, log, shared)


def rows(context):
    return results.read([context.rows]) if context.rows.exists() else []


def said(context):
    return context.log.read_text()


def test_one_item_that_fails_is_a_problem_and_the_others_are_worked_on(context):
    def work(item):
        if item == "b":
            raise RuntimeError("first line\nwhy") from ValueError("the kernel\n  does not compile ")
        context.add(context.row(item))

    context.each("abc", str.upper, work)
    assert [(row.op, row.refused) for row in rows(context)] == [
        ("a", ""),
        ("B", "ValueError: does not compile"),
        ("c", ""),
    ]
    assert context.problems == 1
    assert "WRONG part: B: ValueError: does not compile" in said(context)
    assert {(row.run, row.machine) for row in rows(context)} == {("r", "m")}


def test_rows_that_came_survive_the_end_of_the_process(context):
    def work(item):
        if item == "c":
            raise SystemExit  # no error of an item: as if the process were gone
        context.add(context.row(item, p50_us=1.5))

    with pytest.raises(SystemExit):
        context.each("abcd", str, work)
    assert [(row.op, row.p50_us) for row in rows(context)] == [("a", 1.5), ("b", 1.5)]


def test_a_limit_ends_a_part_and_what_it_left_out_is_said(context, clock):
    def work(item):
        clock.now += 40

    context.each("abcdef", str, work)
    assert "part: 3 left out, its 100 s are over" in said(context)
    assert context.problems == 0


def test_processes_share_the_items(context):
    seen = []
    for worker in range(3):
        replace(context, worker=worker, workers=3).each("abcdefg", str, seen.append)
    assert seen == ["a", "d", "g", "b", "e", "c", "f"]


def test_the_reason_is_that_of_the_first_error():
    assert reason(KeyError()) == "KeyError: "
    assert len(reason(ValueError("x" * 999))) == len("ValueError: ") + 160


def test_every_operation_is_right_on_every_batch(context):
    right.run(context)
    # 23 operations on two shapes with holes and full, 13 on each packed batch.
    assert "right: 118 good, 0 wrong" in said(context)
    assert len(right.questions(replace(context, scale=WHOLE))) == 6 * 2 * (23 + 23 + 13)


def test_a_wrong_operation_and_different_bits_are_found(context, monkeypatch):
    calls = []

    def drifts(batch):
        calls.append(1)
        return batch["value"] + 1e-3 * len(calls)

    scale = replace(SMALL, odd=((3, 17, 2),), layouts=("full",), operations=("gae",))
    monkeypatch.setitem(operations.OPERATIONS, "gae", drifts)
    here = replace(context, scale=scale)
    right.run(here)
    assert here.problems == 1
    assert "two runs do not give the same bits" in said(here)
    states = iter((1.0, 1.0, 0.0))  # twice on the device, then the truth
    monkeypatch.setitem(operations.OPERATIONS, "gae", lambda batch: batch["value"] + next(states))
    right.run(replace(context, scale=scale))
    assert "result 0 differs from the reference by up to 1" in said(context)
    assert [row.side for row in rows(context)] == ["ours", "ours"]


def test_rows_of_the_grid_by_hand(context):
    grid.run(context)
    found = {(row.key, row.contestant): row for row in rows(context)}
    gae = found["gae 16x64 int8, holes", "creditlib, out="]
    # 16x64: rewards, values and two results of 4 bytes, a turn map of 1.
    assert gae.moved_bytes == 16 * 64 * (4 * 4 + 1)
    assert (gae.p20_us, gae.p50_us, gae.p80_us) == pytest.approx((9, 10, 11))
    assert (gae.floor_us, gae.wall_us, gae.host_us, gae.launches) == (5.0, 30.0, 20.0, 2)
    assert (gae.side, gae.note, gae.device) == ("ours", "graph replay", "cuda")
    assert "50.0 % of copy" in said(context)  # 5 µs of copy in 10
    assert set(context.device.measured) == {3}  # three input sets
    assert context.device.forgotten == len({key for key, _ in found})
    assert context.problems == 0


def test_a_wrong_row_of_the_grid_gets_no_number(context, monkeypatch):
    monkeypatch.setattr(measuring, "truth", lambda plan: (torch.zeros(16, 64),) * 2)
    scale = replace(SMALL, only=("gae 16x64",), without=("two_level",))
    here = replace(context, scale=scale)
    grid.run(here)
    assert here.problems == 1
    assert [row.p50_us for row in rows(here)] == [None]
    assert "differs from the reference" in rows(here)[0].refused


def test_a_session_on_a_gpu_times_no_reference_and_no_driver():
    here = Context("grid", OnCpu(), Limit(1), WHOLE, None, None)
    keys = [plan.key for plan in grid.plans(here)]
    assert len(keys) > 40
    assert not [key for key in keys if "driver" in key or "text" in key or "16x64" in key]
    assert {"gae 256x32768 int8, holes", "pure to tokens 1024x4096 int8, adjoining"} <= set(keys)


def test_inputs_are_made_once_and_placed_often(monkeypatch):
    made, usual = [], inputs.tokens
    monkeypatch.setattr(inputs, "tokens", lambda *a, **k: made.append(a) or usual(*a, **k))
    plan = measuring.gae_plan(2, 16, 2, "int8, full")
    with measuring.kept_inputs():
        first, second = plan.build("cpu"), plan.build("cpu")
    assert made == [(2, 16, 2)]
    assert first.batch["value"] is second.batch["value"]
    plan.build("cpu")
    assert len(made) == 2


def test_constants_are_changed_and_come_back():
    before = whitening.PROGRAMS

    def fails():
        with measuring.changed(whitening, PROGRAMS=7):
            assert whitening.PROGRAMS == 7
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert before == whitening.PROGRAMS
    with (
        pytest.raises(AttributeError, match="NOBODY"),
        measuring.changed(whitening, NOBODY=1),
    ):
        pytest.fail("a constant that is not there")


@pytest.mark.parametrize("part", [forms, statistics])
def test_forms_and_statistics_are_compared_and_measured(context, part):
    part.run(context)
    assert context.problems == 0
    names = {row.contestant for row in rows(context)}
    expected = {
        forms: {
            *("as chosen", "split", "whole 2048/8", "whole 512/1"),
            *("128 programs", "tile 1x2048", "by turns", "by runs"),
        },
        statistics: {"table", "all pairs", "reference"},
    }
    assert names == expected[part]
    assert all(row.p50_us == pytest.approx(10) for row in rows(context))


def test_rivals_stand_beside_ours_and_their_failures_are_reasons(context):
    rivals.run(context)
    found = {row.contestant: row for row in rows(context)}
    assert {"creditlib", "torch_loop eager loop"} == set(found)
    assert found["torch_loop eager loop"].side == "peer"
    assert "rl_triton is absent" in said(context)
    assert context.problems == 0


def test_a_rival_that_is_wrong_or_broken_is_no_problem_of_ours(context, monkeypatch):
    def breaks():
        raise RuntimeError("no such kernel")

    offers = [
        ("wrong", lambda batch: Offered(lambda: batch["value"] * 0)),
        ("broken", lambda batch: Offered(breaks)),
        ("unable", lambda batch: 1 / 0),
    ]
    peer = Peer("other", "1", "installed", {"gae": offers})
    monkeypatch.setattr(rivals.peers, "find", lambda paths, names: ({"other": peer}, {}))
    rivals.run(context)
    refused = {row.contestant: row.refused for row in rows(context) if row.side == "peer"}
    assert "differs from the reference" in refused["other wrong"]
    assert refused["other broken"] == "RuntimeError: no such kernel"
    assert refused["other unable"] == "ZeroDivisionError: division by zero"
    assert context.problems == 0


def test_facts_are_said_and_copies_are_rows(context):
    facts.run(context)
    assert "the CPU" in said(context)
    copy, launch = rows(context)
    assert (copy.key, copy.moved_bytes, launch.op) == ("copy 1 MiB", 1 << 20, "smallest launch")
    # 1 MiB in 10 µs.
    assert "0.10 TB/s" in said(context)


def test_all_parts_are_run_once_ahead_and_nothing_is_written(context):
    device = context.device
    for worker in range(2):
        ahead.run(replace(context, worker=worker, workers=2))
    assert device.measured == []
    assert not context.rows.exists()
    assert said(context).count("ended after") == 2


def test_counters_launch_every_kernel_and_say_what_is_not_there(context, monkeypatch):
    monkeypatch.setattr(commands.shutil, "which", lambda name: None)
    counters.run(context)
    lines = said(context).splitlines()
    assert lines == [
        "each kernel launched: 9 calls",
        "ncu is not installed",
        "compute-sanitizer is not installed",
    ]


def test_an_access_outside_of_memory_is_a_problem(context, monkeypatch):
    codes = {"ncu": 1, "compute-sanitizer": 9}
    monkeypatch.setattr(counters, "execute", lambda context, command: Done(codes[command.name], []))
    counters.run(context)
    assert [row.refused for row in rows(context)] == ["an access outside of memory"]


@pytest.mark.parametrize(
    ("done", "problems"),
    [
        (Done(0, ["9 passed"]), []),
        (Done(None, ["interrupted, 9 passed"]), []),
        (Done(5, ["no tests ran"]), ["ended with code 5"]),
        (Done(1, ["FAILED a.py::b", "1 failed"]), ["FAILED a.py::b"]),
        (Done(None, ["FAILED a.py::b", "interrupted"]), ["FAILED a.py::b"]),
    ],
)
def test_failing_tests_are_a_problem_and_tests_cut_short_are_not(
    context, monkeypatch, done, problems
):
    monkeypatch.setattr(project_tests, "execute", lambda context, command: done)
    project_tests.run(context)
    assert [row.refused for row in rows(context)] == problems


def test_tests_run_on_all_cores_but_two(context):
    command = project_tests.command(context, 16)
    assert command.words[command.words.index("-n") + 1] == "14"
    assert command.seconds == 92  # of 100: eight are for its last words


def test_commands_find_the_project_and_compile(context):
    text = "import os, benchmarks; print(os.environ.get('TRITON_INTERPRET'), 'done')"
    assert execute(context, Command("python", (sys.executable, "-c", text), 60)).code == 0
    assert "    None done" in said(context)
    words = (sys.executable, "-c", "raise SystemExit(4)")
    assert execute(context, Command("python", words, 60)) == Done(4, [])
    given = environment({"PYTHONPATH": str(commands.ROOT), "A": "b"}, (("C", "d"),))
    assert (given["PYTHONPATH"], given["A"], given["C"]) == (str(commands.ROOT), "b", "d")


class Slow:
    """A process that writes so much until it is interrupted, killed, or by itself."""

    returncode = 0

    def __init__(self, needs):
        self.needs, self.asked = needs, []

    def communicate(self, *, timeout=None):
        self.asked.append(timeout)
        if self.needs in self.asked:
            return b"one\ntwo\n", b""
        raise commands.subprocess.TimeoutExpired("it", timeout)

    def send_signal(self, sig):
        self.asked.append("interrupted")

    def kill(self):
        self.asked.append("killed")


def test_a_command_is_interrupted_first_and_killed_if_that_does_not_help():
    calm, slow, deaf = Slow(20), Slow("interrupted"), Slow("killed")
    assert commands.heard(calm, 20) == (b"one\ntwo\n", True)
    assert commands.heard(slow, 20) == commands.heard(deaf, 20) == (b"one\ntwo\n", False)
    assert calm.asked == [20]
    assert slow.asked == [20, "interrupted", commands.LAST_WORDS]
    assert deaf.asked == [20, "interrupted", commands.LAST_WORDS, "killed", None]


def test_a_command_has_the_time_that_is_left_and_its_last_lines_are_shown(
    context, clock, monkeypatch
):
    process = Slow("interrupted")
    monkeypatch.setattr(commands.subprocess, "Popen", lambda words, **options: process)
    clock.now = 80  # 20 of 100 seconds are left
    assert execute(context, Command("it", ("python3",), 60, ("two",))).code is None
    assert process.asked[0] == 20
    assert said(context).splitlines() == ["    two", "it was stopped after 20 s"]


def test_launches_are_counted_into_a_file_that_is_written_anew(context, tmp_path):
    path = tmp_path / "launches.csv"
    plans = launches.grid.chosen("gae 16x64*", quick=True)
    for _ in range(2):
        launches.write(path, context.device, {"device": "stand-in"}, lambda row: None, plans)
        found = results.read([path])
        assert [row.contestant for row in found] == ["creditlib", "creditlib, out="]
    assert len(launches.chosen()) > 40


def test_a_file_with_older_columns_is_written_anew(tmp_path):
    path = tmp_path / "old.csv"
    path.write_text("op,p50_us,graph_us\ngae,2.5,1.0\n")
    results.append(path, [Row(op="whiten", wall_us=3.0)])
    assert results.read([path]) == [Row(op="gae", p50_us=2.5), Row(op="whiten", wall_us=3.0)]
    assert "graph_us" not in path.read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["old.csv"]
