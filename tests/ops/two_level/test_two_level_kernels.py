"""What only the Triton kernel of GAE of two levels has: rows in chunks, packed rows in wide pieces.

Without a GPU the kernel runs in the interpreter, with chunks of a few tokens.
"""

import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given, settings
from hypothesis import strategies as st

from creditlib.inputs import layouts
from creditlib.testing import assert_close

pytest.importorskip("triton")

from creditlib.ops.returns import triton_launch as returns
from creditlib.ops.two_level import reference
from creditlib.ops.two_level import triton_launch as launch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CHUNK = 32 if DEVICE == "cpu" else launch.FORMS[8][1].chunk
LAYOUTS = ["padded", "present", "packed"]
RATES = {"gamma": 0.9, "lam": 0.8, "turn_gamma": 0.7, "turn_lam": 0.6}
ONES = dict.fromkeys(RATES, 1.0)


@pytest.fixture(params=["few", "many"], autouse=True)
def form(request, monkeypatch):
    """The form of few rows or that of many, whatever their number is."""
    monkeypatch.setattr(launch, "MANY_ROWS", 0 if request.param == "many" else 10**9)
    for size, forms in launch.FORMS.items():
        small = tuple(each._replace(chunk=CHUNK) for each in forms)
        monkeypatch.setitem(launch.FORMS, size, small)


def batch(seed, width=2 * CHUNK + 5, rows=2, layout="padded", dtype=F64):
    """Turns that end anywhere, rewards everywhere, gaps longer than a chunk, NaN for the critic."""
    draw = torch.Generator().manual_seed(seed)
    shape = (rows, width)
    turn = torch.randint(0, 6, shape, generator=draw).sort(-1).values
    turn[torch.rand(shape, generator=draw) > torch.rand(rows, 1, generator=draw)] = -1
    edges = torch.randint(0, width + 1, (rows, 2), generator=draw).sort().values
    at = torch.arange(width)
    turn[(at >= edges[:, :1]) & (at < edges[:, 1:])] = -1
    reward, value = (
        torch.randint(-4, 5, shape, generator=draw).to(dtype) / 2 for _ in ("reward", "value")
    )
    if seed % 3 == 0:
        reward[turn < 0] = torch.nan
    value[turn < 0] = torch.nan
    more = {}
    if layout == "present":
        more["present"] = torch.rand(shape, generator=draw) < 0.8
    if layout == "packed":
        length = torch.randint(0, width + 1, (rows,), generator=draw)
        turn, more["offsets"] = layouts.pack(turn, length)
        reward, value = layouts.pack(reward, length)[0], layouts.pack(value, length)[0]
    more["bootstrap"] = torch.arange(rows, dtype=dtype) - 0.5
    tensors = {"reward": reward, "value": value, "turn": turn, **more}
    return {name: x.to(DEVICE) for name, x in tensors.items()}


@pytest.mark.parametrize("kind", [torch.int8, torch.int64])
def test_by_hand_over_a_boundary(kind):
    # Written: 0 and the last of the first chunk, of turn 0; the first of the third, of turn 1.
    turn, reward = torch.full((1, 3 * CHUNK), -1), torch.zeros(1, 3 * CHUNK)
    value = torch.full((1, 3 * CHUNK), torch.nan)
    places = [0, CHUNK - 1, 2 * CHUNK]
    turn[0, places] = torch.tensor([0, 0, 1])
    value[0, places] = torch.tensor([1.0, 2.0, 4.0])
    reward[0, 2 * CHUNK] = 8.0
    reward[0, CHUNK + 1] = 4.0  # in the gap: earned by the second written token
    reward[0, 2 * CHUNK + 1] = 64.0  # after the last written token: padding
    tensors = {"reward": reward, "value": value, "turn": turn.to(kind)}
    tensors |= {"bootstrap": torch.tensor([16.0])}
    tensors = {name: x.to(DEVICE) for name, x in tensors.items()}
    rates = {"gamma": 0.5, "lam": 0.5, "turn_gamma": 0.25, "turn_lam": 1.0}
    advantage, result = launch.two_level_gae(**tensors, **rates)
    # 8 + 0.25·16 − 4 = 8; 4 + 0.25·4 − 2 + 0.25·8 = 5; 0 + 0.5·2 − 1 + 0.25·5 = 1.25
    assert advantage[0, places].tolist() == [1.25, 5, 8]
    assert result[0, places].tolist() == [2.25, 7, 12]
    assert advantage.count_nonzero() == result.count_nonzero() == 3
    # Apart: 8 + 0.5·16 − 4 = 12; 4 − 2 = 2; 0 + 0.5·2 − 1 + 0.25·2 = 0.5
    advantage, _ = launch.two_level_gae(**tensors, **rates, restart=True)
    assert advantage[0, places].tolist() == [0.5, 2, 12]


def test_rewards_before_the_first_written_token_by_hand():
    # Written: the first two of the third chunk, of turns 0 and 1. In earlier chunks: 16 and 32.
    turn, reward = torch.full((3 * CHUNK,), -1), torch.zeros(3 * CHUNK)
    turn[2 * CHUNK : 2 * CHUNK + 2] = torch.tensor([0, 1])
    reward[2 * CHUNK : 2 * CHUNK + 2] = torch.tensor([1.0, 2.0])
    reward[3], reward[CHUNK] = 16.0, 32.0
    tensors = {"reward": reward, "value": torch.ones_like(reward), "turn": turn}
    tensors |= {"offsets": torch.tensor([0, 3 * CHUNK])}
    tensors = {name: x.to(DEVICE) for name, x in tensors.items()}
    rates = {"gamma": 1.0, "lam": 1.0, "turn_gamma": 0.5, "turn_lam": 1.0}
    advantage, result = launch.two_level_gae(**tensors, **rates)
    # 2 − 1 = 1; 1 + 0.5·1 − 1 + 0.5·1 + 16 + 32 = 49
    assert advantage[tensors["turn"] >= 0].tolist() == [49, 1]
    assert result[tensors["turn"] >= 0].tolist() == [50, 2]


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    rates=st.sampled_from([RATES, ONES]),
    restart=st.booleans(),
    width=st.sampled_from([1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5]),
    kinds=st.sampled_from([(F64, torch.int64), (torch.float32, torch.int8)]),
)
def test_against_the_reference(layout, seed, rates, restart, width, kinds):
    tensors = batch(seed, width, layout=layout)
    expected = reference.two_level_gae(**tensors, **rates, restart=restart)
    small = {k: x.to(kinds[0]) if x.dtype == F64 else x for k, x in tensors.items()}
    small["turn"] = small["turn"].to(kinds[1])
    found = launch.two_level_gae(**small, **rates, restart=restart)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == kinds[0]
        scale = theirs.abs().amax().clamp(min=1) if theirs.numel() else 1
        assert_close(ours / scale, (theirs / scale).to(ours.dtype))
        if rates is ONES:
            assert torch.equal(ours, theirs.to(ours.dtype))  # halves: every sum is exact


def test_equal_rates_are_gae():
    tensors = batch(1)
    rates = {"gamma": 0.9, "lam": 0.8}
    found = launch.two_level_gae(**tensors, **rates, turn_gamma=0.9, turn_lam=0.8)
    for ours, theirs in zip(found, returns.gae(**tensors, **rates), strict=True):
        assert_close(ours, theirs)


def test_ids_are_compared_with_all_their_bits():
    turn = torch.tensor([[1, 1 + 2**32, 2**32 - 1 + 2**33]], device=DEVICE)
    reward, value = torch.ones(1, 3, device=DEVICE), torch.zeros(1, 3, device=DEVICE)
    for restart in (False, True):
        found = launch.two_level_gae(reward, value, turn, **RATES, restart=restart)
        expected = reference.two_level_gae(reward, value, turn, **RATES, restart=restart)
        for ours, theirs in zip(found, expected, strict=True):
            assert_close(ours, theirs)


@pytest.mark.parametrize("restart", [False, True])
def test_a_critic_that_is_right_leaves_exactly_nothing(restart):
    tensors = batch(1, dtype=torch.float32)
    mine = tensors["turn"] >= 0
    value = torch.where(mine, 0.1, torch.nan)
    inside, ends = reference.next_token(tensors["turn"], None)
    # A turn that is an episode of its own ends with what its last value promised.
    earned = torch.where(mine & ~inside & ~ends & restart, 0.1, 0.0)
    more = {"bootstrap": torch.full((2,), 0.1, device=DEVICE), "restart": restart}
    assert not launch.two_level_gae(earned, value, tensors["turn"], **ONES, **more)[0].any()


@pytest.mark.parametrize(
    ("kind", "half"), [(torch.int8, torch.float16), (torch.int16, torch.bfloat16)]
)
def test_small_dtypes_are_read_as_they_are(kind, half):
    tensors = batch(2, CHUNK + 3, rows=1, dtype=torch.float32)
    small = {k: x.to(kind if k == "turn" else half) for k, x in tensors.items()}
    run = launch.two_level_gae
    assert_same(run(**small, **RATES), run(**tensors, **RATES))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_parts_of_larger_tensors_and_nothing_beside_the_results(layout):
    tensors = batch(5, layout=layout)
    expected = launch.two_level_gae(**tensors, **RATES)
    wide = {}
    for name, x in tensors.items():
        beside = torch.full([n + 7 for n in x.shape], 1 if name == "present" else 9).to(x)
        part = tuple(slice(3, 3 + n) for n in x.shape)
        beside[part] = x
        wide[name] = beside[part]
    shape = [n + 7 for n in tensors["turn"].shape]
    around = [torch.full(shape, 77.0, dtype=F64, device=DEVICE) for _ in expected]
    part = tuple(slice(3, 3 + n) for n in tensors["turn"].shape)
    out = tuple(x[part] for x in around)
    found = launch.two_level_gae(**wide, **RATES, out=out)
    assert all(a is b for a, b in zip(found, out, strict=True))
    assert_same(out, expected)
    for x in around:
        x[part] = 77.0
        assert (x == 77).all()


def test_tensors_that_run_down_columns():
    tensors = batch(7)
    turned = {name: x.T.contiguous().T if x.ndim == 2 else x for name, x in tensors.items()}
    expected = launch.two_level_gae(**tensors, **RATES)
    out = tuple(torch.empty_like(x.T.contiguous()).T for x in expected)
    assert_same(launch.two_level_gae(**turned, **RATES, out=out), expected)
    assert_same(out, expected)


@pytest.mark.parametrize("restart", [False, True])
def test_padding_on_the_right_changes_no_bit(restart):
    width = CHUNK - 3
    tensors = batch(13, width)
    expected = launch.two_level_gae(**tensors, **RATES, restart=restart)
    for more in (1, 2 * CHUNK):
        wider = {
            name: torch.nn.functional.pad(x, (0, more), value=-1 if name == "turn" else torch.nan)
            for name, x in tensors.items()
            if name != "bootstrap"
        }
        bootstrap = tensors["bootstrap"]
        found = launch.two_level_gae(**wider, **RATES, restart=restart, bootstrap=bootstrap)
        assert_same(tuple(x[:, :width] for x in found), expected)
        assert not any(x[:, width:].any() for x in found)


def test_what_lies_where_nothing_was_written_changes_no_bit():
    tensors = batch(4)
    expected = launch.two_level_gae(**tensors, **RATES)
    hole = tensors["turn"] < 0
    tensors["value"][hole] = torch.inf
    tensors["turn"][hole] = -7
    assert_same(launch.two_level_gae(**tensors, **RATES), expected)


def test_packed_rows_do_not_see_their_neighbours():
    length = torch.tensor([1, 15, 0, CHUNK + 2, 17])
    offsets = layouts.offsets_of(length)
    draw = torch.Generator().manual_seed(0)
    turn = torch.where(torch.rand(int(offsets[-1]), generator=draw) < 0.6, 3, -1)
    clean = torch.randint(-4, 5, turn.shape, generator=draw).float() / 2
    for row in range(len(length)):
        own = slice(int(offsets[row]), int(offsets[row + 1]))
        reward = torch.full_like(clean, torch.inf)
        value = torch.full_like(clean, torch.nan)
        reward[own], value[own] = clean[own], clean[own]
        tensors = {"reward": reward, "value": value, "turn": turn, "offsets": offsets}
        tensors = {name: x.to(DEVICE) for name, x in tensors.items()}
        alone = {name: x[own] for name, x in tensors.items() if name != "offsets"}
        alone["offsets"] = torch.tensor([0, int(length[row])], device=DEVICE)
        found = launch.two_level_gae(**tensors, **ONES)
        for x, y in zip(found, reference.two_level_gae(**alone, **ONES), strict=True):
            assert torch.equal(x[own], y)


@pytest.mark.parametrize("restart", [False, True])
def test_nan_of_the_critic_goes_where_that_of_the_reference_goes(restart):
    tensors = batch(2)
    tensors["turn"][:, CHUNK // 2] = tensors["turn"][:, : CHUNK // 2].amax(-1).clamp(min=0)
    tensors["value"][:, CHUNK // 2] = torch.nan
    found = launch.two_level_gae(**tensors, **ONES, restart=restart)
    expected = reference.two_level_gae(**tensors, **ONES, restart=restart)
    for x, y in zip(found, expected, strict=True):
        assert x.isnan().any()
        assert torch.equal(x.isnan(), y.isnan())
        assert torch.equal(x.nan_to_num(5), y.nan_to_num(5))
