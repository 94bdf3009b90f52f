"""Turn ids never go back along a row."""

import torch
from helpers import turn_map
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.inputs import layouts
from creditlib.inputs.turn_order import refuse_first_unordered, refuse_unordered_turns

WANTED = (
    "f: `turn` must be ids that never go back along a row, and -1 where the policy wrote nothing"
)
REMEDY = "pass a mask as bool, or `layouts.turns_from_mask(mask)`"


def said(turn, offsets=None):
    try:
        refuse_first_unordered("f", turn, offsets)
    except cl.ContractError as error:
        return str(error)
    return ""


def test_by_hand():
    """Unwritten tokens between turns change nothing; an id that was left does not come back."""
    assert said(torch.tensor([[-1, 0, -1, 0, 2, -1]])) == ""
    back = torch.tensor([[0, 0, 1, 1], [1, -1, 0, -1]])
    assert said(back) == f"{WANTED}, got 0 after 1 in row 1, token 2; {REMEDY}."
    assert said(back.flatten(), torch.tensor([0, 4, 8])) == (
        f"{WANTED}, got 0 after 1 in row 1, token 6; {REMEDY}."
    )
    assert said(torch.zeros(2, 0, dtype=torch.int64)) == ""


def test_ids_may_be_as_large_as_their_dtype():
    for dtype in (torch.int8, torch.int64):
        last = torch.iinfo(dtype).max
        turn = torch.tensor([0, last, 0, last, 0], dtype=dtype)
        assert said(turn[:4], torch.tensor([0, 2, 4])) == ""
        assert said(turn, torch.tensor([0, 2, 5])) == (
            f"{WANTED}, got 0 after {last} in row 1, token 4; {REMEDY}."
        )


def by_loop(turn):
    """The first token, in order of rows, whose id is below one before it."""
    for row, ids in enumerate(turn.tolist()):
        highest = -1
        for token, number in enumerate(ids):
            if 0 <= number < highest:
                return row, token
            highest = max(highest, number)
    return None


@given(st.integers(0, 10**6), st.booleans())
def test_random_maps_against_a_loop(seed, ordered):
    draw = torch.Generator().manual_seed(seed)
    turn = turn_map(3, 4, 6, draw) if ordered else torch.randint(-1, 3, (3, 6), generator=draw)
    place = by_loop(turn)
    assert (f"in row {place[0]}, token {place[1]};" in said(turn)) if place else said(turn) == ""
    flat = turn.flatten()
    packed = said(flat, torch.tensor([0, 6, 12, 18]))
    assert (f"token {6 * place[0] + place[1]};" in packed) if place else packed == ""


@given(st.integers(0, 10**6))
def test_a_mask_with_anything_unwritten_behind_it_is_refused(seed):
    """A mask of prompt, response and padding, or with tool output in it."""
    draw = torch.Generator().manual_seed(seed)
    mask = torch.rand(2, 7, generator=draw) < 0.5
    mask[0, 4], mask[0, 5] = True, False
    assert said(mask.to(torch.int64)) != ""
    assert said(layouts.turns_from_mask(mask)) == ""


def test_tokens_that_are_not_looked_at_may_go_back():
    turn = torch.tensor([[1, 0]])
    refuse_first_unordered("f", turn, None, torch.tensor([[True, False]]))


def test_a_device_is_not_waited_for():
    refuse_unordered_turns("f", torch.zeros(2, 3, dtype=torch.int64, device="meta"))
