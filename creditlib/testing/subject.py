"""A function under test as the laws see it: which tensors it takes, how to call it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from creditlib.annotations import Argument, Option, describe, options_of, tensors_of
from creditlib.checks import vocabulary_words
from creditlib.contract import refuse
from creditlib.names import resolve, title
from creditlib.vocabulary import Factor

__all__ = ["Batch", "InexpressibleError", "Subject", "subject_of", "values_of"]

Batch = dict[str, Tensor]


class InexpressibleError(ValueError):
    """A batch that a trainer's calling convention cannot say; it tells nothing of the function."""


@dataclass(frozen=True)
class Subject:
    """What is tested: `call` takes a batch in the vocabulary, and options.

    `options` may be varied, `fixed` is given on every call. `factor`: the result is a weight, not
    a credit. `chosen`: one of its ways was chosen, which may leave arguments without effect.
    `even`: groups are told by position, of one size. `tail`: a reward on a masked last token is a
    real one. `signature`: the trainer's convention, "" for the vocabulary. `dtypes`: the only ones
    that rewards have where there is a choice.
    """

    name: str
    function: Callable[..., Any]
    tensors: Mapping[str, Argument]
    options: Mapping[str, Option] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    factor: bool = False
    even: bool = False
    tail: bool = False
    chosen: bool = False
    signature: str = ""
    dtypes: tuple[torch.dtype, ...] = ()

    def has(self, *names: str) -> bool:
        """Whether it takes all of these tensors, required or not."""
        return all(name in self.tensors for name in names)

    def has_any(self, *names: str) -> bool:
        """Whether it takes one of these tensors."""
        return any(name in self.tensors for name in names)

    def arguments(self, batch: Batch, options: Mapping[str, Any]) -> dict[str, Any]:
        """What the function is called with: a convention of a trainer translates here."""
        return {**batch, **self.fixed, **options}

    def call(self, batch: Batch, options: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """The result as a tuple of tensors, one or several."""
        return self.tensors_in(self.function(**self.arguments(batch, options)))

    def tensors_in(self, result: Any) -> tuple[Tensor, ...]:
        """The tensors of a result, in order."""
        parts = result if isinstance(result, (tuple, list)) else (result,)
        found = tuple(part for part in parts if isinstance(part, Tensor))
        if not found:
            raise TypeError(f"{self.name} returned {type(result).__name__}, not a tensor")
        return found

    def read(self, results: tuple[Tensor, ...], batch: Batch) -> tuple[Tensor, ...]:
        """What a trainer uses of the results: everything, unless a convention says otherwise."""
        return results

    def masked(self, batch: Batch) -> Tensor:
        """The tokens that the function is told the policy did not write."""
        return batch["turn"] < 0

    def worded(self, sentence: str) -> str:
        """A sentence about the function, in the words of its convention."""
        return sentence

    def defaults(self) -> dict[str, Any]:
        """The options that the function has without being told."""
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty}

    def usual_of(self, name: str) -> Any:
        """What an option is unless one says otherwise."""
        known = {**self.defaults(), **self.fixed}
        return known[name] if name in known else values_of(self.options[name])[0]

    def with_options(self, options: Mapping[str, Any]) -> Subject:
        """The same function with some options set for good."""
        free = {name: option for name, option in self.options.items() if name not in options}
        return replace(self, options=free, fixed={**self.fixed, **options})


def subject_of(
    function: str | Callable[..., Any], options: Mapping[str, Any], require: Iterable[str] = ()
) -> Subject:
    """A function whose annotations say which tensors it takes, ready to be tested.

    Annotations are the vocabulary's or any jaxtyping ones; a bare `Float[Tensor, "batch"]` under a
    name of the vocabulary means what the vocabulary says. `require` names optional tensors that
    every call gets.

    >>> subject_of("grpo", {"scale": None}).fixed
    {'scale': None}
    """
    target, options = _unfolded(resolve(function), options)
    body = target.forward if isinstance(target, torch.nn.Module) else target
    tensors = _with_our_axes(tensors_of(body))
    tensors = {name: _with_word(tensor) for name, tensor in tensors.items()}
    for name in require:
        if name not in tensors:
            raise refuse("check_estimator", "require", "names of its tensors", repr(name))
        tensors[name] = replace(tensors[name], required=True)
    if not tensors:
        wanted = "a function with annotated tensors, such as `reward: Reward`"
        raise refuse("check_estimator", "function", wanted, f"{title(target)} without any")
    _refuse_nameless(target, set(tensors) | set(options))
    subject = Subject(title(target), target, tensors, options_of(body), factor=_is_factor(body))
    chosen = any(name in subject.options and subject.options[name].choices for name in options)
    subject = replace(subject, chosen=chosen)
    subject = replace(subject, fixed=_needed(body, subject))
    return subject.with_options(options)


def _unfolded(
    function: Callable[..., Any], options: Mapping[str, Any]
) -> tuple[Callable[..., Any], Mapping[str, Any]]:
    """What a partial binds by name is an option like any other, and said so in what is pasted."""
    while isinstance(function, functools.partial) and not function.args:
        if any(isinstance(value, Tensor) for value in function.keywords.values()):
            break
        options = {**function.keywords, **options}
        function = function.func
    return function, options


def _with_our_axes(tensors: Mapping[str, Argument]) -> dict[str, Argument]:
    """Axes under our names: `reward: Float[Tensor, "b"]` says that `b` is the batch."""
    ours: dict[str, str] = {}
    for name, tensor in tensors.items():
        known = vocabulary_words().get(name)
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


def _with_word(tensor: Argument) -> Argument:
    known = vocabulary_words().get(tensor.name)
    if tensor.word is not None or known is None:
        return tensor
    return replace(tensor, word=describe(tensor.name, known).word)


def _is_factor(function: Callable[..., Any]) -> bool:
    bare = inspect.unwrap(function)
    while isinstance(bare, functools.partial):
        bare = inspect.unwrap(bare.func)
    bare = bare if inspect.isroutine(bare) else type(bare).__call__
    result: Any = getattr(bare, "__annotations__", {}).get("return", "")
    return result == Factor or str(result).endswith("Factor")


def _refuse_nameless(function: Callable[..., Any], known: set[str]) -> None:
    """An argument that is neither annotated nor has a default cannot be drawn."""
    for name, parameter in inspect.signature(function).parameters.items():
        variable = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if variable or parameter.default is not parameter.empty or name in known:
            continue
        if name not in options_of(function):
            wanted = "a tensor or a number by its annotation, or given in `options`"
            raise refuse("check_estimator", name, wanted, "neither")


def _needed(function: Callable[..., Any], subject: Subject) -> dict[str, Any]:
    """A value for each option without a default; sizes of axes are taken from the batch."""
    parameters = inspect.signature(function).parameters
    found: dict[str, Any] = {}
    for name, option in subject.options.items():
        needed = name in parameters and parameters[name].default is inspect.Parameter.empty
        if needed and not option.axis:
            found[name] = values_of(option)[0]
    return found


def values_of(option: Option) -> tuple[Any, ...]:
    """Values an option may take: all of its choices, or a few numbers of its range.

    >>> values_of(options_of(resolve("gae"))["gamma"])
    (0.5, 0.25, 0.0)
    """
    if option.choices is not None:
        return (*option.choices, *((None,) if option.optional else ()))
    numbers = (2, 1, 0, 7) if option.whole else (0.5, 2.0, 0.25, 7.0, 0.0)
    word = option.word
    return tuple(number for number in numbers if word is None or word.allows(number))
