"""Process rewards: the updates to a success, by hand."""

import torch

from creditlib.audit.miniatures.reward_hacking import steps_to


def test_updates_to_a_success_by_hand():
    curves = torch.tensor([[0.1, 0.8, 0.7, 0.9], [0.1, 0.2, 0.3, 0.4], [0.9, 0.0, 0.0, 0.0]])
    assert steps_to(curves, 0.8, 600).tolist() == [1.0, 600.0, 0.0]
