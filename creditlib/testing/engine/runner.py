"""Run laws on a function: many examples, the smallest counterexample, a verdict for each law."""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure, Unsatisfiable, UnsatisfiedAssumption

from creditlib.testing.engine.counterexample import code_of
from creditlib.testing.engine.declarations import declared
from creditlib.testing.engine.law import Law
from creditlib.testing.engine.trial import BrokenError, Trial
from creditlib.testing.generate.choices import ChoiceSource, HypothesisSource, RandomSource
from creditlib.testing.generate.strategies import BatchSource
from creditlib.testing.subject import Subject
from creditlib.vocabulary.messages import contract_error

__all__ = ["EXAMPLES", "Report", "State", "Verdict", "run_law", "run_laws", "select_laws"]

State = Literal["kept", "broken", "by design", "not applicable", "untried"]
EXAMPLES = 100
# The health checks judge the strategy, which is not under test here.
_ALL_CHECKS = cast("list[HealthCheck]", list(HealthCheck))
_MAX_DISCARDED = 60  # a run stops if it discards so many examples and has checked none


@dataclass(frozen=True)
class Verdict:
    """The result of one law on one function.

    sentence: what is broken. code: Python lines that show it. reason: why it is broken by design.
    """

    law: Law
    state: State
    examples: int = 0
    seconds: float = 0.0
    sentence: str = ""
    code: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """The results of all laws on one function."""

    name: str
    verdicts: tuple[Verdict, ...]

    def of(self, *states: State) -> list[Verdict]:
        """The verdicts with one of these states."""
        return [verdict for verdict in self.verdicts if verdict.state in states]

    @property
    def broken(self) -> list[Verdict]:
        """The laws that are broken and not declared broken."""
        return self.of("broken")

    def __str__(self) -> str:
        """Each broken law with its sentence and its code, or the number of laws kept."""
        if not self.broken:
            return f"{self.name} keeps {len(self.of('kept'))} laws"
        applied = len(self.verdicts) - len(self.of("not applicable"))
        lines = [f"{self.name} breaks {len(self.broken)} of {applied} laws"]
        for verdict in self.broken:
            lines += ["", f"{verdict.law.name}: {verdict.sentence}", *_indented(verdict.code)]
        return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]


def select_laws(wanted: Iterable[str | Law] | None, table: Mapping[str, Law]) -> list[Law]:
    """The laws with these names and the laws given themselves, or all laws of the table."""
    if wanted is None:
        return list(table.values())
    found: list[Law] = []
    for each in wanted:
        if isinstance(each, Law):
            found.append(each)
        elif isinstance(each, str) and each in table:
            found.append(table[each])
        else:
            allowed = "names of laws, or laws made with `creditlib.testing.law`"
            raise contract_error("check_estimator", "laws", allowed, repr(each))
    return found


def run_laws(
    subject: Subject,
    *,
    laws: Sequence[Law],
    skip: Mapping[str, str],
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
    watch: Callable[[Law], None] | None = None,
) -> Report:
    """Run each law. The remaining laws share what is left of `seconds`.

    Laws that the function or `skip` declares broken are not run.
    """
    reasons = {**declared(subject), **skip}
    verdicts: list[Verdict] = []
    end = None if seconds is None else time.monotonic() + seconds
    for number, law in enumerate(laws):
        if watch is not None:
            watch(law)
        left = None if end is None else (end - time.monotonic()) / (len(laws) - number)
        if law.name in reasons and law.applies(subject):
            verdicts.append(Verdict(law, "by design", reason=reasons[law.name]))
        else:
            verdicts.append(run_law(law, subject, examples=examples, seed=seed, seconds=left))
    return Report(subject.name, tuple(verdicts))


def run_law(
    law: Law,
    subject: Subject,
    *,
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
    shrink: bool = True,
    random_examples: int = 0,
) -> Verdict:
    """Run one law. Without a `seed`, the names of the law and of the function are the seed.

    shrink: False reports the first counterexample instead of the smallest. random_examples: further
    examples from a random generator, which is faster than hypothesis and shrinks nothing.
    """
    if not law.applies(subject):
        return Verdict(law, "not applicable")
    run = _Run(law, subject, seconds, shrink)
    start = time.monotonic()
    try:
        run.search(1 if law.kind == "once" else examples, seed)
        run.sample(random_examples if run.done and law.kind != "once" else 0, seed)
    except BrokenError as broken:
        sentence, code = broken.sentence, code_of(broken)
        return Verdict(law, "broken", run.done, time.monotonic() - start, sentence, code)
    spent = time.monotonic() - start
    if not run.done:
        reason = "; ".join(sorted(run.inexpressible)) or "no batch drawn fits the law"
        return Verdict(law, "untried", 0, spent, reason)
    return Verdict(law, "kept", run.done, spent)


class _StopRun(BaseException):
    """Ends a run early: the time is over, or no example fits. It is no failure to shrink."""


class _Run:
    """The examples of one law."""

    def __init__(self, law: Law, subject: Subject, seconds: float | None, shrink: bool) -> None:
        self.law, self.subject, self.seconds = law, subject, seconds
        self.phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
        self.source = BatchSource(subject)
        self.done = 0
        self.with_effect: set[str] = set()
        self.inexpressible: set[str] = set()
        self.failing = False
        self.discarded = 0

    def search(self, examples: int, seed: int | None) -> None:
        """Run examples of hypothesis until their number or the time is reached."""
        end = None if self.seconds is None else time.monotonic() + self.seconds

        def example(data: st.DataObject) -> None:
            self.run_one(HypothesisSource(data.draw))
            if end is not None and not self.failing and time.monotonic() > end:
                raise _StopRun  # after the draws: they must be the same on every path

        seeded = hypothesis.seed(self.seed_of(seed))
        settings = hypothesis.settings(
            max_examples=examples,
            derandomize=False,
            database=None,
            deadline=None,
            print_blob=False,
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            suppress_health_check=_ALL_CHECKS,
            phases=self.phases,
        )
        try:
            seeded(settings(hypothesis.given(st.data())(example)))()
        except Unsatisfiable:
            return
        except _StopRun:
            pass
        except FlakyFailure as flaky:
            raise self.not_repeatable(flaky) from flaky
        if self.law.finish is not None and self.done:
            sentence = self.law.finish(self.subject, self.with_effect, self.done)
            if sentence:
                raise BrokenError(sentence, self.subject, ())

    def sample(self, examples: int, seed: int | None) -> None:
        """Run examples of a random generator."""
        source = RandomSource(self.seed_of(seed))
        for _ in range(examples):
            with contextlib.suppress(UnsatisfiedAssumption):
                self.run_one(source)

    def seed_of(self, seed: int | None) -> int:
        """The given seed, or a seed from the names of law and function."""
        name = f"{self.law.name} of {self.subject.name}"
        return zlib.crc32(name.encode()) if seed is None else seed

    def run_one(self, draws: ChoiceSource) -> None:
        """Run a single example."""
        trial = Trial(self.subject, self.source, draws)
        trial.with_effect, trial.inexpressible = self.with_effect, self.inexpressible
        try:
            self.law.check(trial)
        except BrokenError:
            self.failing = True
            raise
        except UnsatisfiedAssumption:
            self.discarded += 1
            if self.discarded >= _MAX_DISCARDED and not self.done:
                raise _StopRun from None
            raise
        self.done += 1

    def not_repeatable(self, flaky: FlakyFailure) -> BrokenError:
        """The error for a batch that breaks the law once and not again."""
        first = next((e for e in flaky.exceptions if isinstance(e, BrokenError)), None)
        calls = first.calls if first is not None else ()
        sentence = "the same batch gave different credit when it was tried again"
        return BrokenError(sentence, self.subject, calls)
