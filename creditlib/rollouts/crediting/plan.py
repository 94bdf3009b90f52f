"""What the chosen estimators need: which tensors, from which keys, and whether the whole batch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from creditlib.registry import public_functions, resolve, title
from creditlib.rollouts.schema import keys_of_tensor, source_of
from creditlib.vocabulary.annotations import tensors_of
from creditlib.vocabulary.call_names import unknown_argument
from creditlib.vocabulary.messages import contract_error

__all__ = ["ALWAYS", "FIXED", "Asked", "Estimator", "Plan", "check_present", "make_plan"]

Estimator = str | Callable[..., Any]

# Tensors that every file of trajectories fills.
ALWAYS = frozenset(("reward", "group", "valid", "turn_count"))
# The columns of an output that no estimator may be called.
FIXED = ("row", "trajectory", "group", "group_size", "group_constant", "met_a_peer")
# Estimators whose credit of a group depends on no other group, bit for bit; a test measures it.
_BY_GROUP = frozenset(
    (
        *("a2tgpo", "a2tgpo_clip_scale", "action_margin", "agreement", "combine", "fgrpo"),
        *("gigpo", "gtalign", "hard_min_returns", "hgpo", "igpo", "information_gain", "istar"),
        *("matchtir", "maxrl", "mica", "opo", "overlong_penalty", "pass_at_k", "pure", "r3l"),
        *("rloo", "softmin_returns", "spread_back", "suffix_min_returns"),
    )
)
# Estimators for which an option decides it: its name, its default, and the value of the batch.
_BY_OPTION = {
    "grpo": ("scale_over", "group", "batch"),
    "grpo_process": ("over", "group", "turn_of_batch"),
    "duration_weight": ("over", "batch", "batch"),
}


@dataclass(frozen=True)
class Asked:
    """One estimator of a run.

    name: its column in the output.
    estimator: the name, import path or function that the user gave.
    options: what the user gave besides.
    tensors: the tensors of its signature; `required` are those without a default.
    whole: whether it must see all trajectories in one call.
    """

    name: str
    estimator: Estimator
    options: Mapping[str, Any]
    tensors: frozenset[str]
    required: tuple[str, ...]
    whole: bool


@dataclass(frozen=True)
class Plan:
    """The estimators of a run, in order, and the tensors that a file must be read for."""

    asked: tuple[Asked, ...]
    needs: frozenset[str]


def make_plan(
    estimators: Estimator | Sequence[Estimator],
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Plan:
    """The plan of a run; `options` are by the estimator's name, as in `report.explain`.

    >>> plan = make_plan(["grpo", "gigpo"], {"grpo": {"scale_over": "batch"}})
    >>> [(each.name, each.whole) for each in plan.asked], sorted(plan.needs - ALWAYS)
    ([('grpo', True), ('gigpo', False)], ['anchor', 'turn_reward'])
    """
    given = [estimators] if isinstance(estimators, str) or callable(estimators) else estimators
    asked = tuple(_asked(each, options or {}) for each in given)
    if not asked:
        raise contract_error("credit", "estimators", "at least one estimator", "none")
    names = [each.name for each in asked]
    for name in names:
        if names.count(name) > 1 or name in FIXED:
            fact = f"`{name}` twice" if names.count(name) > 1 else f"the column `{name}`"
            remedy = "wrap one of them in a function of another name"
            raise contract_error("credit", "estimators", "columns of distinct names", fact, remedy)
    for key in options or {}:
        if key not in {_written(each.estimator) for each in asked}:
            listed = ", ".join(_written(each.estimator) for each in asked)
            raise contract_error("credit", "options", f"by an estimator ({listed})", repr(key))
    needs = frozenset[str]().union(*(each.tensors for each in asked))
    return Plan(asked, frozenset(each for each in needs if each in ALWAYS or source_of(each)))


def _written(estimator: Estimator) -> str:
    return estimator if isinstance(estimator, str) else title(estimator)


def _asked(estimator: Estimator, options: Mapping[str, Mapping[str, Any]]) -> Asked:
    function = resolve(estimator)
    written = _written(estimator)
    own = dict(options.get(written, {}))
    parameters = inspect.signature(function).parameters
    if not any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        for name, value in own.items():
            if name not in parameters:
                raise unknown_argument(title(function), name, value, parameters)
    known = tensors_of(function)
    plain = [
        name
        for name, each in parameters.items()
        if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)
        and (name in known or name in ALWAYS or source_of(name))
    ]
    named = [name for name in plain if name not in own]
    required = tuple(n for n in named if parameters[n].default is inspect.Parameter.empty)
    for name in required:
        if name not in ALWAYS and not source_of(name):
            tokens = name in known and known[name].shapes and known[name].shapes[0].of_tokens
            level = ", which works on tokens" if tokens else ""
            fact = f"{written}{level}: no key of a rollout file fills its `{name}`"
            wanted = "estimators of trajectories or turns whose tensors a file can hold"
            raise contract_error("credit", "estimators", wanted, fact)
    column = written.rpartition(":")[2].rpartition(".")[2]
    return Asked(column, estimator, own, frozenset(named), required, _is_whole(function, own))


def _is_whole(function: Callable[..., Any], options: Mapping[str, Any]) -> bool:
    """Whether the credit of a group may depend on other groups; yes for what is not known."""
    name = getattr(function, "__name__", "")
    if public_functions().get(name) is not function:
        return True
    if name in _BY_OPTION:
        option, default, whole = _BY_OPTION[name]
        return options.get(option, default) == whole
    return name not in _BY_GROUP


def check_present(
    plan: Plan, present: frozenset[str], sources: Mapping[str, str] | None = None
) -> None:
    """Refuse an estimator that needs a tensor that the files do not fill.

    `sources` are those of the files' format, None those of creditlib's own schema.

    >>> check_present(make_plan("grpo"), frozenset(ALWAYS))
    """
    for each in plan.asked:
        for name in each.required:
            if name in present or name in ALWAYS:
                continue
            source = source_of(name, sources)
            fact = f"{each.name}, which needs `{name}`, read from {source or 'no key of them'}"
            keys = " or ".join(f"`{key}`" for key in keys_of_tensor(name))
            remedy = f"these files have no {keys}" if sources is None else ""
            wanted = "estimators whose tensors the files fill"
            raise contract_error("credit", "estimators", wanted, fact, remedy)
