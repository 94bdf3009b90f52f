"""What a trainer logs about the credit of a batch."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops.groups import reference as groups
from creditlib.ops.masks import flat, valid_rows, valid_turns
from creditlib.ops.precision import wide
from creditlib.vocabulary import AnyCredit, Group, Reward, TurnCount, TurnReward, Valid
from creditlib.vocabulary.contract import checked

__all__ = ["diagnose"]


@checked
def diagnose(
    credit: AnyCredit,
    *,
    reward: Reward | None = None,
    group: Group | None = None,
    turn_reward: TurnReward | None = None,
    turn_count: TurnCount | None = None,
    valid: Valid | None = None,
    turns: int = 8,
) -> dict[str, float]:
    """Numbers for a logger: which groups teach nothing, how large credit is, what was lost.

    With `credit` float[batch] or float[batch turn]:

    - `credit/mean`, `credit/abs_mean`, `credit/abs_max` over rows or turns that where part
    - `credit/silent_rows`: share of rows without any credit
    - `credit/abs_turn_0` … `credit/abs_turn_<turns−1>`: mean |credit| at that turn
    - `group/count`, `group/lone`, `group/constant`: groups; share of one member; share of equal
      rewards among those with more (needs `group`, and `reward` for the last)
    - `group/sum_max`: largest |sum of credit| over a group (0 for centred trajectory credit)
    - `rows/excluded`: share of rows that `valid` leaves out
    - `reward/unplaced_max`: largest |reward − sum of turn_reward|: what step returns never see

    Waits for the device once per number; call it when you log, not in the hot path.

    >>> credit, reward = torch.tensor([0.5, -0.5, 0.0]), torch.tensor([1.0, 0.0, 1.0])
    >>> metrics = diagnose(credit, reward=reward, group=torch.tensor([0, 0, 1]))
    >>> metrics["group/lone"], metrics["group/constant"], round(metrics["credit/silent_rows"], 3)
    (0.5, 0.0, 0.333)
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
        "rows/excluded": _share((~where).sum(), torch.tensor(len(where))),
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
    return metrics


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
        metrics["group/constant"] = _share(each[several & (gap == 0)].sum(), each[several].sum())
    return metrics


def _share(part: Tensor, whole: Tensor) -> float:
    return float(part) / float(whole) if float(whole) else 0.0
