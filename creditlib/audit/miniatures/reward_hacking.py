"""Claim b: the sum of process rewards is hacked, and their minimum is not, and learns sooner."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.audit.intervals import resample_counts
from creditlib.audit.miniatures.result import ClaimResult, Runs, judged
from creditlib.audit.subject import Audited, audited
from creditlib.audit.tasks import reasoning
from creditlib.audit.training import Training, train

__all__ = ["blind_minimum", "reward_hacking", "steps_to"]

_RATE = 0.05
_SPEED_RATE = 0.15
_SOLVED = 0.8
_CAP = 600


def reward_hacking(runs: Runs) -> list[ClaimResult]:
    """Sum form and min form on `reasoning(4)`, and the steps that they take on `reasoning(14)`."""
    return [*_collapse(runs), _fewer_steps(runs)]


def _forms() -> list[Audited]:
    return [
        audited("rloo", name="outcome"),
        audited("prm_sum"),
        audited("pure", name="soft_min"),
        audited("pure", name="hard_min", form="hard_min"),
    ]


def _collapse(runs: Runs) -> list[ClaimResult]:
    training = Training(reasoning(4, 12, flaw=0.5), 150, 4, 8)
    curves = train(training, _forms(), [[_RATE]] * 4, runs.numbers())[:, 0]
    outcome, total, soft, hard = curves[..., -1]
    peak = float(curves[1].mean(0).max())
    results = [
        ClaimResult(
            "b",
            False,
            "The sum of process rewards as credit collapses: the policy pads and never answers.",
            "final success, sum form",
            *judged(total, runs),
            "below 0.05",
            float(total.mean()) < 0.05,
            {"highest success on the way": peak},
        )
    ]
    for name, final in (("soft", soft), ("hard", hard)):
        share = final.mean() / outcome.mean()
        mean, low, high = judged(final / outcome.mean(), runs)
        results.append(
            ClaimResult(
                "b",
                False,
                f"The {name} minimum of process rewards as credit does not collapse.",
                f"final success, {name} minimum over outcome reward",
                *(mean, low, high),
                "above 0.9",
                float(share) > 0.9,
                {f"{name} minimum": float(final.mean()), "outcome": float(outcome.mean())},
            )
        )
    return results


def blind_minimum(runs: Runs) -> ClaimResult:
    """The soft minimum, with a process reward model that cannot see an unfinished solution."""
    training = Training(reasoning(4, 12, trunc=None, flaw=0.5), 150, 4, 8)
    outcome, _, soft, hard = train(training, _forms(), [[_RATE]] * 4, runs.numbers())[:, 0, :, -1]
    mean, low, high = judged(soft / outcome.mean(), runs)
    return ClaimResult(
        "b",
        True,
        "The soft minimum does not collapse where the model is blind to an unfinished solution.",
        "final success, soft minimum over outcome reward",
        *(mean, low, high),
        "above 0.9",
        mean > 0.9,
        {"soft minimum": float(soft.mean()), "hard minimum": float(hard.mean())},
    )


def steps_to(curves: Tensor, success: float = _SOLVED, cap: int = _CAP) -> Tensor:
    """The first update after which the success is reached; `cap` where it never is.

    curves: float64[... update], before and after each update.
    """
    reached = curves >= success
    first = reached.int().argmax(-1)
    return torch.where(reached.any(-1), first, cap).clamp(max=cap).double()


def _fewer_steps(runs: Runs) -> ClaimResult:
    # A hasty step is flawed so often that a uniform policy succeeds with probability 4e-5. The
    # score of an unfinished solution and the learning rate were chosen after other runs were seen.
    task = reasoning(14, 30, trunc=-1.0, aware=False, flaw=0.54)
    training = Training(task, _CAP, 8, 8)
    subjects = [audited("rloo", name="outcome"), audited("pure", name="soft_min")]
    taken = [
        steps_to(train(training, [each], [[_SPEED_RATE]], runs.numbers(), _SOLVED))
        for each in subjects
    ]
    outcome, soft = (each[0, 0] for each in taken)
    ratio, low, high = _ratio_of_means(soft, outcome, runs)
    return ClaimResult(
        "b",
        False,
        "Where success is rare (4e-5), the soft minimum takes a fraction of the updates.",
        "updates to a success of 0.8, soft minimum over outcome reward, means over seeds",
        *(ratio, low, high),
        "the upper end of the interval below 0.4",
        high < 0.4,
        {"updates, soft minimum": float(soft.mean()), "updates, outcome": float(outcome.mean())},
    )


def _ratio_of_means(above: Tensor, below: Tensor, runs: Runs) -> tuple[float, float, float]:
    """The ratio of two means over the same seeds, with its 95 % interval by a bootstrap."""
    counts = resample_counts(len(above), 2000, runs.base)
    tails = torch.tensor([0.025, 0.975], dtype=torch.float64)
    low, high = ((counts @ above) / (counts @ below)).quantile(tails).tolist()
    return float(above.mean() / below.mean()), low, high
