"""A row in a process with the allocator's own settings, on an input of a few kilobytes."""

import gc
import json
import weakref

import pytest
import torch

from benchmarks import default_process, run
from benchmarks.timing import Times
from benchmarks.work import Contestant, Plan, Work

pytestmark = pytest.mark.usefixtures("allocator_left_alone")

KEY = "whiten 16x64 bool"


def test_settings_and_other_allocators_are_taken_out():
    environment = {"PATH": "/bin", "MALLOC_CONF": "x", "GLIBC_TUNABLES": "y", "LD_PRELOAD": "z"}
    assert default_process.clean(environment) == {"PATH": "/bin"}


def test_a_result_lives_until_the_next_one_is_there():
    alive = []
    made = []

    def call():
        gc.collect()
        alive.append([each() is not None for each in made])
        result = torch.zeros(1)
        made.append(weakref.ref(result))
        return result

    default_process.in_turn(call, seconds=0.0)
    # Two calls settle, five are counted; at each call the result before it lives, and no other.
    assert alive == [[False] * (n - 1) + [True] * (n > 0) for n in range(7)]


def test_what_comes_before_a_call_is_off_the_clock_and_before_each():
    order = []

    class Before:
        def __enter__(self):
            order.append("before")

        def __exit__(self, *_):
            order.append("after")

    default_process.in_turn(lambda: order.append("call"), Before, seconds=0.0)
    assert order == ["before", "call", "after"] * 7


def test_a_process_of_its_own_answers():
    threads = torch.get_num_threads()
    times = default_process.ask(KEY, ["creditlib"], seconds=0.0, threads=threads)
    assert list(times) == ["creditlib"]
    assert times["creditlib"] > 0


def test_adapters_of_contestants():
    assert default_process._is_of("verl loop", "verl")
    assert not default_process._is_of("verl_agent loop", "verl")
    assert default_process._is_of("verl_agent loop", "verl_agent")
    assert default_process._is_of("estimator alone with to_tokens", "estimator_alone")


def test_a_failure_in_it_is_told_with_its_row(monkeypatch):
    with pytest.raises(OSError, match="no such row in a process of its own: KeyError"):
        default_process.ask("no such row", [], seconds=0.0, threads=1)


def test_the_answer_is_asked_of_the_contestants_named(monkeypatch):
    def reply():
        return default_process.reply(
            {"key": KEY, "names": ["creditlib"], "seconds": 0.0, "threads": 1, "paths": {}}
        )

    usual = torch.get_num_threads()
    try:
        assert json.dumps(reply()).startswith('{"creditlib": ')
    finally:
        torch.set_num_threads(usual)


def chosen(monkeypatch, peers, *, bytes=16 << 20, default=True, axis=""):
    asked = []
    monkeypatch.setattr(
        default_process, "ask", lambda key, names, **more: asked.append((key, names)) or {}
    )
    x = torch.zeros(1)
    plan = Plan("gae", "1x1", "", "why", None, axis=axis)
    names = {"creditlib": "ours", "creditlib, out=": "ours", "creditlib, torch": "reference"}
    contestants = [Contestant(name, side, lambda: x) for name, side in names.items()]
    contestants += [Contestant(name, "peer", lambda: x) for name in peers]
    times = {each.name: Times(0, peers.get(each.name, 0.0), 0, 3) for each in contestants}
    work = Work({}, lambda: x, (x,), token_bytes=bytes)
    here = run.Setting(default=default)
    assert default_process.of_row(plan, contestants, times, work, here) == {}
    return asked


def test_ours_and_the_fastest_peer_take_part(monkeypatch):
    peers = {"verl loop": 0.02, "verl vectorised": 0.01}
    assert chosen(monkeypatch, peers) == [("gae 1x1", ["creditlib", "verl vectorised"])]
    assert chosen(monkeypatch, {"verl loop": 2.0}) == [("gae 1x1", ["creditlib"])]


def test_small_rows_series_and_other_allocators_are_left_out(monkeypatch):
    assert chosen(monkeypatch, {}, bytes=4 << 20) == []
    assert chosen(monkeypatch, {}, default=False) == []
    assert chosen(monkeypatch, {}, axis="tokens") == []


def test_the_row_gets_the_time(monkeypatch):
    x = torch.ones(3)
    work = Work({"x": x}, lambda: x * 2, (x,), token_bytes=16 << 20)
    plan = Plan("twice", "3", "", "three numbers", lambda device: work, threads=1)
    monkeypatch.setattr(default_process, "ask", lambda *_, **more: {"creditlib": 7.0, **more})
    here = run.setting(repeat=2, seconds=0.0, default=True)
    rows = {row.contestant: row for row in run.measure(plan, here)}
    assert rows["creditlib"].default_us == 7.0
    assert rows["creditlib, torch"].default_us is None
    assert rows["creditlib"].threads == "1"
