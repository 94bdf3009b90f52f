"""GAE under several discounts against the authors' blocks of code."""

import pytest
import torch
from seed_numbers import assert_complete, cases, compare

from creditlib import recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def both(x):
    given = {key: x[key] for key in ("token_reward", "values", "turn", "bootstraps")}
    lam, gammas = float(x["lam"]), [float(gamma) for gamma in x["gammas"]]
    return recipes.multi_gae(**given, lam=round(lam, 6), gammas=[round(g, 6) for g in gammas])


def routed(x):
    advantages, returns = both(x)
    weight = torch.softmax(-(x["values"] - returns).abs() / 10, -1)
    return torch.where(x["turn"] >= 0, (weight * advantages).sum(-1), 0)


RUNS = {
    "advantages": lambda x: both(x)[0],
    "returns": lambda x: both(x)[1],
    "longest": lambda x: both(x)[0][..., -1],
    "routed": routed,
}


def test_every_output_is_compared():
    assert_complete("multi_gae", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("multi_gae", source, name, dtype, RUNS[name])
