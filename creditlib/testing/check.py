"""Check an estimator against the laws: in one call, or as cases of pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditlib.testing.engine.declarations import declared
from creditlib.testing.engine.law import Law
from creditlib.testing.engine.runner import EXAMPLES, Report, run_law, run_laws, select_laws
from creditlib.testing.laws import LAWS
from creditlib.testing.subject import Subject, subject_of
from creditlib.vocabulary.messages import contract_error

if TYPE_CHECKING:
    import pytest

__all__ = ["Case", "LawError", "check_estimator", "check_skip", "parametrize_with_laws"]

Function = str | Callable[..., Any]


class LawError(AssertionError):
    """A function breaks laws that it does not declare; `report` has every verdict."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


def check_skip(skip: Mapping[str, str] | None, laws: Iterable[Law] = ()) -> dict[str, str]:
    """The reasons by law. An unknown law or an empty reason is refused.

    >>> check_skip({"credit_sums_to_zero": "only the best one is rewarded"})
    {'credit_sums_to_zero': 'only the best one is rewarded'}
    """
    reasons = dict(skip or {})
    known = {*LAWS, *(law.name for law in laws)}
    for name, reason in reasons.items():
        if name not in known:
            raise contract_error("check_estimator", "skip", "names of laws", repr(name))
        if not reason.strip():
            raise contract_error("check_estimator", "skip", f"a reason for {name}", repr(reason))
    return reasons


def check_estimator(
    function: Function,
    *,
    skip: Mapping[str, str] | None = None,
    laws: Iterable[str | Law] | None = None,
    options: Mapping[str, Any] | None = None,
    require: Iterable[str] = (),
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
) -> Report:
    """Run the laws on any function with annotated tensors; raise `LawError` if one is broken.

    Inputs are drawn from the signature alone. Names of the vocabulary have the vocabulary's
    meaning. Any other tensor with a jaxtyping annotation is drawn by its axes. Laws that do not
    apply to the signature are not run. `docs/laws.md` lists the laws.

    Degenerate cases: a function without annotated tensors is refused.

    Options:
        skip: {"law": "reason"} for laws that the method breaks by design; a reason is required.
        laws: the laws to run, as names or as laws made with `law`; None runs all laws.
        options: options of every call, such as {"gamma": 0.9}.
        require: optional tensors of every call, which those options may need.
        examples: the number of batches for each law.
        seed: selects other batches; without it, the names of law and function are the seed.
        seconds: the time limit; every law gets its share.

    >>> import torch
    >>> from creditlib.vocabulary import Credit, Group, Reward
    >>> def batch_mean(*, reward: Reward, group: Group) -> Credit:
    ...     return reward - reward.mean()
    >>> try:
    ...     check_estimator(batch_mean, laws=["groups_are_independent"])
    ... except LawError as broken:
    ...     print(broken)
    batch_mean breaks 1 of 1 laws
    <BLANKLINE>
    groups_are_independent: other values in one group changed the credit of another group
        reward = torch.tensor([0.0, 0.0])
        group = torch.tensor([0, 1])
        batch_mean(reward=reward, group=group)
        # [0, 0]
        reward = torch.tensor([0.0, 1.0])
        batch_mean(reward=reward, group=group)
        # [-0.5, 0.5]
    """
    selected = select_laws(laws, LAWS)
    report = run_laws(
        subject_of(function, options or {}, require),
        laws=selected,
        skip=check_skip(skip, selected),
        examples=examples,
        seed=seed,
        seconds=seconds,
    )
    if report.broken:
        raise LawError(report)
    return report


@dataclass(frozen=True)
class Case:
    """One law and one function; a call runs the law."""

    law: Law
    subject: Subject
    examples: int
    seed: int | None

    def __call__(self) -> None:
        """Raise `LawError` if the law is broken."""
        verdict = run_law(self.law, self.subject, examples=self.examples, seed=self.seed)
        if verdict.state == "broken":
            raise LawError(Report(self.subject.name, (verdict,)))


def parametrize_with_laws(
    function: Function,
    *,
    skip: Mapping[str, str] | None = None,
    laws: Iterable[str | Law] | None = None,
    options: Mapping[str, Any] | None = None,
    require: Iterable[str] = (),
    examples: int = EXAMPLES,
    seed: int | None = None,
) -> pytest.MarkDecorator:
    """One pytest case for each law that applies. Cases of laws in `skip` are skipped.

        @parametrize_with_laws(my_estimator)
        def test_my_estimator(law):
            law()

    The options are those of `check_estimator`.

    >>> from creditlib import rloo
    >>> cases = parametrize_with_laws(rloo).args[1]
    >>> cases[0].id
    'every_batch_is_taken'
    """
    import pytest

    subject = subject_of(function, options or {}, require)
    selected = select_laws(laws, LAWS)
    reasons = {**declared(subject), **check_skip(skip, selected)}
    cases: list[Any] = []
    for law in selected:
        if not law.applies(subject):
            continue
        reason = reasons.get(law.name)
        marks = [pytest.mark.skip(reason=reason)] if reason else []
        case = Case(law, subject, examples, seed)
        cases.append(pytest.param(case, id=law.name, marks=marks))
    return pytest.mark.parametrize("law", cases)
