import functools

import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor

import creditlib as cl
from creditlib.testing.subject import subject_of, values_of
from creditlib.vocabulary import Baseline, Factor, Reward, TurnCount, Turns
from creditlib.vocabulary.annotations import options_of


class Shift(torch.nn.Module):
    def forward(self, reward: Reward, by: float):
        return reward + by


class Callable:
    def __call__(self, *, reward: Reward, baseline: Baseline):
        return reward - baseline


def test_a_bare_annotation_under_a_known_name_means_what_the_vocabulary_says():
    def bare(*, reward: Float[Tensor, "batch"], mood: Float[Tensor, "batch"]):
        return reward + mood

    tensors = subject_of(bare, {}).tensors
    assert tensors["reward"].spec.unit == "reward"
    assert tensors["mood"].spec is None


def test_axes_are_told_by_the_names_that_are_known():
    def estimator(*, reward: Float[Tensor, "b"], x: Float[Tensor, "b k"], y: Float[Tensor, "q"]):
        return reward, x, y

    tensors = subject_of(estimator, {}).tensors
    assert {name: tensor.contract for name, tensor in tensors.items()} == {
        "reward": "float[batch]",
        "x": "float[batch k]",
        "y": "float[q]",
    }
    packed = subject_of("gae", {}).tensors["offsets"]
    assert packed.contract == "int[batch+1]"


def test_partials_modules_and_callable_objects_are_read_as_functions_are():
    bound = functools.partial(cl.grpo, scale=None)
    assert subject_of(bound, {}).fixed == {"scale": None}
    assert "scale" not in subject_of(bound, {}).options
    assert subject_of(bound, {"scale": "mad"}).fixed == {"scale": "mad"}
    assert (subject_of(Shift(), {}).name, subject_of(Callable(), {}).name) == ("Shift", "Callable")
    assert list(subject_of(Callable(), {}).tensors) == ["reward", "baseline"]
    result = subject_of(Shift(), {"by": 2.0}).call({"reward": torch.ones(2)}, {})
    assert result[0].tolist() == [3.0, 3.0]


def test_a_bound_tensor_stays_bound():
    bound = functools.partial(cl.grpo, valid=torch.tensor([True]))
    assert subject_of(bound, {}).function is bound


def test_a_needed_option_gets_a_value_and_the_size_of_an_axis_does_not():
    assert subject_of("gae", {}).fixed == {"gamma": 0.5, "lam": 0.5}
    assert subject_of("gae", {"gamma": 0.9}).fixed == {"gamma": 0.9, "lam": 0.5}
    assert subject_of(Shift(), {}).fixed == {"by": 0.5}

    def wide(*, reward: Reward, turns: Turns):
        return reward, turns

    subject = subject_of(wide, {})
    assert subject.fixed == {}
    assert subject.options["turns"].axis == "turn"


def test_a_weight_is_told_by_what_it_returns_however_annotations_are_written():
    def plain(*, turn_count: TurnCount) -> Factor:
        return turn_count

    def text(*, turn_count: TurnCount) -> "Factor":
        return turn_count

    assert subject_of(plain, {}).factor
    assert subject_of(text, {}).factor
    assert subject_of("duration_weight", {}).factor
    assert not subject_of("rloo", {}).factor


def test_an_optional_tensor_may_be_required(refusal):
    assert subject_of("rloo", {}, ["valid"]).tensors["valid"].required
    assert refusal(subject_of, "rloo", {}, ["anchor"]) == (
        "check_estimator: `require` must be names of its tensors, got 'anchor'."
    )


def test_values_are_all_choices_or_numbers_of_the_range():
    options = options_of(cl.grpo)
    assert values_of(options["scale"]) == ("std", "mad", "mean", None)
    assert values_of(options_of(cl.pure)["temperature"]) == (0.5, 2.0, 0.25, 7.0)

    def whole(*, size: Int[Tensor, ""], count: int):
        return size, count

    assert values_of(options_of(whole)["count"]) == (2, 1, 0, 7)


def test_results_are_the_tensors_that_come_back():
    subject = subject_of("rloo", {})
    one = torch.ones(1)
    assert subject.tensors_in(one) == (one,)
    assert len(subject.tensors_in((one, "note", one))) == 2
    with pytest.raises(TypeError, match=r"^rloo returned dict, not a tensor$"):
        subject.tensors_in({"credit": one})


def test_what_can_not_be_drawn_is_refused(refusal):
    def untold(reward):
        return reward

    def half(reward: Reward, mystery):
        return reward, mystery

    assert refusal(subject_of, untold, {}) == (
        "check_estimator: `function` must be a function with annotated tensors, such as "
        "`reward: Reward`, got untold without any."
    )
    assert refusal(subject_of, half, {}) == (
        "check_estimator: `mystery` must be a tensor or a number by its annotation, or given in "
        "`options`, got neither."
    )
    assert subject_of(half, {"mystery": 1}).fixed == {"mystery": 1}


def test_tensors_are_found_by_their_unit():
    subject = subject_of("gae", {})
    assert subject.tensors_with_unit("reward") == ["token_reward"]
    both = ["token_reward", "value", "bootstrap"]
    assert subject.tensors_with_unit("reward", "prediction") == both
