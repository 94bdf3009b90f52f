"""Claim e: information gain as a reward leaves no group without a gradient."""

from __future__ import annotations

import torch

from creditlib.audit.miniatures.result import ClaimResult, Runs, final_success, judged
from creditlib.audit.sample import sample
from creditlib.audit.subject import Audited, audited
from creditlib.audit.tasks import search
from creditlib.audit.training import Training

__all__ = ["dead_groups", "information_gain"]


def information_gain(runs: Runs) -> list[ClaimResult]:
    """Information gain normalised over the group of a turn, against GRPO, on `search(6, 24, 8)`."""
    training = Training(search(6, 24, 8), 60, 1, 8)
    outcome, gain = audited("grpo"), audited("igpo_turn_group")
    final, _ = final_success(training, [outcome, gain], runs, times=2)
    mean, low, high = judged(final[1] - final[0], runs)
    dead = {each.name: dead_groups(training, each, runs) for each in (outcome, gain)}
    learns = ClaimResult(
        "e",
        False,
        "Information gain of each turn, beside the outcome, avoids the collapse of GRPO.",
        "final success, information gain minus GRPO",
        *(mean, low, high),
        "the lower end of the interval above 0.1",
        low > 0.1,
        {"GRPO": float(final[0].mean()), "information gain": float(final[1].mean())},
    )
    alive = ClaimResult(
        "e",
        False,
        "With information gain, no group is without a gradient at the start.",
        "share of groups with a zero gradient at the start",
        *(dead[gain.name], None, None),
        "below 0.01",
        dead[gain.name] < 0.01,
        {"GRPO": dead[outcome.name]},
    )
    return [learns, alive]


def dead_groups(training: Training, subject: Audited, runs: Runs, groups: int = 1000) -> float:
    """The share of groups whose gradient is 0 at the uniform policy, up to rounding."""
    task = training.task
    written = sample(task, task.uniform(), groups, training.size, runs.numbers()[0])
    size = written.gradients(subject.credit(written)).abs().flatten(1).amax(1)
    return float((size <= 1e-9 * torch.clamp(size.max(), min=1e-300)).double().mean())
