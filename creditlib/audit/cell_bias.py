"""Bias and variance of a credit given the state and the action.

A cell is a pair of a state and an action.
"""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.audit.intervals import Estimate, jackknife
from creditlib.audit.sample import Sample

__all__ = ["LEAST_VISITS", "cell_sums", "judge_cells"]

LEAST_VISITS = 5


def cell_sums(sample: Sample, values: Tensor, block: Tensor) -> Tensor:
    """Σ values in each cell, by block of groups, float64[block state action].

    values: float64[batch turn]. block: int[group].

    >>> from creditlib.audit.credit_quality import groups_of
    >>> from creditlib.audit.tasks import recovery
    >>> drawn = groups_of(recovery(), groups=2, size=4)
    >>> ones = torch.ones(drawn.state.shape, dtype=torch.float64)
    >>> cell_sums(drawn, ones, torch.tensor([0, 1]))[:, 0].sum(1)  # all begin in state 0
    tensor([4., 4.], dtype=torch.float64)
    """
    states, actions = len(sample.task.states), sample.task.actions
    blocks = int(block[-1]) + 1
    cell = sample.state.clamp(min=0) * actions + sample.action.clamp(min=0)
    cell = cell + block[sample.group][:, None] * (states * actions)
    weights = torch.where(sample.real, values, 0)
    total = torch.bincount(cell.flatten(), weights.flatten(), minlength=blocks * states * actions)
    return total.view(blocks, states, actions)


def judge_cells(
    sample: Sample, credit: Tensor, block: Tensor, visits: Tensor
) -> dict[str, Estimate]:
    """The squared bias and the variance of a credit, both over E[A²], with jackknife intervals.

    credit: c, float64[batch turn]. block: int[group]. visits: the `cell_sums` of ones. Cells with
    5 visits or more count, where these lie in two blocks or more. n[s,a] are the visits of a cell,
    m[s,a] the mean of c in it, and ~ means "less the mean over the visits of the state", which
    removes any shift that depends on the state alone.

        α = Σ n ~m ~A / (Σ n ~m² - noise)                                      least squares
        bias = (Σ n (α ~m - ~A)² - α² noise) / Σ n A²                          may come out below 0
        variance = α² Σ n E[(c - E[c|s,a])² | s,a] / Σ n A²

    noise = Σ n Var(~m), the part of Σ n ~m² that is due to a finite number of visits. It comes from
    the differences between blocks, since visits of one group are not independent. Undefined: no
    such cell; A = 0 in all; Σ n ~m² at most its noise, as for a credit that is 0.

    >>> from creditlib.audit.credit_quality import groups_of
    >>> from creditlib.audit.intervals import block_of
    >>> from creditlib.audit.tasks import recovery
    >>> drawn, block = groups_of(recovery(), groups=40), block_of(40)
    >>> visits = cell_sums(drawn, torch.ones_like(drawn.advantage), block)
    >>> found = judge_cells(drawn, 3 * drawn.advantage + drawn.state, block, visits)
    >>> abs(round(found["bias"].value, 9)), abs(round(found["variance"].value, 9))
    (0.0, 0.0)
    """
    first = cell_sums(sample, credit, block)
    second = cell_sums(sample, credit.square(), block)
    sums = torch.stack([visits, first, second])
    advantage = sample.oracle.advantage[0]
    kept = (visits.sum(0) >= LEAST_VISITS) & ((visits > 0).sum(0) >= 2)
    # Only states with a kept cell matter.
    some = kept.any(1)
    sums = torch.where(kept[some], sums[:, :, some], 0)
    advantage = advantage[some]
    whole = _numbers(sums, advantage)
    without = [
        _numbers(torch.cat([sums[:, :b], sums[:, b + 1 :]], dim=1), advantage)
        for b in range(sums.shape[1])
    ]
    every = torch.stack(without) if without else whole[None]
    return {name: jackknife(whole[i], every[:, i]) for i, name in enumerate(("bias", "variance"))}


def _numbers(sums: Tensor, advantage: Tensor) -> Tensor:
    """[bias, variance] from [3 block state action]: visits, Σc, Σc² of cells; NaN if undefined."""
    n, c, cc = sums.sum(1)
    many = n.clamp(min=1)
    mean = c / many
    state = n.sum(-1, keepdim=True).clamp(min=1)
    residue = sums[1] - mean * sums[0]  # of each block: Σ (c - m)
    blocks = (sums[0] > 0).sum(0, dtype=torch.float64)
    factor = torch.where(blocks > 1, blocks / (blocks - 1).clamp(min=1), 1)
    moved = residue / many - residue.sum(-1, keepdim=True) / state
    noise = (factor * n * moved.square().sum(0)).sum()
    m = mean - (n * mean).sum(-1, keepdim=True) / state
    a = advantage - (n * advantage).sum(-1, keepdim=True) / state
    power = (n * m.square()).sum() - noise
    power = torch.where(power > 1e-12 * cc.sum(), power, torch.nan)
    alpha = (n * m * a).sum() / power
    scale = (n * advantage.square()).sum()
    scale = torch.where(scale > 0, scale, torch.nan)
    bias = (n * (alpha * m - a).square()).sum() - alpha.square() * noise
    within = (cc - n * mean.square()).sum()
    within = within + (factor * residue.square().sum(0) / many).sum()
    return torch.stack([bias, alpha.square() * within]) / scale
