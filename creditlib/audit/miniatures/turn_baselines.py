"""Claim f: a baseline for each turn, and a critic, cut the variance of the gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.audit.intervals import BLOCKS, block_of, jackknife
from creditlib.audit.miniatures.result import ClaimResult, Runs
from creditlib.audit.policies import perturbed
from creditlib.audit.sample import sample
from creditlib.audit.subject import audited
from creditlib.audit.tasks import umbrella

__all__ = ["total_variance", "turn_baselines"]

_GROUPS = 2000


def turn_baselines(runs: Runs) -> list[ClaimResult]:
    """The variance of a group's gradient on `umbrella(32)`, as a share of RLOO's."""
    task = umbrella(32, 1.0)
    seed = runs.numbers()[0]
    written = sample(task, perturbed(task, seed), _GROUPS, 8, seed)
    whole = written.gradients(audited("rloo").credit(written))
    found = [
        (audited("turn_mc"), 0.7, "A return to go with a baseline for each turn"),
        (audited("turn_gae", gamma=1.0, lam=0.95), 0.4, "GAE with an exact critic, lambda .95,"),
    ]
    results = []
    for subject, most, name in found:
        own = written.gradients(subject.credit(written))
        ratio, low, high = _ratio(own, whole)
        results.append(
            ClaimResult(
                "f",
                False,
                f"{name} cuts the variance of the gradient where rewards are noisy at every turn.",
                "variance of a group's gradient over that of RLOO",
                *(ratio, low, high),
                f"below {most}",
                ratio < most,
                {},
            )
        )
    return results


def total_variance(gradients: Tensor) -> Tensor:
    """tr Cov of the gradient of a group; float64[group observation action] -> a number."""
    return gradients.var(0).sum()


def _ratio(own: Tensor, whole: Tensor) -> tuple[float, float | None, float | None]:
    """The ratio of two variances with its 95 % interval, by the jackknife over blocks."""
    blocks = block_of(len(own))
    every = total_variance(own) / total_variance(whole)
    without = [
        total_variance(own[blocks != b]) / total_variance(whole[blocks != b]) for b in range(BLOCKS)
    ]
    found = jackknife(every, torch.stack(without))
    return float(every), found.low, found.high
