"""A trainer's estimator as the laws see it: batches are drawn as ever, calls are the trainer's."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from creditlib.annotations import Argument, describe
from creditlib.checks import vocabulary_words
from creditlib.contract import refuse
from creditlib.names import resolve, title
from creditlib.testing.building import Frame, build, plan_of
from creditlib.testing.conventions import Convention, Settings, convention_of
from creditlib.testing.subject import Batch, Subject, subject_of

__all__ = ["NativeSubject", "native_subject", "subject_in"]

_CONFIG = "config"
_Parameters = Mapping[str, inspect.Parameter]


@dataclass(frozen=True)
class NativeSubject(Subject):
    """A function that is called as a trainer calls it.

    takes: the arguments it is given. config: what its settings object holds, None without one.
    """

    convention: Convention | None = None
    takes: tuple[str, ...] = ()
    usual: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None

    @property
    def native(self) -> Convention:
        """The convention; there always is one."""
        assert self.convention is not None
        return self.convention

    def arguments(self, batch: Batch, options: Mapping[str, Any]) -> dict[str, Any]:
        """The trainer's own arguments; an option `config.x` goes into the settings object."""
        given: dict[str, Any] = {}
        for name in self.takes:
            feed = self.native.arguments[name]
            lacking = any(batch.get(need) is None for need in feed.needs)
            given[name] = None if lacking else feed.make(batch)
        every = {**self.usual, **self.fixed, **options}
        inner = {k.partition(".")[2]: v for k, v in every.items() if k.startswith(f"{_CONFIG}.")}
        if self.config is not None:
            given[_CONFIG] = Settings({**self.config, **inner})
        return {**given, **{k: v for k, v in every.items() if not k.startswith(f"{_CONFIG}.")}}

    def tensors_in(self, result: Any) -> tuple[Tensor, ...]:
        """Advantages; returns too where they train a critic."""
        found = super().tensors_in(result)
        return found if self.native.critic in self.takes else found[:1]

    def read(self, results: tuple[Tensor, ...], batch: Batch) -> tuple[Tensor, ...]:
        """What reaches the loss, which masks what the policy did not write."""
        if "turn" not in batch:
            return results
        mine = batch["turn"] >= 0
        return tuple(
            torch.where(mine, part, torch.zeros_like(part)) if part.shape == mine.shape else part
            for part in results
        )

    def masked(self, batch: Batch) -> Tensor:
        """What the mask of the convention leaves out."""
        return super().masked(batch) if self.native.told else ~batch["present"]

    def worded(self, sentence: str) -> str:
        """A sentence in the trainer's words."""
        for name in self.takes:
            for need in self.native.arguments[name].needs:
                sentence = sentence.replace(f"`{need}`", f"`{name}`")
        return sentence


def subject_in(
    function: str | Callable[..., Any], signature: str | None, options: Mapping[str, Any]
) -> Subject:
    """A function of the vocabulary (`signature=None`) or of a trainer's convention.

    >>> subject_in("rloo", None, {}).name
    'rloo'
    """
    if signature is None:
        return subject_of(function, options)
    return native_subject(function, signature, options)


def native_subject(
    function: str | Callable[..., Any], signature: str, options: Mapping[str, Any] | None = None
) -> NativeSubject:
    """A trainer's estimator, ready to be tested; its own signature says what it takes.

    >>> def own(token_level_rewards, response_mask, index, gamma=1.0, **kwargs): ...
    >>> subject = native_subject(own, "verl")
    >>> sorted(subject.tensors), list(subject.options)
    (['group', 'token_reward', 'turn'], ['gamma'])
    """
    convention = convention_of(signature)
    target = resolve(function)
    given = dict(options or {})
    parameters = inspect.signature(target).parameters
    takes = tuple(name for name in convention.arguments if name in parameters)
    _refuse_strange(title(target), convention, takes, parameters, given)
    free = {name: x for name, x in convention.options.items() if name in parameters}
    subject = NativeSubject(
        name=title(target),
        function=target,
        tensors=_tensors(convention, takes),
        options=free,
        even=convention.even,
        tail=convention.tail,
        dtypes=convention.dtypes,
        signature=signature,
        convention=convention,
        takes=takes,
        usual={
            name: value
            for name, value in convention.usual.items()
            if name in free and parameters[name].default is inspect.Parameter.empty
        },
        config=convention.config if _CONFIG in parameters else None,
    )
    if subject.config is not None:
        subject = _configured(subject, parameters)
    found = subject.with_options(given)
    assert isinstance(found, NativeSubject)
    return found


def _refuse_strange(
    name: str,
    convention: Convention,
    takes: tuple[str, ...],
    parameters: _Parameters,
    given: Mapping[str, Any],
) -> None:
    """What the convention does not pass must have a default, or be given as an option."""
    if not takes:
        wanted = f"a function that takes {', '.join(convention.arguments)} by name"
        raise refuse("conformance", "function", wanted, f"{name}({', '.join(parameters)})")
    passed = {*takes, *convention.options, *given, _CONFIG}
    for each, parameter in parameters.items():
        variable = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if not variable and parameter.default is parameter.empty and each not in passed:
            wanted = f"an argument of the {convention.name} convention or given in `options`"
            raise refuse("conformance", each, wanted, "neither")


def _tensors(convention: Convention, takes: tuple[str, ...]) -> dict[str, Argument]:
    """The tensors that the arguments are made of, one row a trajectory."""
    found: dict[str, Argument] = {}
    for name in takes:
        feed = convention.arguments[name]
        for need in (*feed.needs, *feed.may):
            if need in convention.own:
                found[need] = convention.own[need]
                continue
            tensor = describe(need, vocabulary_words()[need], need not in feed.may)
            rows = tuple(shape for shape in tensor.shapes if shape.axes[0][0] == "batch")
            found[need] = replace(tensor, shapes=rows)
    return found


def _configured(subject: NativeSubject, parameters: _Parameters) -> NativeSubject:
    """With the settings that it asks for, or that its signature says can be set as well."""
    convention = subject.native
    asked = _asked(subject)
    config = {k: v for k, v in convention.config.items() if k in asked or k in parameters}
    inner = {
        f"{_CONFIG}.{name}": replace(option, name=f"{_CONFIG}.{name}")
        for name, option in convention.options.items()
        if name in config
    }
    return replace(subject, config=config, options={**subject.options, **inner})


def _asked(subject: NativeSubject) -> set[str]:
    """The keys that a call on two rows of zeros asks for."""
    plan = plan_of(subject.tensors)
    rows = [bytes(plan.size)] * 2
    native = subject.arguments(build(plan, list(plan.tensors), rows, Frame(per_group=2)), {})
    with contextlib.suppress(Exception):  # what is wrong with it, the laws will say
        subject.function(**native)
    return native[_CONFIG].asked
