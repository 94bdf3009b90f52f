"""Faults of learning curves and of the simulator of workers."""

from mutants.mutants_machine import Mutant, by_hand

_TRAINING = "audit/test_training.py"
_CURVES = "audit/test_learning_curves.py"
_WORKERS = "audit/miniatures/test_schedulers.py"
_HACKING = "audit/miniatures/test_reward_hacking.py"

MUTANTS = [
    Mutant(
        "the first moment of Adam is not corrected",
        "audit/training.py",
        "(self._mean / (1 - 0.9**self._step))",
        "self._mean",
        "learn",
        by_hand(_TRAINING, "test_adam_by_hand"),
    ),
    Mutant(
        "all seeds have the luck of the first",
        "audit/training.py",
        "self._one(2, task.turns, rows, at=each)",
        "self._one(2, task.turns, rows, at=self._generators[0])",
        "learn",
        by_hand(_TRAINING, "test_the_luck_of_a_seed_depends_on_no_other"),
    ),
    Mutant(
        "runs that mix are called together",
        "audit/training.py",
        "        if not float((alone - together[i]).abs().max()) <= 1e-9 * scale:\n",
        "        if False:\n",
        "learn",
        by_hand(_TRAINING, "test_mixing_is_noticed"),
    ),
    Mutant(
        "the area holds the success before any update",
        "audit/learning_curves.py",
        "areas = success[..., 1:].mean(-1)",
        "areas = success.mean(-1)",
        "learn",
        by_hand(_CURVES, "test_the_area_by_hand"),
    ),
    Mutant(
        "the learning rate with the smallest area is chosen",
        "audit/learning_curves.py",
        "areas.argmax(1)",
        "areas.argmin(1)",
        "learn",
        by_hand(_CURVES, "test_the_rate_with_the_largest_area_is_chosen"),
    ),
    Mutant(
        "an aborting scheduler lets work go on",
        "audit/miniatures/schedulers.py",
        'if self._now == 0 or self._scheduler == "aborting":',
        "if self._now == 0:",
        "claims",
        by_hand(_WORKERS, "test_which_arms_are_completed"),
    ),
    Mutant(
        "the score of the policy is left out of the gradient",
        "audit/miniatures/schedulers.py",
        "(taken - policy * taken.sum(1, keepdims=True))",
        "taken",
        "claims",
        by_hand(_WORKERS, "test_the_gradient_by_hand"),
    ),
    Mutant(
        "a success that is never reached takes no update",
        "audit/miniatures/reward_hacking.py",
        "torch.where(reached.any(-1), first, cap)",
        "first",
        "claims",
        by_hand(_HACKING, "test_updates_to_a_success_by_hand"),
    ),
]
