"""What the tests of trajectories and of turns share."""

import pytest
import torch

from creditlib.rollouts import from_trajectories
from creditlib.vocabulary.messages import ContractError


def one(**changes):
    return {"group": "a", "outcome": 1.0, "turns": [{"text": "x"}], **changes}


def equal(tensor, expected):
    torch.testing.assert_close(tensor, torch.tensor(expected), rtol=0, atol=0)


def message(trajectories):
    with pytest.raises(ContractError) as caught:
        from_trajectories(trajectories)
    return str(caught.value)
