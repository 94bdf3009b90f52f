"""Credit that needs numbers of earlier batches: worked cases, a loop, and the state."""

import pickle
from collections import defaultdict

import numpy as np
import pytest
import torch
from helpers import F64

from creditlib import ContractError, ids
from creditlib.streaming import RoleBaselines, role_baseline

SEED = 5


def test_a_role_is_compared_with_its_own_earlier_rewards():
    # Role 4 earns 1, 0, 1 from a baseline of 0, decay 3/4.
    # Row 0: 1 − 0 = 1;  then 3/4 · 0 + 1/4 · 1 = 1/4.
    # Row 2: 0 − 1/4;    then 3/4 · 1/4 + 0 = 3/16.
    # Row 3: 1 − 3/16 = 13/16;  then 9/64 + 16/64 = 25/64.
    # Role 5 earns -1: -1 − 0, then -1/4.
    credit, baselines = role_baseline(
        reward=torch.tensor([1.0, -1, 0, 1], dtype=F64),
        agent=torch.tensor([4, 5, 4, 4]),
        decay=0.75,
    )
    assert credit.tolist() == [1, -1, -1 / 4, 13 / 16]
    assert baselines == RoleBaselines(((4, 25 / 64), (5, -1 / 4)))


def test_two_batches_are_one():
    random = np.random.default_rng(SEED)
    reward = torch.from_numpy(random.normal(size=30))
    agent = torch.from_numpy(random.integers(0, 4, 30))
    whole, after = role_baseline(reward=reward, agent=agent)
    first, middle = role_baseline(reward=reward[:11], agent=agent[:11])
    second, end = role_baseline(reward=reward[11:], agent=agent[11:], baselines=middle)
    assert torch.equal(whole, torch.cat([first, second]))
    assert end == after


def test_it_is_the_loop_over_traces():
    """The state of a dictionary that starts at 0, as prime-rl keeps it."""
    random = np.random.default_rng(SEED)
    reward, agent = random.normal(size=50), random.integers(-3, 3, 50)
    baseline, wanted = defaultdict(float), []
    for earned, role in zip(reward.tolist(), agent.tolist(), strict=True):
        wanted.append(earned - baseline[role])
        baseline[role] = 0.95 * baseline[role] + (1.0 - 0.95) * earned
    found, after = role_baseline(reward=torch.from_numpy(reward), agent=torch.from_numpy(agent))
    assert found.tolist() == wanted
    assert dict(after.averages) == dict(baseline)


def test_a_constant_reward_is_forgotten_slowly():
    """Credits c, decay · c, decay² · c: the baseline starts at 0."""
    credit, _ = role_baseline(
        reward=torch.full((4,), 8.0), agent=torch.zeros(4, dtype=torch.int64), decay=0.5
    )
    assert credit.tolist() == [8, 4, 2, 1]


def test_excluded_rows_get_nothing_and_join_no_average():
    reward = torch.tensor([1.0, float("nan"), 1.0])
    agent, valid = torch.tensor([4, 4, 4]), torch.tensor([True, False, True])
    credit, after = role_baseline(reward=reward, agent=agent, valid=valid, decay=0.5)
    same, only = role_baseline(reward=reward[valid], agent=agent[valid], decay=0.5)
    assert credit.tolist() == [1.0, 0.0, 0.5]
    assert same.tolist() == [1.0, 0.5]
    assert after == only


def test_an_empty_batch_returns_its_baselines():
    before = RoleBaselines(((4, 0.25),))
    none = torch.zeros(0, dtype=torch.int64)
    credit, after = role_baseline(reward=torch.zeros(0), agent=none, baselines=before)
    assert credit.shape == (0,)
    assert after == before


def test_the_state_is_frozen_and_goes_through_a_checkpoint():
    before = RoleBaselines(((4, 0.25),))
    kept = pickle.loads(pickle.dumps(before))
    _, after = role_baseline(reward=torch.tensor([1.0]), agent=torch.tensor([4]), baselines=before)
    assert before == kept != after
    with pytest.raises(AttributeError):
        before.averages = ()
    assert (after.of(4), after.of(9)) == (0.95 * 0.25 + (1 - 0.95), 0.0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_credit_has_the_dtype_of_its_level(dtype):
    credit, _ = role_baseline(reward=torch.ones(2, dtype=dtype), agent=torch.tensor([1, 1]))
    assert credit.dtype == (F64 if dtype == F64 else torch.float32)


def test_a_game_and_a_role_have_one_id_in_every_batch():
    first = ids([("poker", "first"), ("poker", "second")])
    second = ids([("poker", "second"), ("poker", "first")])
    assert torch.equal(first, second.flip(0))


def test_a_decay_outside_its_range_is_refused():
    with pytest.raises(ContractError, match="role_baseline: `decay` must be a number in"):
        role_baseline(reward=torch.zeros(1), agent=torch.tensor([1]), decay=1.5)
