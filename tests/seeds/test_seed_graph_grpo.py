"""Graph-GRPO against a loop of its equations; two secondary sources agree on them."""

import pytest
import torch
from seed_numbers import assert_complete, cases, compare

import creditlib as cl
from creditlib.algebra import relative

pytestmark = pytest.mark.usefixtures("quick_backend")


def score(x):
    """The mean reward of the rows of the group with the part: the reward minus what lies above."""
    value = x["reward"][:, None].expand(x["edge"].shape)
    part = torch.arange(x["edge"].shape[1])[None]
    above = relative(value, x["group"], part, where=x["edge"])
    return torch.where(x["edge"], value - above, 0)


RUNS = {"credit": lambda x: cl.edge_credit(**x), "score": score}


def test_every_output_is_compared():
    assert_complete("graph_grpo", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("graph_grpo", source, name, dtype, RUNS[name])
