"""Masks and schedules of Temporal RLVR against the authors' functions and their equations."""

import pytest
import torch
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")


def top(x, fraction):
    return cl.top_fraction(token_score=x["entropy"], turn=x["turn"], fraction=fraction)


def curve(x, shape):
    """The schedule at each share of training; in float64, because it is a number and no tensor."""
    found = [cl.anneal(float(share), shape=shape) for share in x["progress"]]
    return torch.tensor(found, dtype=x["progress"].dtype)


def bonus(x):
    """A + scale · min(alpha · entropy, |A| / kappa), a line."""
    size = x["advantage"].abs()
    return x["advantage"] + 0.7 * torch.minimum(0.4 * x["entropy"], size / 2.0)


RUNS = {
    "top_half": lambda x: top(x, 0.5),
    "top_tenth": lambda x: top(x, 0.1),
    "suffix": lambda x: cl.suffix_mask(turn=x["turn"], drop=0.6),
    "linear": lambda x: curve(x, "linear"),
    "power": lambda x: curve(x, "power"),
    "sigmoid": lambda x: curve(x, "sigmoid"),
    "entropy_bonus": bonus,
}


def test_every_output_is_compared():
    assert_complete("temporal", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("temporal", source, name, dtype, RUNS[name])
