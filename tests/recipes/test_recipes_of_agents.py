"""Recipes of agents, and of outcomes beside rewards of turns, on batches worked on paper."""

import pytest
import torch
from helpers import F64

import creditlib as cl
from creditlib import presets, recipes
from creditlib.testing import assert_close, random_arguments

ONE, TWO = torch.tensor([0, 0]), torch.tensor([2, 2])


def rows(*values):
    return torch.tensor(values, dtype=F64)


def test_dr_mas():
    # Agent 4 of task 0: 3, 1, 2 around 2, deviation √((1 + 1 + 0) / 2) = 1: 1, -1, 0.
    # Agent 5 of task 0: 8, 6 around 7, deviation √2: 1/√2, -1/√2. Agent 4 of task 1: alone.
    batch = {
        "reward": rows(3, 8, 1, 2, 6, 5),
        "group": torch.tensor([0, 0, 0, 0, 0, 1]),
        "agent": torch.tensor([4, 5, 4, 4, 5, 4]),
    }
    z = 0.5**0.5
    assert_close(recipes.dr_mas(**batch, eps=0.0), rows(1, z, -1, 0, -z, 0))
    assert_close(recipes.dr_mas(**batch, **{**presets.DR_MAS, "eps": 0.0})[-1:], rows(5))
    # Without row 2 agent 4 has 3 and 2.
    valid = torch.tensor([True, True, False, True, True, True])
    assert_close(recipes.dr_mas(**batch, valid=valid, eps=0.0), rows(z, z, 0, -z, -z, 0))
    # The population deviations are √(2/3) and 1.
    found = recipes.dr_mas(**batch, ddof=0, eps=0.0)
    assert_close(found, rows(1.5**0.5, 1, -(1.5**0.5), 0, -1, 0))


def test_one_agent_is_grpo():
    batch = random_arguments(cl.grpo, seed=3, batch=20, optional=True)
    agent = torch.full_like(batch["group"], 9)
    assert torch.equal(recipes.dr_mas(**batch, agent=agent), cl.grpo(**batch))


def test_mt_grpo():
    # Outcomes 1 and 0: ±z, z = (1/2) / (1/√2 + eps). Rewards of turns sum to 0 and 2: ∓z2 with
    # z2 = 1 / (√2 + eps). Up to the boundary a fourth of it is added: row 0 turns 0 and 1.
    found = recipes.mt_grpo(
        reward=rows(1, 0),
        turn_reward=rows([0.5, -0.5, 0], [1, 1, float("nan")]),
        group=ONE,
        boundary=torch.tensor([1, 0]),
        turn_count=torch.tensor([3, 2]),
        coefficient=0.25,
    )
    z, z2 = 0.5 / (0.5**0.5 + 1e-4), 1 / (2**0.5 + 1e-4)
    early, late = z - z2 / 4, z
    assert_close(found, rows([early, early, late], [-early, -late, 0]))


def test_mt_grpo_without_a_boundary():
    # Row 1 has none: outcome and rewards of turns in one number, 3 and 0 around 3/2: -z with
    # z = (3/2) / (3/√2 + eps). Row 0: 1 and 0, then 2 and 0, each ±(1/√2) without eps.
    batch = {
        "reward": rows(1, 0),
        "turn_reward": rows([2, 0], [0, 0]),
        "group": ONE,
        "boundary": torch.tensor([0, -1]),
        "turn_count": TWO,
    }
    z = 0.5**0.5
    assert_close(recipes.mt_grpo(**batch, eps=0.0), rows([1.5 * z, z], [-z, -z]))
    # 3 and 1 in place of 1 and 0: the sum of row 1 is what differs, 5 and 1.
    more = {**batch, "reward": rows(3, 1)}
    assert_close(recipes.mt_grpo(**more, eps=0.0), rows([1.5 * z, z], [-z, -z]))
    # The outcome and the turns disagree: row 1 has 0 + 3 against 1 + 0.
    against = {**batch, "turn_reward": rows([0, 0], [3, 0])}
    assert_close(recipes.mt_grpo(**against, eps=0.0), rows([0.5 * z, z], [z, z]))


def test_mt_grpo_of_outcomes_only_is_grpo():
    batch = random_arguments(recipes.mt_grpo, seed=4, batch=20, dtype=F64, optional=True)
    batch["boundary"] = batch["boundary"].clamp(min=0)
    found = recipes.mt_grpo(**batch, coefficient=0.0, eps=1e-6)
    outcome = cl.grpo(reward=batch["reward"], group=batch["group"], valid=batch["valid"])
    turns = batch["turn_reward"].shape[1]
    assert_close(found, cl.per_turn(outcome, batch["turn_count"], turns))


def test_a_turn_that_earned_nothing_is_a_turn():
    """A turn between two that earned counts whether it earned 0 or a little."""
    batch = {
        "reward": rows(1, 0),
        "group": ONE,
        "boundary": torch.tensor([1, 1]),
        "turn_count": torch.tensor([3, 3]),
    }
    nothing = recipes.mt_grpo(**batch, turn_reward=rows([1, 0, 1], [0, 0, 0]))
    little = recipes.mt_grpo(**batch, turn_reward=rows([1, 1e-9, 1], [0, 0, 0]))
    assert_close(nothing, little, "golden")


def test_spa_rl():
    # Outcomes 4, 1, 1: the others are 1, 5/2, 5/2 on average: 3, -3/2, -3/2. A grounded turn has
    # 1/4 more. Row 2 has no turn.
    batch = {
        "reward": rows(4, 1, 1),
        "group": torch.tensor([7, 7, 7]),
        "grounded": torch.tensor([[True, False], [True, True], [True, True]]),
        "turn_count": torch.tensor([2, 1, 0]),
        "weight": 0.25,
    }
    assert_close(recipes.spa_rl(**batch), rows([3.25, 3], [-1.25, 0], [0, 0]))
    alone = {**batch, "group": torch.tensor([7, 8, 7])}
    assert recipes.spa_rl(**alone)[1].tolist() == [0.25, 0]
    assert recipes.spa_rl(**alone, **presets.SPA_RL)[1].tolist() == [1.25, 0]


@pytest.mark.parametrize("reward", [0.1, 0.9, 1e9])
def test_equal_rewards_give_nothing(reward):
    batch = {
        "reward": torch.full((3,), reward),
        "turn_reward": torch.full((3, 2), reward),
        "group": torch.tensor([0, 0, 0]),
        "boundary": torch.tensor([0, -1, 1]),
        "turn_count": torch.tensor([2, 2, 2]),
    }
    assert not recipes.mt_grpo(**batch).any()
    agent = torch.tensor([1, 1, 1])
    assert not recipes.dr_mas(reward=batch["reward"], group=batch["group"], agent=agent).any()


# --- loops over every row, turn by turn -----------------------------------------------------------


def z_score(x, peers, eps):
    """(x[i] − mean) / (std + eps) over the peers of each row; 0 for a row without another one."""
    found = []
    for i, own in enumerate(peers):
        among = [x[j] for j in own]
        if len(among) < 2 or max(among) == min(among):
            found.append(0.0)
            continue
        mean = sum(among) / len(among)
        std = (sum((value - mean) ** 2 for value in among) / (len(among) - 1)) ** 0.5
        found.append((x[i] - mean) / (std + eps))
    return found


def rows_alike(keys, valid):
    """The rows that take part and share the key of each row; none for a row that does not."""
    every = range(len(keys))
    return [[j for j in every if valid[j] and valid[i] and keys[j] == keys[i]] for i in every]


@pytest.mark.parametrize("seed", range(6))
def test_dr_mas_is_its_loop(seed, quick_backend):
    x = random_arguments(recipes.dr_mas, seed=seed, batch=24, dtype=F64, optional=True)
    x["agent"] = x["agent"] % 3
    keys = list(zip(x["group"].tolist(), x["agent"].tolist(), strict=True))
    wanted = z_score(x["reward"].tolist(), rows_alike(keys, x["valid"].tolist()), 1e-6)
    assert_close(recipes.dr_mas(**x), rows(*wanted))


@pytest.mark.parametrize("seed", range(6))
def test_mt_grpo_is_its_loop(seed, quick_backend):
    x = random_arguments(recipes.mt_grpo, seed=seed, batch=16, dtype=F64, optional=True)
    count, boundary = x["turn_count"].tolist(), x["boundary"].tolist()
    valid, reward = x["valid"].tolist(), x["reward"].tolist()
    total = [
        sum(row[:n]) if here else 0.0
        for row, n, here in zip(x["turn_reward"].tolist(), count, valid, strict=True)
    ]
    peers = rows_alike(x["group"].tolist(), valid)
    z = [z_score(each, peers, 1e-4) for each in (reward, total)]
    both = z_score([a + b for a, b in zip(reward, total, strict=True)], peers, 1e-4)
    wanted = torch.zeros_like(x["turn_reward"])
    for i in range(16):
        for k in range(count[i] if valid[i] else 0):
            early = k <= boundary[i]
            apart = z[0][i] + (0.25 * z[1][i] if early else 0.0)
            wanted[i, k] = both[i] if boundary[i] < 0 else apart
    assert_close(recipes.mt_grpo(**x, coefficient=0.25), wanted)


@pytest.mark.parametrize("seed", range(6))
def test_spa_rl_is_its_loop(seed, quick_backend):
    x = random_arguments(recipes.spa_rl, seed=seed, batch=16, dtype=F64, optional=True)
    reward, valid = x["reward"].tolist(), x["valid"].tolist()
    peers = rows_alike(x["group"].tolist(), valid)
    wanted = torch.zeros(x["grounded"].shape, dtype=F64)
    for i, own in enumerate(peers):
        others = [reward[j] for j in own if j != i]
        gap = reward[i] - sum(others) / len(others) if others else 0.0
        for k in range(int(x["turn_count"][i]) if valid[i] else 0):
            wanted[i, k] = gap + 0.5 * float(x["grounded"][i, k])
    assert_close(recipes.spa_rl(**x), wanted)
