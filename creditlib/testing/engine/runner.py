"""Run laws on a function: many examples, the smallest counterexample, a verdict for each law."""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure, Unsatisfiable, UnsatisfiedAssumption

from creditlib.testing.engine.counterexample import code_of
from creditlib.testing.engine.declarations import declared
from creditlib.testing.engine.law import Law, Tier
from creditlib.testing.engine.trial import NOT_FINITE, BrokenError, Notes, Trial
from creditlib.testing.engine.verdicts import Report, State, Verdict
from creditlib.testing.generate.choices import ChoiceSource, HypothesisSource, RandomSource
from creditlib.testing.generate.strategies import BatchSource
from creditlib.testing.subject import Subject
from creditlib.vocabulary.messages import contract_error, did_you_mean

__all__ = ["EXAMPLES", "Report", "State", "Verdict", "run_law", "run_laws", "select_laws"]

EXAMPLES = 100
# The health checks judge the strategy, which is not under test here.
_ALL_CHECKS = cast("list[HealthCheck]", list(HealthCheck))
_FURTHER = 240  # random examples before a law is broken because no example has shown it
_MOST_DRAWN = 3  # a random generator draws at most so many times the examples that are wanted
_MAX_DISCARDED = 60  # a run stops if it discards so many examples and has checked none


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
            fact = f"{each!r}{did_you_mean(each, table)}"
            raise contract_error("check_estimator", "laws", allowed, fact)
    return found


def run_laws(
    subject: Subject,
    *,
    laws: Sequence[Law],
    skip: Mapping[str, str],
    strict: Tier = "property",
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

    def without_nan(law: Law) -> Verdict:
        left = None if end is None else end - time.monotonic()
        return run_law(law, subject, examples=examples, seed=seed, seconds=left, finite_only=True)

    return Report(subject.name, tuple(_roots(verdicts, without_nan)), strict)


def _roots(verdicts: Sequence[Verdict], without_nan: Callable[[Law], Verdict]) -> list[Verdict]:
    """The verdicts, in which a break keeps `because` only if that law is broken too.

    An error follows from another one with the same text. A law that NaN breaks may have a further
    fault: it is run again without batches that give NaN.
    """
    broken = {verdict.law.name: verdict for verdict in verdicts if verdict.state == "broken"}
    found: list[Verdict] = []
    for verdict in verdicts:
        root = broken.get(verdict.because)
        refused = root is not None and ": " in root.sentence
        if root is None or (refused and _error_in(root) != _error_in(verdict)):
            found.append(replace(verdict, because=""))
        elif verdict.because == NOT_FINITE:
            again = without_nan(verdict.law)
            found.append(again if again.state == "broken" and not again.because else verdict)
        else:
            found.append(verdict)
    return found


def _error_in(verdict: Verdict) -> str:
    """The text of the error in the sentence of a verdict."""
    return verdict.sentence.partition(": ")[2]


def run_law(
    law: Law,
    subject: Subject,
    *,
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
    shrink: bool = True,
    random_examples: int = 0,
    finite_only: bool = False,
) -> Verdict:
    """Run one law. Without a `seed`, the names of the law and of the function are the seed.

    shrink: False reports the first counterexample instead of the smallest. random_examples: further
    examples from a random generator, which is faster than hypothesis and shrinks nothing.
    finite_only: discard batches of finite numbers that give NaN or infinity.
    """
    if not law.applies(subject):
        return Verdict(law, "not applicable")
    run = _Run(law, subject, seconds, shrink, finite_only)
    start = time.monotonic()
    try:
        run.search(1 if law.kind == "once" else examples, seed)
        run.sample(random_examples if run.done and law.kind != "once" else 0, seed)
        missing = run.finish(seed)
    except BrokenError as broken:
        spent = time.monotonic() - start
        because = "" if broken.because == law.name else broken.because
        sentence, code = broken.sentence, code_of(broken)
        tried = run.done + broken.by_an_example
        return Verdict(law, "broken", tried, spent, sentence, code, because=because)
    spent = time.monotonic() - start
    if not run.done:
        reason = "; ".join(sorted(run.inexpressible)) or "no batch drawn fits the law"
        return Verdict(law, "untried", 0, spent, reason)
    if missing:
        return Verdict(law, "undecided", run.done, spent, missing)
    return Verdict(law, "kept", run.done, spent)


class _StopRun(BaseException):
    """Ends a run early: the time is over, or no example fits. It is no failure to shrink."""


class _Run:
    """The examples of one law."""

    def __init__(
        self,
        law: Law,
        subject: Subject,
        seconds: float | None,
        shrink: bool,
        finite_only: bool,
    ) -> None:
        self.law, self.subject, self.finite_only = law, subject, finite_only
        self.end = None if seconds is None else time.monotonic() + seconds
        self.phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
        self.source = BatchSource(subject)
        self.done = 0
        self.notes = Notes()
        self.failing = False
        self.discarded = 0

    @property
    def inexpressible(self) -> set[str]:
        """Why batches were discarded that the trainer's signature cannot express."""
        return self.notes.inexpressible

    def search(self, examples: int, seed: int | None) -> None:
        """Run examples of hypothesis until their number or the time is reached."""

        def example(data: st.DataObject) -> None:
            self.run_one(HypothesisSource(data.draw))
            if self.late() and not self.failing:
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

    def late(self) -> bool:
        """Whether the time is over."""
        return self.end is not None and time.monotonic() > self.end

    def finish(self, seed: int | None) -> str:
        """Break a law that no example has shown; with too few examples say what was not seen.

        Before a law with a `minimum` is broken, a random generator draws many further examples:
        what no example showed is then not due to chance.
        """
        law = self.law
        if law.finish is None or not self.done:
            return ""
        sentence = law.finish(self.subject, self.notes.with_effect, self.done)
        if sentence and 0 < law.minimum <= self.done:
            self.sample(_FURTHER, seed)
            sentence = law.finish(self.subject, self.notes.with_effect, self.done)
        if not sentence:
            return ""
        if self.done < law.minimum:
            return f"{sentence}; this law needs {law.minimum} batches for a verdict"
        calls = next(iter(self.notes.without_effect.values()), ())
        raise BrokenError(sentence, self.subject, calls, by_an_example=False)

    def sample(self, examples: int, seed: int | None) -> None:
        """Run examples of a random generator; those that are discarded are drawn again."""
        source = RandomSource(self.seed_of(seed))
        wanted = self.done + examples
        for _ in range(_MOST_DRAWN * examples):
            if self.late() or self.done >= wanted:
                return
            with contextlib.suppress(UnsatisfiedAssumption):
                self.run_one(source)

    def seed_of(self, seed: int | None) -> int:
        """The given seed, or a seed from the names of law and function."""
        name = f"{self.law.name} of {self.subject.name}"
        return zlib.crc32(name.encode()) if seed is None else seed

    def run_one(self, draws: ChoiceSource) -> None:
        """Run a single example."""
        trial = Trial(self.subject, self.source, draws, self.notes)
        trial.finite_only = self.finite_only
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
        if not self.failing:  # later examples only shrink the counterexample
            self.done += 1

    def not_repeatable(self, flaky: FlakyFailure) -> BrokenError:
        """The error for a batch that breaks the law once and not again."""
        first = next((e for e in flaky.exceptions if isinstance(e, BrokenError)), None)
        calls = first.calls if first is not None else ()
        sentence = "the same batch gave different credit when it was tried again"
        return BrokenError(sentence, self.subject, calls)
