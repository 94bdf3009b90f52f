"""Importance weights against verl's functions, and against the equations of GSPO and CISPO.

The numbers lie on tokens: our weights of turns and trajectories are put there by `to_tokens`.
"""

import pytest
import torch
from seed_numbers import LATER, assert_complete, batch, cases, compare

import creditlib as cl
from creditlib import presets

pytestmark = pytest.mark.usefixtures("quick_backend")


def weight(x, options, **more):
    """The weight of each token."""
    options = {"turns": int(x["turn"].max()) + 1, **options, **more}
    found = cl.importance_weight(**x, **options)
    return found if options["level"] == "token" else cl.to_tokens(found, x["turn"])


RUNS = {
    "token": lambda x: weight(x, presets.VERL_TIS_TOKEN),
    "trajectory": lambda x: weight(x, presets.VERL_TIS_SEQUENCE),
    "token_band": lambda x: weight(x, presets.ICEPOP),
    "trajectory_band": lambda x: weight(x, presets.VERL_TIS_SEQUENCE, low=0.5, outside="zero"),
    "token_mean_one": lambda x: weight(x, presets.VERL_TIS_TOKEN, conserve="batch"),
    "trajectory_mean_one": lambda x: weight(x, presets.VERL_TIS_SEQUENCE, conserve="batch"),
    "gspo": lambda x: weight(x, presets.GSPO),
    "gspo_turn": lambda x: weight(x, presets.AT2PO_RATIO),
    "cispo": lambda x: weight(x, presets.CISPO),
}


def test_every_output_is_compared():
    assert_complete("importance", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    # The authors add 1e-8 to the mean of the rows.
    kind = "golden" if name == "trajectory_mean_one" else None
    compare("importance", source, name, dtype, RUNS[name], kind)


@pytest.mark.parametrize("source", LATER)
@pytest.mark.parametrize("name", ["VERL_TIS_TOKEN", "VERL_TIS_SEQUENCE", "AT2PO_RATIO", "ICEPOP"])
@pytest.mark.parametrize("conserve", ["batch", None])
def test_packed_weights_are_padded_ones(source, name, conserve):
    x, _ = batch("importance", source)
    options = getattr(presets, name) | {"turns": 7, "conserve": conserve}
    present = (x["turn"] >= 0).flip(1).cumsum(1).flip(1) > 0  # no padding behind the last token
    offsets = cl.layouts.offsets_of(present=present)
    packed = {key: cl.layouts.pack(value, present=present)[0] for key, value in x.items()}
    padded = cl.importance_weight(**x, **options)
    found = cl.importance_weight(**packed, **options, offsets=offsets)
    if options["level"] == "token":
        padded = cl.layouts.pack(padded, present=present)[0]
    assert torch.equal(found, padded)
