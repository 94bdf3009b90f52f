"""Importance weights by hand: levels, bounds, the mean of the batch, and what is not read."""

import math

import pytest
import torch
from helpers import F64, assert_same

import creditlib as cl
from creditlib import presets
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")

# Two turns of two and one tokens with tool output between them, and a row of one token.
TURN = torch.tensor([[0, 0, -1, 1], [-1, 0, -1, -1]])
RATIO = [[2.0, 0.5, 99.0, 4.0], [99.0, 0.25, 99.0, 99.0]]


def weight(ratio=RATIO, turn=TURN, dtype=F64, **options):
    log = torch.tensor(ratio, dtype=dtype).log()
    old = torch.full(log.shape, -9.0, dtype=dtype)
    return cl.importance_weight(log_prob=log + old, old_log_prob=old, turn=turn, **options)


def of(values):
    return torch.tensor(values, dtype=F64)


def test_tokens_by_hand():
    assert_close(weight(high=3.0), of([[2, 0.5, 0, 3], [0, 0.25, 0, 0]]))
    assert_close(weight(low=0.4, high=None), of([[2, 0.5, 0, 4], [0, 0.4, 0, 0]]))
    # A ratio outside [0.4, 3] is 0.
    band = weight(low=0.4, high=3.0, outside="zero")
    assert_close(band, of([[2, 0.5, 0, 0], [0, 0, 0, 0]]))


def test_turns_by_hand():
    # The mean logarithm of 2 and 1/2 is 0, and so is their sum; turn 1 has one token.
    for reduce in ("mean", "sum"):
        found = weight(level="turn", turns=3, reduce=reduce, high=None)
        assert_close(found, of([[1, 4, 0], [0.25, 0, 0]]))


def test_trajectories_by_hand():
    # 2 · 1/2 · 4 = 4: the product, and its third root for three tokens.
    found = weight(level="trajectory", reduce="sum", high=None)
    assert_close(found, of([4, 0.25]))
    assert_close(weight(level="trajectory", high=None), of([4 ** (1 / 3), 0.25]))


def test_a_mean_of_one_by_hand():
    # Tokens 2, 1/2, 2 (4 is above the bound) and 1/4: a sum of 4.75 over 4 tokens.
    mean = 4.75 / 4
    found = weight(conserve="batch")
    assert_close(found, of([[2, 0.5, 0, 2], [0, 0.25, 0, 0]]) / mean)
    # Rows of 2 (of 4) and 1/4: a mean of 1.125, each row once.
    rows = weight(level="trajectory", reduce="sum", conserve="batch")
    assert_close(rows, of([2, 0.25]) / 1.125)
    # Ratios outside the band count as 0 in the mean: (2 + 1/2) / 4.
    band = weight(low=0.4, high=3.0, outside="zero", conserve="batch")
    assert_close(band, of([[2, 0.5, 0, 0], [0, 0, 0, 0]]) / 0.625)


@pytest.mark.parametrize("level", ["token", "turn", "trajectory"])
@pytest.mark.parametrize("conserve", [None, "batch"])
@pytest.mark.parametrize("dtype", [torch.float32, F64, torch.bfloat16])
def test_equal_policies_weigh_exactly_one(level, conserve, dtype):
    x = torch.tensor([[-0.1, -7.3, torch.nan, -0.3], [torch.nan, -2.0, torch.nan, torch.nan]])
    x = x.to(dtype)
    options = {"level": level, "turns": 2, "conserve": conserve}
    found = cl.importance_weight(log_prob=x, old_log_prob=x, turn=TURN, **options)
    kind = F64 if dtype == F64 else torch.float32
    wanted = {
        "token": TURN >= 0,
        "turn": torch.tensor([[1, 1], [1, 0]]),
        "trajectory": torch.tensor([1, 1]),
    }
    assert_same(found, wanted[level].to(kind))


@pytest.mark.parametrize("level", ["token", "turn", "trajectory"])
def test_ratios_of_any_size_stay_finite(level):
    ratio = torch.tensor([[0.0, 0.0, 0.0, -900.0], [0.0, -900.0, 0.0, 0.0]])
    options = {"level": level, "turns": 2, "reduce": "sum", "high": None, "turn": TURN}
    up = cl.importance_weight(log_prob=-ratio, old_log_prob=ratio, **options)
    down = cl.importance_weight(log_prob=ratio, old_log_prob=-ratio, **options)
    assert_close(up.max().double(), torch.tensor(math.exp(20.0), dtype=F64), torch.float32)
    assert_close(down[down > 0].min().double(), torch.tensor(math.exp(-20.0), dtype=F64))


@pytest.mark.parametrize("level", ["token", "turn", "trajectory"])
def test_a_row_without_tokens_weighs_nothing_and_changes_no_other(level):
    options = {"level": level, "turns": 2, "conserve": "batch"}
    plain = weight(**options)
    more = weight([*RATIO, [99.0] * 4], torch.cat([TURN, torch.full((1, 4), -1)]), **options)
    assert_same(more[:2], plain)
    assert not more[2].any()


def test_all_units_outside_the_band_stay_zero():
    for level in ("token", "turn", "trajectory"):
        options = {"level": level, "turns": 2, "low": 50.0, "high": 60.0, "outside": "zero"}
        assert not weight(**options, conserve="batch").any()


def test_an_empty_batch():
    none = torch.zeros(0, 3)
    for level, shape in (("token", (0, 3)), ("turn", (0, 2)), ("trajectory", (0,))):
        for conserve in (None, "batch"):
            options = {"level": level, "turns": 2, "conserve": conserve}
            turn = torch.zeros(0, 3, dtype=torch.int64)
            found = cl.importance_weight(log_prob=none, old_log_prob=none, turn=turn, **options)
            assert found.shape == shape


def test_sums_vanish_on_long_rows_and_means_do_not():
    ratio = [[math.exp(-3e-4)] * 8000]
    turn = torch.zeros(1, 8000, dtype=torch.int64)
    both = [weight(ratio, turn, level="trajectory", reduce=each).item() for each in ("sum", "mean")]
    assert [round(each, 4) for each in both] == [0.0907, 0.9997]


def test_a_sequence_mask_is_a_product_of_two_weights():
    """NeMo-RL's masked sequences: the weight of tokens where the row's ratio lies in a band."""
    kept = weight(level="trajectory", low=0.5, high=2.0, outside="zero") > 0
    found = cl.to_tokens(kept.double(), TURN, weight=weight(**presets.VERL_TIS_TOKEN))
    assert_close(found, of([[2, 0.5, 0, 2], [0, 0, 0, 0]]))


def test_the_result_carries_no_gradient():
    x = torch.zeros(2, 4, requires_grad=True)
    for level in ("token", "turn", "trajectory"):
        found = cl.importance_weight(
            log_prob=x, old_log_prob=x, turn=TURN, level=level, turns=2, conserve="batch"
        )
        assert not found.requires_grad


def test_what_cannot_be_is_refused(refusal):
    x = torch.zeros(2, 4)
    given = {"log_prob": x, "old_log_prob": x, "turn": TURN}
    assert refusal(cl.importance_weight, **given, low=3.0) == (
        "importance_weight: `low` must be at most 2, which is `high`, got 3.0."
    )
    assert refusal(cl.importance_weight, **given, level="turn") == (
        "importance_weight: `turns` must be given with level='turn', got None."
    )
    assert refusal(cl.importance_weight, **given, level="turn", turns=1) == (
        "importance_weight: `turn` must be below the 1 turns of the batch, got 1."
    )
    mask = torch.tensor([[1, 1, 0, 1], [0, 1, 0, 0]])
    for level in ("token", "turn", "trajectory"):
        sentence = refusal(cl.importance_weight, **{**given, "turn": mask}, level=level, turns=2)
        assert sentence.startswith("importance_weight: `turn` must be ids that never go back")
