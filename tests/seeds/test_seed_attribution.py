"""Attribution of an outcome to turns against Sotopia-RL's functions; `discounted` by equation."""

import pytest
import torch
from seed_numbers import LATER, assert_complete, batch, cases, compare

import creditlib as cl
from creditlib import presets, recipes
from creditlib.algebra import returns_to_go, valid_turns
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")


def real(x):
    return valid_turns(x["turn_count"], x["attribution"].shape[1], None)


def shared(x, **options):
    given = {"reward": x["reward"], "turn_count": x["turn_count"]}
    return cl.redistribute(**given, share=x["attribution_nonnegative"], **options)


def direct(x):
    """An attribution of 3 is the whole outcome; -1 is a turn that the judge refused."""
    a = x["attribution"]
    return torch.where(real(x), torch.where(a == -1, -1.0, a / 3 * x["reward"][:, None]), 0.0)


def discounted(x):
    turns = x["attribution"].shape[1]
    given = {"reward": x["reward"], "turn_count": x["turn_count"]}
    return returns_to_go(cl.outcome_at_last_turn(**given, turns=turns), real(x), 0.9)


RUNS = {
    "shared": lambda x: shared(x, **presets.SOTOPIA_NORMALISED),
    "direct": direct,
    "discounted": discounted,
    "all_the_same": lambda x: cl.per_turn(
        x["reward"], x["turn_count"], turns=x["attribution"].shape[1]
    ),
}


def test_every_output_is_compared():
    assert_complete("attribution", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("attribution", source, name, dtype, RUNS[name])


@pytest.mark.parametrize("source", LATER)
def test_by_default_no_outcome_is_lost(source):
    x, out = batch("attribution", source)
    found = shared(x)
    some = x["turn_count"] > 0
    assert_close(found.sum(1)[some], x["reward"][some])
    given = out["shared"].any(1)
    assert_close(found[given], out["shared"][given])


@pytest.mark.parametrize("source", LATER)
def test_the_recipe_scales_its_dimension_first(source):
    """One dimension: (reward − min) / (max − min) in place of the reward."""
    x, _ = batch("attribution", source)
    low, high = x["reward"].min(), x["reward"].max()
    found = recipes.sotopia(
        rewards=x["reward"][:, None],
        share=x["attribution_nonnegative"],
        turn_count=x["turn_count"],
    )
    scaled = {**x, "reward": (x["reward"] - low) / (high - low)}
    assert_close(found, shared(scaled, nothing="zero"))
