"""Where each estimator of an audit stands: the numbers of the table, and their words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from creditlib.audit.ranking import BIASED, Mean, mean_usnr
from creditlib.audit.result import Audit
from creditlib.audit.rows import LearningRow, PathRow, QualityRow

__all__ = ["HEADINGS", "Standing", "cells", "cost_of", "standings"]

HEADINGS = (
    "",
    "estimator",
    "uSNR, % of the oracle's",
    "worst cosine",
    "worst on its path",
    "dead groups",
    "learning, area",
    "extra cost",
)


@dataclass(frozen=True)
class Standing:
    """One row of the table.

    rank: by uSNR, from 1; None where a task of the audited estimator lacks its tensors or the uSNR
    is undefined. usnr: mean over tasks, relative to the oracle's. cosine: the worst cosine of the
    mean over tasks. biased: the tasks where it and its interval are below .9. unsure: those where
    it is below and its interval is not. path: the worst cosine along its training. dead: the share
    of groups without a gradient, mean over tasks. area: of the learning curves, mean over tasks.
    cost: what it needs beyond rollouts. missed: the tasks of the audit that it was not audited on.
    """

    name: str
    rank: int | None
    usnr: Mean | None
    cosine: QualityRow | None
    biased: tuple[str, ...]
    unsure: tuple[str, ...]
    path: PathRow | None
    dead: float | None
    area: Mean | None
    cost: str
    missed: tuple[str, ...]
    audited: bool


def standings(audit: Audit) -> list[Standing]:
    """The rows of the table: the estimators ranked by uSNR, then those without a rank.

    Only estimators that have a uSNR on every task where the audited one has it are ranked: means
    over different tasks cannot be compared.
    """
    own = mean_usnr(audit.own, audit.tasks)
    tasks = own.tasks if own is not None else tuple(audit.tasks)
    learned = _common({row.task for row in audit.learned(name)} for name in audit.every)
    found = {name: mean_usnr(tiers, tasks) for name, tiers in audit.every.items()}
    ranked = [name for name, mean in found.items() if mean is not None and mean.tasks == tasks]
    ranked.sort(key=lambda name: -_value(found[name]))
    order = [*ranked, *(name for name in found if name not in ranked)]
    return [
        _standing(audit, name, ranked.index(name) + 1 if name in ranked else None, found, learned)
        for name in order
    ]


def _standing(
    audit: Audit,
    name: str,
    rank: int | None,
    usnr: dict[str, Mean | None],
    learned: set[str],
) -> Standing:
    tiers = audit.every[name]
    cosines = [row for row in tiers.quality if row.metric == "cosine" and row.value is not None]
    low = [row for row in cosines if _value(row) < BIASED]
    sure = [row for row in low if row.high is not None and row.high < BIASED]
    dead = [_value(row) for row in tiers.quality if row.metric == "dead" and row.value is not None]
    walked = [row for row in tiers.path if row.cosine is not None]
    rows = [row for row in audit.learned(name) if row.task in learned]
    return Standing(
        name=name,
        rank=rank,
        usnr=usnr[name],
        cosine=min(cosines, key=_value, default=None),
        biased=tuple(row.task for row in sure),
        unsure=tuple(row.task for row in low if row not in sure),
        path=min(walked, key=lambda row: row.cosine or 0.0, default=None),
        dead=sum(dead) / len(dead) if dead else None,
        area=_mean_area(rows),
        cost=cost_of(tiers.facts),
        missed=tuple(task for task in audit.tasks if task not in tiers.tasks),
        audited=name == audit.estimator,
    )


def _value(row: QualityRow | Mean | None) -> float:
    """A number to sort by; one that is undefined is the lowest."""
    return -math.inf if row is None or row.value is None else row.value


def _common(sets: Iterable[set[str]]) -> set[str]:
    """The tasks on which every estimator that learned at all did so."""
    full = [each for each in sets if each]
    return set.intersection(*full) if full else set()


def _mean_area(rows: list[LearningRow]) -> Mean | None:
    if not rows:
        return None
    value = sum(row.area for row in rows) / len(rows)
    half = math.sqrt(sum(((row.high - row.low) / 2) ** 2 for row in rows)) / len(rows)
    return Mean(value, value - half, value + half, tuple(row.task for row in rows))


_COSTS = {
    "extra_rollouts": "rollout",
    "critic_calls": "critic call",
    "process_reward_calls": "process reward",
    "policy_calls": "policy call",
}


def cost_of(facts: Mapping[str, Any]) -> str:
    """What a trajectory costs beside itself, in words.

    >>> cost_of({"costs": {"extra_rollouts": 0.0, "critic_calls": 4.5}})
    '4.5 critic calls'
    >>> cost_of({"costs": {"extra_rollouts": 0.0}})
    'nothing more'
    """
    costs = facts.get("costs")
    if not costs:
        return "–"
    known = [(costs.get(key) or 0.0, word) for key, word in _COSTS.items()]
    found = [f"{count:.3g} {word}{'' if count == 1 else 's'}" for count, word in known if count]
    return ", ".join(found) or "nothing more"


def cells(standing: Standing) -> list[str]:
    """The texts of a row, one for each of `HEADINGS`; a dash stands for what is undefined."""
    return [
        str(standing.rank or "–"),
        standing.name,
        _usnr(standing),
        _cosine(standing),
        _path(standing.path),
        "–" if standing.dead is None else f"{100 * standing.dead:.0f} %",
        "–" if standing.area is None else _with_interval(standing.area, ".3f"),
        standing.cost,
    ]


def _usnr(standing: Standing) -> str:
    if standing.usnr is None:
        return "–"
    mean = standing.usnr
    percent = Mean(100 * mean.value, 100 * mean.low, 100 * mean.high, mean.tasks)
    count = len(standing.usnr.tasks)
    part = f", on {count} task{'s' * (count != 1)} only" if standing.rank is None else ""
    return _with_interval(percent, ".3g") + part


def _with_interval(mean: Mean, form: str) -> str:
    return f"{mean.value:{form}} [{mean.low:{form}}, {mean.high:{form}}]"


def _cosine(standing: Standing) -> str:
    row = standing.cosine
    if row is None:
        return "–"
    text = f"{row.value:.3f} {row.task}"
    if standing.biased:
        others = len(standing.biased) - 1
        more = f" and {others} more" if others else ""
        return f"biased: {text}{more}"
    return f"unsure: {text}" if standing.unsure else text


def _path(row: PathRow | None) -> str:
    if row is None or row.cosine is None:
        return "–"
    return f"{row.cosine:.3f} {row.task} @{row.update}"
