"""The verdict of one law on one function, and the report of all verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from creditlib.testing.engine.law import TIERS, Law, Tier

__all__ = ["Report", "State", "Verdict"]

State = Literal["kept", "broken", "by design", "not applicable", "untried", "undecided"]


@dataclass(frozen=True)
class Verdict:
    """The result of one law on one function.

    examples: the number of batches that were tried, up to the first one that breaks the law.
    sentence: what is broken. code: Python lines that show it. reason: why it is broken by design.
    because: the broken law that is the root cause of this break, "" if this is a root cause.
    """

    law: Law
    state: State
    examples: int = 0
    seconds: float = 0.0
    sentence: str = ""
    code: str = ""
    reason: str = ""
    because: str = ""


@dataclass(frozen=True)
class Report:
    """The results of all laws on one function.

    strict: the last tier in which a broken law is a fault; later tiers are reported only.
    """

    name: str
    verdicts: tuple[Verdict, ...]
    strict: Tier = "property"

    def of(self, *states: State) -> list[Verdict]:
        """The verdicts with one of these states."""
        return [verdict for verdict in self.verdicts if verdict.state in states]

    @property
    def broken(self) -> list[Verdict]:
        """The laws that are broken and not declared broken, by tier; consequences are left out."""
        roots = [verdict for verdict in self.of("broken") if not verdict.because]
        return sorted(roots, key=lambda verdict: TIERS.index(verdict.law.tier))

    @property
    def faults(self) -> list[Verdict]:
        """The broken laws of the tiers up to `strict`."""
        return [verdict for verdict in self.broken if self.is_fault(verdict)]

    @property
    def unheld(self) -> list[Verdict]:
        """The broken laws of the tiers after `strict`: they are reported and are no faults."""
        return [verdict for verdict in self.broken if not self.is_fault(verdict)]

    def is_fault(self, verdict: Verdict) -> bool:
        """Whether a broken law counts as a fault."""
        return TIERS.index(verdict.law.tier) <= TIERS.index(self.strict)

    def consequences(self, verdict: Verdict) -> list[str]:
        """The names of the laws whose break follows from this one."""
        return [each.law.name for each in self.verdicts if each.because == verdict.law.name]

    def __str__(self) -> str:
        """The number of laws kept and broken, then each broken law; a fault has its code."""
        applied = len(self.verdicts) - len(self.of("not applicable"))
        head = f"{self.name} keeps {len(self.of('kept'))} laws"
        if self.faults:
            head = f"{self.name} breaks {len(self.faults)} of {applied} laws"
        lines = [head + (f"; {self.unheld_in_words()}" if self.unheld else "")]
        for verdict in self.faults:
            lines += ["", f"{verdict.law.name}: {verdict.sentence}", *_indented(verdict.code)]
            follows = ", ".join(self.consequences(verdict))
            lines += [f"    this also breaks {follows}"] if follows else []
        for verdict in self.unheld:
            lines += ["", f"{verdict.law.name} ({verdict.law.tier}): {verdict.sentence}"]
        return "\n".join(lines)

    def unheld_in_words(self) -> str:
        """How many laws of later tiers do not hold."""
        count = len(self.unheld)
        if any(verdict.law.tier != "property" for verdict in self.unheld):
            return (
                "1 further law does not hold" if count == 1 else f"{count} further laws do not hold"
            )
        return "1 property does not hold" if count == 1 else f"{count} properties do not hold"


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]
