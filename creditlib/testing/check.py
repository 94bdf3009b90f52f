"""Check an estimator against the laws: in one call, or as cases of pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditlib.testing.engine.declarations import declared
from creditlib.testing.engine.law import Law, Tier, tier_of
from creditlib.testing.engine.runner import EXAMPLES, Report, run_law, run_laws, select_laws
from creditlib.testing.laws import LAWS
from creditlib.testing.option_names import check_option_names, check_option_values
from creditlib.testing.subject import Subject, subject_of
from creditlib.vocabulary.messages import contract_error, did_you_mean

if TYPE_CHECKING:
    import pytest

__all__ = [
    "Case",
    "LawError",
    "check_estimator",
    "check_skip",
    "parametrize_with_laws",
    "strictness",
]

Function = str | Callable[..., Any]


class LawError(AssertionError):
    """A function breaks laws that it must keep; `report` has every verdict."""

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
            fact = f"{name!r}{did_you_mean(name, known)}"
            raise contract_error("check_estimator", "skip", "names of laws", fact)
        if not reason.strip():
            raise contract_error("check_estimator", "skip", f"a reason for {name}", repr(reason))
    return reasons


def strictness(strict: str | None, laws: object) -> Tier:
    """The last tier in which a broken law is a fault.

    Without `strict` it is "invariance", and "property" for laws that the caller names himself.

    >>> strictness(None, None), strictness(None, ["credit_sums_to_zero"])
    ('invariance', 'property')
    """
    if strict is None:
        return "invariance" if laws is None else "property"
    return tier_of(strict, "check_estimator", "strict")


def _subject(
    function: Function, options: Mapping[str, Any] | None, require: Iterable[str]
) -> Subject:
    subject = subject_of(function, options or {}, require)
    check_option_names(subject.function, options or {}, subject.tensors)
    check_option_values(subject)
    return subject


def check_estimator(
    function: Function,
    *,
    skip: Mapping[str, str] | None = None,
    laws: Iterable[str | Law] | None = None,
    strict: str | None = None,
    options: Mapping[str, Any] | None = None,
    require: Iterable[str] = (),
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
) -> Report:
    """Run the laws on any function with annotated tensors; raise `LawError` for a fault.

    A law has one of three tiers. "contract": shape, dtype, finite results, inputs that stay as they
    are. "invariance": padding, order, ids and other groups change no credit. "property": what some
    methods have and others do not, such as an unbiased gradient. `strict` is the last tier in which
    a broken law is a fault; laws of later tiers are only reported. Contracts stand first in the
    report, and a break that follows from another one is named there.

    Inputs are drawn from the signature alone. Names of the vocabulary have the vocabulary's
    meaning. Any other tensor with a jaxtyping annotation is drawn by its axes. Laws that do not
    apply to the signature are not run. `docs/laws.md` lists the laws.

    Degenerate cases: a function without annotated tensors is refused, and so is an option that
    the function does not have. A law is "undecided" if too few batches were drawn for a verdict.

    Args:
        function: a function with annotated tensors, a name, or an import path.
        skip: laws that the method breaks by design, {"law": "reason"}; a reason is required.
        laws: the laws to run, as names or as laws made with `law`; None runs all laws.
        strict: "contract", "invariance" or "property"; None is "invariance", or "property" if
            `laws` names the laws.
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
    tier = strictness(strict, laws)
    selected = select_laws(laws, LAWS)
    report = run_laws(
        _subject(function, options, require),
        laws=selected,
        skip=check_skip(skip, selected),
        strict=tier,
        examples=examples,
        seed=seed,
        seconds=seconds,
    )
    if report.faults:
        raise LawError(report)
    return report


@dataclass(frozen=True)
class Case:
    """One law and one function; a call runs the law."""

    law: Law
    subject: Subject
    examples: int
    seed: int | None
    strict: Tier = "property"

    def __call__(self) -> None:
        """Raise `LawError` if the law is broken; a law after the `strict` tier is an xfail.

        A law without a verdict is skipped, with the reason.
        """
        import pytest

        verdict = run_law(self.law, self.subject, examples=self.examples, seed=self.seed)
        report = Report(self.subject.name, (verdict,), self.strict)
        if report.faults:
            raise LawError(report)
        if report.unheld:
            pytest.xfail(f"{self.law.tier}: {verdict.sentence}")
        if verdict.state in ("undecided", "untried"):
            pytest.skip(f"{verdict.state}: {verdict.sentence}")


def parametrize_with_laws(
    function: Function,
    *,
    skip: Mapping[str, str] | None = None,
    laws: Iterable[str | Law] | None = None,
    strict: str | None = None,
    options: Mapping[str, Any] | None = None,
    require: Iterable[str] = (),
    examples: int = EXAMPLES,
    seed: int | None = None,
) -> pytest.MarkDecorator:
    """One pytest case for each law that applies. Cases of laws in `skip` are skipped.

    The case of a law after the `strict` tier does not fail: it is an xfail with what was found.

        @parametrize_with_laws(my_estimator)
        def test_my_estimator(law):
            law()

    Args:
        function: a function with annotated tensors, a name, or an import path.
        skip: laws that the method breaks by design, {"law": "reason"}; a reason is required.
        laws: the laws to run, as names or as laws made with `law`; None runs all laws.
        strict: the last tier whose broken laws fail: "contract", "invariance" or "property"; None
            is as in `check_estimator`.
        options: options of every call, such as {"gamma": 0.9}.
        require: optional tensors of every call, which those options may need.
        examples: the number of batches for each law.
        seed: selects other batches; without it, the names of law and function are the seed.

    >>> from creditlib import rloo
    >>> cases = parametrize_with_laws(rloo).args[1]
    >>> cases[0].id
    'every_batch_is_taken'
    """
    import pytest

    tier = strictness(strict, laws)
    subject = _subject(function, options, require)
    selected = select_laws(laws, LAWS)
    reasons = {**declared(subject), **check_skip(skip, selected)}
    cases: list[Any] = []
    for law in selected:
        if not law.applies(subject):
            continue
        reason = reasons.get(law.name)
        marks = [pytest.mark.skip(reason=reason)] if reason else []
        case = Case(law, subject, examples, seed, tier)
        cases.append(pytest.param(case, id=law.name, marks=marks))
    return pytest.mark.parametrize("law", cases)
