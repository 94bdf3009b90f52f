"""Credit of several estimators on one batch, each at turn level, for a table with columns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from creditlib.registry import apply, resolve
from creditlib.rollouts import Rollouts
from creditlib.rollouts.schema import keys_of_tensor, source_of
from creditlib.vocabulary.annotations import tensors_of
from creditlib.vocabulary.messages import ContractError, error_line, nearest_name, one_line

__all__ = ["Column", "Estimator", "credit_columns", "heading", "name_of"]

Estimator = str | Callable[..., Any]


@dataclass(frozen=True)
class Column:
    """The credit that one estimator gives a batch.

    credit: the estimator's result, float[batch] or float[batch turn]; None if there is none.
    turn_credit: the same as float[batch turn]; every turn of a trajectory gets its credit.
    reason: one sentence on why there is no credit, '' if there is credit.
    """

    name: str
    credit: Tensor | None = None
    turn_credit: Tensor | None = None
    reason: str = ""


def name_of(estimator: Estimator) -> str:
    """The name as the user wrote it, or the name of the function.

    >>> name_of("mypkg.credit:patient_grpo"), name_of(len)
    ('mypkg.credit:patient_grpo', 'len')
    """
    if isinstance(estimator, str):
        return estimator
    return getattr(estimator, "__name__", type(estimator).__name__)


def heading(name: str) -> str:
    r"""The function's name alone, broken at underscores where it is long.

    >>> heading("mypkg.credit:patient_grpo_of_turns")
    'patient_\ngrpo_\nof_\nturns'
    """
    short = name.rpartition(":")[2]
    return short if len(short) <= 12 else short.replace("_", "_\n")


def credit_columns(
    rollouts: Rollouts,
    estimators: Sequence[Estimator],
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Column]:
    """One column per estimator, computed on the whole batch.

    Trajectories without an outcome take no part, and their credit is 0. An estimator that needs a
    tensor the rollouts lack keeps its column; the reason names the key that would fill it.

    Args:
        rollouts: what `creditlib.rollouts.read` returns.
        estimators: what `resolve` takes, one for each column.
        options: arguments by estimator, such as {"gigpo": {"gamma": 0.9}}.

    >>> from creditlib.rollouts import from_trajectories
    >>> turn = {"text": "..."}
    >>> batch = from_trajectories([
    ...     {"group": 0, "outcome": 1.0, "turns": [turn, turn]},
    ...     {"group": 0, "outcome": 0.0, "turns": [turn]},
    ... ])
    >>> grpo, opo = credit_columns(batch, ["grpo", "opo"], options={"grpo": {"scale": None}})
    >>> grpo.turn_credit
    tensor([[ 0.5000,  0.5000],
            [-0.5000,  0.0000]])
    >>> opo.reason.split(", which")[0], opo.reason.split("; ")[1]
    ('opo needs `length`', 'these rollouts have no such key.')
    """
    given = options or {}
    return [
        _column(rollouts, estimator, given.get(name_of(estimator), {})) for estimator in estimators
    ]


def _column(rollouts: Rollouts, estimator: Estimator, options: Mapping[str, Any]) -> Column:
    name = name_of(estimator)
    function = resolve(estimator)
    reason = _missing_tensors(name, function, rollouts)
    if reason:
        return Column(name, reason=reason)
    try:
        reason = _unknown_option(name, function, options)
        if reason:
            return Column(name, reason=reason)
        result = apply(function, rollouts.tensors, **options)
    except ContractError as error:  # its message names the function
        return Column(name, reason=one_line(error))
    except (Exception, SystemExit) as error:  # a third-party function may raise anything
        return Column(name, reason=f"{name} failed: {error_line(error)}")
    credit = cast("tuple[Any, ...]", result)[0] if isinstance(result, tuple) else result
    shape = tuple(rollouts.tensors["turn_reward"].shape)
    if not isinstance(credit, Tensor) or tuple(credit.shape) not in (shape, shape[:1]):
        fact = tuple(credit.shape) if isinstance(credit, Tensor) else type(credit).__name__
        return Column(
            name, reason=f"{name} must return float[batch] or float[batch turn], got {fact}."
        )
    return Column(name, credit, _at_turns(credit, rollouts))


def _missing_tensors(name: str, function: Callable[..., Any], rollouts: Rollouts) -> str:
    """The sentence on the required tensors that the rollouts lack, '' if they lack none."""
    known = tensors_of(function)
    names = [name for name in _required(function) if name not in rollouts.tensors]
    names = [name for name in names if name in known or source_of(name)]
    if not names:
        return ""
    listed = ", ".join(f"`{each}`" for each in names)
    if any("token" in known[each].contract for each in names if each in known):
        return f"{name} works on tokens: it needs {listed}, which rollout files do not have."
    words = {each: source_of(each, rollouts.sources) for each in names}
    unread = next((each for each in names if not words[each]), None)
    if unread is not None:
        file = f"file of the format {rollouts.format}" if rollouts.sources else "rollout file"
        return f"{name} needs `{unread}`, which no key of a {file} fills."
    sources = ", and ".join(f"`{each}`, which is read from {words[each]}" for each in names)
    return f"{name} needs {sources}; these rollouts have {_found_instead(names, rollouts)}."


def _required(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    by_name = [
        each for each in parameters if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    return [each.name for each in by_name if each.default is each.empty]


def _found_instead(tensors: Sequence[str], rollouts: Rollouts) -> str:
    """The keys of the file that look like those of the tensors, or that there are none."""
    wanted = [key for tensor in tensors for key in keys_of_tensor(tensor)]
    near = [nearest_name(key, rollouts.unknown_keys) for key in wanted]
    return " and ".join(f"`{key}`" for key in dict.fromkeys(near) if key) or "no such key"


def _unknown_option(name: str, function: Callable[..., Any], options: Mapping[str, Any]) -> str:
    """The sentence on the first option that the signature lacks, with the nearest name."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return ""
    named = [
        parameter.name
        for parameter in parameters
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    wrong = next((option for option in options if option not in named), None)
    if wrong is None:
        return ""
    near = nearest_name(wrong, named)
    if near:
        return f"{name} has no option `{wrong}`; did you mean `{near}`?"
    tensors = tensors_of(function)
    have = ", ".join(f"`{option}`" for option in named if option not in tensors) or "none"
    return f"{name} has no option `{wrong}`; it has {have}."


def _at_turns(credit: Tensor, rollouts: Rollouts) -> Tensor:
    count = rollouts.tensors["turn_count"]
    turn = torch.arange(rollouts.tensors["turn_reward"].shape[1], device="cpu")
    by_turn = credit[:, None] if credit.ndim == 1 else credit
    return torch.where(turn < count[:, None], by_turn, by_turn.new_zeros(()))
