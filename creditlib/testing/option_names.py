"""Options of a run: an unknown name and a value that the function refuses are said at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from hypothesis.errors import UnsatisfiedAssumption
from torch import Tensor

from creditlib.registry import title
from creditlib.testing.engine.trial import Trial
from creditlib.testing.generate.choices import RandomSource
from creditlib.testing.generate.strategies import BatchSource
from creditlib.testing.subject import Subject
from creditlib.vocabulary.call_names import unknown_argument
from creditlib.vocabulary.messages import ContractError, contract_error

__all__ = ["check_option_names", "check_option_values"]

_CONFIG = "config"


def check_option_names(
    function: Callable[..., Any], options: Mapping[str, Any], tensors: Iterable[str]
) -> None:
    """Refuse an option that the function does not have, and one that is a tensor's name.

    A function with `**kwargs` may take any name. `config.x` is a key of a settings object.

    >>> from creditlib import grpo
    >>> check_option_names(grpo, {"scle": 1}, ["reward", "group"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    creditlib.ContractError: grpo: `scle` must be one of its arguments, got 1 (did you mean ...?).
    """
    body = function.forward if isinstance(function, torch.nn.Module) else function
    parameters = inspect.signature(body).parameters
    free = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    drawn = set(tensors)
    for name, value in options.items():
        if name in drawn and not isinstance(value, Tensor):
            wanted = "left to the laws, which draw it"
            raise contract_error(title(function), name, wanted, f"the option {value!r}")
        own, dot, _ = name.partition(".")
        known = own == _CONFIG and dot and _CONFIG in parameters
        if not (free or known or name in parameters):
            known = [each for each in parameters if each not in drawn]
            raise unknown_argument(title(function), name, value, known)


def check_option_values(subject: Subject) -> None:
    """Refuse the value of an option with the sentence with which the function refuses it.

    Degenerate cases: a function that checks no option of its own is not examined.

    >>> from creditlib.testing.subject import subject_of
    >>> check_option_values(subject_of("grpo", {"eps": -1.0}))
    Traceback (most recent call last):
    creditlib.ContractError: grpo: `eps` must be a number at least 0, got -1.0.
    """
    if not subject.fixed:
        return
    trial = Trial(subject, BatchSource(subject), RandomSource(0))
    try:
        trial.attempt(trial.batch(least=2, most=2))
    except UnsatisfiedAssumption:
        return
    error = trial.calls[-1].error
    if isinstance(error, ContractError):
        _, _, rest = str(error).partition(": `")
        if rest.partition("`")[0] in subject.fixed:
            raise error
