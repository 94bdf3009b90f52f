"""Min-form credit: returns by the worst turn of a row, compared with those of the group's others.

A row is [turn] of scores, of which the first `turn_count` exist. Rows that are not valid change no
other row and get exactly 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops.groups import reference as groups
from creditlib.ops.masks import valid_rows, valid_turns
from creditlib.ops.precision import narrow, wide
from creditlib.ops.returns.reference import turn_returns
from creditlib.ops.scans.reference import reverse_minimum

__all__ = [
    "hard_min_weights",
    "min_form_credit",
    "min_returns",
    "min_steps",
    "running_minimum",
    "softmin_powers",
]


def _lowest(x: Tensor, where: Tensor) -> Tensor:
    """The smallest selected value of each row, inf without one."""
    selected = torch.where(where, x, torch.full_like(x, torch.inf))
    empty = selected.new_full((*x.shape[:-1], 1), torch.inf)
    return torch.cat([selected, empty], -1).amin(-1, keepdim=True)


def softmin_powers(x: Tensor, where: Tensor, temperature: float) -> Tensor:
    """exp((lowest of the row − x) / temperature) at selected turns, 0 at others.

    >>> import torch
    >>> softmin_powers(torch.tensor([[2.0, 2.0, 0.0]]), torch.tensor([[True, True, False]]), 1.0)
    tensor([[1., 1., 0.]])
    """
    power = torch.exp((_lowest(x, where) - x) / temperature)
    return torch.where(where, power, torch.zeros_like(x))


def hard_min_weights(x: Tensor, where: Tensor) -> Tensor:
    """1 over the number of minima of the row at each of them, 0 elsewhere.

    >>> import torch
    >>> hard_min_weights(torch.tensor([[2.0, 1.0, 1.0]]), torch.tensor([[True, True, True]]))
    tensor([[0.0000, 0.5000, 0.5000]])
    """
    at = (where & (x == _lowest(x, where))).to(x.dtype)
    return at / at.sum(-1, keepdim=True).clamp(min=1)


def running_minimum(x: Tensor, where: Tensor) -> Tensor:
    """The smallest selected value of a turn and those after it, 0 at turns not selected.

    >>> import torch
    >>> running_minimum(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[True, True, True]]))
    tensor([[1., 1., 2.]])
    """
    lowest = reverse_minimum(torch.where(where, x, torch.full_like(x, torch.inf)))
    return torch.where(where, lowest, torch.zeros_like(lowest))


def min_steps(x: Tensor, where: Tensor, temperature: float | None) -> Tensor:
    """x times its softmin weights; times its hard minimum weights without a temperature.

    >>> import torch
    >>> min_steps(torch.tensor([[3.0, 1.0]]), torch.tensor([[True, True]]), None)
    tensor([[0., 1.]])
    """
    if temperature is None:
        weights = hard_min_weights(x, where)
    else:
        power = softmin_powers(x, where, temperature)
        total = turn_returns(power, where, 1.0)[..., :1]
        weights = power / total.clamp(min=torch.finfo(x.dtype).tiny)
    return torch.where(where, weights * x, torch.zeros_like(x))


def min_returns(
    score: Tensor, turn_count: Tensor, temperature: float | None, valid: Tensor | None = None
) -> Tensor:
    """The sums to the end of `min_steps`, [batch turn] -> [batch turn], computed in float64.

    >>> import torch
    >>> min_returns(torch.tensor([[3.0, 1.0]]), torch.tensor([2]), None)
    tensor([[1., 1.]])
    """
    where = valid_turns(turn_count, score.shape[1], valid)
    result = turn_returns(min_steps(wide(score), where, temperature), where, 1.0)
    return narrow(result, score)


def min_form_credit(
    score: Tensor,
    group: Tensor,
    turn_count: Tensor,
    *,
    form: str,
    temperature: float,
    baseline: str,
    reward_weight: float,
    lone: str,
    valid: Tensor | None = None,
    turn_length: Tensor | None = None,
    length: Tensor | None = None,
    reward: Tensor | None = None,
) -> Tensor:
    """A min-form return minus that of the group's other rows, [batch turn] -> [batch turn].

        Σ_{j >= k} (s[i,j] − b[i,j]) + reward_weight · (reward[i] − mean of the others)

    s are the `min_steps` of "softmin" and "hard_min"; "suffix_min" takes the running minimum in the
    place of the sum. b is the mean of the others for each step, with baseline="token" for each
    unit of `turn_length`. A row without others gets 0 (lone="raw": its return).
    `creditlib.pure` documents every option. The result is float32, and float64 if a value is.

    >>> import torch
    >>> score, both = torch.tensor([[3.0, 1.0], [2.0, 2.0]]), torch.tensor([0, 0])
    >>> options = {"form": "hard_min", "temperature": 1.0, "baseline": "step"}
    >>> options.update(reward_weight=1.0, lone="zero")
    >>> min_form_credit(score, both, torch.tensor([2, 2]), **options)
    tensor([[-1.0000,  0.0000],
            [ 1.0000,  0.5000]])
    """
    given = score, turn_length, length, reward
    score, where = wide(score), valid_turns(turn_count, score.shape[1], valid)
    rows = valid_rows(valid, score)
    unit, size = _units(where, score, turn_length, baseline)
    if form == "suffix_min":
        own, credit = _value_form(score, where, group, unit)
    else:
        if baseline == "token" and length is not None:
            size = wide(length)
        step = min_steps(score, where, temperature if form == "softmin" else None)
        own = turn_returns(step, where, 1.0)
        excess = _excess(step, where, rows, group, unit, size, baseline)
        credit = turn_returns(excess, where, 1.0)
    peers = rows & (size > 0)
    others = groups.group_count(groups.dense(group), peers) - peers.to(score.dtype)
    raw = own if lone == "raw" else torch.zeros_like(own)
    credit = torch.where((others == 0)[:, None], raw, credit)
    if reward is not None:
        outcome = groups.relative(wide(reward), (group,), rows, center="leave_one_out", lone=lone)
        credit = credit + reward_weight * outcome[:, None]
    return narrow(torch.where(where, credit, torch.zeros_like(credit)), *given)


def _units(
    where: Tensor, score: Tensor, turn_length: Tensor | None, baseline: str
) -> tuple[Tensor, Tensor]:
    """How much a turn counts in a baseline, and how much its row does."""
    if baseline == "token" and turn_length is not None:
        unit = torch.where(where, wide(turn_length), torch.zeros_like(score))
        return unit, unit.sum(1)
    return where.to(score.dtype), where.any(1).to(score.dtype)


def _value_form(score: Tensor, where: Tensor, group: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
    """The minimum of the turns still to come, and how far it lies above that of the others."""
    value = running_minimum(score, where)
    row = torch.arange(len(score), device=score.device)[:, None]
    credit = groups.relative(value, (group[:, None],), where, weight=unit, leave_out=row)
    return value, credit


def _excess(
    step: Tensor,
    where: Tensor,
    rows: Tensor,
    group: Tensor,
    unit: Tensor,
    size: Tensor,
    baseline: str,
) -> Tensor:
    """s − b of each step, as two differences that are exactly 0 in a constant group.

    The first is the distance of the step to the mean of its own row. The second is the distance of
    that mean to the mean of the others.
    """
    count, mean = where.sum(1).to(step.dtype), _row_means(step, where)
    share, rate = unit, mean
    if baseline == "token":
        divisor = torch.where(size > 0, size, torch.ones_like(size))
        share, rate = count[:, None] * unit / divisor[:, None], mean * count / divisor
    above_others = groups.relative(rate, (group,), rows, center="leave_one_out", weight=size)
    return (step - mean[:, None] * share) + above_others[:, None] * unit


def _row_means(step: Tensor, where: Tensor) -> Tensor:
    """The mean of the selected steps of each row, exactly their value where they are equal."""
    lowest = running_minimum(step, where)[:, :1]
    count = where.sum(1, keepdim=True).clamp(min=1)
    mean = lowest + turn_returns(step - lowest, where, 1.0)[:, :1] / count
    # The appended column serves a batch without turns.
    return torch.nn.functional.pad(mean, (0, 1))[:, 0]
