"""The claims of the literature in miniature: a table, what does not reproduce, and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from creditlib.audit.miniatures import LIMITS, ClaimResult, Limit

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["claims_as_json", "claims_table", "effect_of", "limit_sentences"]


def claims_table(results: Iterable[ClaimResult]) -> Table:
    """One row a claim or control: what was measured, its criterion, and whether it is met."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "claim", "measured", "effect", "passes if", "verdict"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("effect", "verdict"))
    for each in results:
        statement = f"Control. {each.statement}" if each.control else each.statement
        verdict = Text("passed", "green") if each.passed else Text("FAILED", "bold red")
        texts = (each.claim, statement, each.measure, effect_of(each), each.criterion)
        table.add_row(*(Text(text) for text in texts), verdict)
    return table


def effect_of(result: ClaimResult) -> str:
    """The effect with its interval, if it has one.

    >>> effect_of(ClaimResult("a", False, "", "", 0.3125, 0.25, 0.37, "", True, {}))
    '+0.312 [+0.250, +0.370]'
    """
    text = f"{result.effect:+.3f}"
    if result.low is None or result.high is None:
        return text
    return f"{text} [{result.low:+.3f}, {result.high:+.3f}]"


def limit_sentences(limits: Iterable[Limit]) -> list[str]:
    """What does not reproduce here, one paragraph each: the claim, what happened, and why."""
    return [_limit(each) for each in limits]


def _limit(limit: Limit) -> str:
    measured = "".join(
        f" Measured now: {each.measure} {effect_of(each)}." for each in limit.results
    )
    return f"{limit.statement} {limit.found}{measured} {limit.reason}"


def claims_as_json(
    results: Sequence[ClaimResult], limits: Sequence[Limit], seeds: int, base: int = 0
) -> str:
    """The same as one JSON object; a number that is undefined is null."""
    found = {
        "schema": 1,
        "seeds": seeds,
        "base": base,
        "claims": [_plain(each._asdict()) for each in results],
        "not_reproduced": [
            {**_plain(each._asdict()), "results": [_plain(r._asdict()) for r in each.results]}
            for each in limits
        ],
        "limits": list(LIMITS),
    }
    return json.dumps(found, indent=1, allow_nan=False)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Values of JSON: what is not finite is None."""
    return {name: _number(value) for name, value in values.items() if name != "results"}


def _number(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _number(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
