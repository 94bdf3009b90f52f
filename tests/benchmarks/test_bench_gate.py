"""No number without parity, and the floor is the bytes that must move."""

import dataclasses

import pytest
import torch

from benchmarks import run
from benchmarks.floor import copier, moved
from benchmarks.gate import refusal
from benchmarks.work import Contestant, Offered, Peer, Plan, Work, forced
from creditlib.ops.backend import dispatch

pytestmark = pytest.mark.usefixtures("allocator_left_alone")


def work(device):
    x = torch.tensor([1.0, 2.0, 3.0])
    return Work({"x": x}, lambda: x * 2, (x,), token_bytes=12)


def peer(**offers):
    return Peer("them", "1", "here", {"twice": list(offers.items())})


def measured(**offers):
    plan = Plan("twice", "3", "", "three numbers", work)
    here = run.setting(peers={"them": peer(**offers)}, repeat=2, seconds=0.0)
    return {row.contestant: row for row in run.measure(plan, here)}


def test_a_wrong_contestant_gets_no_number_and_a_right_one_does():
    def wrong(batch):
        return Offered(lambda: batch["x"] * 2 + torch.tensor([0.0, 0.0, 0.001]))

    def right(batch):
        return Offered(lambda: batch["x"] + batch["x"])

    rows = measured(wrong=wrong, right=right)
    assert rows["them right"].p50_us is not None
    assert rows["them right"].refused == ""
    assert rows["them wrong"].p50_us is None
    assert rows["them wrong"].refused.startswith("result 0 differs from the reference by up to")
    assert rows["creditlib"].p50_us is not None
    assert rows["creditlib, torch"].side == "reference"


def test_a_contestant_that_raises_or_is_not_offered_stops_nobody():
    def broken(batch):
        raise OSError("gone")

    def fails(batch):
        return Offered(lambda: batch["y"])

    rows = measured(broken=broken, fails=fails, absent=lambda batch: None)
    assert rows["them broken"].refused == "OSError: gone"
    assert rows["them fails"].refused == "KeyError: 'y'"
    assert "them absent" not in rows
    assert rows["creditlib"].p50_us is not None


def test_a_slow_peer_runs_only_if_asked_for():
    def slow(batch):
        return Offered(lambda: batch["x"] * 2, slow="an hour a call")

    assert measured(slow=slow)["them slow"].refused == "left out, an hour a call; --slow runs it"
    plan, here = Plan("twice", "3", "", "", work), run.setting(slow=True, repeat=1, seconds=0.0)
    here = dataclasses.replace(here, peers={"them": peer(slow=slow)})
    assert {row.contestant: row.p50_us for row in run.measure(plan, here)}["them slow"] is not None


def test_another_shape_more_results_or_none_are_refused():
    truth = (torch.zeros(2),)

    def said(result, view=tuple):
        return refusal(Contestant("them", "peer", lambda: None, view), result, truth)

    assert said((torch.zeros(3),)) == "result 0 is (3,), not (2,)"
    assert said((torch.zeros(2), torch.zeros(2))) == "returns 2 results, the reference 1"
    assert said(()) == "returns nothing to compare"
    assert said((torch.tensor([0.0, float("nan")]),)).endswith("up to inf")
    assert said((torch.zeros(2),)) == ""
    assert said(torch.ones(2), lambda result: (result - 1,)) == ""


def test_bytes_that_must_move_worked_by_hand():
    # Read 2·3 rewards of 4 bytes and 2·3 turns of 1; write 2·3 advantages of 4: 24 + 6 + 24.
    reward, turn = torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int8)
    assert moved([reward, turn], [torch.zeros(2, 3)]) == 54
    # An int64 turn map: 24 + 48 + 24.
    assert moved([reward, turn.long()], [torch.zeros(2, 3)]) == 96
    # An expanded column lies in memory once: 2 numbers.
    assert moved([torch.zeros(2, 1).expand(2, 3)], []) == 8
    # Half is read, half is written.
    assert copier(54, "cpu")().numel() == 27


def test_the_row_says_how_many_bytes():
    # 3 numbers read, 3 written.
    assert measured()["creditlib"].moved_bytes == 24


def test_forced_changes_what_auto_means_and_gives_it_back():
    usual = dispatch.default_backend
    with forced("torch"):
        assert dispatch.default_backend("cpu") == "torch"
    assert dispatch.default_backend is usual
    with forced("auto"):
        assert dispatch.default_backend is usual
