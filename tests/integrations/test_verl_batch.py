"""Credit of a batch of verl's driver, without the driver around it."""

from types import SimpleNamespace

import numpy as np
import torch

from creditlib.integrations.verl.batch import credit_verl_batch


def test_numbers_wait_until_verl_logs():
    """Advantages 0.5 and -0.5 about the mean; the numbers are there when they are asked for."""
    reward = torch.tensor([[0.0, 1.0], [0.0, 0.0], [9.0, 0.0]])
    batch = {"response_mask": torch.tensor([[1, 1], [1, 0], [0, 0]]), "token_level_rewards": reward}
    data = SimpleNamespace(batch=batch, non_tensor_batch={"uid": np.array(["a"] * 3, dtype=object)})
    credit = credit_verl_batch(data, "creditlib_grpo", {"config": {"creditlib": {"scale": None}}})
    assert batch["advantages"].tolist() == [[0.5, 0.5], [-0.5, 0.0], [0.0, 0.0]]
    assert "metrics" not in vars(credit)
    assert credit.metrics["creditlib/rows/excluded"] == 1 / 3
