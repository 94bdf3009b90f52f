"""`python -m benchmarks --device cuda` on a played GPU: input sets, columns, what is left out."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from benchmarks import grid, run
from benchmarks.cuda import Extra
from benchmarks.peers import torch_loop
from benchmarks.run import COPY, FLOOR, Setting, lineup, measure
from benchmarks.timing import Times
from benchmarks.work import Peer, Work, forced

pytestmark = pytest.mark.usefixtures("allocator_left_alone")


@pytest.fixture
def asked(monkeypatch):
    """A GPU with three input sets to a row, on which the floor takes 2 µs and everybody else 8."""
    asked = {}

    def interleave(runners, *, seconds, repeat):
        asked.update(runners)
        times = {name: Times(8e-6, 8e-6, 8e-6, 5) for name in runners}
        times[FLOOR] = Times(2e-6, 2e-6, 2e-6, 5)
        return times, {name: Extra(2, 40.0, 30.0, "") for name in runners}

    monkeypatch.setattr(run.cuda, "sets", lambda size: 3)
    monkeypatch.setattr(run.cuda, "interleave", interleave)
    monkeypatch.setattr(run.cuda, "peak_bytes", lambda call: (call(), 4096)[1])
    monkeypatch.setattr(run, "copier", lambda size, device: lambda: size)
    return asked


def test_everybody_runs_on_as_many_inputs_as_the_copy(asked):
    plan = grid.chosen("gae 16x64", quick=True)[0]
    inputs = []

    def build(device):
        inputs.append(device)
        return plan.build("cpu")

    with forced("torch"):
        rows = measure(replace(plan, build=build), Setting(device="cuda"))
    assert inputs == ["cuda"] * 3
    assert {name: len(calls) for name, (calls, _) in asked.items()} == {
        FLOOR: 3,
        COPY: 3,
        "creditlib": 3,
        "creditlib, out=": 3,
        "creditlib, torch": 3,
    }
    ours = rows[0]
    assert (ours.p50_us, ours.floor_us) == pytest.approx((8, 2))
    assert (ours.wall_us, ours.host_us, ours.launches) == (40.0, 30.0, 2)


def test_the_reference_does_not_walk_long_rows_on_a_gpu():
    plan = grid.chosen("gae 16x64", quick=True)[0]
    long = {"turn": torch.empty(2, 32768, device="meta")}
    work = Work(long, lambda: None, ())
    names, left_out = lineup(plan, work, Setting(device="cuda"))
    assert [each.name for each in names] == ["creditlib"]
    assert left_out == {"creditlib, torch": "left out: it launches kernels for every column"}
    for batch, device in ((long, "cpu"), ({}, "cuda")):
        names, _ = lineup(plan, replace(work, batch=batch), Setting(device=device))
        assert [each.name for each in names] == ["creditlib", "creditlib, torch"]


def test_the_eager_loop_is_slow_on_long_rows_of_a_gpu_only():
    peer = torch_loop.load(None)
    assert isinstance(peer, Peer)
    eager = dict(peer.offers["gae"])["eager loop"]

    def offered(columns, device):
        tensor = SimpleNamespace(shape=(4, columns), device=torch.device(device))
        return eager({"full": True, "token_reward": tensor, "value": tensor})

    assert offered(32768, "cuda").slow == "65,536 launches a call"
    assert offered(4096, "cuda").slow == offered(32768, "cpu").slow == ""
