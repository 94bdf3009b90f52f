"""Dr. MAS against the authors' function: a row is a call of an agent."""

import pytest
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl
from creditlib import presets, recipes

pytestmark = pytest.mark.usefixtures("quick_backend")


def by_agent(x):
    rows = {name: x[name] for name in ("reward", "group", "agent")}
    return recipes.dr_mas(**rows, **presets.DR_MAS)


def by_trajectory(x):
    """A trajectory votes once in its group, with the mean of its rows."""
    places = cl.layouts.place_rows(x["trajectory"])
    total = cl.layouts.turns_from_rows(x["reward"].double(), places).sum(1)
    group = cl.layouts.trajectories_from_rows(x["group"], places)
    credit = cl.grpo(reward=total / places.turn_count, group=group, **presets.VERL_GRPO)
    return credit[places.trajectory].to(x["reward"].dtype)


RUNS = {"by_agent": by_agent, "by_trajectory": by_trajectory}


def test_every_output_is_compared():
    assert_complete("agents", RUNS)


@cases(RUNS, LATER)
def test_the_authors_numbers(source, name, dtype):
    compare("agents", source, name, dtype, RUNS[name], "golden")
