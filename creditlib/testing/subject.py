"""The function under test: which tensors and options it takes, and how to call it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from creditlib.registry import resolve, title
from creditlib.vocabulary.annotations import (
    Argument,
    Option,
    describe,
    options_of,
    result_of,
    tensors_of,
)
from creditlib.vocabulary.messages import contract_error, did_you_mean
from creditlib.vocabulary.words import ARGUMENTS

__all__ = ["Batch", "InexpressibleError", "Subject", "subject_of", "values_of"]

Batch = dict[str, Tensor]


class InexpressibleError(ValueError):
    """A batch cannot be expressed in a trainer's signature. The function is not called with it."""


@dataclass(frozen=True)
class Subject:
    """The function under test. `call` takes a batch in the vocabulary's names, and options.

    options: what a law may vary. fixed: options that every call gets. factor: the result is a
    weight and no credit. level: what one number of the result belongs to, "token", "turn" or
    "trajectory". choice_is_fixed: `fixed` selects one of the function's variants, so some
    arguments may have no effect. equal_groups: groups are given by position and all have one size.
    counts_masked_tail: a reward on a masked last token counts. signature: the trainer's convention,
    "" for the vocabulary. dtypes: the only dtypes that rewards can have; () allows every dtype.
    """

    name: str
    function: Callable[..., Any]
    tensors: Mapping[str, Argument]
    options: Mapping[str, Option] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    factor: bool = False
    level: str = ""
    equal_groups: bool = False
    counts_masked_tail: bool = False
    choice_is_fixed: bool = False
    signature: str = ""
    dtypes: tuple[torch.dtype, ...] = ()

    def has(self, *names: str) -> bool:
        """Whether the function takes all of these tensors, required or optional."""
        return all(name in self.tensors for name in names)

    def has_any(self, *names: str) -> bool:
        """Whether the function takes at least one of these tensors."""
        return any(name in self.tensors for name in names)

    def tensors_with_unit(self, *units: str) -> list[str]:
        """The tensors with one of these units: "reward" is a reward, "prediction" predicts one.

        >>> subject_of("gigpo", {}).tensors_with_unit("reward")
        ['reward', 'turn_reward']
        """
        specs = {name: tensor.spec for name, tensor in self.tensors.items()}
        return [name for name, spec in specs.items() if spec is not None and spec.unit in units]

    def arguments(self, batch: Batch, options: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword arguments of a call. A trainer's convention translates the batch here."""
        return {**batch, **self.fixed, **options}

    def call(self, batch: Batch, options: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Call the function; the result is a tuple of one or several tensors."""
        return self.tensors_in(self.function(**self.arguments(batch, options)))

    def tensors_in(self, result: Any) -> tuple[Tensor, ...]:
        """The tensors of a result, in order."""
        parts = result if isinstance(result, (tuple, list)) else (result,)
        found = tuple(part for part in parts if isinstance(part, Tensor))
        if not found:
            raise TypeError(f"{self.name} returned {type(result).__name__}, not a tensor")
        return found

    def read(self, results: tuple[Tensor, ...], batch: Batch) -> tuple[Tensor, ...]:
        """The part of the results that a trainer uses; here all of it."""
        return results

    def masked(self, batch: Batch) -> Tensor:
        """The tokens that the function's mask leaves out."""
        return batch["turn"] < 0

    def rename_arguments(self, sentence: str) -> str:
        """A sentence with the argument names of the function's convention."""
        return sentence

    def defaults(self) -> dict[str, Any]:
        """The default values of the function's parameters."""
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty}

    def default_of(self, name: str) -> Any:
        """The value of an option that a call does not give."""
        known = {**self.defaults(), **self.fixed}
        return known[name] if name in known else values_of(self.options[name])[0]

    def with_options(self, options: Mapping[str, Any]) -> Subject:
        """The same function with some options fixed."""
        free = {name: option for name, option in self.options.items() if name not in options}
        return replace(self, options=free, fixed={**self.fixed, **options})


def subject_of(
    function: str | Callable[..., Any], options: Mapping[str, Any], require: Iterable[str] = ()
) -> Subject:
    """A function with annotated tensors, ready to be tested.

    Annotations are the vocabulary's or any jaxtyping annotation. A bare `Float[Tensor, "batch"]`
    under a name of the vocabulary has the vocabulary's meaning. `require` names optional tensors
    that every call gets.

    >>> subject_of("grpo", {"scale": None}).fixed
    {'scale': None}
    """
    target, options = _unwrap_partial(resolve(function), options)
    body = target.forward if isinstance(target, torch.nn.Module) else target
    tensors = _with_our_axes(tensors_of(body))
    tensors = {name: _with_spec(tensor) for name, tensor in tensors.items()}
    for name in require:
        if name not in tensors:
            fact = f"{name!r}{did_you_mean(name, tensors)}"
            raise contract_error("check_estimator", "require", "names of its tensors", fact)
        tensors[name] = replace(tensors[name], required=True)
    if not tensors:
        wanted = "a function with annotated tensors, such as `reward: Reward`"
        raise contract_error("check_estimator", "function", wanted, f"{title(target)} without any")
    _check_parameters(target, set(tensors) | set(options))
    every = options_of(body)
    subject = Subject(
        name=title(target),
        function=target,
        tensors=tensors,
        options=every,
        fixed=_required_options(body, every),
        factor=result_of(body).kind == "factor",
        level=result_of(body).level,
        choice_is_fixed=any(name in every and every[name].choices for name in options),
    )
    return subject.with_options(options)


def _unwrap_partial(
    function: Callable[..., Any], options: Mapping[str, Any]
) -> tuple[Callable[..., Any], Mapping[str, Any]]:
    """Keywords that a partial binds become options, so that a counterexample shows them."""
    while isinstance(function, functools.partial) and not function.args:
        if any(isinstance(value, Tensor) for value in function.keywords.values()):
            break
        options = {**function.keywords, **options}
        function = function.func
    return function, options


def _with_our_axes(tensors: Mapping[str, Argument]) -> dict[str, Argument]:
    """Rename axes: `reward: Float[Tensor, "b"]` says that `b` is the batch."""
    ours: dict[str, str] = {}
    for name, tensor in tensors.items():
        known = ARGUMENTS.get(name)
        forms = [] if known is None else describe(name, known).shapes
        for shape in tensor.shapes:
            same = (form for form in forms if len(form.axes) == len(shape.axes))
            for (theirs, _), (axis, _) in zip(shape.axes, next(same, shape).axes, strict=True):
                ours.setdefault(theirs, axis)
    return {
        name: replace(
            tensor,
            shapes=tuple(
                replace(shape, axes=tuple((ours.get(axis, axis), n) for axis, n in shape.axes))
                for shape in tensor.shapes
            ),
        )
        for name, tensor in tensors.items()
    }


def _with_spec(tensor: Argument) -> Argument:
    known = ARGUMENTS.get(tensor.name)
    if tensor.spec is not None or known is None:
        return tensor
    return replace(tensor, spec=describe(tensor.name, known).spec)


def _check_parameters(function: Callable[..., Any], known: set[str]) -> None:
    """Refuse a parameter without annotation, default and given value."""
    for name, parameter in inspect.signature(function).parameters.items():
        variable = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if variable or parameter.default is not parameter.empty or name in known:
            continue
        if name not in options_of(function):
            wanted = "a tensor or a number by its annotation, or given in `options`"
            raise contract_error("check_estimator", name, wanted, "neither")


def _required_options(
    function: Callable[..., Any], options: Mapping[str, Option]
) -> dict[str, Any]:
    """A value for each option without a default. The size of an axis comes from the batch."""
    parameters = inspect.signature(function).parameters
    found: dict[str, Any] = {}
    for name, option in options.items():
        required = name in parameters and parameters[name].default is inspect.Parameter.empty
        if required and not option.axis:
            found[name] = values_of(option)[0]
    return found


def values_of(option: Option) -> tuple[Any, ...]:
    """Values that an option can take: all its choices, or a few numbers of its range.

    >>> values_of(options_of(resolve("gae"))["gamma"])
    (0.5, 0.25, 0.0)
    """
    if option.choices is not None:
        return (*option.choices, *((None,) if option.optional else ()))
    numbers = (2, 1, 0, 7) if option.whole else (0.5, 2.0, 0.25, 7.0, 0.0)
    spec = option.spec
    return tuple(number for number in numbers if spec is None or spec.allows(number))
