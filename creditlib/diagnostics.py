"""What a trainer logs about the credit of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor

from creditlib.algebra import contrast
from creditlib.ops.groups import reference as groups
from creditlib.ops.masks import flat, valid_rows, valid_turns
from creditlib.ops.precision import wide
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
    """Numbers for a logger: which groups teach nothing, how large credit is, what was lost.

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
      step rewards (needs `turn_reward`); the others tell nothing of this turn
    - `anchor/peers`: other turns of the group with the anchor of a turn, mean over turns
    - `term/NAME`: share of a term of `terms` in the sum of |term| over all of them; a term
      float[batch] counts at each turn beside one of turns

    Waits for the device once per number; call it when you log, not in the hot path.

    >>> credit, reward = torch.tensor([0.5, -0.5, 0.0]), torch.tensor([1.0, 0.0, 1.0])
    >>> metrics = diagnose(credit, reward=reward, group=torch.tensor([0, 0, 1]))
    >>> metrics["group/lone"], metrics["group/constant"], round(metrics["credit/silent_rows"], 3)
    (0.5, 0.0, 0.333)
    >>> seen, group = torch.tensor([[5, 6], [5, 7]]), torch.tensor([0, 0])
    >>> metrics = diagnose(torch.zeros(2, 2), group=group, anchor=seen)
    >>> metrics["anchor/met"], metrics["anchor/peers"]
    (0.5, 0.5)
    """
    where = valid_rows(valid, credit)
    value = wide(credit)
    table = value[:, None] if value.ndim == 1 else value
    real = where[:, None].expand(table.shape)
    if turn_count is not None and value.ndim == 2:
        real = valid_turns(turn_count, table.shape[1], valid)
    table = torch.where(real, table, torch.zeros_like(table))
    size = table.abs()
    silent = where & (size.sum(1) == 0)
    metrics = {
        "credit/mean": _share(table.sum(), real.sum()),
        "credit/abs_mean": _share(size.sum(), real.sum()),
        "credit/abs_max": float(size.max()) if size.numel() else 0.0,
        "credit/silent_rows": _share(silent.sum(), where.sum()),
        "rows/excluded": _share((~where).sum(), torch.tensor(len(where), device="cpu")),
    }
    if value.ndim == 2:
        for turn in range(min(turns, table.shape[1])):
            metrics[f"credit/abs_turn_{turn}"] = _share(size[:, turn].sum(), real[:, turn].sum())
    if group is not None:
        metrics |= _group_metrics(table, real, where, group, reward)
    if reward is not None and turn_reward is not None and turn_count is not None:
        placed = valid_turns(turn_count, turn_reward.shape[1], valid)
        earned = torch.where(placed, wide(turn_reward), torch.zeros_like(wide(turn_reward))).sum(1)
        gap = torch.where(where, wide(reward) - earned, torch.zeros_like(earned)).abs()
        metrics["reward/unplaced_max"] = float(gap.max()) if gap.numel() else 0.0
    if anchor is not None:
        if group is None:
            raise contract_error("diagnose", "group", "given with `anchor`", "None")
        metrics |= _anchor_metrics(anchor, group, turn_count, valid)
        if turn_reward is not None and turn_count is not None:
            told = contrast(
                turn_reward=turn_reward, group=group, anchor=anchor, turn_count=turn_count,
                valid=valid,
            )  # fmt: skip
            where_turns = valid_turns(turn_count, turn_reward.shape[1], valid)
            metrics["anchor/contrast"] = _share(told.sum(), where_turns.sum())
    if terms is not None:
        metrics |= _term_metrics(terms, len(where), turn_count, valid)
    return metrics


def _anchor_metrics(
    anchor: Tensor, group: Tensor, turn_count: Tensor | None, valid: Tensor | None
) -> dict[str, float]:
    real = _real(anchor, turn_count, valid)
    met = (real & (anchor >= 0)).reshape(-1)
    row = torch.arange(len(group), device=group.device)
    place = groups.dense(flat(group, anchor), anchor.reshape(-1))
    turns = groups.group_count(place, met)
    own = groups.group_count(groups.dense(place, flat(row, anchor)), met)
    peers = torch.where(met, turns - 1, torch.zeros_like(turns))
    others = torch.where(met, turns - own, torch.zeros_like(turns))
    return {
        "anchor/met": _share((peers > 0).sum(), real.sum()),
        "anchor/met_others": _share((others > 0).sum(), real.sum()),
        "anchor/peers": _share(peers.sum(), real.sum()),
    }


def _term_metrics(
    terms: Mapping[str, Tensor], rows: int, turn_count: Tensor | None, valid: Tensor | None
) -> dict[str, float]:
    if not isinstance(terms, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise contract_error("diagnose", "terms", "tensors by name", describe_value(terms))
    width = {term.shape[1] for term in terms.values() if _is_term(term, rows) and term.ndim == 2}
    for name, term in terms.items():
        if not _is_term(term, rows) or (term.ndim == 2 and len(width) > 1):
            shape = f"float[batch] or float[batch turn] of {rows} rows"
            wanted = f"{shape}, the latter all alike, for each name"
            raise contract_error(
                "diagnose", "terms", wanted, f"{describe_value(term)} for {name!r}"
            )
    sums: dict[str, Tensor] = {}
    for name, term in terms.items():
        value = wide(term)
        if width and value.ndim == 1:
            value = value[:, None].expand(rows, *width)
        where = _real(value, turn_count, valid) if width else valid_rows(valid, value)
        sums[name] = torch.where(where, value, torch.zeros_like(value)).abs().sum()
    total = sum(sums.values(), torch.zeros((), device="cpu"))
    return {f"term/{name}": _share(each, total) for name, each in sums.items()}


def _is_term(term: object, rows: int) -> bool:
    if not isinstance(term, Tensor) or not term.is_floating_point():
        return False
    return term.ndim in (1, 2) and term.shape[0] == rows


def _real(x: Tensor, turn_count: Tensor | None, valid: Tensor | None) -> Tensor:
    """The turns that take part; all of them where `turn_count` is not known."""
    if turn_count is None:
        return valid_rows(valid, x)[:, None].expand(x.shape)
    return valid_turns(turn_count, x.shape[1], valid)


def _group_metrics(
    table: Tensor, real: Tensor, where: Tensor, group: Tensor, reward: Tensor | None
) -> dict[str, float]:
    index = groups.dense(group)
    count = groups.group_count(index, where)
    each = torch.where(where, 1 / count.clamp(min=1), torch.zeros_like(count))
    lone = where & (count == 1)
    sums = groups.group_sum(table.reshape(-1), flat(index, table)).view(table.shape).abs()
    metrics = {
        "group/count": round(float(each.sum()), 6),
        "group/lone": _share(each[lone].sum(), each.sum()),
        "group/sum_max": float(sums[real].max()) if bool(real.any()) else 0.0,
    }
    if reward is not None:
        x = wide(reward)
        gap = groups.group_max(x, index, where) + groups.group_max(-x, index, where)
        several = where & (count > 1)
        metrics["group/contrast"] = _share(each[where & (gap > 0)].sum(), each.sum())
        metrics["group/constant"] = _share(each[several & (gap == 0)].sum(), each[several].sum())
    return metrics


def _share(part: Tensor, whole: Tensor) -> float:
    return float(part) / float(whole) if float(whole) else 0.0
