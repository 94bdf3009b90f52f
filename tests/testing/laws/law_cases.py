"""What the tests of the laws share: broken estimators, and a pasted counterexample run again."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from creditlib.testing.engine.literals import described, exact, literal
from creditlib.testing.engine.runner import run_law, run_laws
from creditlib.testing.laws import LAWS
from creditlib.testing.subject import subject_of

NUMBER = re.compile(r"-?\d[\d.]*(e-?\d+)?")


@dataclass(frozen=True)
class Broken:
    """An estimator that breaks one law.

    sentence: of the counterexample, with # for a number that depends on the batch. kept_by: one of
    our functions that keeps the law. also: further laws that the estimator may break. repeatable:
    two calls give the same result.
    """

    law: str
    sentence: str
    function: Callable[..., Any]
    kept_by: str
    also: tuple[str, ...] = ()
    repeatable: bool = True

    def __str__(self) -> str:
        return self.law


def breaks(cases, law, sentence, *, kept_by="rloo", also=(), repeatable=True):
    """Add the estimator below to `cases`."""

    def register(function):
        cases.append(Broken(law, sentence, function, kept_by, tuple(also), repeatable))
        return function

    return register


def wide(x):
    """As precise as a result is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def assert_broken_in_just_this_way(case):
    """The law says so in its words, what it pastes shows it, and no other law is broken."""
    subject = subject_of(case.function, {})
    verdict = run_law(LAWS[case.law], subject)
    said = NUMBER.sub("#", verdict.sentence) if "#" in case.sentence else verdict.sentence
    assert (verdict.state, said) == ("broken", case.sentence), verdict
    outcomes = replay(verdict.code, {case.function.__name__: case.function}, case.repeatable)
    assert outcomes_show(case.law, outcomes), verdict.code
    few = [law for law in LAWS.values() if law.kind != "some" and law.name != case.law]
    every = run_laws(subject, laws=few, skip={}, examples=8)
    assert {each.law.name for each in every.broken} <= set(case.also), str(every)


def outcomes_show(law: str, outcomes: list[str]) -> bool:
    """Whether what pasted lines give shows that a law is broken."""
    last = outcomes[-1]
    if law in ("every_batch_is_taken", "no_trajectories_no_credit"):
        return last.startswith("raises ")
    if law == "credit_carries_no_gradient":
        return last.endswith(", requires_grad")
    if law == "credit_is_finite":
        return "nan" in last or "inf" in last
    if law == "every_argument_is_heard":  # two calls that differ give the same
        return len(outcomes) == 2 and outcomes[0] == last
    if law in ACCEPTED:
        return not last.startswith("raises ")
    if law == "equal_trajectories_get_equal_credit":
        credit = ast.literal_eval(last)
        return credit[: len(credit) // 2] != credit[len(credit) // 2 :]
    if law == "different_rewards_get_some_credit":
        return not any(digit in last for digit in "123456789")
    if law in ONE_CALL:
        return any(digit in last for digit in "123456789")
    return len(outcomes) > 1


# A call comes back with a result although it should not, or not with this shape or dtype.
ACCEPTED = {
    *("results_fit_their_inputs", "missing_tensors_are_refused", "unknown_options_are_refused"),
}
# One call shows the fault: numbers that should not be there.
ONE_CALL = {
    *("constant_groups_get_nothing", "lone_members_get_nothing", "credit_sums_to_zero"),
    *("no_credit_lies_beyond_the_spread", "nothing_where_nobody_wrote"),
    *("weights_are_not_negative", "equal_turns_weigh_one", "weights_keep_the_total"),
    "the_expected_gradient_is_the_true_one",
}


def assert_kept_by_ours(case):
    assert run_law(LAWS[case.law], subject_of(case.kept_by, {})).state == "kept"


def replay(code: str, scope: dict[str, Any], repeatable: bool = True) -> list[str]:
    """Run pasted lines; every result must be the one printed below its call. What they give."""
    scope = {"torch": torch, **scope}
    lines = code.splitlines()
    outcomes: list[str] = []
    for node in ast.parse(code).body:
        text = ast.unparse(node)
        comments = comments_below(lines, node.end_lineno)
        if isinstance(node, ast.Expr):
            result = came_back(text, scope)
            outcomes.append(", ".join(each[-1] for each in result))
            assert not comments or agrees(result, comments) or not repeatable, (code, result)
        else:
            exec(text, scope)
    return outcomes


def agrees(result, comments):
    return len(result) == len(comments) and all(
        comment in texts for texts, comment in zip(result, comments, strict=True)
    )


def comments_below(lines, at):
    """The comment lines that follow a line, without their signs."""
    found = []
    for line in lines[at:]:
        if not line.startswith("# "):
            break
        found.append(line[2:])
    return found


def came_back(text, scope):
    """What an expression gives: for each part, the texts that a comment may have."""
    try:
        result = eval(text, scope)
    except Exception as error:
        return [(f"raises {type(error).__name__}: {error}",)]
    parts = result if isinstance(result, tuple) else (result,)
    return [
        (described(part), exact(part)) if isinstance(part, torch.Tensor) else (literal(part),)
        for part in parts
    ]
