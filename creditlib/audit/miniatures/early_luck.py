"""Claim a: an anchor baseline removes early luck, and gains nothing without it."""

from __future__ import annotations

from creditlib.audit.learning_curves import interval
from creditlib.audit.miniatures.result import ClaimResult, Runs, final_success, judged
from creditlib.audit.subject import audited
from creditlib.audit.tasks import rooms, wings
from creditlib.audit.training import Training, train

__all__ = ["early_luck"]


def early_luck(runs: Runs) -> list[ClaimResult]:
    """GiGPO against GRPO on `wings` with its luck, without it, and on sparse loops."""
    return [_with_luck(runs), _without_luck(runs), _sparse_loops(runs)]


def _with_luck(runs: Runs) -> ClaimResult:
    subjects = [audited("grpo"), audited("gigpo"), audited("turn_mc"), audited("anchor_lto")]
    final, _ = final_success(Training(wings(4, 2.0), 100, 2, 8), subjects, runs)
    mean, low, high = judged(final[1] - final[0], runs)
    return ClaimResult(
        "a",
        False,
        "GiGPO learns more than GRPO where luck before the anchor dominates the outcome.",
        "final success, GiGPO minus GRPO",
        *(mean, low, high),
        "above 0.1, and the interval above 0",
        mean > 0.1 and low > 0,
        {
            "GRPO": float(final[0].mean()),
            "GiGPO": float(final[1].mean()),
            "a baseline over turns minus GRPO": float((final[2] - final[0]).mean()),
            "anchors without the own trajectory minus GRPO": float((final[3] - final[0]).mean()),
        },
    )


def _without_luck(runs: Runs) -> ClaimResult:
    subjects = [audited("grpo"), audited("gigpo")]
    final, _ = final_success(Training(wings(4, None), 100, 2, 8), subjects, runs)
    mean, low, high = judged(final[1] - final[0], runs)
    return ClaimResult(
        "a",
        True,
        "Without the luck, GiGPO gains nothing over GRPO on the same task.",
        "final success, GiGPO minus GRPO",
        *(mean, low, high),
        "the lower end of the interval below 0.05",
        low < 0.05,
        {"GRPO": float(final[0].mean()), "GiGPO": float(final[1].mean())},
    )


def _sparse_loops(runs: Runs) -> ClaimResult:
    """GiGPO against GRPO on a corridor without luck: the direction of the effect, not its size."""
    training = Training(rooms(10, 4, 40), 60, 2, 8)
    curves = train(
        training, [audited("grpo"), audited("gigpo")], [[0.05], [0.05]], runs.numbers(4)
    )[:, 0]
    areas = curves[..., 1:].mean(-1)
    mean, low, high = interval(areas[1] - areas[0], runs.base)
    return ClaimResult(
        "a",
        True,
        "In sparse loops without luck, GiGPO is ahead of GRPO: the direction only.",
        "area under the curve, GiGPO minus GRPO, learning rate 0.05",
        *(mean, low, high),
        "the interval above 0",
        low > 0,
        {"final success, GiGPO minus GRPO": float((curves[1] - curves[0])[:, -1].mean())},
    )
