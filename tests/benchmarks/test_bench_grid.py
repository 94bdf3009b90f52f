"""The grid holds what is promised, and its inputs are what they say."""

import doctest
import importlib
import pkgutil

import pytest
import torch

import benchmarks
from benchmarks import figures, grid, inputs, peers
from benchmarks.grid.shapes import SHORT
from benchmarks.grid.steps import _gigpo_fresh_texts
from benchmarks.work import on_threads, outputs

pytestmark = pytest.mark.usefixtures("allocator_left_alone")

TINY = [plan.key for plan in grid.chosen("", quick=True)]
PLANS = {plan.key: plan for plan in grid.plans()}
MODULES = [
    module.name
    for module in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")
    if not module.name.endswith("__main__")
]


def test_keys_are_unique_and_every_figure_has_its_row():
    assert len(PLANS) == len(grid.plans())
    wanted = {figure.key for figure in figures.FIGURES}
    wanted |= {figure.peer_key for figure in figures.FIGURES if figure.peer_key}
    assert wanted - set(PLANS) == set()
    assert all(plan.why for plan in grid.plans())


def test_series_run_over_three_decades():
    sizes = {}
    for plan in grid.plans():
        if plan.axis:
            sizes.setdefault((plan.op, plan.axis), []).append(plan.x)
    assert {axis for _, axis in sizes} == {"tokens", "turns", "groups", "keys", "texts"}
    assert all(max(each) / min(each) == 1000 for each in sizes.values())


def test_rows_of_one_thread_say_so():
    assert {key for key, plan in PLANS.items() if plan.threads} == {
        key for key in PLANS if "one thread" in key
    }
    with on_threads(1):
        assert torch.get_num_threads() == 1
        with on_threads(0):
            assert torch.get_num_threads() == 1


def test_short_turns_are_as_short_as_they_say():
    full = inputs.tokens(2, 4096, SHORT.turns, holes=False, full=True)["turn_length"]
    # 4,096 tokens in 100 turns: 40 each, and what is left in the last.
    assert full[:, :-1].unique().tolist() == [40]
    holes = inputs.tokens(16, 4096, SHORT.turns)["turn_length"]
    assert int(holes.min()) >= 12
    assert int(holes.max()) <= 21


def test_fresh_texts_are_equal_and_never_the_same_objects():
    steps = inputs.steps(2, 3, 8)
    work = _gigpo_fresh_texts(steps)
    before = outputs(work.ours())[0].clone()
    first = [text for row in work.batch["texts"] for text in row]
    with work.before():
        second = [text for row in work.batch["texts"] for text in row]
    assert second == first
    assert not any(one is other for one, other in zip(first, second, strict=True))
    assert torch.equal(outputs(work.ours())[0], before)


def test_only_takes_parts_of_names_and_patterns():
    assert grid.chosen("no such row", quick=False) == []
    assert {plan.op for plan in grid.chosen("TURN_sum*packed", quick=False)} == {"turn_sum"}
    assert not set(TINY) & {plan.key for plan in grid.chosen("", quick=False)}


@pytest.mark.parametrize("key", TINY)
def test_fresh_and_given_results_agree_on_tiny_inputs(key):
    work = PLANS[key].build("cpu")
    fresh = [each.clone() for each in outputs(work.ours())]
    assert all(each.isfinite().all() for each in fresh)
    if work.into is not None:
        assert all(torch.equal(*pair) for pair in zip(fresh, outputs(work.into()), strict=True))


def test_turns_with_holes_without_and_full():
    holes = inputs.tokens(4, 100, 5)
    assert (holes["turn"] == -1).float().mean() > 0.4
    assert holes["turn"].amax(1).tolist() == [4] * 4
    assert torch.equal(holes["turn_length"].sum(1), holes["length"])
    adjoining = inputs.tokens(4, 100, 5, holes=False)
    # Written from the first token to the row's end, then nothing.
    assert torch.equal((adjoining["turn"] >= 0).sum(1), adjoining["extent"])
    assert bool((inputs.tokens(4, 100, 5, holes=False, full=True)["turn"] >= 0).all())
    # The reward of a trajectory is on its last written token, and nowhere else.
    outcome = holes["outcome_token_reward"]
    assert torch.equal(outcome.sum(1), holes["reward"])
    assert bool((outcome[holes["turn"] < 0] == 0).all())
    # Token rewards are that and a little on every written token.
    little = holes["token_reward"] - outcome
    assert bool((little.abs() < 0.1).all())
    assert torch.equal(holes["token_reward"] != 0, holes["turn"] >= 0)


def test_texts_are_equal_where_states_are_and_of_one_length():
    steps = inputs.steps(4, 6, 8)
    flat = steps["observation"]
    state = (steps["group"][:, None] * inputs.STATES + steps["state"]).reshape(-1).tolist()
    assert len(set(flat)) == len(set(state))
    assert {len(text) for text in flat} == {inputs.OBSERVATION}


def test_an_unknown_peer_is_refused_and_a_missing_checkout_is_a_reason(tmp_path):
    with pytest.raises(ValueError, match="no adapter for nobody; there are: verl, "):
        peers.find({"nobody": tmp_path})
    found, absent = peers.find({"slime": tmp_path})
    assert "torch_loop" in found
    assert absent["slime"] == "FileNotFoundError: ppo_utils.py is not in the checkout"
    assert absent["igpo"] == "ModuleNotFoundError: needs a checkout: --peer igpo=PATH"
    assert set(found) | set(absent) == set(peers.NAMES)


def test_every_adapter_says_what_it_computes_and_tolerates():
    for name in peers.NAMES:
        assert len(importlib.import_module(f"benchmarks.peers.{name}").__doc__) > 150


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
