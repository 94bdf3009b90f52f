"""SIOP against the authors' functions."""

import pytest
import torch
from seed_numbers import assert_complete, cases, compare

import creditlib as cl
from creditlib import recipes

pytestmark = pytest.mark.usefixtures("quick_backend")

RUNS = {
    "credit": lambda x: cl.grpo_process(**x),
    "credit_gamma": lambda x: cl.grpo_process(**x, gamma=0.9),
    "credit_mean": lambda x: cl.grpo_process(**x, scale=None),
}


def reward(x):
    """The reward that `recipes.siop` compares, read from a scale of 1: no group, no deviation."""
    likelihood = (x["reference_log_prob"].exp() * x["reference_weight"][:, None]).sum(2)
    phi = torch.log(likelihood + 1e-8)
    count = x["turn_count"]
    turns = phi.shape[1] - 1
    final = phi.gather(1, count[:, None])[:, 0]
    real = torch.arange(turns) < count[:, None]
    phi = torch.where(real, phi[:, :-1], 0)
    # Two rows in a group, one of them without support: r is the credit of this turn, twice.
    pair = lambda a: torch.stack([a, torch.zeros_like(a)], 1).flatten(0, 1)  # noqa: E731
    credit = recipes.siop(
        potential=torch.repeat_interleave(phi, 2, 0),
        final=torch.repeat_interleave(final, 2, 0),
        support=pair(x["support"]),
        group=torch.repeat_interleave(torch.arange(len(count)), 2),
        turn_count=torch.repeat_interleave(count, 2),
        gamma=0.0,
        scale=None,
    )
    return torch.where(real, credit[::2] - credit[1::2], 0)


def test_every_output_is_compared():
    assert_complete("siop", RUNS)
    assert_complete("siop_reward", ["turn_reward"])


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("siop", source, name, dtype, RUNS[name])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("source", [11, 12])
def test_the_reward(source, dtype):
    compare("siop_reward", source, "turn_reward", dtype, reward)
