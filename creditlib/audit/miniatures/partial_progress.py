"""Claim d: credit for partial progress finds rare success, and can be farmed."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.audit.miniatures.result import ClaimResult, Runs, final_success, judged
from creditlib.audit.references import turn_mc
from creditlib.audit.subject import audited
from creditlib.audit.tasks import pipeline
from creditlib.audit.training import Training, train
from creditlib.estimators import grpo
from creditlib.shaping import potential_shaping

__all__ = ["grpo_with_potential", "partial_progress", "potential_based", "turns_with_prints"]


def turns_with_prints(
    *, turn_reward: Tensor, group: Tensor, turn_count: Tensor, progress_print: Tensor
) -> Tensor:
    """The return to go of outcome and printed progress, with a baseline for each turn."""
    return turn_mc(turn_reward=turn_reward + progress_print, group=group, turn_count=turn_count)


def grpo_with_potential(
    *, reward: Tensor, group: Tensor, progress: Tensor, turn_count: Tensor
) -> Tensor:
    """GRPO of the outcome plus the shaping of a potential: the progress before each turn.

    The potential after the last turn is 0, so the shaping of a trajectory adds up to 0.
    """
    before = torch.nn.functional.pad(progress, (1, -1))
    shaping = potential_shaping(potential=before, turn_count=turn_count)
    return grpo(reward=reward + shaping.sum(1), group=group)


def partial_progress(runs: Runs) -> list[ClaimResult]:
    """Partial credit against the terminal reward, and what is farmed when prints are paid."""
    return [_finds_success(runs), _farmed(runs)]


def _finds_success(runs: Runs) -> ClaimResult:
    subjects = [audited("grpo"), audited("grpo_partial_credit"), audited("turn_mc_partial_credit")]
    final, _ = final_success(Training(pipeline(6), 100, 2, 8), subjects, runs, times=2)
    mean, low, high = judged(final[1] - final[0], runs)
    return ClaimResult(
        "d",
        False,
        "With partial credit, GRPO learns what it cannot from a terminal reward that is rare.",
        "final success, GRPO with partial credit minus GRPO",
        *(mean, low, high),
        "the lower end of the interval above 0.1",
        low > 0.1,
        {
            "GRPO": float(final[0].mean()),
            "GRPO with partial credit": float(final[1].mean()),
            "a return for each turn": float(final[2].mean()),
        },
    )


def _farmed(runs: Runs) -> ClaimResult:
    subjects = [audited(turns_with_prints), audited("turn_mc_partial_credit")]
    training = Training(pipeline(4, redo=True), 150, 2, 8)
    prints, records = train(training, subjects, [[0.4], [0.4]], runs.numbers(2))[:, 0, :, -1]
    mean, low, high = judged(records - prints, runs)
    return ClaimResult(
        "d",
        True,
        "Progress that is paid at every print is farmed by going back, and a new record is not.",
        "final success, paid on record minus paid per print",
        *(mean, low, high),
        "the lower end of the interval above 0.05",
        low > 0.05,
        {"paid per print": float(prints.mean()), "paid on record": float(records.mean())},
    )


def potential_based(runs: Runs) -> ClaimResult:
    """GRPO with a potential-based shaping of the progress, against GRPO."""
    training = Training(pipeline(6), 100, 2, 8)
    final, _ = final_success(training, [audited("grpo"), audited(grpo_with_potential)], runs)
    mean, low, high = judged(final[1] - final[0], runs)
    return ClaimResult(
        "d",
        True,
        "Potential-based shaping of progress helps GRPO.",
        "final success, GRPO with shaping minus GRPO",
        *(mean, low, high),
        "the lower end of the interval above 0.1",
        low > 0.1,
        {"GRPO": float(final[0].mean()), "GRPO with shaping": float(final[1].mean())},
    )
