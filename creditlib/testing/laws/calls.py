"""Laws of calls: inputs, results and errors."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Call, Trial
from creditlib.testing.generate.transforms import perturbed
from creditlib.testing.subject import Batch, Subject

__all__ = ["LAWS", "arguments_with_effect"]

_EVERY_DTYPE = (torch.float32, torch.bfloat16, torch.float64)


@law("AReaL#1419", "slime#1414")
def every_batch_is_taken(trial: Trial) -> None:
    """A valid batch with unequal groups, unequal turn counts and tool output is accepted."""
    result = trial.attempt(trial.batch(crowds=True))
    if isinstance(result, str):
        trial.broken(f"a valid batch was refused: {result}")


@law()
def no_trajectories_no_credit(trial: Trial) -> None:
    """A batch without trajectories gives an empty result."""
    result = trial.attempt(trial.batch(least=0, most=0))
    if isinstance(result, str):
        trial.broken(f"an empty batch was refused: {result}")
    if any(part.numel() for part in result if part.ndim):
        trial.broken("an empty batch got credit")


@law("TRL#4976", "SkyRL#1492")
def results_fit_their_inputs(trial: Trial) -> None:
    """A result has the shape of an input; it is float64 if an input is, and otherwise float32."""
    batch = trial.batch(dtypes=_EVERY_DTYPE)
    double = any(x.dtype == torch.float64 for x in batch.values())
    wanted = torch.float64 if double else torch.float32
    results = trial.attempt(batch)
    if isinstance(results, str):
        return
    for part in results:
        if not trial.fits(batch, part):
            trial.broken(f"the result has the shape {tuple(part.shape)}, which no input has")
        if part.dtype != wanted:
            trial.broken(f"the result is {part.dtype}; {wanted} was expected")


@law("NeMo-RL#4158", "TRL#5773")
def credit_is_finite(trial: Trial) -> None:
    """Finite inputs give finite credit, also for lone members, equal rewards and empty turns."""
    batch = trial.batch(dtypes=_EVERY_DTYPE, crowds=True)
    if not all(bool(part.isfinite().all()) for part in trial(batch)):
        trial.broken("a result is NaN or infinite although every input is finite")


@law()
def inputs_are_untouched(trial: Trial) -> None:
    """A call changes none of its input tensors."""
    batch = trial.batch(fill=2.0)  # padding and tool output too
    trial(batch)
    mine = {name: x.clone() for name, x in batch.items()}
    arguments = trial.subject.arguments(mine, trial.options(batch))
    before = copy.deepcopy(arguments)
    trial.subject.function(**arguments)
    for name, x in arguments.items():
        if not _same(before[name], x):
            trial.broken(f"the call wrote into `{name}`")


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first.nan_to_num(7), second.nan_to_num(7))
    return bool(np.array_equal(first, second)) if isinstance(first, np.ndarray) else first == second


@law()
def the_same_batch_gets_the_same_credit(trial: Trial) -> None:
    """Two calls with the same batch give the same credit, bit for bit."""
    batch = trial.batch()
    first, other = trial(batch), trial.batch()
    trial.attempt(other)
    again = "a second call with the same batch gave other numbers"
    trial.must_equal(trial(batch), first, again, calls=3)


@law()
def credit_carries_no_gradient(trial: Trial) -> None:
    """A result requires no gradient, even if an input does."""
    batch = trial.batch()
    given = {
        name: x.clone().requires_grad_() if x.is_floating_point() else x
        for name, x in batch.items()
    }
    trial(batch)
    try:
        results = trial.subject.call(given, trial.options(batch))
    except Exception as error:  # an estimator can raise anything
        trial.broken(
            f"inputs that require a gradient were refused: {type(error).__name__}: {error}"
        )
    if any(part.requires_grad for part in results):
        trial.broken("the result requires a gradient if an input does")


@law("ms-swift#8125")
def missing_tensors_are_refused(trial: Trial) -> None:
    """A call with None for a required tensor raises an error."""
    batch = trial.batch(least=2)
    for name in batch:
        if trial.subject.tensors[name].required:
            given: dict[str, Any] = {**batch, name: None}
            options = trial.options(batch)
            try:
                results = trial.subject.call(given, options)
            except Exception:  # an estimator can raise anything
                continue
            trial.calls.append(Call(given, options, results))
            trial.broken(f"`{name}`=None raised no error")


@law("verl#7893")
def unknown_options_are_refused(trial: Trial) -> None:
    """A call with an unknown option raises an error."""
    batch = trial.batch()
    if not isinstance(trial.attempt(batch, no_such_option=1), str):
        trial.broken("the unknown option no_such_option raised no error")


def arguments_with_effect(subject: Subject) -> set[str]:
    """The tensors and options that must change the result of some batch."""
    options = {name for name, option in subject.options.items() if not option.axis}
    return (set(subject.tensors) - {"out", "offsets"}) | options


def _without_effect(subject: Subject, with_effect: set[str], examples: int) -> str:
    """The sentence that names the arguments without effect."""
    missing = sorted(arguments_with_effect(subject) - with_effect)
    names = ", ".join(f"`{name}`" for name in missing)
    return f"{names} changed no result in {examples} batches" if missing else ""


def _choice_is_free(subject: Subject) -> bool:
    return not subject.choice_is_fixed


@law(
    "verl#7893",
    "verl#3089",
    when=_choice_is_free,
    kind="some",
    finish=_without_effect,
)
def every_argument_is_heard(trial: Trial) -> None:
    """Every tensor and every option changes the result of some batch."""
    every = trial.draws.boolean()
    optional = [n for n, x in trial.subject.tensors.items() if not x.required and n != "offsets"]
    batch = trial.batch(fill=2.0, include=optional if every else ())
    options = trial.choices()
    plain = trial.attempt(batch, **options)
    if isinstance(plain, str):
        return
    for name in arguments_with_effect(trial.subject) - trial.with_effect:
        if name in batch:
            other = trial.attempt(perturbed(batch, name), **options)
            changed = _differ(plain, other)
        elif name in trial.subject.options:
            changed = _option_changes(trial, batch, name, options)
        else:
            changed = False
        if changed:
            trial.with_effect.add(name)


def _option_changes(trial: Trial, batch: Batch, name: str, options: dict[str, Any]) -> bool:
    """Whether each choice, or at least one number, has differed from the default so far."""
    default, values = trial.subject.default_of(name), trial.values_of(name)
    plain = trial.attempt(batch, **{**options, name: default})
    others = {f"{name}={value!r}": value for value in values if value != default}
    for text, value in others.items():
        if text not in trial.with_effect:
            other = trial.attempt(batch, **{**options, name: value})
            if _differ(plain, other):
                trial.with_effect.add(text)
    missing = others.keys() - trial.with_effect
    return not missing if trial.subject.options[name].choices else len(missing) < len(others)


def _differ(first: Any, second: Any) -> bool:
    if isinstance(first, str) or isinstance(second, str):
        return False
    if len(first) != len(second):
        return True
    pairs = zip(first, second, strict=True)
    return any(a.shape != b.shape or not torch.equal(a, b) for a, b in pairs)


LAWS: tuple[Law, ...] = (
    every_batch_is_taken,
    no_trajectories_no_credit,
    results_fit_their_inputs,
    credit_is_finite,
    inputs_are_untouched,
    the_same_batch_gets_the_same_credit,
    credit_carries_no_gradient,
    missing_tensors_are_refused,
    unknown_options_are_refused,
    every_argument_is_heard,
)
