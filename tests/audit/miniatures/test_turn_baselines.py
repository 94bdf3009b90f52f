"""Variances of gradients: by hand, and cut by a baseline for each turn."""

import torch

from creditlib.audit.miniatures.turn_baselines import total_variance
from creditlib.audit.sample import sample
from creditlib.audit.subject import audited
from creditlib.audit.tasks import umbrella


def test_variances_by_hand():
    # Two groups with gradients (0, 0) and (2, 4): variances 2 and 8.
    gradients = torch.tensor([[[0.0, 0.0]], [[2.0, 4.0]]])
    assert float(total_variance(gradients)) == 10


def test_a_turn_baseline_cuts_the_variance():
    task = umbrella(16, 1.0)
    written = sample(task, task.uniform(), groups=300, size=8, seed=0)
    rloo, turns, critic = (
        total_variance(written.gradients(audited(name).credit(written)))
        for name in ("rloo", "turn_mc", "gae_exact_95")
    )
    assert turns < 0.7 * rloo
    assert critic < 0.4 * rloo
