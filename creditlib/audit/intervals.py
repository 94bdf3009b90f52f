"""95 % intervals over groups: the percentile bootstrap, and the jackknife over blocks of groups."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["BLOCKS", "Estimate", "block_of", "bootstrap", "jackknife", "resample_counts"]

BLOCKS = 20
_T = 2.093024  # the 97.5 % point of Student's t with BLOCKS - 1 = 19 degrees of freedom
_TAILS = (0.025, 0.975)


class Estimate(NamedTuple):
    """A number with its 95 % interval; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None


@functools.lru_cache(maxsize=8)
def resample_counts(groups: int, resamples: int = 1000, seed: int = 0) -> Tensor:
    """How often each resample holds each group, float64[resample group].

    Each row is multinomial: `groups` draws with replacement out of `groups`, so it sums to
    `groups`. One seed gives one tensor.

    >>> resample_counts(5, resamples=3).sum(1)
    tensor([5., 5., 5.], dtype=torch.float64)
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(groups, (resamples, groups), generator=generator)
    place = drawn + groups * torch.arange(resamples)[:, None]
    return torch.bincount(place.flatten(), minlength=resamples * groups).view(-1, groups).double()


def bootstrap(
    statistic: Callable[[Tensor], Tensor], sums: Tensor, resamples: int = 1000, seed: int = 0
) -> list[Estimate]:
    """The percentile bootstrap over groups of functions of sums.

    sums: float64[group column], what each group adds. statistic: takes the totals [... column], and
    gives the numbers [... number], NaN where one is undefined. With W = `resample_counts`,

        value = statistic(Σ_g sums[g])
        low, high = the 2.5 % and 97.5 % points of statistic(W sums)

    A resample in which the number is undefined is left out. One group gives no interval.

    >>> mean = lambda total: total[..., :1] / total[..., 1:]
    >>> sums = torch.tensor([[0.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
    >>> bootstrap(mean, sums)
    [Estimate(value=0.5, low=0.0, high=1.0)]
    """
    values = statistic(sums.sum(0))
    if len(sums) < 2:
        return [Estimate(_known(value), None, None) for value in values.tolist()]
    drawn = statistic(resample_counts(len(sums), resamples, seed) @ sums)
    tails = torch.tensor(_TAILS, dtype=torch.float64)
    lows, highs = drawn.nanquantile(tails, dim=0).tolist()
    return [
        Estimate(_known(value), *((None, None) if value != value else (_known(low), _known(high))))
        for value, low, high in zip(values.tolist(), lows, highs, strict=True)
    ]


def block_of(groups: int, blocks: int = BLOCKS) -> Tensor:
    """The block of each group, int[group]: `blocks` runs of adjacent groups of nearly equal length.

    >>> block_of(5, blocks=2).tolist()
    [0, 0, 0, 1, 1]
    """
    return torch.arange(groups) * min(blocks, groups) // groups


def jackknife(
    value: Tensor, without: Tensor, low: float | None = None, corrected: bool = False
) -> Estimate:
    """The interval of a number from what it is without each block.

    value: float[], of all groups. without: float[block], of all groups but those of the block.

        se² = (B - 1)/B Σ_b (without[b] - mean(without))²              low, high = value ∓ 2.093 se

    2.093 is the 97.5 % point of Student's t for 20 blocks. low: the interval ends there where it
    would go below. corrected: the value is B value - (B - 1) mean(without) instead, which takes
    away the part of its bias that goes with 1 / groups. The interval is undefined where the number
    is, or where a block less makes it undefined; the value is then not corrected.

    >>> jackknife(torch.tensor(2.0), torch.tensor([2.0, 2.0]))
    Estimate(value=2.0, low=2.0, high=2.0)
    """
    if not value.isfinite():
        return Estimate(None, None, None)
    if len(without) < 2 or not without.isfinite().all():
        return Estimate(float(value), None, None)
    blocks = len(without)
    if corrected:
        value = blocks * value - (blocks - 1) * without.mean()
    spread = (without - without.mean()).square().sum() * (blocks - 1) / blocks
    half = _T * float(spread.sqrt())
    ends = (float(value) - half, float(value) + half)
    return Estimate(float(value), ends[0] if low is None else max(low, ends[0]), ends[1])


def _known(value: float) -> float | None:
    return value if value == value else None
