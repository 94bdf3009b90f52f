"""A trainer's estimator as a subject: batches use the vocabulary, calls the trainer's signature."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from creditlib.registry import resolve, title
from creditlib.testing.conformance.signatures import Convention, Settings, convention_of
from creditlib.testing.generate.batch_builder import BatchConfig, build, byte_layout
from creditlib.testing.subject import Batch, Subject, subject_of
from creditlib.vocabulary.annotations import Argument, describe
from creditlib.vocabulary.messages import contract_error
from creditlib.vocabulary.words import ARGUMENTS

__all__ = ["TrainerSubject", "subject_in", "trainer_subject"]

_CONFIG = "config"
_Parameters = Mapping[str, inspect.Parameter]


@dataclass(frozen=True)
class TrainerSubject(Subject):
    """A function with a trainer's signature.

    takes: the arguments that it gets. defaults_given: options that every call gets because the
    function has no default. config: the keys of its settings object, None without one.
    """

    convention: Convention | None = None
    takes: tuple[str, ...] = ()
    defaults_given: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None

    @property
    def trainer(self) -> Convention:
        """The convention, which every instance has."""
        assert self.convention is not None
        return self.convention

    def arguments(self, batch: Batch, options: Mapping[str, Any]) -> dict[str, Any]:
        """The trainer's arguments; an option `config.x` becomes a key of the settings object."""
        given: dict[str, Any] = {}
        for name in self.takes:
            feed = self.trainer.arguments[name]
            lacking = any(batch.get(need) is None for need in feed.needs)
            given[name] = None if lacking else feed.make(batch)
        every = {**self.defaults_given, **self.fixed, **options}
        inner = {k.partition(".")[2]: v for k, v in every.items() if k.startswith(f"{_CONFIG}.")}
        if self.config is not None:
            given[_CONFIG] = Settings({**self.config, **inner})
        return {**given, **{k: v for k, v in every.items() if not k.startswith(f"{_CONFIG}.")}}

    def tensors_in(self, result: Any) -> tuple[Tensor, ...]:
        """The advantages, and the returns if they train a critic."""
        found = super().tensors_in(result)
        return found if self.trainer.critic in self.takes else found[:1]

    def read(self, results: tuple[Tensor, ...], batch: Batch) -> tuple[Tensor, ...]:
        """The results that reach the loss: tokens that the policy did not write are masked."""
        if "turn" not in batch:
            return results
        mine = batch["turn"] >= 0
        return tuple(
            torch.where(mine, part, torch.zeros_like(part)) if part.shape == mine.shape else part
            for part in results
        )

    def masked(self, batch: Batch) -> Tensor:
        """The tokens that the trainer's mask leaves out."""
        return super().masked(batch) if self.trainer.masks_tool_output else ~batch["present"]

    def rename_arguments(self, sentence: str) -> str:
        """A sentence with the trainer's argument names."""
        for name in self.takes:
            for need in self.trainer.arguments[name].needs:
                sentence = sentence.replace(f"`{need}`", f"`{name}`")
        return sentence


def subject_in(
    function: str | Callable[..., Any], signature: str | None, options: Mapping[str, Any]
) -> Subject:
    """A function with the vocabulary's arguments (`signature=None`) or a trainer's signature.

    >>> subject_in("rloo", None, {}).name
    'rloo'
    """
    if signature is None:
        return subject_of(function, options)
    return trainer_subject(function, signature, options)


def trainer_subject(
    function: str | Callable[..., Any], signature: str, options: Mapping[str, Any] | None = None
) -> TrainerSubject:
    """A trainer's estimator, ready to be tested; its parameters determine the tensors.

    >>> def own(token_level_rewards, response_mask, index, gamma=1.0, **kwargs): ...
    >>> subject = trainer_subject(own, "verl")
    >>> sorted(subject.tensors), list(subject.options)
    (['group', 'token_reward', 'turn'], ['gamma'])
    """
    convention = convention_of(signature)
    target = resolve(function)
    given = dict(options or {})
    parameters = inspect.signature(target).parameters
    takes = tuple(name for name in convention.arguments if name in parameters)
    _check_parameters(title(target), convention, takes, parameters, given)
    free = {name: x for name, x in convention.options.items() if name in parameters}
    subject = TrainerSubject(
        name=title(target),
        function=target,
        tensors=_tensors(convention, takes),
        options=free,
        equal_groups=convention.equal_groups,
        counts_masked_tail=convention.counts_masked_tail,
        dtypes=convention.dtypes,
        signature=signature,
        convention=convention,
        takes=takes,
        defaults_given={
            name: value
            for name, value in convention.defaults.items()
            if name in free and parameters[name].default is inspect.Parameter.empty
        },
        config=convention.config if _CONFIG in parameters else None,
    )
    if subject.config is not None:
        subject = _with_settings(subject, parameters)
    found = subject.with_options(given)
    assert isinstance(found, TrainerSubject)
    return found


def _check_parameters(
    name: str,
    convention: Convention,
    takes: tuple[str, ...],
    parameters: _Parameters,
    given: Mapping[str, Any],
) -> None:
    """Refuse a parameter that the trainer does not pass, without default and given value."""
    if not takes:
        wanted = f"a function that takes {', '.join(convention.arguments)} by name"
        raise contract_error(
            "conformance_report", "function", wanted, f"{name}({', '.join(parameters)})"
        )
    passed = {*takes, *convention.options, *given, _CONFIG}
    for each, parameter in parameters.items():
        variable = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if not variable and parameter.default is parameter.empty and each not in passed:
            wanted = f"an argument of the {convention.name} convention or given in `options`"
            raise contract_error("conformance_report", each, wanted, "neither")


def _tensors(convention: Convention, takes: tuple[str, ...]) -> dict[str, Argument]:
    """The tensors of the arguments, with one row for each trajectory."""
    found: dict[str, Argument] = {}
    for name in takes:
        feed = convention.arguments[name]
        for need in (*feed.needs, *feed.may):
            if need in convention.own:
                found[need] = convention.own[need]
                continue
            tensor = describe(need, ARGUMENTS[need], need not in feed.may)
            rows = tuple(shape for shape in tensor.shapes if shape.axes[0][0] == "batch")
            found[need] = replace(tensor, shapes=rows)
    return found


def _with_settings(subject: TrainerSubject, parameters: _Parameters) -> TrainerSubject:
    """The subject with the keys that the function reads or that its signature names too."""
    convention = subject.trainer
    read = _keys_read(subject)
    config = {k: v for k, v in convention.config.items() if k in read or k in parameters}
    inner = {
        f"{_CONFIG}.{name}": replace(option, name=f"{_CONFIG}.{name}")
        for name, option in convention.options.items()
        if name in config
    }
    return replace(subject, config=config, options={**subject.options, **inner})


def _keys_read(subject: TrainerSubject) -> set[str]:
    """The keys of the settings object that a call on two rows of zeros reads."""
    layout = byte_layout(subject.tensors)
    rows = [bytes(layout.size)] * 2
    batch = build(layout, list(layout.tensors), rows, BatchConfig(group_size=2))
    arguments = subject.arguments(batch, {})
    with contextlib.suppress(Exception):  # the laws report errors
        subject.function(**arguments)
    return arguments[_CONFIG].keys_read
