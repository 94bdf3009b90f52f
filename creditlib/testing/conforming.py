"""The laws put to a trainer's own estimator, and two implementations put side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from creditlib.annotations import Argument
from creditlib.contract import refuse
from creditlib.testing.checking import LawError, reasoned
from creditlib.testing.draws import reject
from creditlib.testing.law import Law
from creditlib.testing.native import subject_in
from creditlib.testing.running import EXAMPLES, Report, chosen, put, put_all
from creditlib.testing.subject import Batch, Subject
from creditlib.testing.tolerances import agree
from creditlib.testing.trial import Results, Trial

__all__ = ["check_agreement", "conformance"]

Function = str | Callable[..., Any]


def conformance(
    function: Function,
    signature: str | None = "verl",
    *,
    skip: Mapping[str, str] | None = None,
    laws: Iterable[str] | None = None,
    options: Mapping[str, Any] | None = None,
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
    watch: Callable[[Law], None] | None = None,
) -> Report:
    """What the laws say of a trainer's estimator, called as the trainer calls it; raises nothing.

    The signature names the convention: which tensors the function gets, under which names, and
    what a counterexample looks like. It never imports the trainer. What masks leave out is not
    compared, because the loss masks it too. A batch that a convention cannot say (groups of
    unequal sizes where they are told by position) is passed over; a law without any other batch
    is "untried".

    Options:
        signature: "verl", "skyrl", "trl", or None for the vocabulary.
        skip: {"law": "reason"} for laws that the method breaks by design; a reason is required.
        laws: only these, by name.
        options: given to every call; {"config.gamma": 0.9} goes into the settings object.
        examples: batches a law; the same ones every time, unless a `seed` says which.
        seconds: stop drawing after that time in all; every law gets its share.
        watch: called with each law before it is tried.

    >>> import numpy as np
    >>> def centered(token_level_rewards, response_mask, index):
    ...     reward = token_level_rewards.sum(-1)
    ...     for uid in set(index):
    ...         mine = np.nonzero(index == uid)[0]
    ...         if len(mine) > 1:
    ...             reward[mine] = reward[mine] - reward[mine].mean()
    ...     return (reward[:, None] * response_mask,) * 2
    >>> print(conformance(centered, "verl", laws=["lone_members_get_nothing"]))
    centered breaks 1 of 1 laws
    <BLANKLINE>
    lone_members_get_nothing: the only member of a group got credit
        token_level_rewards = torch.tensor([[1.0, 0.0]])
        response_mask = torch.tensor([[1, 0]])
        index = np.array(['uid0'], dtype=object)
        centered(token_level_rewards=token_level_rewards, response_mask=response_mask, index=index)
        # [[1, 0]]
    """
    return put_all(
        subject_in(function, signature, options or {}),
        laws=chosen(laws),
        skip=reasoned(skip),
        examples=examples,
        seed=seed,
        seconds=seconds,
        watch=watch,
    )


def check_agreement(
    function: Function,
    reference: Function,
    *,
    signature: str | None = None,
    options: Mapping[str, Any] | None = None,
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
) -> Report:
    """Two implementations of one method agree on every batch drawn; raise `LawError` if not.

    They agree but for rounding; a batch that one of them refuses and the other computes counts as
    different. Tensors that only one of them can do without are left out.

    Options are those of `conformance`; `options` are given to both.

    >>> try:
    ...     check_agreement("rloo", "grpo")
    ... except LawError as broken:
    ...     print(broken.report.broken[0].sentence)
    rloo and grpo give different credit
    """
    pair = tuple(subject_in(each, signature, options or {}) for each in (function, reference))
    both = _together(*pair)
    law = Law("implementations_agree", _SENTENCE, _BUGS, lambda trial: _agree(trial, pair))
    report = Report(both.name, (put(law, both, examples=examples, seed=seed, seconds=seconds),))
    if report.broken:
        raise LawError(report)
    return report


_SENTENCE = "Two implementations of one method give the same credit."
_BUGS = ("verl#7581", "verl#7893", "SkyRL#1278")


def _together(first: Subject, second: Subject) -> Subject:
    """Draws what both can be called with: what one needs, and what both take."""
    if first.even != second.even or first.factor != second.factor:
        wanted = f"an implementation of what {first.name} computes"
        raise refuse("check_agreement", "reference", wanted, second.name)
    tensors: dict[str, Argument] = {}
    for name, tensor in {**second.tensors, **first.tensors}.items():
        takers = [subject for subject in (first, second) if subject.has(name)]
        required = any(subject.tensors[name].required for subject in takers)
        if required or len(takers) == 2:
            tensors[name] = replace(tensor, required=required)
    return replace(first, name=f"{first.name} against {second.name}", tensors=tensors)


def _agree(trial: Trial, pair: tuple[Subject, ...]) -> None:
    batch = trial.batch()
    first, second = (_asked(trial, subject, batch) for subject in pair)
    one, other = (subject.name for subject in pair)
    if isinstance(first, str) and isinstance(second, str):
        reject()
    if isinstance(first, str) or isinstance(second, str):
        says, computes = (one, other) if isinstance(first, str) else (other, one)
        trial.broken(f"{says} refuses what {computes} computes")
    if not all(agree(a, b) for a, b in zip(first, second, strict=False)):
        trial.broken(f"{one} and {other} give different credit")


def _asked(trial: Trial, subject: Subject, batch: Batch) -> Results | str:
    """What one of the two makes of its part of a batch."""
    own = Trial(subject, trial.source, trial.draws)
    own.unfit = trial.unfit
    results = own.attempt({name: x for name, x in batch.items() if subject.has(name)})
    trial.calls.append(replace(own.calls[-1], subject=subject))
    return results
