"""Curves that fall to 0, by hand and at their ends."""

import math

import pytest

import creditlib as cl

SHAPES = ("linear", "sigmoid", "power")


def test_by_hand():
    assert cl.anneal(0.25, start=0.8) == pytest.approx(0.6)
    assert cl.anneal(0.25, start=0.8, shape="power", power=2.0) == pytest.approx(0.36)
    # s(0), s(1/4), s(1) of a steepness of 4 are 1 / (1 + exp(-2)), 1 / (1 + exp(-1)), 1 / (1 + e²).
    first, now, last = (1 / (1 + math.exp(x)) for x in (-2, -1, 2))
    first, now, last = (1 - x for x in (first, now, last))
    found = cl.anneal(0.25, start=0.8, shape="sigmoid", steepness=4.0)
    assert found == pytest.approx(0.8 * (now - last) / (first - last))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_ends(shape):
    first = 0.99**2 if shape == "power" else 0.99
    assert cl.anneal(0.0, shape=shape) == pytest.approx(first)
    assert cl.anneal(1.0, shape=shape) == 0.0
    assert cl.anneal(7.5, shape=shape) == 0.0
    falling = [cl.anneal(step / 20, shape=shape) for step in range(21)]
    assert falling == sorted(falling, reverse=True)


def test_what_is_no_share_is_refused(refusal):
    assert refusal(cl.anneal, -0.5) == "anneal: `elapsed` must be a number at least 0, got -0.5."
    assert refusal(cl.anneal, 0.5, shape="cosine").startswith("anneal: `shape` must be one of")
