"""Layouts: what is refused, and which names are public."""

import pytest
import torch

from creditlib.inputs import layouts
from creditlib.inputs.layouts import (
    count_turns,
    offsets_of,
    pack,
    place_rows,
    rows_from_turns,
    trajectories_from_rows,
    turn_length,
    turns_from_mask,
    turns_from_rows,
    unpack,
)

PRESENT = torch.tensor([[0, 1], [1, 1]])
PLACES = place_rows(torch.tensor([7, 5, 7]))
OFFSETS = torch.tensor([0, 2, 3])
REFUSALS = {
    "rows of another batch": (
        lambda: turns_from_rows(torch.zeros(2), PLACES),
        "turns_from_rows: `x` must be [row] of 3 rows, got torch.float32 (2,).",
    ),
    "rows as a list": (
        lambda: trajectories_from_rows([1, 2, 3], PLACES),
        "trajectories_from_rows: `x` must be [row] of 3 rows, got list.",
    ),
    "turns of another batch": (
        lambda: rows_from_turns(torch.zeros(2, 3), PLACES),
        "rows_from_turns: `credit` must be [batch turn] of shape (2, 2), got torch.float32 (2, 3).",
    ),
    "trajectories that are floats": (
        lambda: place_rows(torch.zeros(3)),
        "place_rows: `trajectory` must be int[row], got torch.float32 (3,); call `.long()`.",
    ),
    "a packed mask without offsets": (
        lambda: turns_from_mask(torch.ones(2) > 0),
        "turns_from_mask: `mask` must be bool[batch token], or 0 and 1 of any dtype, "
        "got torch.bool (2,).",
    ),
    "a padded mask with offsets": (
        lambda: turns_from_mask(torch.ones(1, 2) > 0, offsets=OFFSETS),
        "turns_from_mask: `mask` must be bool[token], or 0 and 1 of any dtype, "
        "got torch.bool (1, 2).",
    ),
    "a mask as a list": (
        lambda: turns_from_mask([[True]]),
        "turns_from_mask: `mask` must be bool[batch token], or 0 and 1 of any dtype, got list; "
        "call `torch.as_tensor(mask)`.",
    ),
    "a 0/1 mask as turns": (
        lambda: turn_length(torch.tensor([[0, 1, 0]])),
        "turn_length: `turn` must be ids that never go back along a row, "
        "and -1 where the policy wrote nothing, got 0 after 1 in row 0, token 2; "
        "pass a mask as bool, or `layouts.turns_from_mask(mask)`.",
    ),
    "a turn without a column": (
        lambda: turn_length(torch.tensor([[0, 1]]), 1),
        "turn_length: `turn` must be below the 1 `turns`, got 1.",
    ),
    "packed turns without offsets": (
        lambda: turn_length(torch.tensor([0, 1])),
        "turn_length: `turn` must be int[batch token], got torch.int64 (2,).",
    ),
    "padded turns with offsets": (
        lambda: turn_length(torch.tensor([[0, 1], [0, 1]]), offsets=OFFSETS),
        "turn_length: `turn` must be int[token] with `offsets`, got torch.int64 (2, 2).",
    ),
    "a packing that says nothing of padding": (
        lambda: pack(torch.zeros(2, 2)),
        "pack: `length` must be given, or `present`, and not both, got neither.",
    ),
    "lengths beside a mask": (
        lambda: pack(torch.zeros(2, 2), torch.tensor([1, 1]), present=PRESENT),
        "pack: `length` must be given, or `present`, and not both, got both.",
    ),
    "a side beside a mask": (
        lambda: pack(torch.zeros(2, 2), present=PRESENT, side="left"),
        "pack: `side` must be left out where `present` is given, got 'left'.",
    ),
    "a mask of another table": (
        lambda: pack(torch.zeros(2, 3), present=PRESENT),
        "pack: `x` must be (2, 2) like `present`, got torch.float32 (2, 3).",
    ),
    "a sum that is not that of the mask": (
        lambda: pack(torch.zeros(2, 2), present=PRESENT, tokens=4),
        "pack: `tokens` must be 3, the sum of `present`, got 4.",
    ),
    "a mask of other tokens": (
        lambda: unpack(torch.zeros(4), present=PRESENT),
        "unpack: `present` must be true at 4 tokens, got 3 of them.",
    ),
    "a width beside a mask": (
        lambda: unpack(torch.zeros(3), present=PRESENT, width=2),
        "unpack: `width` must be left out where `present` is given, got 2.",
    ),
    "offsets of nothing": (
        lambda: offsets_of(),
        "offsets_of: `length` must be given, or `present`, and not both, got neither.",
    ),
    "half a token": (
        lambda: offsets_of(torch.tensor([1.0, 2.5])),
        "offsets_of: `length` must be whole numbers of tokens, got 2.5 in row 1.",
    ),
    "offsets of other tokens": (
        lambda: turns_from_mask(torch.ones(4) > 0, offsets=OFFSETS),
        "turns_from_mask: `offsets` must be rising from 0 to the 4 tokens, got 0 to 3.",
    ),
    "packed turns to count": (
        lambda: count_turns(torch.zeros(2, dtype=torch.int64)),
        "count_turns: `turn` must be int[batch token], got torch.int64 (2,).",
    ),
    "lengths as a list": (
        lambda: offsets_of([1, 2]),
        "offsets_of: `length` must be int[batch] or float[batch], got list; "
        "`creditlib.tensors` makes tensors of lists, arrays and columns.",
    ),
    "rows longer than the table": (
        lambda: pack(torch.zeros(2, 2), torch.tensor([3, 1]), side="left"),
        "pack: `length` must be rows of 0 to 2 tokens, got a row of 3; "
        "rows with padding on both sides need `present`.",
    ),
    "a sum that is not the sum": (
        lambda: pack(torch.zeros(2, 2), torch.tensor([2, 1]), tokens=2),
        "pack: `tokens` must be 3, the sum of `length`, got 2.",
    ),
    "a negative length": (
        lambda: pack(torch.zeros(2, 2), torch.tensor([2, -1])),
        "pack: `length` must be at least 0, got -1 in row 1.",
    ),
    "offsets that fall": (
        lambda: unpack(torch.zeros(3), torch.tensor([0, 5, 3])),
        "unpack: `offsets` must be rising from 0 to the 3 tokens, got 5 before 3.",
    ),
    "lengths of other rows": (
        lambda: pack(torch.zeros(3, 2), torch.tensor([2, 1])),
        "pack: `x` must be [batch token] of 2 rows, got torch.float32 (3, 2).",
    ),
    "a side that is none": (
        lambda: pack(torch.zeros(2, 2), torch.tensor([2, 1]), side="middle"),
        "pack: `side` must be one of 'left', 'right', got 'middle'.",
    ),
    "a width below the longest row": (
        lambda: unpack(torch.zeros(3), OFFSETS, width=1, side="left"),
        "unpack: `offsets` must be rows of 0 to 1 tokens, got a row of 2.",
    ),
    "tokens of other rows": (
        lambda: unpack(torch.zeros(5), OFFSETS),
        "unpack: `offsets` must be rising from 0 to the 5 tokens, got 0 to 3.",
    ),
    "tokens as a list": (
        lambda: unpack([1, 2, 3], OFFSETS),
        "unpack: `x` must be [token], got list.",
    ),
    "a width that is no size": (
        lambda: unpack(torch.zeros(3), OFFSETS, width=2.0),
        "unpack: `width` must be an integer at least 0, got 2.0.",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_would_lose_or_move_a_token_is_refused(case, refusal):
    call, sentence = REFUSALS[case]
    assert refusal(call) == sentence


def test_the_public_names_are_those_of_the_module():
    assert all(callable(getattr(layouts, name)) for name in layouts.__all__)
