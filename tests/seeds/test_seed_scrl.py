"""SCRL against a loop of the equations; no code was released."""

import pytest
import torch
from seed_numbers import assert_complete, compare

import creditlib as cl
from creditlib import recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def consecutive(x):
    found = cl.consecutive(solved_turn=x["solved_turn"], turn_count=x["turn_count"])
    return torch.where(x["malformed"][:, None], 0, found)


RUNS = {"credit": lambda x: recipes.scrl(**x), "consecutive": consecutive}


def test_every_output_is_compared():
    assert_complete("scrl", RUNS)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("source", [11, 12])
def test_the_numbers(source, name):
    """Flags in, float32 out."""
    compare("scrl", source, name, torch.float32, RUNS[name])
