"""A mask is bool or holds numbers in [0, 1]; anything else was made for another purpose."""

import numpy as np
import pytest
import torch

from creditlib.rows import outcome_of, read_rows
from creditlib.rows.columns import named_columns, turn_rewards
from creditlib.rows.masks import as_plane, read_planes, written_tokens
from creditlib.vocabulary.messages import ContractError

WANTED = "bool or numbers in [0, 1]"
LABELS = "labels? pass `labels != -100`"
DTYPES = [torch.int8, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64]


@pytest.mark.parametrize("dtype", [torch.bool, *DTYPES])
def test_zeros_and_ones_of_every_dtype_are_a_mask(dtype):
    mask = torch.tensor([[1, 0], [0, 1]]).to(dtype)
    assert written_tokens("f", "mask", mask).tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_shares_are_a_mask_and_minus_zero_is_zero(dtype):
    mask = torch.tensor([[1 / 64, -0.0]]).to(dtype)
    assert written_tokens("f", "mask", mask).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("mask", "fact"),
    [
        ([[0, 1], [-100, 5]], f"-100 in row 1, token 0; {LABELS}"),
        ([[0, 2]], "2 in row 0, token 1; token ids? pass 1 for each token that the policy wrote, "
                   "such as `ids != pad_id`"),
        ([[0.0, torch.nan]], "nan in row 0, token 1; pass 1 for each token that the policy wrote"),
        ([[-0.5, 0.0]], f"-0.5 in row 0, token 0; {LABELS}"),
        ([[1.5, 0.0]], "1.5 in row 0, token 0; token ids? pass 1 for each token that the policy "
                       "wrote, such as `ids != pad_id`"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", [torch.tensor, np.array, list])
def test_other_numbers_are_refused_with_their_place(refusal, mask, fact, form):
    rows = len(mask)
    for name in ("mask", "turn_mask"):
        given = {"mask": [[0, 0]] * rows, name: form(mask)}
        said = refusal(read_rows, **given, group=["a"] * rows, reward=[0.0] * rows)
        assert said == f"read_rows: `{name}` must be {WANTED}, got {fact}."


@pytest.mark.parametrize("function", [outcome_of, turn_rewards])
def test_every_function_that_takes_a_mask_has_the_rule(refusal, function):
    said = refusal(function, torch.zeros(1, 2), torch.tensor([[-100, 7]]))
    fact = f"-100 in row 0, token 0; {LABELS}"
    assert said == f"{function.__name__}: `mask` must be {WANTED}, got {fact}."
    said = refusal(named_columns, {}, torch.tensor([[-100, 7]]))
    assert said == f"named_columns: `mask` must be {WANTED}, got {fact}."


def test_every_dtype_finds_every_wrong_value():
    """One wrong value anywhere in a random mask is found, whatever the dtype."""
    generator = torch.Generator().manual_seed(3)
    for dtype in DTYPES:
        for wrong in (2, 3, 100, -1, -100):
            mask = torch.randint(0, 2, (3, 50), generator=generator).to(dtype)
            mask[1, 17] = torch.tensor(wrong).to(dtype)
            with pytest.raises(ContractError, match="in row 1, token 17"):
                written_tokens("f", "mask", mask)


def test_lists_arrays_and_tensors_are_one_plane():
    table = [[1, 0, 1], [0, 1, 0]]
    for given in (table, np.array(table), [np.array(row) for row in table], tuple(table),
                  np.array(table, dtype=object), [torch.tensor(row) for row in table]):  # fmt: skip
        assert as_plane("f", "mask", given).tolist() == table
    assert as_plane("f", "mask", []).shape == (0, 0)
    flipped = np.array(table)[:, ::-1]
    assert as_plane("f", "mask", flipped).tolist() == flipped.tolist()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            [[1, 0], [1]],
            "f: `mask` must be of rows of one length, got 2 tokens in row 0 and 1 in row 1; pad "
            "the rows, with 0 where nothing was written.",
        ),
        ([1, 0], "f: `mask` must be [row token], got 1 as row 0."),
        ("10", "f: `mask` must be [row token], got str."),
        ([["a"]], "f: `mask` must be numbers [row token], got a list of other things."),
        ([[None]], "f: `mask` must be numbers [row token], got a list of other things."),
        (torch.ones(2), "f: `mask` must be [row token], got torch.float32 (2,)."),
    ],
)
def test_what_is_no_plane_gets_one_sentence(refusal, given, sentence):
    assert refusal(as_plane, "f", "mask", given) == sentence


def test_the_planes_of_a_token_that_is_not_trained():
    planes = read_planes([[1, 0, 1]], [[1, 1, 1]], None, several=True)
    assert planes.trained.turn.tolist() == [[0, -1, 0]]
    assert planes.written.turn.tolist() == [[0, 0, 0]]
    assert planes.trained.tokens.tolist() == [2]
    assert planes.trained.length.tolist() == [[2]]
    without_turns = read_planes([[1, 0, 1]], None, [[0, -1, 4]], several=False)
    assert without_turns.written.turn.tolist() == [[0, -1, 0]]


def test_a_mask_whose_tokens_are_all_trained_is_read_once():
    planes = read_planes([[1, 0, 1]], None, None, several=True)
    assert planes.written is planes.trained


def test_of_two_planes_that_are_none_the_mask_is_named_first(refusal):
    given = {"group": ["a"], "reward": [1.0]}
    assert "`mask` must be bool or" in refusal(
        read_rows, mask=[[2, 0]], turn_mask=[[3, 0]], **given
    )
    assert "`turn_mask` must be bool or" in refusal(
        read_rows, mask=[[1, 0]], turn_mask=[[3, 0]], **given
    )
    complex_numbers = torch.ones(1, 2, dtype=torch.complex64)
    for name in ("mask", "turn_mask"):
        planes = {"mask": [[0, 0]], name: complex_numbers}
        said = refusal(read_rows, **planes, **given)
        assert said == f"read_rows: `{name}` must be {WANTED}, got torch.complex64 (1, 2)."


def test_a_trained_token_that_nobody_wrote_is_refused():
    with pytest.raises(ContractError, match="got 1 in row 0, token 1"):
        read_planes([[1, 1]], [[1, 0]], None, several=True)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"turn_mask": [[1, 0]]},
            "read_rows: `mask` must be 0 where `turn_mask` says that the policy wrote nothing, "
            "got 1 in row 0, token 1.",
        ),
        (
            {"turn": [[0, -1]]},
            "read_rows: `mask` must be 0 where `turn` says that the policy wrote nothing, "
            "got 1 in row 0, token 1.",
        ),
        (
            {"turn": [[0, 0]], "turn_mask": [[1, 1]]},
            "read_rows: `turn` must be given instead of `turn_mask`, got both.",
        ),
    ],
)
def test_planes_that_contradict_are_refused(refusal, more, sentence):
    said = refusal(read_rows, mask=[[1, 1]], group=["a"], reward=[1.0], **more)
    assert said == sentence
