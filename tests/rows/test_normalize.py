"""The order of whitening and weight: the same on every path, and the reason for it."""

from types import SimpleNamespace

import numpy as np
import torch

import creditlib as cl
from creditlib.integrations.agent_lightning import credit_lightning_batch
from creditlib.rows import credit_rows, credit_settings, read_rows
from creditlib.rows.normalize import whiten_then_weight
from creditlib.testing import assert_close

MASK = torch.tensor([[1, 1, 0, 1], [1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 0, 1]])
REWARD = [3.0, 0.0, 1.0, 5.0]
SECONDS = [[1.0, 3.0], [2.0], [4.0], [2.0, 8.0]]
COUNT, LENGTH = torch.tensor([2, 1, 1, 2]), torch.tensor([3, 1, 2, 3])


def by_hand():
    """to_tokens(whiten(g, n) · w, turn), from the functions themselves."""
    credit = cl.grpo(reward=torch.tensor(REWARD), group=torch.tensor([0] * 4), scale=None)
    white = cl.whiten(credit, LENGTH)
    seconds = torch.tensor([[1.0, 3.0], [2.0, 0.0], [4.0, 0.0], [2.0, 8.0]])
    weight = cl.duration_weight(duration=seconds, turn_count=COUNT)
    return cl.to_tokens(white[:, None] * weight, cl.layouts.turns_from_mask(MASK != 0))


def settings(**more):
    options = {"scale": None, "whiten": True, "weight": "duration_weight", **more}
    return credit_settings(options, estimator="grpo")


def test_two_values_by_hand():
    """Credits 1, 3 with one token each: mean 2, deviation √2; weights 1/2 and 3/2 come last."""
    found = whiten_then_weight(
        torch.tensor([1.0, 3.0]),
        length=torch.tensor([1, 1]),
        weight=torch.tensor([[0.5], [1.5]]),
    )
    root = 2**-0.5
    assert_close(found, torch.tensor([[-0.5 * root], [1.5 * root]]))
    credit = torch.tensor([1.0, 3.0])
    assert whiten_then_weight(credit) is credit
    assert whiten_then_weight(credit, weight=torch.ones(2, 3)).shape == (2, 3)


def test_all_paths_agree():
    """By hand, through the rows, and through an adapter."""
    rows = read_rows(
        mask=MASK,
        group=["a"] * 4,
        reward=REWARD,
        columns={"duration": SECONDS},
        settings=settings(),
    )
    assert_close(credit_rows(rows, settings()).advantage, by_hand())
    assert_close(credit_rows(rows, settings(), gather=True).advantage, by_hand())
    token_reward = torch.zeros(4, 4)
    token_reward[:, 3] = torch.tensor(REWARD)
    seconds = np.empty(4, dtype=object)
    seconds[:] = SECONDS
    named = {"uid": np.array(["a"] * 4), "rollout_id_list": np.array(list("wxyz"))}
    tensors = {"response_mask": MASK, "token_level_rewards": token_reward}
    data = SimpleNamespace(
        batch=tensors, non_tensor_batch={**named, "duration": seconds}, meta_info={}
    )
    credit_lightning_batch(data, settings())
    assert_close(data.batch["advantages"], by_hand())


def test_a_constant_credit_has_no_gradient_whatever_the_weight():
    """A mean that is subtracted after the weight would leave w − mean(w) here, which points
    somewhere; before it, equal credit is 0 under every weight."""
    credit, length = torch.full((3,), 7.0), torch.ones(3, dtype=torch.int64)
    weight = torch.tensor([[0.5], [1.0], [1.5]])
    assert not whiten_then_weight(credit, length=length, weight=weight).any()
    assert cl.whiten(credit[:, None] * weight, length[:, None]).any()


def test_the_subtracted_mean_is_a_baseline_under_the_weights():
    """Two actions with probabilities p and durations d arrive with rate p/d; w = d / E[d].

    The gradient of log p for the logit of action 0 is (1 − p0, −p0). Under the rates, a constant
    times w has the expectation 0, a constant without w has not. In numbers: p = (1/2, 1/2),
    d = (1, 3): rates (3/4, 1/4); weighted 3/4·1·1/2 − 1/4·3·1/2 = 0; unweighted 3/8 − 1/8 = 1/4.
    """
    probability, seconds = torch.tensor([0.5, 0.5]), torch.tensor([1.0, 3.0])
    rate = (probability / seconds) / (probability / seconds).sum()
    score = torch.tensor([1 - probability[0], -probability[0]])
    weight = seconds / (rate * seconds).sum()
    assert_close((rate * weight * score).sum(), torch.tensor(0.0))
    assert_close((rate * score).sum(), torch.tensor(0.25))
