"""The names that trainers have for estimators: `creditlib_grpo` and so on."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from creditlib.registry import plugins, public_functions
from creditlib.vocabulary.annotations import Argument, result_of, tensors_of

__all__ = ["PREFIX", "estimator_names", "estimator_of", "is_ours"]

PREFIX = "creditlib_"


def is_ours(name: object) -> bool:
    """Whether a trainer's setting names creditlib: `creditlib`, or `creditlib_grpo` and so on.

    A name with the prefix is ours even if no estimator has it: `settings_for` then suggests a
    similar name.

    >>> is_ours("creditlib"), is_ours("creditlib_gigpo"), is_ours("grpo")
    (True, True, False)
    """
    return str(name) == "creditlib" or str(name).startswith(PREFIX)


def estimator_names() -> dict[str, Callable[..., Any]]:
    """Every estimator of advantages by its name: ours, and plug-ins of `creditlib.estimators`.

    A plug-in with the name of one of ours does not replace it.

    >>> names = estimator_names()
    >>> names["grpo"].__name__, "information_gain" in names
    ('grpo', False)
    """
    found = {plugin.name: plugin.function for plugin in plugins() if plugin.function is not None}
    return {**found, **_own_estimators()}


def estimator_of(name: object) -> Callable[..., Any] | None:
    """The estimator for a name with the prefix; None for any other name.

    >>> estimator_of("creditlib_gigpo").__name__, estimator_of("grpo")
    ('gigpo', None)
    """
    own = str(name).removeprefix(PREFIX)
    if own == str(name):
        return None
    if own in _own_estimators():  # looking for plug-ins reads every installed package
        return _own_estimators()[own]
    return estimator_names().get(own)


@functools.cache
def _own_estimators() -> dict[str, Callable[..., Any]]:
    """The functions of this package whose result is an advantage of rows, turns or tokens."""
    public = public_functions().items()
    return {name: each for name, each in public if _credits_rows(each)}


def _credits_rows(function: Callable[..., Any]) -> bool:
    """Whether a result can be laid on the tokens of rows: credit of edges or timescales cannot."""
    found = result_of(function)
    axes = {axis for part in re.findall(r"\[([^]]*)\]", found.contract) for axis in part.split()}
    named = tensors_of(function)
    # Nor can credit of segments, which is for tokens that rows do not tell from the others, or
    # what reads other values of tokens than those that rows have.
    needs = {name for name, tensor in named.items() if tensor.required and _has_tokens(tensor)}
    known = needs <= {"turn", "token_reward", "value"} and "segment_value" not in named
    return found.kind == "advantage" and axes <= {"batch", "turn", "token"} and known


def _has_tokens(tensor: Argument) -> bool:
    return any(axis == "token" for shape in tensor.shapes for axis, _ in shape.axes)
