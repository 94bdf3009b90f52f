"""Masks of the highest and of the last tokens by hand, ties, rounding and empty rows."""

import pytest
import torch
from helpers import F64

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")

SCORE = torch.tensor([[0.3, 9.0, 0.1, 0.7, 0.2], [5.0, 0.4, 0.4, 9.0, 0.4]])
TURN = torch.tensor([[0, -1, 0, 1, 1], [-1, 0, 0, -1, 2]])


def top(fraction, score=SCORE, turn=TURN, **options):
    found = cl.top_fraction(token_score=score, turn=turn, fraction=fraction, **options)
    return found.to(torch.int64).tolist()


def suffix(drop, turn=TURN, **options):
    return cl.suffix_mask(turn=turn, drop=drop, **options).to(torch.int64).tolist()


def test_top_by_hand():
    # Row 0 wrote 4 tokens, row 1 wrote 3 equal ones: ceil(4/2) = 2 and ceil(3/2) = 2, the earlier.
    assert top(0.5) == [[1, 0, 0, 1, 0], [0, 1, 1, 0, 0]]
    # ceil(0.4) = 1 and ceil(0.3) = 1
    assert top(0.1) == [[0, 0, 0, 1, 0], [0, 1, 0, 0, 0]]
    # Of all 7: ceil(2.8) = 3, the 0.7 and two of the three 0.4.
    assert top(0.4, over="batch") == [[0, 0, 0, 1, 0], [0, 1, 1, 0, 0]]


def test_nothing_and_everything():
    for over in ("trajectory", "batch"):
        assert top(0.0, over=over) == [[0] * 5] * 2
        assert top(1.0, over=over) == (TURN >= 0).to(torch.int64).tolist()
    assert suffix(0.0) == (TURN >= 0).to(torch.int64).tolist()


def test_suffix_by_hand():
    # floor(4 · 0.6) = 2 of 4 and floor(3 · 0.6) = 1 of 3 tokens are left out.
    assert suffix(0.6) == [[0, 0, 0, 1, 1], [0, 0, 1, 0, 1]]
    assert suffix(1.0) == [[0, 0, 0, 0, 1], [0, 0, 0, 0, 1]]  # the last token stays


def test_the_rounding_of_a_product_moves_no_token():
    # In float64 0.07 · 100 is above 7, and 0.29 · 100 below 29.
    turn = torch.zeros(1, 100, dtype=torch.int64)
    assert sum(top(0.07, torch.arange(100.0)[None], turn)[0]) == 7
    assert sum(suffix(0.29, turn)[0]) == 71


def test_nan_where_nobody_wrote_is_not_ranked():
    score = torch.where(TURN >= 0, SCORE, torch.nan)
    assert top(0.5, score) == top(0.5)
    assert top(0.4, score, over="batch") == top(0.4, over="batch")


def test_negative_scores_and_both_zeros():
    score = torch.tensor([[-1.0, -0.0, 0.0, -torch.inf, torch.inf]])
    turn = torch.zeros(1, 5, dtype=torch.int64)
    # Both zeros are equal: the earlier one comes first.
    assert top(0.4, score, turn) == [[0, 1, 0, 0, 1]]
    assert top(0.8, score, turn) == [[1, 1, 1, 0, 1]]


def test_rows_without_tokens_and_empty_batches():
    turn = torch.full((2, 3), -1)
    assert top(0.5, torch.ones(2, 3), turn) == [[0] * 3] * 2
    assert suffix(0.5, turn) == [[0] * 3] * 2
    none = torch.zeros(0, 3, dtype=torch.int64)
    for over in ("trajectory", "batch"):
        assert top(0.5, torch.zeros(0, 3), none, over=over) == []
    assert suffix(0.5, none) == []


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, F64])
def test_packed_masks_are_padded_ones(dtype):
    draw = torch.Generator().manual_seed(0)
    score = torch.randint(0, 6, (9, 40), generator=draw).to(dtype)
    turn = torch.randint(0, 4, (9, 40), generator=draw).sort(1).values
    turn = turn.masked_fill(torch.rand(9, 40, generator=draw) < 0.3, -1)
    present = torch.arange(40) < torch.tensor([[40], [3], [0], [1], [25], [17], [40], [2], [30]])
    turn = torch.where(present, turn, -1)
    packed, offsets = cl.layouts.pack(turn, present=present)
    scores = cl.layouts.pack(score, present=present)[0]
    for share in (0.0, 0.1, 0.35, 0.9, 1.0):
        for over in ("trajectory", "batch"):
            options = {"fraction": share, "over": over}
            padded = cl.top_fraction(token_score=score, turn=turn, **options)
            found = cl.top_fraction(token_score=scores, turn=packed, **options, offsets=offsets)
            assert torch.equal(found, cl.layouts.pack(padded, present=present)[0])
        padded = cl.suffix_mask(turn=turn, drop=share)
        found = cl.suffix_mask(turn=packed, drop=share, offsets=offsets)
        assert torch.equal(found, cl.layouts.pack(padded, present=present)[0])


def test_a_mask_of_turns_by_the_entropy_of_turns():
    """CARL: the tokens of the turns whose entropy is highest, by a score that a turn shares."""
    entropy = torch.tensor([[0.1, 0.9, 0.0], [0.2, 0.0, 0.8]])
    score = cl.to_tokens(entropy, TURN)
    assert top(0.3, score) == [[0, 0, 0, 1, 1], [0, 0, 0, 0, 1]]


def test_a_mask_weighs_credit():
    credit = torch.tensor([2.0, -1.0])
    mask = cl.suffix_mask(turn=TURN, drop=0.6)
    found = cl.to_tokens(credit, TURN, weight=mask.float())
    assert found.tolist() == [[0, 0, 0, 2, 2], [0, 0, -1, 0, -1]]
