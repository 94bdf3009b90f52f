"""Each recipe on a batch worked on paper."""

import math

import torch
from helpers import F64

from creditlib import presets, recipes
from creditlib.testing import assert_close

ONE, TWO = torch.tensor([0, 0]), torch.tensor([2, 2])


def rows(*values):
    return torch.tensor(values, dtype=F64)


def test_mica():
    # gamma 1, returns 1, 0 | 0, 0. Turn 0: 1 and 0 around 1/2, deviation 1/2: 1, -1. Turn 1: 0.
    # Pool 1, 0, 0, 0 around 1/4, squares 9/16 + 3/16 over 4: deviation √3/4: √3, -1/√3.
    found = recipes.mica(turn_reward=rows([1, 0], [0, 0]), group=ONE, turn_count=TWO, alpha=0.25)
    a, b = 3**0.5, -(3**-0.5)
    wanted = rows([0.25 + 0.75 * a, 0.75 * b], [-0.25 + 0.75 * b, 0.75 * b])
    assert_close(found, wanted, "golden")  # an eps of 1e-8


def test_fgrpo():
    # Phase 0: 1 and 0 around 1/2. Phase 1: 3 and 1 around 2, times 1/4.
    found = recipes.fgrpo(
        turn_reward=rows([1, 3], [0, 1]), group=ONE, turn_count=TWO, later_weight=0.25
    )
    assert found.tolist() == [[0.5, 0.25], [-0.5, -0.25]]


def test_scrl():
    # Solved and all before it: 1 1 | 1 0 | malformed 0 0. Subproblem 0: 1, 1, 0 around 2/3,
    # deviation √(1/3): 1/3 · √3, -2/3 · √3. Subproblem 1: 1, 0, 0: 2/3 · √3, -1/3 · √3.
    found = recipes.scrl(
        solved_turn=torch.tensor([[True, True], [True, False], [True, True]]),
        group=torch.tensor([0, 0, 0]),
        turn_count=torch.tensor([2, 2, 2]),
        malformed=torch.tensor([False, False, True]),
        eps=0.0,
    )
    a = 3**0.5 / 3
    assert_close(found, torch.tensor([[a, 2 * a], [a, -a], [0, 0]]))


def test_siop():
    # Row 0: gains -1 − -2 = 1 and -1 − -1 = 0; support 1/2: 1/2 and 0, plus 3/4 · 1/2 at the end.
    # Row 1 has one turn: 3/4 · 1 and no gain. Pool 1/2, 3/8, 3/4 around 13/24.
    found = recipes.siop(
        potential=rows([-2, -1], [-3, 0]),
        final=rows(-1, 0),
        support=rows(0.5, 1),
        group=ONE,
        turn_count=torch.tensor([2, 1]),
        weight=0.25,
        scale=None,
    )
    # -1/24, -1/6 | 5/24; sums to come: -5/24, -1/6 | 5/24
    assert_close(found, rows([-5 / 24, -1 / 6], [5 / 24, 0]))


def test_istar():
    # Outcomes 1 and 0: 1, -1. Steps 2, 0 | 1: others of each 1/2, 3/2, 1: 3/2, -3/2, 0; half of it.
    batch = {
        "reward": rows(1, 0),
        "turn_reward": rows([2, 0], [1, 0]),
        "group": ONE,
        "turn_count": torch.tensor([2, 1]),
        "step_weight": 0.5,
    }
    assert recipes.istar(**batch).tolist() == [[1.75, 0.25], [-1, 0]]
    # First steps 2 and 1 around 3/2, times 2/(2 − 1): 1, -3 | -1; half of it.
    found = recipes.istar(**batch, **presets.ISTAR_OFFICIAL)
    assert found.tolist() == [[1.5, -0.5], [-1.5, 0]]


def test_vpr():
    # Both start from state 5 with 1 and 0: around 1/2 over 1/2: 1, -1. Row 0 solved the task at its
    # last turn, in state 6, where nobody else was.
    batch = {
        "turn_reward": rows([1, 0], [0, 0]),
        "solved": torch.tensor([True, False]),
        "group": ONE,
        "turn_count": TWO,
    }
    found = recipes.vpr(**batch, anchor=torch.tensor([[5, 6], [5, 7]]))
    assert_close(found, rows([1, 0], [-1, 0]), "golden")
    # Over the batch by turn number: turn 1 has 1 and 0 too.
    found = recipes.vpr(**batch, least=2)
    assert_close(found, rows([1, 1], [-1, -1]), "golden")
    # Two turns are fewer than 4: all of the batch, 1, 1, 0, 0 around 1/2.
    assert_close(recipes.vpr(**batch), rows([1, 1], [-1, -1]), "golden")


def test_r3l():
    # 1, 0, 0.9, 0.1 around 1/2: 1/2, -1/2, 0.4, -0.4; those above 0 times 3.
    batch = {"reward": rows(1, 0, 0.9, 0.1), "group": torch.zeros(4, dtype=torch.int64)}
    assert_close(recipes.r3l(**batch), rows(1.5, -0.5, 1.2, -0.4))
    # With full=1 the best gets 1, and less than the one below it.
    assert_close(recipes.r3l(**batch, full=1.0), rows(1, -0.5, 1.2, -0.4))
    # soft: 0.5 · log of the mean of e², 1, e^1.8, e^0.2 in place of the mean.
    center = 0.5 * math.log((math.exp(2) + 1 + math.exp(1.8) + math.exp(0.2)) / 4)
    found = recipes.r3l(**batch, soft=0.5, amplify=1.0)
    assert_close(found, batch["reward"] - center)


def test_multi_gae():
    # Values 0, lam 1, rewards 0 and 1: returns 1/2, 1 with gamma 1/2; 1, 1 with gamma 1.
    advantages, returns = recipes.multi_gae(
        token_reward=rows([0, 1]),
        values=torch.zeros(1, 2, 2, dtype=F64),
        turn=torch.tensor([[0, 0]]),
        gammas=(0.5, 1.0),
        lam=1.0,
    )
    assert advantages.tolist() == returns.tolist() == [[[0.5, 1], [1, 1]]]


def test_multi_gae_needs_as_many_discounts_as_values(refusal):
    token = torch.zeros(1, 2)
    values, turn = torch.zeros(1, 2, 3), torch.zeros(1, 2, dtype=torch.int64)
    assert refusal(recipes.multi_gae, token_reward=token, values=values, turn=turn) == (
        "multi_gae: `gammas` must be one number for each of the 3 timescales of `values`, got 4."
    )


def test_a3():
    """Two trajectories of one turn in one state, similar commands, two actions."""
    batch = {
        "reward": rows(1, 0),
        "group": ONE,
        "cluster": torch.tensor([[[3]], [[3]]]),
        "anchor": torch.tensor([[5], [5]]),
        "action": torch.tensor([[1], [2]]),
        "turn_count": torch.tensor([1, 1]),
    }
    # Each part is the same up to a sign in both rows, so over its mean it is 1 and -1:
    # 1 + 0.65 + 1 = 2.65; bounded: 1.1 · tanh(2.65 / 1.1).
    credit = 1.1 * math.tanh(2.65 / 1.1)
    assert_close(recipes.a3(**batch), rows([credit], [-credit]), "golden")


def test_tree_grpo():
    # Group 0 has 3, 1, 1, 1 around 3/2, deviation 1: 3/2, -1/2, -1/2, -1/2. Tree 5 holds the first
    # two, around 1/2 with the deviation √2: ±1/√2. Tree 6 holds equal ones: 0.
    found = recipes.tree_grpo(
        reward=rows(3, 1, 1, 1),
        group=torch.tensor([0, 0, 0, 0]),
        tree=torch.tensor([5, 5, 6, 6]),
        eps=0.0,
    )
    a = 2**-0.5
    assert_close(found, rows(a, -a, 0, 0))


def test_at2po():
    # Rewards 1, 0 around 1/2, deviation 1/2: leaves 1, -1. Entropies log 3 and 0 of the leaves:
    # the turn that both share has (3 · 1 + 1 · -1)/4 = 1/2.
    found = recipes.at2po(
        reward=rows(1, 0),
        group=ONE,
        node=torch.tensor([[4, 1], [4, 2]]),
        turn_count=TWO,
        turn_entropy=rows([0.7, math.log(3)], [0.7, 0]),
        eps=0.0,
    )
    assert_close(found, rows([0.5, 1], [0.5, -1]))


def test_campo():
    # Both rows end in a loop; row 0 was cut off: 1 - 1/2 = 1/2 against 1, deviation √(1/8).
    ids = torch.tensor([[3, 3], [4, 4]])
    found = recipes.campo(
        reward=rows(1, 1),
        group=ONE,
        token_ids=ids,
        turn=torch.zeros_like(ids),
        truncated=torch.tensor([True, False]),
        penalty=0.5,
        eps=0.0,
    )
    a = 2**-0.5
    assert_close(found, rows(-a, a))


def test_hypereyes():
    # Both are right within the reference: bonuses 0.2 and 0.05, so 1.2 and 1.05, whatever the size.
    found = recipes.hypereyes(
        reward=rows(1, 1),
        solved=torch.tensor([True, True]),
        cost=rows([1], [2]),
        reference_cost=rows([2], [2]),
        group=ONE,
        eps=0.0,
    )
    a = 2**-0.5
    assert_close(found, rows(a, -a))


def test_gtalign():
    # √(4 · 1) = 2 and √(9 · 4) = 6 around 4, deviation of the population 2.
    found = recipes.gtalign(rewards=rows([4, 1], [9, 4]), group=ONE, eps=0.0)
    assert_close(found, rows(-1, 1))


def test_sotopia():
    # Dimension 0: 0, 1/2, 1. Dimension 1 is equal everywhere: 0. Means 0, 1/4, 1/2, cut by shares;
    # row 2 has none.
    found = recipes.sotopia(
        rewards=rows([1, 5], [2, 5], [3, 5]),
        share=rows([1, 1], [3, 1], [0, 0]),
        turn_count=torch.tensor([2, 2, 2]),
    )
    assert_close(found, rows([0, 0], [3 / 16, 1 / 16], [0, 0]))


def test_bi_level_gae():
    # Values at the last tokens: 0.5 of turn 0, 1 of turn 1. Turn 1: 2 - 1 = 1,
    # return 2. Turn 0: 0 + 0.5·1 - 0.5 + 0.25·1 = 0.25, return 0.75.
    # Inside turn 0, gamma 1, lambda 1/2: last 0.75 - 0.5 = 0.25, first 0 + 0.5 - 0.25 + 0.5·0.25.
    advantage, returns = recipes.bi_level_gae(
        turn_reward=rows([0, 2]),
        value=rows([0.25, 0.5, 9, 1]),
        turn=torch.tensor([[0, 0, -1, 1]]),
        turn_count=torch.tensor([2]),
        lam=0.5,
        turn_gamma=0.5,
    )
    assert advantage.tolist() == [[0.375, 0.25, 0, 1]]
    assert returns.tolist() == [[0.625, 0.75, 0, 2]]


def test_hiper():
    # gamma 1 and lambda 1: turns get what is left minus their value, 1, 1 | 0, 0 around 1/2 with
    # the deviation 1/2. Segments start at turn 0 alone: 1 - 0.5 = 0.5 and 0 - 0.5 = -0.5.
    turn, segment = recipes.hiper(
        turn_reward=rows([0, 1], [0, 0]),
        turn_value=rows([0, 0], [0, 0]),
        segment_value=rows([0.5, 9], [0.5, 9]),
        starts=torch.tensor([[False, False], [False, False]]),
        turn_count=TWO,
        gamma=1.0,
        lam_turn=1.0,
        lam_segment=1.0,
        eps=0.0,
    )
    assert turn.tolist() == [[1, 1], [-1, -1]]
    assert segment.tolist() == [[1, 0], [-1, 0]]
