import functools
from itertools import chain
from typing import Annotated, Literal

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

import creditlib as cl
from creditlib.annotations import Shape, describe, options_of, tensors_of
from creditlib.vocabulary import Anchor, Length, Offsets, Reward, Turn, Valid, Width
from creditlib.word import Word


def test_contracts_read_as_the_design_writes_them():
    contracts = {
        "reward": (Reward, "float[batch]"),
        "anchor": (Anchor, "int[batch turn]"),
        "valid": (Valid | None, "bool[batch]"),
        "turn": (Turn, "int[batch token] or int[token]"),
        "length": (Length, "int[batch] or float[batch]"),
        "offsets": (Offsets | None, "int[batch+1]"),
    }
    for name, (hint, contract) in contracts.items():
        assert describe(name, hint).contract == contract


def test_the_meaning_survives_optional_and_nesting():
    word = Word("seconds", low=0)
    nested = Annotated[Annotated[Float[Tensor, "batch"], word] | None, "a note of somebody else's"]
    argument = describe("seconds", nested, required=False)
    assert (argument.meaning, argument.word, argument.required) == ("seconds", word, False)


@pytest.mark.parametrize("hint", [int, Tensor, "batch", Literal["a"], list[Tensor]])
def test_what_is_not_a_shape_has_none(hint):
    argument = describe("x", hint)
    assert argument.shapes == ()
    assert argument.meaning == ""


KINDS = {
    "float": [torch.float16, torch.bfloat16, torch.float32, torch.float64],
    "int": [torch.int8, torch.int16, torch.int32, torch.int64],
    "bool": [torch.bool],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_takes_its_dtypes_and_no_other(kind):
    shape = Shape(kind, (("batch", 0),))
    every = [*chain(*KINDS.values()), torch.uint8, torch.complex64]
    assert [dtype for dtype in every if shape.fits(torch.zeros(2, dtype=dtype))] == KINDS[kind]
    assert not shape.fits(torch.zeros(2, 2, dtype=KINDS[kind][0]))


def test_real_takes_counts_of_any_integer_type():
    shape = Shape("real", (("batch", 0),))
    every = [*chain(*KINDS.values()), torch.uint8, torch.complex64]
    refused = [dtype for dtype in every if not shape.fits(torch.zeros(2, dtype=dtype))]
    assert refused == [torch.bool, torch.complex64]


def test_unsigned_counts_would_wrap_below_zero():
    """turn_count − 1 of an unsigned 0 is 255: the reason why ids and counts are signed."""
    count = torch.zeros(1, dtype=torch.uint8)
    assert int((count - 1)[0]) == 255
    assert not describe("turn_count", cl.vocabulary.TurnCount).shapes[0].fits(count)


def test_the_fitting_form_is_that_of_the_value():
    argument = describe("turn", Turn)
    assert str(argument.fitting(torch.zeros(2, 3, dtype=torch.int64))) == "int[batch token]"
    assert str(argument.fitting(torch.zeros(3, dtype=torch.int64))) == "int[token]"


def estimator(
    *,
    reward: Reward,
    mine: Float[Tensor, "batch turn"],
    form: Literal["a", "b"] | None = None,
    turns: Width = 3,
    rate: Annotated[float, Word("a rate", low=0)] = 0.5,
    free: float = 0.0,
    valid: Valid | None = None,
):
    """An estimator of a stranger's."""
    return reward, mine, form, turns, rate, free, valid


def test_tensors_of_a_strangers_function():
    found = tensors_of(estimator)
    assert list(found) == ["reward", "mine", "valid"]
    assert [found[name].required for name in found] == [True, True, False]
    assert found["mine"].contract == "float[batch turn]"


def test_options_of_a_strangers_function():
    found = options_of(estimator)
    assert list(found) == ["form", "turns", "rate", "free"]
    assert (found["form"].choices, found["form"].optional) == (("a", "b"), True)
    assert (found["turns"].whole, found["rate"].whole) == (True, False)
    assert found["rate"].word == Word("a rate", low=0)
    assert found["free"].word == Word("a number")


class Callable:
    def __call__(self, *, reward: Reward) -> Tensor:
        return reward


def test_partials_wrappers_and_callable_objects_are_read_through():
    configured = functools.partial(functools.partial(cl.grpo, scale=None), eps=1.0)
    assert tensors_of(configured) == tensors_of(cl.grpo)
    assert options_of(configured) == options_of(cl.grpo)
    assert tensors_of(cl.distributed.gathered(cl.grpo)) == tensors_of(cl.grpo)
    assert list(tensors_of(Callable())) == ["reward"]
