"""An audit whose numbers are written by hand: two tasks, three estimators."""

import torch

from creditlib.audit.heat_map import HeatMap
from creditlib.audit.learning_curves import Curve, DifferenceRow
from creditlib.audit.result import Audit, Tiers
from creditlib.audit.rows import ExactRow, LearningRow, PathRow, QualityRow


def quality(task, usnr, cosine, dead, snr=0.5):
    """The rows of one task, as (value, low, high) each."""
    found = {"usnr_over_oracle": usnr, "cosine": cosine, "dead": dead, "snr": (snr, snr, snr)}
    found["snr_over_oracle"] = (0.5, 0.4, 0.6)
    return [QualityRow(task, metric, *numbers) for metric, numbers in found.items()]


NONE = (0.0, 0.0, 0.0)
ONE = (1.0, 0.99, 1.0)

MINE = Tiers(
    exact=(ExactRow("key", 2, 0.9, 1.5, 0.25), ExactRow("key", 3, None, 0.0, 0.5)),
    quality=(
        *quality("key", (0.5, 0.4, 0.6), ONE, NONE),
        *quality("door", (0.5, 0.4, 0.6), (0.95, 0.85, 1.0), (0.2, 0.1, 0.3)),
    ),
    path=(PathRow("key", 0, 1.0), PathRow("key", 20, -0.25), PathRow("door", 20, None)),
    facts={
        "costs": {"extra_rollouts": 0.0, "critic_calls": 4.5},
        "one_more_rollout": [{"task": "key", "n": 2, "gain": 0.5}],
    },
    not_audited={"search": ("information_gain",)},
)
RLOO = Tiers(
    quality=(
        *quality("key", (0.2, 0.1, 0.3), ONE, NONE),
        *quality("door", (0.4, 0.4, 0.4), ONE, (0.5, 0.4, 0.6)),
    ),
    path=(PathRow("key", 0, 1.0), PathRow("key", 20, 0.99)),
    facts={"costs": {"extra_rollouts": 0.0, "critic_calls": 0.0}},
)
HACK = Tiers(quality=tuple(quality("key", (0.9, 0.8, 1.0), (0.5, 0.4, 0.6), NONE)))

SHOWN = HeatMap(
    turns=("look", "open"),
    reward=torch.tensor([1.0, 0.0]),
    credit=torch.tensor([[1.0, -2.0], [0.5, torch.nan]]),
    advantage=torch.tensor([[0.5, 0.0], [-0.5, torch.nan]]),
    mean_credit=torch.zeros(2, 2),
    mean_advantage=torch.zeros(2, 2),
)


def audit(name="mine", **changes):
    """The audit; `name` is what the estimator is called."""
    return Audit(
        **{
            "estimator": name,
            "own": MINE,
            "against": {"rloo": RLOO, "hack": HACK},
            "learning": (
                LearningRow("key", name, 0.8, 0.7, 0.9),
                LearningRow("key", "rloo", 0.5, 0.4, 0.6),
            ),
            "tasks": {task: {"digest": "d1"} for task in ("key", "door")},
            "settings": {"groups": 10, "size": 8, "seeds": 2, "seed": 0},
            "versions": {"torch": "2"},
            "differences": (
                DifferenceRow("key", name, 0.0, 0.0, 0.0),
                DifferenceRow("key", "rloo", -0.3, -0.4, -0.2),
            ),
            "curves": (Curve("key", name, 0.1, [0.0, 0.4], [0.1, 0.5], [0.2, 0.6]),),
            "heat_task": "key",
            "heat_maps": {name: SHOWN, "rloo": SHOWN},
            **changes,
        }
    )
