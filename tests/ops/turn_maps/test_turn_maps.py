"""Turn maps of rows: by hand, and every backend against the reference over odd shapes."""

import pytest
import torch
from helpers import implementation
from hypothesis import given
from hypothesis import strategies as st

from creditlib.ops import turn_maps
from creditlib.ops.turn_maps import reference

NAN = float("nan")
INTEGERS = [torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64]
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
SHAPES = [(0, 0), (0, 5), (3, 0), (1, 1), (2, 31), (3, 32), (5, 33), (4, 64), (7, 300), (2, 1000)]


def mask_of(rows, width, seed, share=0.5, run=7):
    """Runs and gaps of random lengths, up to `run` tokens."""
    draw = torch.Generator().manual_seed(seed)
    flips = torch.rand(rows, width, generator=draw) < 1 / run
    start = torch.rand(rows, 1, generator=draw) < share
    return (torch.cumsum(flips, 1) + start) % 2 == 1


def same(found, wanted):
    """Every field, its dtype included."""
    for name, a, b in zip(wanted._fields, found, wanted, strict=True):
        if isinstance(b, torch.Tensor):
            assert a.dtype == b.dtype, name
            assert a.tolist() == b.tolist(), name
        else:
            assert a == b, name


@pytest.fixture
def run(backend):
    return lambda name: implementation(getattr(reference, name), backend)


def test_a_mask_by_hand(run):
    found = run("map_runs")(torch.tensor([[0, 1, 1, 0, 1], [0, 0, 0, 0, 0]]))
    assert found.turn.tolist() == [[-1, 0, 0, -1, 1], [-1] * 5]
    assert found.turn.dtype == torch.int8
    assert found.turns.tolist() == [2, 0]
    assert found.length.tolist() == [[2, 1], [0, 0]]
    assert found.tokens.tolist() == [3, 0]
    assert found.last.tolist() == [4, -1]
    assert found.fits
    one = run("map_runs")(torch.tensor([[0, 1, 1, 0, 1], [0, 0, 0, 0, 0]]), several=False)
    assert one.turn.tolist() == [[-1, 0, 0, -1, 0], [-1] * 5]
    assert (one.turns.tolist(), one.length.tolist()) == ([1, 0], [[3], [0]])


def test_trained_tokens_by_hand(run):
    """Turn 1 wrote two tokens and trains on none; turn 0 trains on one of two."""
    turn = torch.tensor([[0, 0, -1, 1, 1]], dtype=torch.int8)
    found = run("keep_trained")(turn, torch.tensor([[0, 1, 0, 0, 0]]))
    assert found.turn.tolist() == [[-1, 0, -1, -1, -1]]
    assert found.turns.tolist() == [2]
    assert found.length.tolist() == [[1, 0]]
    assert (found.tokens.tolist(), found.last.tolist(), found.fits) == ([1], [1], True)
    outside = run("keep_trained")(turn, torch.tensor([[0, 1, 1, 0, 0]]))
    assert not outside.fits


def test_places_by_hand(run):
    turn = torch.tensor([[0, -1, 1], [0, 0, 0], [-1, 0, -1]])
    taken = torch.tensor([True, False, True])
    found = run("place_turns")(turn, torch.tensor([200, 0, 3]), taken, 202)
    assert found.tolist() == [[200, -1, 201], [-1, -1, -1], [-1, 3, -1]]
    assert found.dtype == torch.int16


def test_rewards_of_turns_by_hand(run):
    """Before the first turn 0.5 counts for it; NaN counts only where a turn wrote the token."""
    turn = torch.tensor([[-1, 0, -1, 1, -1], [-1, -1, 0, 0, -1]])
    reward = torch.tensor([[0.5, 0.25, 2.0, 0.0, 1.0], [NAN, 0.0, 1.0, NAN, 0.0]])
    found = run("rewards_of_turns")(reward, turn, 2)
    assert found[0].tolist() == [0.5 + 0.25 + 2.0, 0.0 + 1.0]
    assert found[1, 0].isnan()
    assert found[1, 1] == 0.0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.bool, *INTEGERS, *FLOATS])
def test_masks_of_every_shape_and_dtype(run, shape, dtype):
    for seed, length in ((0, 2), (1, 7), (2, 90)):
        mask = mask_of(*shape, seed, run=length).to(dtype)
        for several in (True, False):
            found = run("map_runs")(mask, several=several)
            same(found, reference.map_runs(mask, several=several))
            assert found.fits


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_ids_and_trained_tokens_of_every_shape(run, shape, dtype):
    whole = mask_of(*shape, seed=3, run=20)
    steps = torch.rand(shape, generator=torch.Generator().manual_seed(4)) < 0.05
    turn = torch.cumsum(steps, 1).where(whole, -1) if dtype is not torch.uint8 else None
    turn = torch.cumsum(steps, 1) if turn is None else turn
    same(run("map_ids")(turn.to(dtype)), reference.map_ids(turn))
    for mask in (whole & mask_of(*shape, seed=5), whole, torch.zeros_like(whole)):
        found = run("keep_trained")(turn.to(torch.int16), mask.long())
        same(found, reference.keep_trained(turn.to(torch.int16), mask.long()))


@given(seed=st.integers(0, 10**6), rows=st.integers(0, 9), width=st.integers(0, 150))
def test_sums_against_the_reference(seed, rows, width):
    draw = torch.Generator().manual_seed(seed)
    for name in ("torch", "auto"):
        reward = torch.randn(rows, width, generator=draw)
        reward = reward * (torch.rand(rows, width, generator=draw) < 0.3)
        turn = reference.map_runs(mask_of(rows, width, seed)).turn
        reward = reward.masked_fill((turn < 0) & (reward > 0.5), NAN)
        turns = int(turn.max()) + 1 if turn.numel() else 0
        found = turn_maps.rewards_of_turns(reward, turn, max(turns, 1), backend=name)
        wanted = reference.rewards_of_turns(reward, turn, max(turns, 1))
        assert found.tolist() == wanted.tolist()
        assert turn_maps.row_sums(turn, backend=name).tolist() == turn.sum(1).tolist()
        clean = reward.nan_to_num(0.0)
        wanted = reference.row_sums(clean).tolist()
        assert turn_maps.row_sums(clean, backend=name).tolist() == wanted
        padded = torch.nn.functional.pad(clean, (3, 5))
        assert turn_maps.row_sums(padded, backend=name).tolist() == wanted


@pytest.mark.parametrize("dtype", [torch.bool, *INTEGERS, *FLOATS])
def test_sums_of_every_dtype(run, dtype):
    x = torch.tensor([[1, 0, 1], [1, 1, 1]]).to(dtype)
    assert run("row_sums")(x).tolist() == [2.0, 3.0]
    assert run("row_sums")(x).dtype == torch.float64


def test_sums_are_in_float64(run):
    """1 is lost beside 2**24 in float32."""
    assert run("row_sums")(torch.tensor([[2.0**24, 1.0]])).tolist() == [2.0**24 + 1]


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_a_value_that_is_none_of_a_mask_is_seen_wherever_it_lies(run, dtype):
    wrong = [2, 100] + ([-1] if dtype is not torch.uint8 else [])
    wrong += [NAN, 1.5, -0.5, torch.inf] if dtype.is_floating_point else []
    for value in wrong:
        for place in (0, 31, 32, 40, 69):
            for base in (0, 1):
                mask = torch.full((2, 70), base).to(dtype)
                mask[1, place] = value
                for several in (True, False):
                    assert not run("map_runs")(mask, several=several).fits
                turn = torch.zeros(2, 70, dtype=torch.int8)
                assert not run("keep_trained")(turn, mask).fits
    for value in (0.25, -0.0) if dtype.is_floating_point else ():
        mask = torch.full((1, 70), value).to(dtype)
        same(run("map_runs")(mask), reference.map_runs(mask))


def test_whole_blocks_of_a_wrong_value_are_seen(run):
    for value in (2, -100):
        mask = torch.full((1, 64), value)
        assert not run("map_runs")(mask).fits
        assert not run("map_runs")(mask, several=False).fits
        assert not run("map_runs")(mask.float()).fits


def test_ids_that_go_back_or_lie_below_are_seen(run):
    for ids in ([0] * 40 + [-1] + [1] * 40 + [0] * 40, [0, -2], [-2] * 64, [1] + [0] * 64):
        assert not run("map_ids")(torch.tensor([ids])).fits


@pytest.mark.parametrize(("turns", "dtype"), [(127, torch.int8), (128, torch.int8),
                                              (129, torch.int16), (32768, torch.int16),
                                              (32769, torch.int32)])  # fmt: skip
def test_the_map_is_as_small_as_its_turns_allow(run, turns, dtype):
    mask = torch.zeros(2, 2 * turns, dtype=torch.int8)
    mask[1, ::2] = 1
    found = run("map_runs")(mask)
    assert found.turn.dtype == dtype
    assert found.turn[1, ::2].tolist() == list(range(turns))
    assert found.turns.tolist() == [0, turns]
    assert found.length[1].tolist() == [1] * turns
    ids = torch.arange(turns)[None]
    same(run("map_ids")(ids), reference.map_ids(ids))


def test_views_and_gradients(run):
    mask = mask_of(40, 6, seed=8).long()
    for view in (mask.T, mask[::2, 1:], mask.flip(1).T, torch._neg_view(-mask)):
        same(run("map_runs")(view), reference.map_runs(view.clone()))
    reward = torch.randn(40, 6, generator=torch.Generator().manual_seed(1))
    for view in (reward.T, torch._neg_view(reward), reward.clone().requires_grad_()):
        assert not run("row_sums")(view).requires_grad
        assert run("row_sums")(view).tolist() == reference.row_sums(view.detach().clone()).tolist()


def test_threads_change_nothing(run):
    mask, threads = mask_of(97, 1500, seed=2, run=50).long(), torch.get_num_threads()
    alone = run("map_runs")(mask)
    reward = torch.randn(97, 1500, generator=torch.Generator().manual_seed(1))
    try:
        torch.set_num_threads(3)
        same(run("map_runs")(mask), alone)
        sums = run("row_sums")(reward)
    finally:
        torch.set_num_threads(threads)
    assert sums.tolist() == run("row_sums")(reward).tolist()


def test_an_id_may_be_large_where_nobody_counts_its_tokens(run):
    found = run("map_ids")(torch.tensor([[0, 10**12]]))
    assert found.turns.tolist() == [10**12 + 1]
    assert found.turn.tolist() == [[0, 10**12]]
