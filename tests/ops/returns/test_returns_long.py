"""What only the Triton kernels have: rows in chunks, split rows, packed rows read in wide pieces.

Without a GPU the kernels run in the interpreter, with chunks of a few tokens.
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

import interpreter
import pytest
import torch
from helpers import F64, assert_same
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels import fenced

from creditlib.inputs import layouts
from creditlib.ops.returns import reference as returns
from creditlib.testing import assert_close

pytest.importorskip("triton")

from creditlib.ops.returns import triton_launch as launch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CHUNK = min(launch.SPLIT[4].chunk, 32) if DEVICE == "cpu" else launch.SPLIT[4].chunk
LAYOUTS = ["padded", "present", "packed"]
RATES = [(1.0, 1.0), (0.9, 0.8), (1.0, 0.0), (0.0, 1.0), (0.99, 1.0)]
POISON = 77.0
NIGHTLY = functools.partial(pytest.param, marks=pytest.mark.nightly)


@pytest.fixture(params=["whole", "split"], autouse=True)
def form(request, monkeypatch):
    """One program a row, or rows split into chunks, however many rows there are."""
    monkeypatch.setattr(launch, "MANY_ROWS", 0 if request.param == "whole" else 10**9)
    monkeypatch.setattr(launch, "MOST_PROGRAMS", 10**9)
    for size in (4, 8):
        for forms in (launch.WHOLE, launch.LARGE, launch.SPLIT):
            monkeypatch.setitem(forms, size, forms[size]._replace(chunk=CHUNK))
    return request.param


def batch(seed, width=2 * CHUNK + 5, rows=2, layout="padded", dtype=F64):
    """Rewards everywhere, NaN for the critic where nobody wrote, gaps longer than a chunk."""
    draw = torch.Generator().manual_seed(seed)
    shape = (rows, width)
    share = torch.rand(rows, 1, generator=draw)
    turn = torch.where(torch.rand(shape, generator=draw) < share, 0, -1)
    edges = torch.randint(0, width + 1, (rows, 2), generator=draw).sort().values
    at = torch.arange(width)
    turn[(at >= edges[:, :1]) & (at < edges[:, 1:])] = -1
    reward = torch.randint(-4, 5, shape, generator=draw).to(dtype) / 2
    if seed % 3 == 0:
        reward[turn < 0] = torch.nan
    value = torch.randint(-4, 5, shape, generator=draw).to(dtype) / 2
    value[turn < 0] = torch.nan
    more = {}
    if layout == "present":
        more["present"] = torch.rand(shape, generator=draw) < 0.8
    if layout == "packed":
        length = torch.randint(0, width + 1, (rows,), generator=draw)
        turn, more["offsets"] = layouts.pack(turn, length)
        reward, value = layouts.pack(reward, length)[0], layouts.pack(value, length)[0]
    tensors = {"reward": reward, "value": value, "turn": turn, **more}
    return {name: x.to(DEVICE) for name, x in tensors.items()}


def both(module, tensors, gamma, lam, **more):
    """All three results, of the reference or of the kernels."""
    plain = {name: x for name, x in tensors.items() if name not in ("value", "bootstrap")}
    pair = module.gae(**tensors, gamma=gamma, lam=lam, **more)
    return (module.token_returns(**plain, gamma=gamma), *pair)


def test_by_hand_over_a_boundary():
    # Written: 0, the last of the first chunk, the first of the third. A whole chunk is a gap.
    turn, reward = torch.full((1, 3 * CHUNK), -1), torch.zeros(1, 3 * CHUNK)
    value = torch.full((1, 3 * CHUNK), torch.nan)
    places = [0, CHUNK - 1, 2 * CHUNK]
    turn[0, places] = 1
    value[0, places] = torch.tensor([1.0, 2.0, 4.0])
    reward[0, 2 * CHUNK] = 8.0
    reward[0, CHUNK + 1] = 4.0  # in the gap: earned by the second written token
    reward[0, 2 * CHUNK + 1] = 64.0  # after the last written token: padding
    tensors = {"reward": reward, "value": value, "turn": turn}
    tensors = {name: x.to(DEVICE) for name, x in tensors.items()}
    plain, advantage, result = both(launch, tensors, 0.5, 0.5)
    # 8; 4 + 0.5·8 = 8; 0 + 0.5·8 = 4
    assert plain[0, places].tolist() == [4, 8, 8]
    # 8 − 4 = 4; 4 + 0.5·4 − 2 + 0.25·4 = 5; 0 + 0.5·2 − 1 + 0.25·5 = 1.25
    assert advantage[0, places].tolist() == [1.25, 5, 4]
    assert result[0, places].tolist() == [2.25, 7, 8]
    assert plain.count_nonzero() == advantage.count_nonzero() == result.count_nonzero() == 3


@pytest.mark.parametrize("layout", ["present", "packed"])
def test_rewards_before_the_first_written_token_by_hand(layout):
    # Written: the first two of the third chunk, worth 1 and 2. In earlier chunks: 16 and 32.
    turn, reward = torch.full((1, 3 * CHUNK), -1), torch.zeros(1, 3 * CHUNK)
    turn[0, 2 * CHUNK : 2 * CHUNK + 2] = 0
    reward[0, 2 * CHUNK : 2 * CHUNK + 2] = torch.tensor([1.0, 2.0])
    reward[0, 3], reward[0, CHUNK] = 16.0, 32.0
    more = {"present": torch.ones_like(turn, dtype=torch.bool)}
    if layout == "packed":
        turn, reward, more = turn[0], reward[0], {"offsets": torch.tensor([0, 3 * CHUNK])}
    tensors = {"reward": reward, "value": torch.ones_like(reward), "turn": turn, **more}
    tensors = {name: x.to(DEVICE) for name, x in tensors.items()}
    plain, advantage, result = both(launch, tensors, 0.5, 1.0)
    mine = turn.to(DEVICE) >= 0
    assert plain[mine].tolist() == [50, 2]  # 1 + 0.5·2 + 16 + 32
    assert advantage[mine].tolist() == [49, 1]
    assert result[mine].tolist() == [50, 2]
    assert plain.count_nonzero() == 2


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    rates=st.sampled_from(RATES),
    width=st.sampled_from([1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK]),
    double=st.booleans(),
)
def test_against_the_reference(layout, seed, rates, width, double):
    check_against_the_reference(layout, seed, rates, width, double)


@pytest.mark.nightly
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("double", [True, False])
def test_many_chunks_against_the_reference(layout, rates, double):
    check_against_the_reference(layout, 1, rates, 5 * CHUNK + 3, double)


def check_against_the_reference(layout, seed, rates, width, double):
    tensors = batch(seed, width, layout=layout)
    count = len(tensors["offsets"]) - 1 if layout == "packed" else len(tensors["turn"])
    tensors["bootstrap"] = torch.arange(count, dtype=F64, device=DEVICE) - 0.5
    expected = both(returns, tensors, *rates)
    if not double:
        tensors = {k: x.float() if x.dtype == F64 else x for k, x in tensors.items()}
    for actual, theirs in zip(both(launch, tensors, *rates), expected, strict=True):
        assert actual.dtype == (F64 if double else torch.float32)
        scale = theirs.abs().amax().clamp(min=1) if theirs.numel() else 1
        assert_close(actual / scale, (theirs / scale).to(actual.dtype))
        if rates == (1.0, 1.0):
            assert torch.equal(actual, theirs.to(actual.dtype))  # halves: every sum is exact


@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_a_critic_that_is_right_leaves_exactly_nothing(gamma):
    tensors = batch(1, dtype=torch.float32)
    mine = tensors["turn"] >= 0
    earned = torch.where(mine, 0.1 * (1 - gamma), 0.0)
    value = torch.where(mine, 0.1, torch.nan)
    bootstrap = torch.full((2,), 0.1, device=DEVICE)
    more = {"gamma": gamma, "lam": 0.95, "bootstrap": bootstrap}
    assert not launch.gae(earned, value, tensors["turn"], **more)[0].any()


@pytest.mark.parametrize(
    ("kind", "half"),
    [
        (torch.int8, torch.float16),
        (torch.int16, torch.bfloat16),
        NIGHTLY(torch.int32, torch.float16),
        NIGHTLY(torch.int8, torch.bfloat16),
        NIGHTLY(torch.int16, torch.float16),
        NIGHTLY(torch.int32, torch.bfloat16),
    ],
)
def test_small_dtypes_are_read_as_they_are(kind, half):
    tensors = batch(2, CHUNK + 3, rows=1, dtype=torch.float32)
    small = {k: x.to(kind if k == "turn" else half) for k, x in tensors.items()}
    assert_same(both(launch, small, 0.9, 0.8), both(launch, tensors, 0.9, 0.8))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_beside_the_results_is_written(layout):
    tensors = batch(5, layout=layout)
    shape = tensors["turn"].shape
    expected = launch.gae(**tensors, gamma=0.9, lam=0.8)
    wide = [torch.full([n + 7 for n in shape], POISON, dtype=F64, device=DEVICE) for _ in "ab"]
    part = tuple(slice(3, 3 + n) for n in shape)
    out = tuple(x[part] for x in wide)
    given_back = launch.gae(**tensors, gamma=0.9, lam=0.8, out=out)
    assert all(a is b for a, b in zip(given_back, out, strict=True))
    assert_same(out, expected)
    for x in wide:
        x[part] = POISON
        assert (x == POISON).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_parts_of_larger_tensors(layout):
    tensors = batch(5, layout=layout)
    expected = both(launch, tensors, 0.9, 0.8)
    wide = {}
    for name, x in tensors.items():
        beside = torch.full([n + 7 for n in x.shape], 1 if name == "present" else 9).to(x)
        beside[tuple(slice(3, 3 + n) for n in x.shape)] = x
        wide[name] = beside[tuple(slice(3, 3 + n) for n in x.shape)]
    assert_same(both(launch, wide, 0.9, 0.8), expected)


def test_tensors_that_run_down_columns():
    tensors = batch(7)
    turned = {name: x.T.contiguous().T for name, x in tensors.items()}
    expected = launch.gae(**tensors, gamma=0.9, lam=0.8)
    out = tuple(torch.empty_like(x.T.contiguous()).T for x in expected)
    assert_same(launch.gae(**turned, gamma=0.9, lam=0.8, out=out), expected)
    assert_same(out, expected)
    half = tuple(torch.empty_like(x, dtype=torch.float32) for x in expected)
    assert_same(launch.gae(**tensors, gamma=0.9, lam=0.8, out=half), tuple(x.float() for x in out))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_bits_every_time(layout):
    tensors = batch(11, layout=layout)
    assert_same(both(launch, tensors, 0.9, 0.8), both(launch, tensors, 0.9, 0.8))


@pytest.mark.parametrize("width", [CHUNK - 3, NIGHTLY(CHUNK), NIGHTLY(2 * CHUNK + 1)])
def test_padding_on_the_right_changes_no_bit(width):
    tensors = batch(13, width)
    expected = both(launch, tensors, 0.9, 0.8)
    for more in (1, 2 * CHUNK):
        wider = {
            name: torch.nn.functional.pad(x, (0, more), value=-1 if name == "turn" else torch.nan)
            for name, x in tensors.items()
        }
        found = both(launch, wider, 0.9, 0.8)
        assert_same(tuple(x[:, :width] for x in found), expected)
        assert not any(x[:, width:].any() for x in found)


def test_packed_rows_do_not_see_their_neighbours():
    length = torch.tensor([1, 15, 0, CHUNK + 2, 17])
    offsets = layouts.offsets_of(length)
    draw = torch.Generator().manual_seed(0)
    turn = torch.where(torch.rand(int(offsets[-1]), generator=draw) < 0.6, 0, -1)
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
        for x, y in zip(
            both(launch, tensors, 1.0, 1.0), both(returns, alone, 1.0, 1.0), strict=True
        ):
            assert torch.equal(x[own], y)


def test_nan_of_the_critic_goes_to_the_left_only():
    tensors = batch(2, layout="padded")
    mine = tensors["turn"] >= 0
    tensors["value"][:, CHUNK // 2] = torch.nan
    tensors["turn"][:, CHUNK // 2] = 0
    for x, y in zip(both(launch, tensors, 1.0, 1.0), both(returns, tensors, 1.0, 1.0), strict=True):
        assert torch.equal(x.isnan(), y.isnan())
        assert torch.equal(x.nan_to_num(5), y.nan_to_num(5))
    assert mine.any()


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 0)])
def test_nothing_to_do(shape):
    x = torch.zeros(shape, device=DEVICE)
    turn = torch.zeros(shape, dtype=torch.int64, device=DEVICE)
    assert [y.shape for y in both(launch, {"reward": x, "value": x, "turn": turn}, 1.0, 1.0)] == [
        x.shape
    ] * 3
    offsets = torch.zeros(shape[0] + 1, dtype=torch.int64, device=DEVICE)
    flat = {"reward": x.view(-1), "value": x.view(-1), "turn": turn.view(-1), "offsets": offsets}
    assert [y.shape for y in both(launch, flat, 1.0, 1.0)] == [(0,)] * 3


@pytest.mark.parametrize("width", [0, 1, 15, 16, 50])
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_turns_against_the_reference(width, dtype):
    draw = torch.Generator().manual_seed(width)
    x = torch.randn(3, width, generator=draw, dtype=dtype)
    real = torch.arange(width) < torch.tensor([[0], [width // 2], [width]])
    x, real = x.masked_fill(~real, torch.nan).to(DEVICE), real.to(DEVICE)
    result = launch.turn_returns(x, real, 0.9)
    assert result.dtype == dtype
    assert_close(result, returns.turn_returns(x, real, 0.9))
    assert_same(launch.turn_returns(x.T.contiguous().T, real, 0.9), result)


def test_the_form_follows_from_the_rows(form):
    forms = {launch._form(4, 8, CHUNK * n, packed=False) for n in (1, 2, 99)}
    assert {chunks for _, chunks in forms} == ({1} if form == "whole" else {1, 2, 99})
    assert len({each for each, _ in forms}) == 1


def test_fewer_rows_get_larger_programs(monkeypatch):
    """Nothing but the number of rows decides: not the width, so padding changes no bit."""
    monkeypatch.setattr(launch, "MANY_ROWS", 128)
    monkeypatch.setattr(launch, "MORE_ROWS", 512)
    for width in (1, 10**3, 10**6):
        found = [launch._form(4, rows, width, packed=False) for rows in (1, 127, 128, 511, 512)]
        large, small = (launch.LARGE[4], 1), (launch.WHOLE[4], 1)
        assert found[2:] == [large, large, small]
        assert [each for each, _ in found[:2]] == [launch.SPLIT[4]] * 2


@pytest.mark.skipif(DEVICE == "cuda", reason="looks at memory of the CPU")
def test_nothing_beyond_the_tensors_is_read(form):
    if form == "split":
        pytest.skip("the script runs both forms")
    command = [sys.executable, fenced.__file__]
    tests = Path(interpreter.__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (tests.parent, tests)))}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    beyond = subprocess.run([*command, "--beyond"], capture_output=True, env=environment)
    assert beyond.returncode < 0  # it crashes
