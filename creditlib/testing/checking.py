"""What a user calls: the laws put to a function of his own, in a test or out of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditlib.contract import refuse
from creditlib.testing.declared import declared
from creditlib.testing.running import EXAMPLES, Report, chosen, put, put_all
from creditlib.testing.subject import Subject, subject_of

if TYPE_CHECKING:
    import pytest

    from creditlib.testing.law import Law

__all__ = ["Case", "LawError", "check_estimator", "parametrize_with_laws", "reasoned"]

Function = str | Callable[..., Any]


class LawError(AssertionError):
    """A function breaks laws that it does not declare; `report` has every verdict."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


def reasoned(skip: Mapping[str, str] | None) -> dict[str, str]:
    """What may be broken and why; a law that does not exist or has no reason is refused.

    >>> reasoned({"credit_sums_to_zero": "only the best is paid"})
    {'credit_sums_to_zero': 'only the best is paid'}
    """
    given = dict(skip or {})
    chosen(given)
    for name, reason in given.items():
        if not reason.strip():
            raise refuse("check_estimator", "skip", f"a reason for {name}", repr(reason))
    return given


def check_estimator(
    function: Function,
    *,
    skip: Mapping[str, str] | None = None,
    laws: Iterable[str] | None = None,
    options: Mapping[str, Any] | None = None,
    require: Iterable[str] = (),
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
) -> Report:
    """Put the laws to any function whose arguments are annotated; raise `LawError` if one breaks.

    Inputs are drawn from the signature alone: names of the vocabulary mean what it says, any other
    tensor with jaxtyping axes is drawn by its axes. Laws that say nothing of such a signature do
    not apply. `docs/laws.md` has every law.

    Degenerate cases: a function of which no tensor is annotated is refused.

    Options:
        skip: {"law": "reason"} for laws that the method breaks by design; a reason is required.
        laws: only these, by name.
        options: given to every call, such as {"gamma": 0.9}.
        require: optional tensors that every call gets, which those options may need.
        examples: batches a law; the same ones every time, unless a `seed` says which.
        seconds: stop drawing after that time in all; every law gets its share.

    >>> import torch
    >>> from creditlib.vocabulary import Credit, Group, Reward
    >>> def batch_mean(*, reward: Reward, group: Group) -> Credit:
    ...     return reward - reward.mean()
    >>> try:
    ...     check_estimator(batch_mean, laws=["groups_do_not_hear_each_other"])
    ... except LawError as broken:
    ...     print(broken)
    batch_mean breaks 1 of 1 laws
    <BLANKLINE>
    groups_do_not_hear_each_other: other rewards in one group changed the credit of another group
        reward = torch.tensor([0.0, 0.0])
        group = torch.tensor([0, 1])
        batch_mean(reward=reward, group=group)
        # [0, 0]
        reward = torch.tensor([0.0, 1.0])
        batch_mean(reward=reward, group=group)
        # [-0.5, 0.5]
    """
    report = put_all(
        subject_of(function, options or {}, require),
        laws=chosen(laws),
        skip=reasoned(skip),
        examples=examples,
        seed=seed,
        seconds=seconds,
    )
    if report.broken:
        raise LawError(report)
    return report


@dataclass(frozen=True)
class Case:
    """One law put to one function: call it."""

    law: Law
    subject: Subject
    examples: int
    seed: int | None

    def __call__(self) -> None:
        """Raise `LawError` unless the law holds."""
        verdict = put(self.law, self.subject, examples=self.examples, seed=self.seed)
        if verdict.state == "broken":
            raise LawError(Report(self.subject.name, (verdict,)))


def parametrize_with_laws(
    function: Function,
    *,
    skip: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    require: Iterable[str] = (),
    examples: int = EXAMPLES,
    seed: int | None = None,
) -> pytest.MarkDecorator:
    """One pytest case for each law that applies; what `skip` names is skipped with its reason.

        @parametrize_with_laws(my_estimator)
        def test_my_estimator(law):
            law()

    Options are those of `check_estimator`.

    >>> from creditlib import rloo
    >>> cases = parametrize_with_laws(rloo).args[1]
    >>> cases[0].id
    'every_batch_is_taken'
    """
    import pytest

    subject = subject_of(function, options or {}, require)
    reasons = {**declared(subject), **reasoned(skip)}
    cases: list[Any] = []
    for law in chosen(None):
        if not law.applies(subject):
            continue
        reason = reasons.get(law.name)
        marks = [pytest.mark.skip(reason=reason)] if reason else []
        case = Case(law, subject, examples, seed)
        cases.append(pytest.param(case, id=law.name, marks=marks))
    return pytest.mark.parametrize("law", cases)
