"""The data of the page: credit as it is printed, and the facts of each group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from creditlib.report.page.texts import as_text, visible
from creditlib.report.reasons import Spread, spread_of
from creditlib.report.summary import GroupFacts
from creditlib.rollouts import Rollouts

__all__ = ["color_limit", "group_data", "printed"]

Array: TypeAlias = "np.ndarray[Any, Any]"
Printed: TypeAlias = "float | int | str | None"

_NAME = 200  # characters of the name of a group or a trajectory


def printed(x: float | None, digits: int = 4) -> Printed:
    """A number as the page prints it; the data hold no more digits.

    >>> printed(0.70710678), printed(-0.0), printed(float("nan")), printed(float("-inf"))
    (0.7071, 0, 'NaN', '-Infinity')
    """
    if x is None:
        return None
    if x != x:
        return "NaN"
    if x in (float("inf"), float("-inf")):
        return "Infinity" if x > 0 else "-Infinity"
    short = float(f"{x:.{digits}g}")
    return int(short) if short == int(short) and abs(short) < 1e15 else short


def color_limit(tables: Sequence[Array], there: Array) -> float:
    """|credit| that has the full colour: the largest, or the 95th percentile if that is far less.

    >>> color_limit([np.array([[2.0, -2.0]])], np.array([[True, True]]))
    2.0
    """
    sizes = [np.abs(table[there & np.isfinite(table)]) for table in tables]
    every = np.concatenate(sizes) if sizes else np.zeros(0)
    every = every[every > 0]
    if not len(every):
        return 1.0
    usual, largest = float(np.quantile(every, 0.95)), float(every.max())
    return largest if largest <= 1.25 * usual else usual


def group_data(
    rollouts: Rollouts,
    tables: Sequence[Array],
    number: int,
    facts: GroupFacts,
    shown: Sequence[int],
) -> dict[str, Any]:
    """What the page holds of a group, without its texts.

    `tables` are the credit of each estimator, [batch turn], `number` is the position of the group
    among all groups, and `shown` are its trajectories that stand on the page. The credit of a
    trajectory is a list with a number for each turn, or one number that all of its turns have.
    """
    rows = list(facts.rows)
    valid = rollouts.tensors["valid"][rows]
    outcomes = spread_of(rollouts.tensors["reward"][rows][valid].double().numpy())
    part = f"{len(shown):,} of {len(rows):,} shown"
    return {
        "index": number,
        "name": _short(str(facts.name)),
        "facts": _facts(facts, outcomes, len(shown)),
        "members": facts.members,
        "mean": printed(outcomes.mean),
        "std": printed(outcomes.std),
        "spread": [printed(each) for each in facts.spread],
        "disagreement": printed(facts.disagreement),
        "tags": [tag for tag, told in _tags(facts).items() if told]
        + [part] * (len(shown) < len(rows)),
        "kinds": [kind for kind, told in _kinds(facts).items() if told],
        "order": {
            "spread": printed(max((x for x in facts.spread if x is not None), default=0.0)),
            "disagreement": -1 if facts.disagreement is None else printed(facts.disagreement),
            "lone": int(facts.lone),
            "size": len(rows),
        },
        "trajectories": [_trajectory(rollouts, tables, row) for row in shown],
    }


def _short(name: str) -> str:
    """A name as one line; some formats name a group by its whole prompt."""
    line = " ".join(visible(name[:_NAME]).split())
    return f"{line} …" if len(name) > _NAME else line


def _facts(facts: GroupFacts, outcomes: Spread, shown: int) -> str:
    """The line below the name of a group."""
    count = len(facts.rows)
    parts = [f"{count:,} {'trajectory' if count == 1 else 'trajectories'}"]
    if shown < count:
        parts = [f"{shown:,} of {parts[0]}, drawn at random; the numbers are of the whole group"]
    if outcomes.mean is not None:
        parts.append(f"mean outcome {outcomes.mean:.4g}")
    if any(spread is not None for spread in facts.spread):
        spreads = ", ".join("–" if each is None else f"{each:.4g}" for each in facts.spread)
        parts.append(f"spread of credit {spreads}")
    if facts.disagreement is not None:
        parts.append(f"opposite signs {100 * facts.disagreement:.3g} %")
    return " · ".join(parts)


def _tags(facts: GroupFacts) -> dict[str, bool]:
    return {
        "lone": facts.lone,
        "constant": facts.constant,
        "no outcome": not facts.members,
        "no credit": facts.members > 0 and not facts.informative,
    }


def _kinds(facts: GroupFacts) -> dict[str, bool]:
    """What the filter of the page can ask for."""
    return {
        "informative": facts.informative,
        "silent": not facts.informative,
        "disagreement": bool(facts.disagreement),
        "constant": facts.constant,
        "lone": facts.lone,
        "excluded": facts.members < len(facts.rows),
    }


def _trajectory(rollouts: Rollouts, tables: Sequence[Array], row: int) -> dict[str, Any]:
    trajectory = rollouts.trajectories[row]
    name, turns = trajectory.get("id"), int(rollouts.tensors["turn_count"][row])
    return {
        "id": _short(f"#{row + 1}" if name is None else as_text(name)),
        "place": visible(rollouts.places[row]),
        "outcome": printed(trajectory["outcome"], 6),
        "turns": turns,
        "credit": [_credits(table[row, :turns]) for table in tables],
    }


def _credits(credit: Array) -> list[Printed] | Printed:
    values = [printed(x) for x in credit.tolist()]
    return values[0] if len(values) > 1 and len(set(values)) == 1 else values
