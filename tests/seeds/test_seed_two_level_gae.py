"""GAE of two levels against Verlog's, RAGEN's and VAGEN's functions, and against HiPER's."""

import pytest
import torch
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl
from creditlib.testing import assert_close

BACKENDS = ("torch", "numba")


def dual(x, backend="auto"):
    """The golden's turns begin with the last token of the prompt."""
    found = cl.two_level_gae(
        **x, gamma=0.95, lam=0.9, turn_gamma=0.8, turn_lam=0.7, backend=backend
    )
    return found[0]


def bi_level(x, backend="auto"):
    return cl.recipes.bi_level_gae(**x, gamma=0.95, lam=0.9, turn_gamma=0.8, backend=backend)


def turn_wise(x):
    """VAGEN's form: the credit of a turn on each of its tokens."""
    turns = x["turn_reward"].shape[1]
    credit, _ = cl.turn_gae(
        turn_reward=x["turn_reward"],
        turn_value=cl.layouts.turn_values(x["value"], x["turn"], turns, at="last"),
        turn_count=x["turn_count"],
        gamma=0.8,
        lam=0.9,
    )
    return cl.to_tokens(credit, x["turn"])


BI_LEVEL = {
    "advantage": lambda x, backend: bi_level(x, backend)[0],
    "returns": lambda x, backend: bi_level(x, backend)[1],
    "turn_wise": lambda x, backend: turn_wise(x),
}
HIERARCHICAL = {
    "turn_advantage": lambda x: hierarchical(x)[0],
    "segment_advantage": lambda x: hierarchical(x)[1],
}


def hierarchical(x):
    return cl.hierarchical_gae(**x, gamma=0.9, lam_turn=0.8, lam_segment=0.7)


def test_every_output_is_compared():
    assert_complete("dual_discount_gae", {"advantage": dual})
    assert_complete("bi_level_gae", BI_LEVEL)
    assert_complete("hierarchical_gae", HIERARCHICAL)


@pytest.mark.parametrize("backend", BACKENDS)
@cases(["advantage"], LATER)
def test_two_discounts(source, name, dtype, backend):
    compare("dual_discount_gae", source, name, dtype, lambda x: dual(x, backend))


@pytest.mark.parametrize("backend", BACKENDS)
@cases(BI_LEVEL, LATER)
def test_bi_level(source, name, dtype, backend):
    compare("bi_level_gae", source, name, dtype, lambda x: BI_LEVEL[name](x, backend))


@cases(HIERARCHICAL, LATER)
def test_hierarchical(source, name, dtype):
    compare("hierarchical_gae", source, name, dtype, HIERARCHICAL[name])


@pytest.mark.parametrize("whitened", ["turn", "segment"])
def test_hiper_whitens_each_level(whitened):
    from seed_numbers import batch

    x, _ = batch("hierarchical_gae", LATER[0])
    at = ["turn", "segment"].index(whitened)
    options = {"gamma": 0.9, "lam_turn": 0.8, "lam_segment": 0.7}
    found = cl.recipes.hiper(**x, **options)[at]
    real = torch.arange(x["starts"].shape[1]) < x["turn_count"][:, None]
    if whitened == "segment":
        start = x["starts"].clone()
        start[:, 0] = True
        real = real & start
    plain = hierarchical(x)[at][real]
    wanted = (plain - plain.mean()) / (plain.std(unbiased=False) + 1e-8)
    assert_close(found[real], wanted)
    assert not found[~real].any()
