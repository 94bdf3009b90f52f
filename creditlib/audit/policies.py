"""The policies at which credit is judged."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from creditlib.audit.task import Task

__all__ = ["perturbed"]


def perturbed(task: Task, seed: int | np.random.Generator = 0) -> Tensor:
    """Logits 0.5 N(0, 1), float64[observation action], from numpy's `default_rng(seed)`."""
    shape = (len(task.observations), task.actions)
    return torch.from_numpy(0.5 * np.random.default_rng(seed).standard_normal(shape))
