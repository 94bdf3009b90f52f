"""SUPO against a loop of Eq. 3, by the lines of docs/axes.md; three reimplementations agree.

No code of the authors could be had. `by_rows` is wrong on purpose: the statistics of segment rows.
"""

import pytest
import torch
from seed_numbers import assert_complete, batch, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")


def supo(x, **options):
    places = cl.layouts.place_rows(x["trajectory"])
    reward, group, truncated = (
        cl.layouts.trajectories_from_rows(x[name], places)
        for name in ("reward", "group", "truncated")
    )
    credit = cl.grpo(reward=reward, group=group, **options)
    return (credit * ~truncated)[places.trajectory]


RUNS = {
    "credit": supo,
    "credit_raw": lambda x: supo(x, lone="raw"),
    "by_rows": lambda x: cl.grpo(reward=x["reward"], group=x["group"]) * ~x["truncated"],
}


def test_every_output_is_compared():
    assert_complete("supo", RUNS)


@cases(RUNS)
def test_the_numbers(source, name, dtype):
    compare("supo", source, name, dtype, RUNS[name])


@pytest.mark.parametrize("source", [11, 12])
def test_rollouts_are_not_rows(source):
    """Some rollout of the batch fills several rows, and its credit depends on how they count."""
    inputs, outputs = batch("supo", source)
    assert len(inputs["trajectory"].unique()) < len(inputs["trajectory"])
    assert float((outputs["credit"] - outputs["by_rows"]).abs().max()) > 0.3


@pytest.mark.parametrize("source", [11, 12])
def test_a_reward_on_one_row_is_summed_first(source):
    x, outputs = batch("supo", source)
    places = cl.layouts.place_rows(x["trajectory"])
    on_first = torch.where(places.turn == 0, x["reward"], 0)
    total = cl.layouts.turns_from_rows(on_first, places).sum(1)[places.trajectory]
    assert torch.equal(supo({**x, "reward": total}), outputs["credit"])
