"""The laws on a trainer's own estimator, and the agreement of two implementations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from creditlib.testing.check import LawError, check_skip, strictness
from creditlib.testing.conformance.trainer_subject import subject_in
from creditlib.testing.engine.law import Law
from creditlib.testing.engine.runner import EXAMPLES, Report, run_law, run_laws, select_laws
from creditlib.testing.engine.trial import Results, Trial
from creditlib.testing.generate.choices import reject
from creditlib.testing.laws import LAWS
from creditlib.testing.option_names import check_option_names, check_option_values
from creditlib.testing.subject import Batch, Subject
from creditlib.testing.tolerances import agree
from creditlib.vocabulary.annotations import Argument
from creditlib.vocabulary.messages import contract_error

__all__ = ["check_agreement", "conformance_report"]

Function = str | Callable[..., Any]


def conformance_report(
    function: Function,
    signature: str | None = "verl",
    *,
    skip: Mapping[str, str] | None = None,
    laws: Iterable[str | Law] | None = None,
    strict: str | None = None,
    options: Mapping[str, Any] | None = None,
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
    watch: Callable[[Law], None] | None = None,
) -> Report:
    """Run the laws on a trainer's estimator with the trainer's signature; nothing is raised.

    The signature determines the arguments of the calls and of the counterexamples. The trainer is
    not imported. Masked tokens are not compared, because the loss masks them. A batch that the
    signature cannot express is discarded, such as groups of unequal sizes where groups are given by
    position. A law without any other batch is "untried".

    Args:
        function: the trainer's estimator: a function, a name, or an import path.
        signature: "verl", "skyrl", "trl", or None for the vocabulary.
        skip: laws that the method breaks by design, {"law": "reason"}; a reason is required.
        laws: the laws to run, as names or as laws made with `law`; None runs all laws.
        strict: the last tier whose broken laws are faults, as in `check_estimator`.
        options: options of every call; {"config.gamma": 0.9} is a key of the settings object.
        examples: the number of batches for each law.
        seed: selects other batches; without it, the names of law and function are the seed.
        seconds: the time limit; every law gets its share.
        watch: is called with each law before it runs.

    >>> import numpy as np
    >>> def centered(token_level_rewards, response_mask, index):
    ...     reward = token_level_rewards.sum(-1)
    ...     for uid in set(index):
    ...         mine = np.nonzero(index == uid)[0]
    ...         if len(mine) > 1:
    ...             reward[mine] = reward[mine] - reward[mine].mean()
    ...     return (reward[:, None] * response_mask,) * 2
    >>> print(conformance_report(centered, "verl", laws=["lone_members_get_nothing"]))
    centered breaks 1 of 1 laws
    <BLANKLINE>
    lone_members_get_nothing: the only member of a group got credit
        token_level_rewards = torch.tensor([[1.0, 0.0]])
        response_mask = torch.tensor([[1, 0]])
        index = np.array(['uid0'], dtype=object)
        centered(token_level_rewards=token_level_rewards, response_mask=response_mask, index=index)
        # [[1, 0]]
    """
    tier = strictness(strict, laws)
    selected = select_laws(laws, LAWS)
    subject = subject_in(function, signature, options or {})
    check_option_names(subject.function, options or {}, subject.tensors if not signature else ())
    check_option_values(subject)
    return run_laws(
        subject,
        strict=tier,
        laws=selected,
        skip=check_skip(skip, selected),
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
    """Compare two implementations of one method on random batches; raise `LawError` if they differ.

    Their results must agree up to rounding. They also differ if only one of them refuses a batch.
    An optional tensor is drawn only if both take it.

    Args:
        function: a function, a name, or an import path.
        reference: the function to compare it with.
        signature: "verl", "skyrl", "trl", or None for the vocabulary.
        options: options of every call of both functions.
        examples: the number of batches.
        seed: selects other batches; without it, the names of the functions are the seed.
        seconds: the time limit.

    >>> try:
    ...     check_agreement("rloo", "grpo")
    ... except LawError as broken:
    ...     print(broken.report.broken[0].sentence)
    rloo and grpo give different credit
    """
    pair = tuple(subject_in(each, signature, options or {}) for each in (function, reference))
    both = _common(*pair)
    law = Law("implementations_agree", _SENTENCE, _BUGS, lambda trial: _agree(trial, pair))
    verdict = run_law(law, both, examples=examples, seed=seed, seconds=seconds)
    report = Report(both.name, (verdict,))
    if report.broken:
        raise LawError(report)
    return report


_SENTENCE = "Two implementations of one method give the same credit."
_BUGS = ("verl#7581", "verl#7893", "SkyRL#1278")


def _common(first: Subject, second: Subject) -> Subject:
    """A subject with the tensors that one of them requires, and those that both take."""
    if first.equal_groups != second.equal_groups or first.factor != second.factor:
        wanted = f"an implementation of what {first.name} computes"
        raise contract_error("check_agreement", "reference", wanted, second.name)
    tensors: dict[str, Argument] = {}
    for name, tensor in {**second.tensors, **first.tensors}.items():
        takers = [subject for subject in (first, second) if subject.has(name)]
        required = any(subject.tensors[name].required for subject in takers)
        if required or len(takers) == 2:
            tensors[name] = replace(tensor, required=required)
    return replace(first, name=f"{first.name} against {second.name}", tensors=tensors)


def _agree(trial: Trial, pair: tuple[Subject, ...]) -> None:
    batch = trial.batch()
    first, second = (_results(trial, subject, batch) for subject in pair)
    one, other = (subject.name for subject in pair)
    if isinstance(first, str) and isinstance(second, str):
        reject()
    if isinstance(first, str) or isinstance(second, str):
        refuses, accepts = (one, other) if isinstance(first, str) else (other, one)
        trial.broken(f"{refuses} refuses a batch that {accepts} accepts")
    if not all(agree(a, b) for a, b in zip(first, second, strict=False)):
        trial.broken(f"{one} and {other} give different credit")


def _results(trial: Trial, subject: Subject, batch: Batch) -> Results | str:
    """The results of one of the two on its tensors of a batch."""
    own = Trial(subject, trial.source, trial.draws, trial.notes)
    results = own.attempt({name: x for name, x in batch.items() if subject.has(name)})
    trial.calls.append(replace(own.calls[-1], subject=subject))
    return results
