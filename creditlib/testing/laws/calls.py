"""Laws of the call: what goes in is left alone, what comes out can be used."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from creditlib.testing.changes import perturbed
from creditlib.testing.law import Law, law
from creditlib.testing.subject import Batch, Subject
from creditlib.testing.trial import Call, Trial

__all__ = ["LAWS", "to_be_heard"]

_EVERY_DTYPE = (torch.float32, torch.bfloat16, torch.float64)


@law("AReaL#1419", "slime#1414")
def every_batch_is_taken(trial: Trial) -> None:
    """A batch with ragged groups, ragged turns and tool output is computed, not refused."""
    result = trial.attempt(trial.batch(crowds=True))
    if isinstance(result, str):
        trial.broken(f"a legal batch was refused: {result}")


@law()
def no_trajectories_no_credit(trial: Trial) -> None:
    """A batch of no trajectories gives an empty result."""
    result = trial.attempt(trial.batch(least=0, most=0))
    if isinstance(result, str):
        trial.broken(f"an empty batch was refused: {result}")
    if any(part.numel() for part in result if part.ndim):
        trial.broken("an empty batch got credit")


@law("TRL#4976", "SkyRL#1492")
def results_fit_their_inputs(trial: Trial) -> None:
    """A result has the shape of an input, is float32, and float64 where the input is."""
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
            trial.broken(f"the result is {part.dtype} where {wanted} was to be expected")


@law("NeMo-RL#4158", "TRL#5773")
def credit_is_finite(trial: Trial) -> None:
    """Finite inputs give finite credit: lone members, equal rewards and empty turns included."""
    batch = trial.batch(dtypes=_EVERY_DTYPE, crowds=True)
    if not all(bool(part.isfinite().all()) for part in trial(batch)):
        trial.broken("a result is NaN or infinite although every input is finite")


@law()
def inputs_are_untouched(trial: Trial) -> None:
    """A call changes none of the tensors it is given."""
    batch = trial.batch(fill=2.0)  # padding and tool output too
    trial(batch)
    mine = {name: x.clone() for name, x in batch.items()}
    native = trial.subject.arguments(mine, trial.options(batch))
    before = copy.deepcopy(native)
    trial.subject.function(**native)
    for name, x in native.items():
        if not _same(before[name], x):
            trial.broken(f"the call wrote into `{name}`")


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first.nan_to_num(7), second.nan_to_num(7))
    return bool(np.array_equal(first, second)) if isinstance(first, np.ndarray) else first == second


@law()
def the_same_batch_gets_the_same_credit(trial: Trial) -> None:
    """A call leaves nothing behind that the next one finds."""
    batch = trial.batch()
    first, other = trial(batch), trial.batch()
    trial.attempt(other)
    again = "a second call with the same batch gave other numbers"
    trial.must_equal(trial(batch), first, again, calls=3)


@law()
def credit_carries_no_gradient(trial: Trial) -> None:
    """Credit is a number that multiplies a gradient: it does not hold one."""
    batch = trial.batch()
    given = {
        name: x.clone().requires_grad_() if x.is_floating_point() else x
        for name, x in batch.items()
    }
    trial(batch)
    try:
        results = trial.subject.call(given, trial.options(batch))
    except Exception as error:  # an estimator may raise anything
        trial.broken(
            f"inputs that require a gradient were refused: {type(error).__name__}: {error}"
        )
    if any(part.requires_grad for part in results):
        trial.broken("the result requires a gradient where an input does")


@law("ms-swift#8125")
def missing_tensors_are_refused(trial: Trial) -> None:
    """None in place of a tensor that is needed raises an error."""
    batch = trial.batch(least=2)
    for name in batch:
        if trial.subject.tensors[name].required:
            given: dict[str, Any] = {**batch, name: None}
            options = trial.options(batch)
            try:
                results = trial.subject.call(given, options)
            except Exception:  # whatever an estimator says no with
                continue
            trial.calls.append(Call(given, options, results))
            trial.broken(f"`{name}`=None was taken without a word")


@law("verl#7893")
def unknown_options_are_refused(trial: Trial) -> None:
    """An option that does not exist raises an error: a misspelt one is never ignored."""
    batch = trial.batch()
    if not isinstance(trial.attempt(batch, no_such_option=1), str):
        trial.broken("an option called no_such_option was taken without a word")


def to_be_heard(subject: Subject) -> set[str]:
    """The tensors and options that must change something."""
    named = {name for name, option in subject.options.items() if not option.axis}
    return (set(subject.tensors) - {"out", "offsets"}) | named


def _all_ways(subject: Subject) -> bool:
    return not subject.chosen


@law("verl#7893", "verl#3089", when=_all_ways, kind="some")
def every_argument_is_heard(trial: Trial) -> None:
    """Every tensor and every option changes the result of some batch."""
    every = trial.draws.flag()
    optional = [n for n, x in trial.subject.tensors.items() if not x.required and n != "offsets"]
    batch = trial.batch(fill=2.0, include=optional if every else ())
    options = trial.choices()
    plain = trial.attempt(batch, **options)
    if isinstance(plain, str):
        return
    for name in to_be_heard(trial.subject) - trial.heard:
        if name in batch:
            other = trial.attempt(perturbed(batch, name), **options)
            changed = _differ(plain, other)
        elif name in trial.subject.options:
            changed = _option_changes(trial, batch, name, options)
        else:
            changed = False
        if changed:
            trial.heard.add(name)


def _option_changes(trial: Trial, batch: Batch, name: str, options: dict[str, Any]) -> bool:
    """Whether each choice, or some number, has been seen to differ from the usual value by now."""
    usual, values = trial.subject.usual_of(name), trial.values_of(name)
    plain = trial.attempt(batch, **{**options, name: usual})
    others = {f"{name}={value!r}": value for value in values if value != usual}
    for said, value in others.items():
        if said not in trial.heard:
            other = trial.attempt(batch, **{**options, name: value})
            if _differ(plain, other):
                trial.heard.add(said)
    silent = others.keys() - trial.heard
    return not silent if trial.subject.options[name].choices else len(silent) < len(others)


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
