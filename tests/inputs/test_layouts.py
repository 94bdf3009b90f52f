import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

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
from creditlib.vocabulary.messages import ContractError

ROWS = st.lists(st.sampled_from([-(2**60), -1, 0, 3, 2**62]), max_size=12)
MASKS = st.lists(st.lists(st.booleans(), max_size=7), max_size=5)


def test_interleaved_rows_by_hand():
    places = place_rows(torch.tensor([7, 5, 7, 9, 5, 7]))
    assert places.trajectory.tolist() == [0, 1, 0, 2, 1, 0]
    assert places.turn.tolist() == [0, 0, 1, 0, 1, 2]
    assert places.turn_count.tolist() == [3, 2, 1]
    assert places.turns == 3
    x = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    table = turns_from_rows(x, places, fill=-1)
    assert table.tolist() == [[1, 3, 6], [2, 5, -1], [4, -1, -1]]
    assert trajectories_from_rows(x, places).tolist() == [1, 2, 4]
    assert rows_from_turns(table, places).tolist() == x.tolist()


@given(ROWS)
def test_places_equal_a_loop(keys):
    order, turn = [], []
    for key in keys:
        turn.append([*order, key][: len(turn) + 1].count(key) - 1 if key in order else 0)
        order.append(key)
    first = list(dict.fromkeys(keys))
    places = place_rows(torch.tensor(keys, dtype=torch.int64))
    assert places.trajectory.tolist() == [first.index(key) for key in keys]
    assert places.turn.tolist() == turn
    assert places.turn_count.tolist() == [keys.count(key) for key in first]
    assert places.turns == max(map(keys.count, keys), default=0)


@given(ROWS)
def test_rows_to_turns_and_back_loses_nothing(keys):
    places = place_rows(torch.tensor(keys, dtype=torch.int64))
    for x in (torch.arange(len(keys)), torch.rand(len(keys), 3), torch.ones(len(keys)) > 0):
        assert torch.equal(rows_from_turns(turns_from_rows(x, places), places), x)


def test_a_value_that_differs_inside_a_trajectory_is_that_of_its_first_row():
    places = place_rows(torch.tensor([1, 2, 1]))
    assert trajectories_from_rows(torch.tensor([10, 20, 30]), places).tolist() == [10, 20]


def test_no_rows():
    places = place_rows(torch.zeros(0, dtype=torch.int64))
    assert places.turns == 0
    assert turns_from_rows(torch.zeros(0), places).shape == (0, 0)
    assert trajectories_from_rows(torch.zeros(0), places).shape == (0,)
    assert rows_from_turns(torch.zeros(0, 0), places).shape == (0,)


def runs(mask):
    """The turn map of one row of a mask, token by token."""
    result, turn = [], -1
    for at, mine in enumerate(mask):
        turn += mine and (at == 0 or not mask[at - 1])
        result.append(turn if mine else -1)
    return result


def padded(rows, fill, side="right"):
    width = max(map(len, rows), default=0)
    fills = [[fill] * (width - len(row)) for row in rows]
    pairs = zip(rows, fills, strict=True)
    table = [row + more if side == "right" else more + row for row, more in pairs]
    return torch.tensor(table).reshape(len(rows), width)


@given(MASKS)
def test_turns_of_a_mask_padded_equal_packed_equal_a_loop(rows):
    expected = [runs(row) for row in rows]
    mask, offsets = padded(rows, False).bool(), offsets_of(lengths(rows))
    assert torch.equal(turns_from_mask(mask), padded(expected, -1).to(torch.int64))
    flat = torch.tensor([x for row in rows for x in row], dtype=torch.bool)
    packed = turns_from_mask(flat, offsets=offsets)
    assert packed.tolist() == [x for row in expected for x in row]


def lengths(rows):
    return torch.tensor([len(row) for row in rows], dtype=torch.int64)


def test_a_row_that_starts_where_the_last_one_ended_begins_a_turn():
    mask, offsets = torch.tensor([True, True, True]), torch.tensor([0, 2, 2, 3])
    assert turns_from_mask(mask, offsets=offsets).tolist() == [0, 0, 0]


DTYPES = [torch.bool, torch.uint8, torch.int8, torch.int64, torch.bfloat16, torch.float64]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_mask_of_any_dtype_is_one_mask(dtype):
    mask = torch.tensor([[0, 1, 1, 0, 1], [1, 0, 0, 0, 0]])
    turn = [[-1, 0, 0, -1, 1], [0, -1, -1, -1, -1]]
    assert turns_from_mask(mask.to(dtype)).tolist() == turn
    packed, offsets = pack(mask, present=mask.to(dtype))
    assert offsets.tolist() == offsets_of(present=mask.to(dtype)).tolist() == [0, 3, 4]
    assert torch.equal(unpack(packed, present=mask.to(dtype)), mask)


NOT_A_MASK = {
    "labels": (torch.tensor([[1, 0], [0, -100]]), "-100 in row 1, token 1"),
    "token ids": (torch.tensor([[1, 0], [5, 7]]), "5 in row 1, token 0"),
    "NaN": (torch.tensor([[0.0, float("nan")]]), "nan in row 0, token 1"),
    "a weight": (torch.tensor([[0.0, 0.5]]), "0.5 in row 0, token 1"),
}


@pytest.mark.parametrize("case", NOT_A_MASK)
def test_what_is_neither_0_nor_1_is_no_mask(case, refusal):
    mask, fact = NOT_A_MASK[case]
    for argument, call in {
        "mask": turns_from_mask,
        "present": lambda x: pack(torch.zeros(x.shape), present=x),
    }.items():
        name = "pack" if argument == "present" else "turns_from_mask"
        assert refusal(call, mask) == (
            f"{name}: `{argument}` must be 0 or 1 at each token, got {fact}; "
            f"compare it, as `{argument} != 0`, or `labels != -100` for labels."
        )


def test_labels_are_no_mask_by_hand():
    refused = 0
    for call in (turns_from_mask, lambda x: pack(x, present=x), lambda x: offsets_of(present=x)):
        try:
            call(torch.tensor([[-100, -100, 5, 7]]))
        except ContractError:
            refused += 1
    assert refused == 3


def test_the_row_of_a_packed_token_is_named(refusal):
    mask, offsets = torch.tensor([1, 0, 3]), torch.tensor([0, 2, 3])
    assert "got 3 in row 1, token 2" in refusal(turns_from_mask, mask, offsets=offsets)


@given(MASKS)
def test_counting_turns_is_the_largest_id_plus_one(rows):
    turn = turns_from_mask(padded(rows, False).bool())
    assert count_turns(turn).tolist() == [max(runs(row), default=-1) + 1 for row in rows]


def test_turn_lengths_by_hand():
    # row 0: one prompt token, two tokens of turn 0, tool output, one of turn 1; row 1: turn 0 only
    turn = torch.tensor([[-1, 0, 0, -1, 1], [0, -1, -1, -1, -1]])
    assert turn_length(turn).tolist() == [[2, 1], [1, 0]]
    assert turn_length(turn, 3).tolist() == [[2, 1, 0], [1, 0, 0]]
    packed, offsets = pack(turn, torch.tensor([5, 1]))
    assert turn_length(packed, offsets=offsets).tolist() == [[2, 1], [1, 0]]
    assert turn_length(torch.full((2, 3), -1)).shape == (2, 0)
    assert turn_length(torch.zeros(0, 3, dtype=torch.int32), 2).shape == (0, 2)
    # a bool mask is a map: its runs are turns
    assert turn_length(torch.tensor([[True, True, False, True]])).tolist() == [[2, 1]]


@given(MASKS)
def test_turn_lengths_are_counts_of_a_loop(rows):
    found = [runs(row) for row in rows]
    turns = max((max(row, default=-1) for row in found), default=-1) + 1
    expected = [[row.count(k) for k in range(turns)] for row in found]
    assert turn_length(padded(found, -1).to(torch.int64)).tolist() == expected
    flat = torch.tensor([x for row in found for x in row], dtype=torch.int64)
    assert turn_length(flat, turns, offsets=offsets_of(lengths(rows))).tolist() == expected


def test_offsets_of_rows_without_tokens():
    assert offsets_of(torch.tensor([0, 2, 0, 0])).tolist() == [0, 0, 2, 2, 2]
    assert offsets_of(torch.zeros(0, dtype=torch.int64)).tolist() == [0]


RAGGED = st.lists(st.lists(st.integers(1, 99), max_size=6), max_size=5)


@pytest.mark.parametrize("side", ["right", "left"])
@given(rows=RAGGED, extra=st.integers(0, 2))
def test_packing_and_unpacking_equal_lists(side, rows, extra):
    flat = [x for row in rows for x in row]
    table = padded(rows, 0, side).to(torch.int64)
    table = torch.nn.functional.pad(table, (0, extra) if side == "right" else (extra, 0))
    packed, offsets = pack(table, lengths(rows), side=side)
    assert packed.tolist() == flat
    assert offsets.tolist() == offsets_of(lengths(rows)).tolist()
    assert torch.equal(pack(table, lengths(rows), side=side, tokens=len(flat))[0], packed)
    assert torch.equal(unpack(packed, offsets, width=table.shape[1], side=side), table)
    assert torch.equal(unpack(packed, offsets, side=side), padded(rows, 0, side).to(torch.int64))


def test_what_lies_in_padding_is_not_packed_and_fill_is_what_is_asked_for():
    x = torch.tensor([[1.0, float("nan")], [float("nan"), float("nan")]])
    packed, offsets = pack(x, torch.tensor([1, 0]))
    assert packed.tolist() == [1.0]
    assert unpack(packed, offsets, width=2, fill=-1).tolist() == [[1, -1], [-1, -1]]


def test_token_features_travel_along():
    x = torch.rand(2, 3, 4)
    packed, offsets = pack(x, torch.tensor([3, 1]))
    assert packed.shape == (4, 4)
    back = unpack(packed, offsets)
    assert torch.equal(back[0], x[0])
    assert torch.equal(back[1, 0], x[1, 0])


# --- padding on both sides ------------------------------------------------------------------------


def test_a_left_padded_prompt_with_a_right_padded_response_by_hand():
    # Row 0: one column of padding, prompt 11 12, response 13, padding; row 1: prompt 21, 22 23.
    tokens = torch.tensor([[0, 11, 12, 13, 0], [0, 0, 21, 22, 23]])
    attention = torch.tensor([[0, 1, 1, 1, 0], [0, 0, 1, 1, 1]])
    packed, offsets = pack(tokens, present=attention)
    assert packed.tolist() == [11, 12, 13, 21, 22, 23]
    assert offsets.tolist() == [0, 3, 6]
    assert torch.equal(unpack(packed, present=attention), tokens)
    # Lengths alone would take padding for tokens, and lose the last token of row 0.
    assert pack(tokens, torch.tensor([3, 3]))[0].tolist() == [0, 11, 12, 0, 0, 21]


CELLS = st.integers(0, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.booleans(), min_size=width, max_size=width), min_size=1, max_size=5
    )
)


@given(cells=CELLS, features=st.sampled_from([(), (2,)]))
def test_packing_what_is_present_and_back_loses_nothing(cells, features):
    present = torch.tensor(cells, dtype=torch.bool).view(len(cells), -1)
    x = torch.arange(1, 1 + present.numel() * 2 ** len(features)).view(*present.shape, *features)
    packed, offsets = pack(x, present=present)
    assert torch.equal(packed, x[present])
    assert offsets.tolist() == [0, *torch.cumsum(present.sum(1), 0).tolist()]
    assert torch.equal(pack(x, present=present, tokens=len(packed))[0], packed)
    shown = present.view(*present.shape, *[1] * len(features))
    assert torch.equal(unpack(packed, present=present), torch.where(shown, x, 0))
    assert torch.equal(unpack(packed, present=present, fill=-7), torch.where(shown, x, -7))
    # Padding on one side: lengths say the same.
    for side, one_sided in (("right", present.sort(1, True)[0]), ("left", present.sort(1)[0])):
        assert torch.equal(pack(x, present=one_sided)[0], pack(x, one_sided.sum(1), side=side)[0])


def test_gradients_go_through_both_ways():
    x = torch.rand(2, 3, requires_grad=True)
    present = torch.tensor([[False, True, True], [True, False, False]])
    packed, _ = pack(x, present=present)
    unpack(packed, present=present).sum().backward()
    assert x.grad.tolist() == present.tolist()


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
