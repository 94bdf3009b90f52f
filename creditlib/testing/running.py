"""A law put to an estimator: many examples, the smallest one that breaks it, a verdict."""

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

from creditlib.contract import refuse
from creditlib.testing.declared import declared
from creditlib.testing.draws import Draws, Searched, Tossed
from creditlib.testing.law import Law
from creditlib.testing.laws import LAWS
from creditlib.testing.pasteable import code_of
from creditlib.testing.steady import steady
from creditlib.testing.strategies import Source
from creditlib.testing.subject import Subject
from creditlib.testing.trial import BrokenError, Trial

__all__ = ["EXAMPLES", "Report", "State", "Verdict", "chosen", "put", "put_all"]

State = Literal["kept", "broken", "by design", "not applicable", "untried"]
EXAMPLES = 100
# How batches are drawn is not what is tested, nor from where laws are put.
_NOT_ASKED = cast("list[HealthCheck]", list(HealthCheck))
_HOPELESS = 60  # batches in a row of which none says anything


@dataclass(frozen=True)
class Verdict:
    """What one law says of one estimator.

    sentence: what was broken, in words. code: lines that show it when pasted. reason: why it may.
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
    """What all laws say of one estimator."""

    name: str
    verdicts: tuple[Verdict, ...]

    def of(self, *states: State) -> list[Verdict]:
        """The verdicts that are one of these."""
        return [verdict for verdict in self.verdicts if verdict.state in states]

    @property
    def broken(self) -> list[Verdict]:
        """The laws that do not hold and are not declared broken."""
        return self.of("broken")

    def __str__(self) -> str:
        """What was broken, each with its sentence and its code; or that nothing was."""
        if not self.broken:
            return f"{self.name} keeps {len(self.of('kept'))} laws"
        applied = len(self.verdicts) - len(self.of("not applicable"))
        lines = [f"{self.name} breaks {len(self.broken)} of {applied} laws"]
        for verdict in self.broken:
            lines += ["", f"{verdict.law.name}: {verdict.sentence}", *_indented(verdict.code)]
        return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]


def chosen(names: Iterable[str] | None) -> list[Law]:
    """The laws of these names, or all of them; a name that is none is refused."""
    if names is None:
        return list(LAWS.values())
    found: list[Law] = []
    for name in names:
        if name not in LAWS:
            raise refuse("check_estimator", "laws", "names of laws", repr(name))
        found.append(LAWS[name])
    return found


def put_all(
    subject: Subject,
    *,
    laws: Sequence[Law],
    skip: Mapping[str, str],
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
    watch: Callable[[Law], None] | None = None,
) -> Report:
    """Every law in turn; `seconds` is shared out among those still to come.

    What is declared broken, by the function or by `skip`, is not tried.
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
            verdicts.append(put(law, subject, examples=examples, seed=seed, seconds=left))
    return Report(subject.name, tuple(verdicts))


def put(
    law: Law,
    subject: Subject,
    *,
    examples: int = EXAMPLES,
    seed: int | None = None,
    seconds: float | None = None,
    shrink: bool = True,
    tosses: int = 0,
) -> Verdict:
    """One law put to one estimator; without a `seed`, the same examples every time.

    Without `shrink` the first counterexample is as good as the smallest. `tosses` are examples
    besides: by plain dice, which are faster and shrink nothing.
    """
    if not law.applies(subject):
        return Verdict(law, "not applicable")
    run = _Run(law, subject, seconds, shrink)
    start = time.monotonic()
    try:
        run.all(1 if law.kind == "once" else examples, seed)
        run.toss(tosses if run.done and law.kind != "once" else 0, seed)
    except BrokenError as broken:
        sentence, code = broken.sentence, code_of(broken)
        return Verdict(law, "broken", run.done, time.monotonic() - start, sentence, code)
    spent = time.monotonic() - start
    if not run.done:
        reason = "; ".join(sorted(run.unfit)) or "no batch that it speaks of could be drawn"
        return Verdict(law, "untried", 0, spent, reason)
    return Verdict(law, "kept", run.done, spent)


class _Enough(BaseException):
    """Ends a run: the time is up, or there is no hope. No failure to be shrunk."""


class _Run:
    """The examples of one law."""

    def __init__(self, law: Law, subject: Subject, seconds: float | None, shrink: bool) -> None:
        self.law, self.subject, self.seconds = law, subject, seconds
        self.phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
        self.source = Source(subject)
        self.done = 0
        self.heard: set[str] = set()
        self.unfit: set[str] = set()
        self.failing = False
        self.refused = 0

    def all(self, examples: int, seed: int | None) -> None:
        """Draw and check until the examples or the seconds are used up."""
        end = None if self.seconds is None else time.monotonic() + self.seconds

        def example(data: st.DataObject) -> None:
            self.one(Searched(data.draw))
            if end is not None and not self.failing and time.monotonic() > end:
                raise _Enough  # not before the draws: they must be the same on every path

        seeded = hypothesis.seed(self.seed_of(seed))
        settings = hypothesis.settings(
            max_examples=examples,
            derandomize=False,
            database=None,
            deadline=None,
            print_blob=False,
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            suppress_health_check=_NOT_ASKED,
            phases=self.phases,
        )
        try:
            with steady():
                seeded(settings(hypothesis.given(st.data())(example)))()
        except Unsatisfiable:
            return
        except _Enough:
            pass
        except FlakyFailure as flaky:
            raise self.unsteady(flaky) from flaky
        if self.law.kind == "some":
            self.all_heard()

    def toss(self, tosses: int, seed: int | None) -> None:
        """Draw by plain dice, and check."""
        dice = Tossed(self.seed_of(seed))
        for _ in range(tosses):
            with contextlib.suppress(UnsatisfiedAssumption):
                self.one(dice)

    def seed_of(self, seed: int | None) -> int:
        """The seed, or one of the names of law and function."""
        name = f"{self.law.name} of {self.subject.name}"
        return zlib.crc32(name.encode()) if seed is None else seed

    def one(self, draws: Draws) -> None:
        """A single example."""
        trial = Trial(self.subject, self.source, draws)
        trial.heard, trial.unfit = self.heard, self.unfit
        try:
            self.law.check(trial)
        except BrokenError:
            self.failing = True
            raise
        except UnsatisfiedAssumption:
            self.refused += 1
            if self.refused >= _HOPELESS and not self.done:
                raise _Enough from None
            raise
        self.done += 1

    def unsteady(self, flaky: FlakyFailure) -> BrokenError:
        """A law that breaks and then does not, on the same batch."""
        first = next((e for e in flaky.exceptions if isinstance(e, BrokenError)), None)
        calls = first.calls if first is not None else ()
        sentence = "the same batch gave different credit when it was tried again"
        return BrokenError(sentence, self.subject, calls)

    def all_heard(self) -> None:
        """What no batch showed to matter."""
        from creditlib.testing.laws.calls import to_be_heard

        silent = sorted(to_be_heard(self.subject) - self.heard)
        if silent and self.done:
            names = ", ".join(f"`{name}`" for name in silent)
            raise BrokenError(f"{names} changed no result in {self.done} batches", self.subject, ())
