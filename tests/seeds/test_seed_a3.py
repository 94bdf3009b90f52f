"""A³ against the authors' function, run whole; `*_median` and `residual_turn` against equations."""

import pytest
import torch
from seed_numbers import assert_complete, batch, cases, compare

import creditlib as cl
from creditlib import presets, recipes
from creditlib.algebra import relative
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")


def given(x):
    return {**{key: value for key, value in x.items() if key != "state"}, "anchor": x["state"]}


def margin(x):
    pair = ("reward", "group", "anchor", "action", "turn_count", "valid")
    every = given(x)
    return cl.action_margin(**{key: every[key] for key in pair})


def similar(x):
    """The residual: for each scope the distance to the others of (group, turn number, cluster)."""
    turns = x["state"].shape[1]
    real = torch.arange(turns) < x["turn_count"][:, None]
    value = x["reward"][:, None].expand(real.shape)
    keys = (x["group"], torch.arange(turns)[None])
    gaps = [
        relative(value, *keys, kind, where=real, center="leave_one_out")
        for kind in x["cluster"].unbind(2)
    ]
    return sum(gaps) / len(gaps)


RUNS = {
    "credit": lambda x: recipes.a3(**given(x), **presets.A3_OFFICIAL),
    "credit_median": lambda x: recipes.a3(**given(x)),
    "tree": margin,
    "residual_raw": similar,
}
# Parts that only the sum holds: their weights, and what is subtracted.
PARTS = {
    "backbone": ({"residual_weight": 0.0, **presets.A3_OFFICIAL}, None),
    "backbone_median": ({"residual_weight": 0.0}, None),
    "residual": ({"residual_weight": 1.0, **presets.A3_OFFICIAL}, "backbone"),
    "residual_turn": ({"residual_weight": 1.0}, "backbone_median"),
}


def part(x, name):
    """A part over its mean: with a wide bound the sum of the parts is the credit."""
    options, other = PARTS[name]
    found = recipes.a3(**given(x), **options, margin_weight=0.0, bound=1e9)
    return found if other is None else found - part(x, other)


def test_every_output_is_compared():
    assert_complete("a3", {**RUNS, **PARTS})


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("a3", source, name, dtype, RUNS[name])


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("source", [11, 12])
def test_the_parts(source, name):
    inputs, outputs = batch("a3", source)
    real = torch.arange(inputs["state"].shape[1]) < inputs["turn_count"][:, None]
    wanted = outputs[name]
    wanted = torch.where(real, wanted[:, None] if wanted.ndim == 1 else wanted, 0)
    size = wanted.abs().sum() / real.sum() + 1e-9
    assert_close(part(inputs, name) * size, wanted)
