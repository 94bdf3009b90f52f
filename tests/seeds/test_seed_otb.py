"""The optimal token baseline against verl's function."""

import pytest
import torch
from seed_numbers import LATER, assert_complete, batch, cases, compare

import creditlib as cl
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")


def otb(x, **options):
    names = ("token_reward", "turn", "group")
    energy = 1 - 2 * x["log_prob"].exp() + x["sum_squared"]
    return cl.otb(**{name: x[name] for name in names}, energy=energy, **options)


RUNS = {"advantage": lambda x: otb(x, lone="raw")}


def test_every_output_is_compared():
    assert_complete("otb", RUNS, elsewhere=["advantage_no_tail"])


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    """verl adds 1e-8 to the sum of the weights."""
    compare("otb", source, name, dtype, RUNS[name], "golden")


@pytest.mark.parametrize("source", LATER)
def test_without_the_tail_of_the_longest_row(source):
    """Without its option a row alone keeps its return in verl: groups of several are compared."""
    x, outputs = batch("otb", source)
    several = x["valid_multi"]
    wanted = outputs["advantage_no_tail"][several]
    assert_close(otb(x)[several], wanted, "golden")
    assert torch.equal(otb(x, valid=several)[several], otb(x)[several])
    assert not otb(x)[~several].any()
