"""What does not reproduce in finite tasks, and the limits of all results here."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from creditlib.algebra import returns_to_go, valid_turns
from creditlib.audit.learning_curves import RATES, tuned
from creditlib.audit.miniatures.partial_progress import potential_based
from creditlib.audit.miniatures.result import ClaimResult, Limit, Runs, judged
from creditlib.audit.miniatures.reward_hacking import blind_minimum
from creditlib.audit.references import turn_mc
from creditlib.audit.subject import Audited, audited
from creditlib.audit.tasks import search, umbrella
from creditlib.audit.training import Training, train

__all__ = [
    "LIMITS",
    "discounting",
    "lower_variance",
    "not_reproduced",
    "turn_group_beats_pooled",
    "turn_mc_discounted",
]

# The limits of every result here, in full sentences.
LIMITS = (
    "The oracle needs a finite Markov task.",
    "The posterior of the gold answer and the critic are exact here, and learned in life.",
    "There is no PPO clipping, no KL penalty, no stale policy and no reuse of old trajectories.",
    "There is one family of policies: a table of logits, with one row for each observation.",
    "The advantage is credit for the policy gradient, and not human responsibility.",
    "The tasks show mechanisms and faults, and not gains of a language model.",
)


def turn_group_beats_pooled(runs: Runs) -> ClaimResult:
    """Gains standardized by turn within the group, against gains standardized over the group."""
    training = Training(search(6, 24, 8), 60, 1, 8)
    pooled, by_turn = audited("igpo_pooled"), audited("igpo_turn_group")
    areas = _areas(training, [pooled, by_turn], runs)
    return _ahead(
        "e", "Information gain normalised by turn beats pooled normalisation.", areas, runs
    )


def discounting(runs: Runs) -> ClaimResult:
    """A return to go with the discount .9, against one without, on a long delay."""
    training = Training(umbrella(16, 1.0), 100, 2, 8)
    areas = _areas(training, [audited("turn_mc"), audited(turn_mc_discounted)], runs)
    return _ahead(
        "f", "A discount of .9 makes learning faster where rewards are noisy.", areas, runs
    )


def lower_variance(runs: Runs) -> ClaimResult:
    """A return to go with a baseline for each turn, against RLOO, on `umbrella(16)`."""
    training = Training(umbrella(16, 1.0), 100, 2, 8)
    areas = _areas(training, [audited("rloo"), audited("turn_mc")], runs)
    return _ahead(
        "f", "The lower variance of a baseline for each turn makes learning faster.", areas, runs
    )


def turn_mc_discounted(*, turn_reward: Tensor, group: Tensor, turn_count: Tensor) -> Tensor:
    """The return to go with the discount .9, minus the mean of the others' at the same turn."""
    to_go = returns_to_go(turn_reward, valid_turns(turn_count, turn_reward.shape[1], None), 0.9)
    undiscounted = torch.nn.functional.pad(to_go, (0, 1)).diff(dim=1).neg()
    return turn_mc(turn_reward=undiscounted, group=group, turn_count=turn_count)


def _areas(training: Training, subjects: list[Audited], runs: Runs) -> Tensor:
    """The areas under the curves, float64[estimator seed], with learning rates tuned."""
    rates = tuned(training, subjects, RATES, runs.others())
    curves = train(training, subjects, [[rate] for rate in rates], runs.numbers())
    return curves[:, 0, :, 1:].mean(-1)


def _ahead(claim: str, statement: str, areas: Tensor, runs: Runs) -> ClaimResult:
    """Whether the second of two areas is ahead."""
    mean, low, high = judged(areas[1] - areas[0], runs)
    return ClaimResult(
        claim,
        True,
        statement,
        "difference of the areas under the curves",
        *(mean, low, high),
        "the interval above 0.02",
        low > 0.02,
        {},
    )


def not_reproduced(runs: Runs | None = None) -> tuple[Limit, ...]:
    """The list; with `runs`, the cheap ones are measured, and none is expected to pass."""

    def measured(check: Callable[[Runs], ClaimResult]) -> tuple[ClaimResult, ...]:
        return (check(runs),) if runs is not None else ()

    return (
        Limit(
            "GiGPO gains 9 to 12 points from sparse rewards with repeated states.",
            "The area under the curve gains 0 to .05, and the final success is equal.",
            "A baseline removes at most the variance of V(s), which is small in a deterministic "
            "task with a common start.",
            True,
        ),
        Limit(
            "Information gain normalised by turn beats pooled normalisation (A2TGPO).",
            "It does not.",
            "The gain of an exact posterior is well scaled. Adaptive clipping was not tested.",
            True,
            measured(turn_group_beats_pooled),
        ),
        Limit(
            "The minimum of process rewards needs 30 % of the updates, as such.",
            "The share depends on how rare success is, and claim b meets its criterion on some "
            "sets of seeds only.",
            "The tasks show the mechanism, and not the constant.",
            True,
        ),
        Limit(
            "The minimum of process rewards cannot be hacked.",
            "It can, by a policy that never finishes, if the model cannot see that.",
            "It holds only for models that score an unfinished solution low.",
            True,
            measured(blind_minimum),
        ),
        Limit(
            "A discount reduces variance, and so helps.",
            "The variance falls, and the signal falls further.",
            "It helps only where delays are short.",
            True,
            measured(discounting),
        ),
        Limit(
            "Lower variance learns faster.",
            "A baseline for each turn makes no difference.",
            "The noise that it removes sits on turns without effect.",
            True,
            measured(lower_variance),
        ),
        Limit(
            "Potential-based shaping helps group estimators.",
            "It does not.",
            "The shaping of a trajectory adds up to 0.",
            True,
            measured(potential_based),
        ),
        Limit(
            "The claims a and e hold for a transformer policy.",
            "Not run here: a small transformer takes longer than all six claims.",
            "Policies are tables here.",
            False,
        ),
        Limit(
            "Gains of large models: benchmark points, memory and seconds.",
            "Not attempted.",
            "Out of reach of finite tasks.",
            False,
        ),
    )
