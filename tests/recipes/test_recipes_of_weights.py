"""Recipes of weights on batches worked on paper."""

import math

import torch
from helpers import F64

from creditlib import presets, recipes
from creditlib.testing import assert_close

ONE = torch.tensor([0, 0])


def rows(*values):
    return torch.tensor(values, dtype=F64)


def test_aem():
    # grpo with eps 0: 1 and 0 around 1/2 over √(1/2): ±√2/2. Entropies 1, 2 | 3 lie at 0, 1/2, 1;
    # with strength log 4 the weights are 12/7, 6/7 | 3/7.
    found = recipes.aem(
        reward=rows(1, 0),
        turn_entropy=rows([1, 2], [3, math.nan]),
        group=ONE,
        turn_count=torch.tensor([2, 1]),
        strength=math.log(4),
        eps=0.0,
    )
    a = math.sqrt(0.5) / 7
    assert_close(found, rows([12 * a, 6 * a], [-3 * a, 0]))


def test_a_grae():
    # One group, 1 of 4 solved: 1 − 1/4 over √(1/4) = 1/2: 3/2 and −1/2. p = P = 1/4, √p = 1/2: the
    # weight is ½ · (3/4 / ½ + 1/4 / ½) = 1, and 1/4 where credit is positive; with alpha 1/2: 1/2.
    solved = torch.tensor([True, False, False, False])
    given = {
        "reward": solved.double(),
        "solved": solved,
        "group": torch.zeros(4, dtype=torch.int64),
    }
    assert_close(recipes.a_grae(**given, eps=0.0), rows(3 / 8, -1 / 2, -1 / 2, -1 / 2))
    found = recipes.a_grae(**given, eps=0.0, alpha=0.5)
    assert_close(found, rows(3 / 4, -1 / 2, -1 / 2, -1 / 2))


def test_adora():
    # 9 tokens beat the mean of 4; in the other group 3 do not. ±√2/2, and a tenth of it.
    given = {
        "reward": rows(1, 0, 1, 0, 2),
        "solved": torch.tensor([True, False, True, False, False]),
        "length": torch.tensor([9, 4, 3, 4, 8]),
        "group": torch.tensor([0, 0, 1, 1, 2]),
    }
    a = math.sqrt(0.5)
    assert_close(recipes.adora(**given, eps=0.0), rows(a, -a, a / 10, -a / 10, 0))
    # The authors' lone row keeps its reward, weighted; with vision an unsolved group keeps 1.
    options = {"weight": 0.25, "eps": 0.0}
    assert float(recipes.adora(**given, **(presets.ADORA_LLM | options))[4]) == 2 * 0.25
    assert float(recipes.adora(**given, **(presets.ADORA_VL | options))[4]) == 2


def test_habc():
    # p = σ(0) = 1/2. a = (2 − 0)/2 + (−2 + 3 − 1)/2 = 1 in the solved row: 1 + tanh 1. Its second
    # turn was demonstrated: 1. The failed row gets 0, but for what was demonstrated: 1.
    found = recipes.habc_weight(
        viability=rows([0, 0], [0, 0]),
        viability_after=rows([2, 9], [5, 0]),
        steps_to_go=rows([-3, 0], [0, 0]),
        steps_to_go_after=rows([-2, 0], [0, 0]),
        solved=torch.tensor([True, False]),
        demonstrated=torch.tensor([[False, True], [False, True]]),
        turn_count=torch.tensor([2, 2]),
    )
    g = 1 + math.tanh(1)
    mean = (g + 1 + 1) / 3
    assert_close(found, rows([g / mean, 1 / mean], [0, 1 / mean]))


def test_habc_without_success_and_without_hands_gives_nothing():
    given = {
        name: torch.zeros(2, 2)
        for name in ("viability", "viability_after", "steps_to_go", "steps_to_go_after")
    }
    found = recipes.habc_weight(
        **given,
        solved=torch.tensor([False, False]),
        demonstrated=torch.zeros(2, 2, dtype=torch.bool),
        turn_count=torch.tensor([2, 1]),
    )
    assert not found.any()
