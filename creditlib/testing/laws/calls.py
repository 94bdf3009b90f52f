"""Laws of calls: inputs, results and errors."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Call, Results, Trial
from creditlib.testing.generate.choices import reject
from creditlib.testing.generate.transforms import perturbed
from creditlib.testing.subject import Batch, Subject

__all__ = ["LAWS", "arguments_with_effect"]

_EVERY_DTYPE = (torch.float32, torch.bfloat16, torch.float64)


@law("AReaL#1419", "slime#1414", tier="contract")
def every_batch_is_taken(trial: Trial) -> None:
    """A valid batch with unequal groups, unequal turn counts and tool output is accepted."""
    result = trial.attempt(trial.batch(crowds=True))
    if isinstance(result, str):
        trial.broken(f"a valid batch was refused: {result}")


@law(tier="contract")
def no_trajectories_no_credit(trial: Trial) -> None:
    """A batch without trajectories gives an empty result."""
    result = trial.attempt(trial.batch(least=0, most=0))
    if isinstance(result, str):
        because = every_batch_is_taken.name
        trial.broken(f"an empty batch was refused: {result}", because=because)
    if any(part.numel() for part in result if part.ndim):
        trial.broken("an empty batch got credit")


@law("TRL#4976", "SkyRL#1492", tier="contract")
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


@law("NeMo-RL#4158", "TRL#5773", tier="contract")
def credit_is_finite(trial: Trial) -> None:
    """Finite inputs give finite credit, also for groups of one, equal rewards and empty turns."""
    batch = trial.batch(dtypes=_EVERY_DTYPE, crowds=True)
    if not all(bool(part.isfinite().all()) for part in trial(batch)):
        trial.broken("a result is NaN or infinite although every input is finite")


@law(tier="contract")
def inputs_are_untouched(trial: Trial) -> None:
    """A call changes none of its input tensors."""
    batch = trial.batch(fill=2.0)  # padding and tool output too
    trial(batch)
    mine = {name: x.clone() for name, x in batch.items()}
    arguments = trial.subject.arguments(mine, trial.options(batch))
    before = copy.deepcopy(arguments)
    trial.subject.function(**arguments)
    written = {name: x for name, x in arguments.items() if not _same(before[name], x)}
    if written:
        trial.calls[-1] = replace(trial.calls[-1], written=written)
        trial.broken(f"the call wrote into `{next(iter(written))}`", calls=1)


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first.nan_to_num(7), second.nan_to_num(7))
    return bool(np.array_equal(first, second)) if isinstance(first, np.ndarray) else first == second


@law(tier="contract")
def the_same_batch_gets_the_same_credit(trial: Trial) -> None:
    """Two calls with the same batch give the same credit, bit for bit."""
    batch = trial.batch()
    first, other = trial(batch), trial.batch()
    trial.attempt(other)
    again = "a second call with the same batch gave other numbers"
    trial.must_equal(trial(batch), first, again, calls=3)


@law(tier="contract")
def credit_carries_no_gradient(trial: Trial) -> None:
    """A result requires no gradient, even if an input does."""
    batch = trial.batch()
    given = {
        name: x.clone().requires_grad_() if x.is_floating_point() else x
        for name, x in batch.items()
    }
    trial(batch)
    options = trial.options(batch)
    try:
        results = trial.subject.call(given, options)
    except Exception as error:  # an estimator can raise anything
        text = f"{type(error).__name__}: {error}"
        trial.calls.append(Call(given, options, text))
        trial.broken(f"inputs that require a gradient were refused: {text}", calls=1)
    trial.calls.append(Call(given, options, results))
    if any(part.requires_grad for part in results):
        trial.broken("the result requires a gradient if an input does", calls=1)


@law("ms-swift#8125", tier="contract")
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


@law("verl#7893", tier="contract")
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
    minimum=60,
    tier="contract",
)
def every_argument_is_heard(trial: Trial) -> None:
    """Every tensor and every option changes the result of some batch."""
    every = trial.draws.boolean()
    optional = [n for n, x in trial.subject.tensors.items() if not x.required and n != "offsets"]
    batch = trial.batch(fill=2.0, include=optional if every else ())
    options = trial.choices()
    plain = trial.attempt(batch, **options)
    if isinstance(plain, str):
        reject()  # `every_batch_is_taken` reports it
    first = trial.calls[-1]
    for name in arguments_with_effect(trial.subject) - trial.with_effect:
        if name in batch:
            other = perturbed(batch, name)
            if _same(batch[name], other[name]):
                continue  # there is nothing to change
            trial.attempt(other, **options)
            _note_effect(trial, name, first, trial.calls[-1])
        elif name in trial.subject.options:
            _note_option(trial, batch, name, options)


def _note_effect(trial: Trial, name: str, first: Call, second: Call) -> None:
    """Note whether two calls have different results."""
    if isinstance(first.results, str) or isinstance(second.results, str):
        return
    if _differ(first.results, second.results):
        trial.has_effect(name)
    else:
        trial.has_no_effect(name, first, second)


def _note_option(trial: Trial, batch: Batch, name: str, options: dict[str, Any]) -> None:
    """Note whether each choice, or at least one number, has differed from the default so far."""
    default, values = trial.subject.default_of(name), trial.values_of(name)
    trial.attempt(batch, **{**options, name: default})
    first = trial.calls[-1]
    others = {f"{name}={value!r}": value for value in values if value != default}
    for text, value in others.items():
        if text not in trial.with_effect:
            trial.attempt(batch, **{**options, name: value})
            _note_effect(trial, text, first, trial.calls[-1])
    missing = [text for text in others if text not in trial.with_effect]
    choices = trial.subject.options[name].choices
    if not missing if choices else len(missing) < len(others):
        trial.has_effect(name)
        for text in missing:
            trial.has_effect(text)


def _differ(first: Results, second: Results) -> bool:
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
