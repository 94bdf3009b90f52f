"""What a trainer logs about the credit of a batch.

The numbers are computed by numpy on the host: a call of numpy on a few hundred values takes a
tenth of what torch takes, and from a device each tensor is fetched once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from creditlib.algebra import contrast, valid_turns
from creditlib.vocabulary import (
    Anchor,
    AnyCredit,
    ArgumentSpec,
    Group,
    Reward,
    TurnCount,
    TurnReward,
    Valid,
)
from creditlib.vocabulary.contract import checked, contract_error, describe_value

__all__ = ["diagnose"]

Array: TypeAlias = "np.ndarray[Any, Any]"

Terms = Annotated[
    Mapping[str, Tensor],
    ArgumentSpec("the terms of a composed credit by name, float[batch] or float[batch turn] each"),
]


@checked
def diagnose(
    credit: AnyCredit,
    *,
    reward: Reward | None = None,
    group: Group | None = None,
    turn_reward: TurnReward | None = None,
    turn_count: TurnCount | None = None,
    valid: Valid | None = None,
    anchor: Anchor | None = None,
    terms: Terms | None = None,
    turns: int = 8,
) -> dict[str, float]:
    """Metrics for a logger: groups without a gradient, the size of credit, and lost rewards.

    With `credit` float[batch] or float[batch turn]:

    - `credit/mean`, `credit/abs_mean`, `credit/abs_max` over rows or turns that where part
    - `credit/silent_rows`: share of rows without any credit
    - `credit/abs_turn_0` … `credit/abs_turn_<turns−1>`: mean |credit| at that turn
    - `group/count`, `group/lone`, `group/constant`: groups; share of one member; share of equal
      rewards among those with more (needs `group`, and `reward` for the last)
    - `group/contrast`: share of groups with two different rewards, those of one member included
    - `group/sum_max`: largest |sum of credit| over a group (0 for centred trajectory credit)
    - `rows/excluded`: share of rows that `valid` leaves out
    - `reward/unplaced_max`: largest |reward − sum of turn_reward|: what step returns never see
    - `anchor/met`: share of turns whose anchor is that of another turn of their group, which is
      where the credit of `gigpo` among equal states may differ from 0; `anchor/met_others`: share
      of those whose anchor is that of a turn of another trajectory (both need `group`)
    - `anchor/contrast`: share of turns whose peers, of their group and anchor, have two different
      step rewards (needs `turn_reward`); the others give this turn no credit
    - `anchor/peers`: other turns of the group with the anchor of a turn, mean over turns
    - `term/NAME`: share of a term of `terms` in the sum of |term| over all of them; a term
      float[batch] counts at each turn beside one of turns

    Fetches each tensor from its device and waits for it; call it when you log.

    Options:
        turns: how many `credit/abs_turn_…` there are, at least 0

    >>> credit, reward = torch.tensor([0.5, -0.5, 0.0]), torch.tensor([1.0, 0.0, 1.0])
    >>> metrics = diagnose(credit, reward=reward, group=torch.tensor([0, 0, 1]))
    >>> metrics["group/lone"], metrics["group/constant"], round(metrics["credit/silent_rows"], 3)
    (0.5, 0.0, 0.333)
    >>> seen, group = torch.tensor([[5, 6], [5, 7]]), torch.tensor([0, 0])
    >>> metrics = diagnose(torch.zeros(2, 2), group=group, anchor=seen)
    >>> metrics["anchor/met"], metrics["anchor/peers"]
    (0.5, 0.5)
    """
    where = _fetched(valid) if valid is not None else np.ones(len(credit), dtype=np.bool_)
    counts = None if turn_count is None else _fetched(turn_count)
    found = _number(credit)
    table = found[:, None] if found.ndim == 1 else found
    real = _real(table, counts if found.ndim == 2 else None, where)
    table = np.where(real, table, 0.0)
    size = np.abs(table)
    entries, members = real.sum(), where.sum()
    metrics = {
        "credit/mean": _share(table.sum(), entries),
        "credit/abs_mean": _share(size.sum(), entries),
        "credit/abs_max": float(size.max(initial=0.0)),
        "credit/silent_rows": _share((where & ~(size != 0).any(1)).sum(), members),
        "rows/excluded": _share(len(where) - members, len(where)),
    }
    if found.ndim == 2:
        sums, there = size[:, :turns].sum(0), real[:, :turns].sum(0)
        for turn, (total, count) in enumerate(zip(sums, there, strict=True)):
            metrics[f"credit/abs_turn_{turn}"] = _share(total, count)
    if group is not None:
        earned = None if reward is None else _number(reward)
        metrics |= _group_metrics(table, real, where, _ranks(_fetched(group)), earned)
    if reward is not None and turn_reward is not None and counts is not None:
        placed = _number(turn_reward)
        placed = np.where(_real(placed, counts, where), placed, 0.0).sum(1)
        gap = np.where(where, _number(reward), placed) - placed
        metrics["reward/unplaced_max"] = float(np.abs(gap).max(initial=0.0))
    if anchor is not None:
        if group is None:
            raise contract_error("diagnose", "group", "given with `anchor`", "None")
        metrics |= _anchor_metrics(_fetched(anchor), _fetched(group), counts, where)
        if turn_reward is not None and turn_count is not None:
            told = contrast(
                turn_reward=turn_reward, group=group, anchor=anchor, turn_count=turn_count,
                valid=valid,
            )  # fmt: skip
            every = valid_turns(turn_count, turn_reward.shape[1], valid)
            metrics["anchor/contrast"] = _share(told.sum(), every.sum())
    if terms is not None:
        metrics |= _term_metrics(terms, counts, where)
    return metrics


def _fetched(x: Tensor) -> Array:
    return x.detach().resolve_neg().cpu().numpy()


def _number(x: Tensor) -> Array:
    """The values in float64, which numpy knows, whatever their precision."""
    return x.detach().to("cpu", torch.float64).numpy()


def _real(x: Array, turn_count: Array | None, where: Array) -> Array:
    """The turns [row turn] that take part; all of them where `turn_count` is not known."""
    if turn_count is None:
        return np.broadcast_to(where[:, None], x.shape)
    return (np.arange(x.shape[1]) < turn_count[:, None]) & where[:, None]


def _ranks(key: Array) -> Array:
    """The rank of each value among the distinct ones."""
    return np.unique(key, return_inverse=True)[1].reshape(key.shape)


def _group_metrics(
    table: Array, real: Array, where: Array, group: Array, reward: Array | None
) -> dict[str, float]:
    count = np.bincount(group[where])
    sums = np.abs(np.bincount(np.repeat(group, table.shape[1]), table.reshape(-1)))
    metrics = {
        "group/count": float(np.count_nonzero(count)),
        "group/lone": _share(np.count_nonzero(count == 1), np.count_nonzero(count)),
        "group/sum_max": float(sums[group[real.any(1)]].max(initial=0.0)),
    }
    if reward is not None:
        several, constant, told = count > 1, 0, 0
        if several.any():
            order = np.argsort(group[where], kind="stable")
            starts = (np.cumsum(count) - count)[count > 0]
            x = reward[where][order]
            gap = np.maximum.reduceat(x, starts) - np.minimum.reduceat(x, starts)
            constant = np.count_nonzero((gap == 0) & several[count > 0])
            told = np.count_nonzero(gap > 0)
        metrics["group/contrast"] = _share(told, np.count_nonzero(count))
        metrics["group/constant"] = _share(constant, np.count_nonzero(several))
    return metrics


def _anchor_metrics(
    anchor: Array, group: Array, turn_count: Array | None, where: Array
) -> dict[str, float]:
    real = _real(anchor, turn_count, where)
    met = real & (anchor >= 0)
    row = np.broadcast_to(np.arange(len(group))[:, None], anchor.shape)[met]
    # Pairs of ranks as one number: there are at most as many of each as turns.
    place = _ranks(_ranks(group)[row] * max(anchor.size, 1) + _ranks(anchor[met]))
    own = _ranks(place * max(len(group), 1) + row)
    turns, of_row = np.bincount(place)[place], np.bincount(own)[own]
    peers, others, count = turns - 1, turns - of_row, real.sum()
    return {
        "anchor/met": _share(np.count_nonzero(peers), count),
        "anchor/met_others": _share(np.count_nonzero(others), count),
        "anchor/peers": _share(peers.sum(), count),
    }


def _term_metrics(
    terms: Mapping[str, Tensor], turn_count: Array | None, where: Array
) -> dict[str, float]:
    if not isinstance(terms, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise contract_error("diagnose", "terms", "tensors by name", describe_value(terms))
    rows = len(where)
    width = {term.shape[1] for term in terms.values() if _is_term(term, rows) and term.ndim == 2}
    for name, term in terms.items():
        if not _is_term(term, rows) or (term.ndim == 2 and len(width) > 1):
            shape = f"float[batch] or float[batch turn] of {rows} rows"
            wanted = f"{shape}, the latter all alike, for each name"
            raise contract_error(
                "diagnose", "terms", wanted, f"{describe_value(term)} for {name!r}"
            )
    sums: dict[str, float] = {}
    for name, term in terms.items():
        found = _number(term)
        table = found[:, None] if found.ndim == 1 else found
        table = np.broadcast_to(table, (rows, *(width or {1})))
        real = _real(table, turn_count if width else None, where)
        sums[name] = float(np.abs(np.where(real, table, 0.0)).sum())
    total = sum(sums.values())
    return {f"term/{name}": _share(each, total) for name, each in sums.items()}


def _is_term(term: object, rows: int) -> bool:
    if not isinstance(term, Tensor) or not term.is_floating_point():
        return False
    return term.ndim in (1, 2) and term.shape[0] == rows


def _share(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else 0.0
