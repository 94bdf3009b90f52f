import functools
from itertools import chain
from typing import Annotated, Literal

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

import creditlib as cl
from creditlib.vocabulary import Anchor, Credit, Length, Offsets, Reward, Turn, Turns, Valid
from creditlib.vocabulary.annotations import Shape, describe, options_of, result_of, tensors_of
from creditlib.vocabulary.argument_spec import ArgumentSpec


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
    spec = ArgumentSpec("seconds", low=0)
    nested = Annotated[Annotated[Float[Tensor, "batch"], spec] | None, "another note"]
    argument = describe("seconds", nested, required=False)
    assert (argument.meaning, argument.spec, argument.required) == ("seconds", spec, False)


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
    turns: Turns = 3,
    rate: Annotated[float, ArgumentSpec("a rate", low=0)] = 0.5,
    free: float = 0.0,
    valid: Valid | None = None,
):
    """An estimator of a third party."""
    return reward, mine, form, turns, rate, free, valid


def test_the_outermost_meaning_counts():
    inner, outer = ArgumentSpec(""), ArgumentSpec("seconds", low=0)

    def function(*, x: Annotated[Annotated[float, inner], outer] = 0.0):
        return x

    assert options_of(function)["x"].spec == outer


def test_tensors_of_a_third_partys_function():
    found = tensors_of(estimator)
    assert list(found) == ["reward", "mine", "valid"]
    assert [found[name].required for name in found] == [True, True, False]
    assert found["mine"].contract == "float[batch turn]"


def test_options_of_a_third_partys_function():
    found = options_of(estimator)
    assert list(found) == ["form", "turns", "rate", "free"]
    assert (found["form"].choices, found["form"].optional) == (("a", "b"), True)
    assert (found["turns"].whole, found["rate"].whole) == (True, False)
    assert found["rate"].spec == ArgumentSpec("a rate", low=0)
    assert found["free"].spec == ArgumentSpec("")


class Callable:
    def __call__(self, *, reward: Reward) -> Tensor:
        return reward


def test_partials_wrappers_and_callable_objects_are_read_through():
    configured = functools.partial(functools.partial(cl.grpo, scale=None), eps=1.0)
    assert tensors_of(configured) == tensors_of(cl.grpo)
    assert options_of(configured) == options_of(cl.grpo)
    assert tensors_of(cl.distributed.gathered(cl.grpo)) == tensors_of(cl.grpo)
    assert list(tensors_of(Callable())) == ["reward"]


RESULTS = {
    "rloo": ("advantage", "float[batch]", "trajectory"),
    "gigpo": ("advantage", "float[batch turn]", "turn"),
    "softmin_returns": ("returns", "float[batch turn]", "turn"),
    "information_gain": ("reward", "float[batch turn]", "turn"),
    "partial_credit": ("reward", "float[batch]", "trajectory"),
    "duration_weight": ("factor", "float[batch turn]", "turn"),
    "effective_sample_size": ("statistic", "float[]", ""),
    "to_tokens": ("advantage", "float[batch token] or float[token]", "token"),
    "whitening_stats": ("statistic", "(float[], float[])", ""),
    "find_milestones": ("", "bool[batch milestone]", "trajectory"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_has_a_kind_a_contract_and_a_level(name):
    result = result_of(getattr(cl, name))
    assert (result.kind, result.contract, result.level) == RESULTS[name]
    assert result.turn_sensitive
    assert not result.over_tokens


def test_token_estimators_do_not_see_where_a_turn_ends():
    found = [result_of(f) for f in (cl.gae, cl.discounted_return, cl.reinforce_plus_plus)]
    assert [result.kind for result in found] == ["advantage"] * 3
    assert [result.level for result in found] == ["token"] * 3
    assert [result.turn_sensitive for result in found] == [False] * 3
    assert [result.over_tokens for result in found] == [False, False, True]


def test_results_are_read_through_partials_and_wrappers():
    configured = functools.partial(cl.grpo, scale=None)
    assert result_of(configured) == result_of(cl.distributed.gathered(cl.grpo))
    assert result_of(configured) == result_of(cl.grpo)


def test_a_result_without_an_annotation_of_ours_has_no_kind():
    def plain(reward):
        return reward

    def tensor(reward) -> Tensor:
        return reward

    def bare(reward) -> Float[Tensor, "batch turn"]:
        return reward

    def unreadable(reward) -> "Missing":
        return reward

    found = [result_of(function) for function in (plain, tensor, bare, unreadable)]
    assert [result.kind for result in found] == [""] * 4
    assert [result.contract for result in found] == ["", "", "float[batch turn]", ""]
    assert [result.level for result in found] == ["", "", "turn", ""]


def test_a_third_party_says_what_its_function_returns():
    def mine(*, reward: Reward) -> Credit:
        return reward

    assert result_of(mine).kind == "advantage"
