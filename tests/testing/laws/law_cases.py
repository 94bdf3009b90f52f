"""What the tests of the laws share: broken estimators, and a pasted counterexample run again."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from creditlib.testing.engine.counterexample import rounded
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
    printed = replay(verdict.code, {case.function.__name__: case.function}, case.repeatable)
    assert printed or not verdict.code or "groups.gradient" in verdict.code
    few = [law for law in LAWS.values() if law.kind != "some" and law.name != case.law]
    every = run_laws(subject, laws=few, skip={}, examples=8)
    assert {each.law.name for each in every.broken} <= set(case.also), str(every)


def assert_kept_by_ours(case):
    assert run_law(LAWS[case.law], subject_of(case.kept_by, {})).state == "kept"


def replay(code: str, scope: dict[str, Any], repeatable: bool = True) -> int:
    """Run pasted lines; every result must be the one printed below its call. How many were."""
    scope = {"torch": torch, **scope}
    lines = code.splitlines()
    printed = 0
    for node in ast.parse(code).body:
        text = ast.unparse(node)
        comments = comments_below(lines, node.end_lineno)
        if not comments:
            exec(text, scope)
            continue
        result = came_back(text, scope)
        assert result == comments or not repeatable, (code, result)
        printed += 1
    return printed


def comments_below(lines, at):
    """The comment lines that follow a line, without their signs."""
    found = []
    for line in lines[at:]:
        if not line.startswith("# "):
            break
        found.append(line[2:])
    return found


def came_back(text, scope):
    """What a call gives, as its comment prints it."""
    try:
        result = eval(text, scope)
    except Exception as error:
        return [f"raises {type(error).__name__}: {error}"]
    parts = result if isinstance(result, tuple) else (result,)
    return [rounded(part) for part in parts]
