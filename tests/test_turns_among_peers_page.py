"""docs/turns_among_peers.md: each call that it names is the system, on random ragged batches."""

import pytest
import torch
from helpers import F64

import creditlib as cl
from creditlib import recipes
from creditlib.testing import assert_close, random_arguments
from docs.print_pages import turns_among_peers
from docs.print_pages.turns_among_peers import SYSTEMS, call_of, shares, worth

pytestmark = pytest.mark.usefixtures("quick_backend")

CALLS = {each.name: each.options for each in SYSTEMS}


def nothing(x):
    return torch.zeros_like(x["reward"])


def unsolved(x):
    return torch.zeros_like(x["valid"])


# The part of a recipe that the call is, of the same arguments.
RECIPES = {
    "MatchTIR, the turn": lambda x, turns: recipes.matchtir(**turns, trajectory_weight=0.0),
    "MICA, the return": lambda x, turns: recipes.mica(**turns, alpha=1.0),
    "MICA, the progress": lambda x, turns: recipes.mica(**turns, alpha=0.0),
    "iStar, the step": lambda x, turns: recipes.istar(**turns, reward=nothing(x)),
    "F-GRPO": lambda x, turns: recipes.fgrpo(**turns),
    "VPR": lambda x, turns: recipes.vpr(**turns, anchor=x["anchor"], solved=unsolved(x)),
    "VPR without states": lambda x, turns: recipes.vpr(**turns, solved=unsolved(x), least=0),
}


@pytest.fixture(params=range(4))
def x(request):
    size = {"seed": request.param, "dtype": F64, "batch": 16, "optional": True}
    return random_arguments(cl.gigpo, **size)


@pytest.mark.parametrize("name", RECIPES)
def test_a_call_is_the_part_of_the_recipe(x, name):
    turns = {key: x[key] for key in ("turn_reward", "group", "turn_count", "valid")}
    state = {"anchor": x["anchor"]} if CALLS[name].get("over") == "anchor" else {}
    found = cl.grpo_process(**turns, **state, **CALLS[name])
    assert found.any()
    assert_close(RECIPES[name](x, turns), found)


def test_scrl_is_the_call_of_what_was_solved_without_a_break():
    given = random_arguments(recipes.scrl, seed=2, batch=16, dtype=F64)
    given.pop("malformed", None)
    solved = {name: given[name] for name in ("solved_turn", "turn_count")}
    found = cl.grpo_process(
        turn_reward=cl.consecutive(**solved),
        group=given["group"],
        turn_count=given["turn_count"],
        **CALLS["SCRL"],
    )
    assert found.any()
    assert_close(recipes.scrl(**given), found, "golden")


def test_every_system_with_a_recipe_is_compared():
    """SIOP's rewards are made of other arguments; its golden test has them."""
    named = {each.name for each in SYSTEMS if each.also}
    assert named == {*RECIPES, "SCRL", "SIOP"}


def test_the_calls_are_written_as_they_are_made():
    assert call_of({}) == "defaults"
    assert call_of({"over": "turn", "scale": None}) == '`over="turn", scale=None`'


def test_the_form_without_bias_has_none():
    options = CALLS["turn numbers without bias"]
    assert shares(**options) == "**0** / **0**"
    assert_close(torch.tensor(worth(2, **options)), torch.tensor([0.0, 0.5]))
    assert shares(**{**options, "ended": "absent"}) == "5.4 % / 3.2 %"


def test_the_page_says_which_form_breaks_the_fewest_laws():
    rows = turns_among_peers.laws()[2:]
    fewest = min(rows, key=lambda row: len(row.split("|")[2].split(",")))
    assert 'order="sum_then_score", ended="zero", scale=None' in fewest
