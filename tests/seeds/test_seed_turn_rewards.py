"""Potentials, rewards spread back and V-trace against loops of their equations."""

import pytest
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")


def shaping(x, **options):
    return cl.potential_shaping(potential=x["potential"], turn_count=x["turn_count"], **options)


def spae_potential(x):
    """SPAE's potential is a line; how it enters the credit was not published."""
    correct, confidence = x["correctness"], x["confidence"]
    return 1.5 * correct * confidence + 0.5 * correct - confidence


def spae_rise(x):
    """The rise over the turn before, 0 at the first turn."""
    rise = shaping({**x, "potential": spae_potential(x)})
    where = cl.algebra.valid_turns(x["turn_count"], rise.shape[1], None)
    before = rise.roll(1, 1)
    before[:, 0] = 0
    return before * where


def v_trace(x):
    return cl.v_trace(**x, gamma=0.9)


RUNS = {
    "potential": {
        "shaping": lambda x: shaping(x, gamma=0.9),
        "shaping_final": lambda x: shaping(x, final=x["final"]),
    },
    "smear": {"spread": lambda x: cl.spread_back(**x, gamma=0.8)},
    "spae": {"potential": spae_potential, "rise": spae_rise},
    "v_trace": {"advantage": lambda x: v_trace(x)[0], "target": lambda x: v_trace(x)[1]},
}


def test_every_output_is_compared():
    for system, runs in RUNS.items():
        assert_complete(system, runs)


@cases([f"{system}/{name}" for system, runs in RUNS.items() for name in runs], LATER)
def test_the_numbers(source, name, dtype):
    system, output = name.split("/")
    compare(system, source, output, dtype, RUNS[system][output])
