"""Where the seed systems meet: one turn each, distinct states, a factor or a number on rewards."""

import pytest
import torch
from helpers import F64

import creditlib as cl
from creditlib import recipes
from creditlib.algebra import relative
from creditlib.testing import assert_close, random_arguments

pytestmark = pytest.mark.usefixtures("quick_backend")

POPULATION = {"ddof": 0, "eps": 1e-8}


@pytest.fixture(params=range(4))
def x(request):
    """The arguments of the systems of turns, drawn consistently: 16 rows, up to 5 turns."""
    size = {"seed": request.param, "dtype": F64, "batch": 16, "optional": True}
    merged = {}
    for function in (recipes.a3, recipes.vpr, recipes.siop, recipes.scrl, cl.hgpo, cl.edge_credit):
        merged |= random_arguments(function, **size)
    return merged


def pick(x, *names):
    return {name: x[name] for name in names}


@pytest.fixture
def one(x):
    """The first turn of each row alone; rows without turns get one."""
    first = {name: x[name][:, :1] for name in ("anchor", "action", "cluster", "solved_turn")}
    reward = x["turn_reward"][:, :1].nan_to_num(0.5)
    potential = x["potential"][:, :1].nan_to_num(-1.0)
    single = {"turn_count": torch.ones_like(x["group"]), "turn_reward": reward}
    return {**x, **first, **single, "potential": potential}


TURNS = ("turn_reward", "group", "turn_count", "valid")


# --- one turn each --------------------------------------------------------------------------------


@pytest.mark.parametrize("lone", ["zero", "raw"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_matchtir_of_one_turn_is_grpo(one, weight, lone):
    grpo = cl.grpo(reward=one["turn_reward"][:, 0], **pick(one, "group", "valid"), lone=lone)
    found = recipes.matchtir(**pick(one, *TURNS), trajectory_weight=weight, lone=lone)
    assert_close(found[:, 0], grpo)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_mica_of_one_turn_is_grpo_with_the_population_deviation(one, alpha):
    grpo = cl.grpo(reward=one["turn_reward"][:, 0], **pick(one, "group", "valid"), **POPULATION)
    assert_close(recipes.mica(**pick(one, *TURNS), alpha=alpha)[:, 0], grpo)


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_siop_of_one_turn_is_grpo_of_the_support(one, weight):
    """No gain is told by one turn, so a weight of 1 leaves nothing."""
    names = ("potential", "final", "support", "group", "turn_count", "valid")
    pair = pick(one, "group", "valid")
    grpo = cl.grpo(reward=(1 - weight) * one["support"], **pair)
    found = recipes.siop(**pick(one, *names), weight=weight)[:, 0]
    assert_close(found, grpo)
    assert weight < 1 or not found.any()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_istar_of_one_turn_is_rloo_twice(one, share):
    pair = pick(one, "group", "valid")
    step = cl.rloo(reward=one["turn_reward"][:, 0], **pair)
    found = recipes.istar(**pick(one, "reward", *TURNS), step_weight=share)
    assert_close(found[:, 0], cl.rloo(reward=one["reward"], **pair) + share * step)


def test_istar_of_one_turn_with_means_and_deviations_is_grpo_twice(one):
    pair = pick(one, "group", "valid")
    found = recipes.istar(**pick(one, "reward", *TURNS), center="mean", scale="std")
    step = cl.grpo(reward=one["turn_reward"][:, 0], **pair)
    assert_close(found[:, 0], cl.grpo(reward=one["reward"], **pair) + step)


def test_istar_of_one_turn_has_one_baseline(one):
    given = pick(one, "reward", *TURNS)
    assert_close(recipes.istar(**given, baseline="first_turn"), recipes.istar(**given))


def test_fgrpo_of_one_phase_is_grpo_without_a_deviation(one):
    grpo = cl.grpo(reward=one["turn_reward"][:, 0], **pick(one, "group", "valid"), scale=None)
    assert_close(recipes.fgrpo(**pick(one, *TURNS), later_weight=7.0)[:, 0], grpo)


def test_scrl_of_one_subproblem_is_grpo(one):
    given = pick(one, "solved_turn", "group", "turn_count", "valid")
    grpo = cl.grpo(reward=one["solved_turn"][:, 0], **pick(one, "group", "valid"))
    assert_close(recipes.scrl(**given)[:, 0], grpo, "golden")  # its result is float32


def test_vpr_of_one_turn_from_one_state_is_grpo(one):
    given = pick(one, "solved", *TURNS) | {"anchor": torch.zeros_like(one["anchor"])}
    reward = one["turn_reward"][:, 0] + 0.5 * one["solved"]
    grpo = cl.grpo(reward=reward, **pick(one, "group", "valid"), **POPULATION)
    assert_close(recipes.vpr(**given, bonus=0.5)[:, 0], grpo)


@pytest.mark.parametrize("history", [0, 1, 3])
def test_hgpo_of_one_turn_from_one_state_is_grpo(one, history):
    """Longer histories do not exist."""
    given = pick(one, *TURNS) | {"anchor": torch.zeros_like(one["anchor"])}
    grpo = cl.grpo(reward=one["turn_reward"][:, 0], **pick(one, "group", "valid"), ddof=0)
    assert_close(cl.hgpo(**given, history=history)[:, 0], grpo)


FORMS = {
    "defaults": {},
    "returns": {"order": "sum_then_score", "gamma": 0.5},
    "turn": {"over": "turn"},
    "turn, ended": {"over": "turn", "ended": "zero", "order": "sum_then_score"},
    "anchor": {"over": "anchor"},
}


@pytest.mark.parametrize("leave_out", [None, "turn", "trajectory"])
@pytest.mark.parametrize("form", FORMS)
def test_turns_among_peers_of_one_turn_are_grpo_or_rloo(one, form, leave_out):
    given = pick(one, *TURNS) | {"anchor": torch.zeros_like(one["anchor"])}
    found = cl.grpo_process(**given, **FORMS[form], leave_out=leave_out, scale=None)
    pair = {"reward": one["turn_reward"][:, 0], **pick(one, "group", "valid")}
    wanted = cl.grpo(**pair, scale=None) if leave_out is None else cl.rloo(**pair)
    assert_close(found[:, 0], wanted)


def test_peers_over_the_batch_of_one_turn_are_one_group(one):
    found = cl.grpo_process(**pick(one, *TURNS), over="turn_of_batch")
    everyone = torch.zeros_like(one["group"])
    grpo = cl.grpo(reward=one["turn_reward"][:, 0], group=everyone, valid=one["valid"])
    assert_close(found[:, 0], grpo)


# --- other special cases --------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_matchtir_of_whole_trajectories_is_grpo_of_the_sums(x, weight):
    real = torch.arange(5) < x["turn_count"][:, None]
    total = torch.where(real, x["turn_reward"], 0).sum(1)
    grpo = cl.per_turn(cl.grpo(reward=total, **pick(x, "group", "valid")), x["turn_count"], turns=5)
    turn = cl.grpo_process(**pick(x, *TURNS), over="turn", order="sum_then_score", gamma=0.9)
    wanted = weight * grpo + (1 - weight) * turn
    assert_close(recipes.matchtir(**pick(x, *TURNS), trajectory_weight=weight), wanted)


def test_amplified_by_one_r3l_is_grpo_without_a_deviation(x):
    pair = pick(x, "reward", "group", "valid")
    assert_close(recipes.r3l(**pair, amplify=1.0), cl.grpo(**pair, scale=None))


def test_without_branches_branch_credit_is_grpo_on_tokens():
    given = random_arguments(cl.branch_credit, seed=3, dtype=F64)
    given["branch_of"] = torch.full_like(given["branch_of"], -1)
    grpo = cl.grpo(**pick(given, "reward", "group"), ddof=0)
    assert_close(cl.branch_credit(**given), cl.to_tokens(grpo, given["turn"]))


def test_parts_that_one_row_each_contains_are_the_rows(x):
    """Row i contains part i alone: the mean reward of the part is the row's reward."""
    pair = pick(x, "reward", "group", "valid")
    own = torch.eye(16, dtype=torch.bool)
    found = cl.edge_credit(**pair, edge=own)
    assert_close(found, torch.diag(cl.grpo(**pair, ddof=0)))


def test_multi_gae_of_one_timescale_is_gae():
    given = random_arguments(cl.gae, seed=5, dtype=F64)
    values = given.pop("value")[..., None]
    advantages, returns = recipes.multi_gae(**given, values=values, gammas=(0.9,), lam=0.8)
    wanted = cl.gae(**given, value=values[..., 0], gamma=0.9, lam=0.8)
    assert_close(advantages[..., 0], wanted[0])
    assert_close(returns[..., 0], wanted[1])


# --- distinct states ------------------------------------------------------------------------------

DISTINCT = {
    "hgpo": lambda x: cl.hgpo(**pick(x, "anchor", *TURNS), history=3),
    "vpr": lambda x: recipes.vpr(**pick(x, "anchor", "solved", *TURNS)),
    "peers": lambda x: cl.grpo_process(**pick(x, "anchor", *TURNS), over="anchor", gamma=0.0),
    "action_margin": lambda x: cl.action_margin(
        **pick(x, "reward", "group", "anchor", "action", "turn_count", "valid")
    ),
    "contrast": lambda x: cl.contrast(**pick(x, "anchor", *TURNS)),
}


@pytest.mark.parametrize("name", DISTINCT)
def test_states_that_nobody_meets_again_tell_nothing(x, name):
    x["anchor"] = torch.arange(16 * 5).view(16, 5)
    found = DISTINCT[name](x)
    assert found.shape == (16, 5)
    assert not found.any()


def test_without_states_and_similar_commands_a3_is_its_outcome(x):
    """Only the first part is left: its size is the batch's mean, whatever that is."""
    x["anchor"] = torch.arange(16 * 5).view(16, 5)
    scopes = x["cluster"].shape[2]
    x["cluster"] = torch.arange(16 * 5 * scopes).view(16, 5, scopes)
    names = ("reward", "group", "cluster", "anchor", "action", "turn_count", "valid")
    found = recipes.a3(**pick(x, *names))
    gap = relative(x["reward"], x["group"], where=x["valid"], center="median")
    real = torch.arange(5) < x["turn_count"][:, None]
    sign = torch.where(real & x["valid"][:, None], gap.sign()[:, None], 0)
    assert torch.equal(found.sign(), sign)


# --- a factor or a number on all rewards ----------------------------------------------------------

OF_TURNS = {
    "matchtir": lambda x: recipes.matchtir(**x),
    "mica": lambda x: recipes.mica(**x),
    "peers": lambda x: cl.grpo_process(**x, over="turn", eps=0.0),
    "the batch": lambda x: cl.grpo_process(**x, over="turn_of_batch", eps=0.0),
}
WITHOUT_DEVIATION = {
    "fgrpo": lambda x: recipes.fgrpo(**x),
    "peers": lambda x: cl.grpo_process(
        **x, over="turn", order="sum_then_score", ended="zero", scale=None
    ),
    "one turn": lambda x: cl.grpo_process(**x, over="turn", gamma=0.0, scale=None),
}


@pytest.mark.parametrize("name", OF_TURNS)
def test_a_factor_on_rewards_changes_no_z_score(x, name):
    """64 times rewards of 16 sixteenths and more: an eps of 1e-6 is small beside both."""
    given = pick(x, *TURNS)
    given["turn_reward"] = torch.floor(16 * given["turn_reward"].abs())
    times_64 = {**given, "turn_reward": 64 * given["turn_reward"]}
    assert_close(OF_TURNS[name](times_64), OF_TURNS[name](given), "law, scale")


@pytest.mark.parametrize("name", WITHOUT_DEVIATION)
def test_a_factor_on_rewards_is_one_on_credit(x, name):
    """A power of two: to the last bit."""
    given = pick(x, *TURNS)
    times_64 = {**given, "turn_reward": 64 * given["turn_reward"]}
    run = WITHOUT_DEVIATION[name]
    assert torch.equal(run(times_64), 64 * run(given))


def test_a_factor_on_both_rewards_of_istar_is_one_on_credit(x):
    given = pick(x, "reward", *TURNS)
    larger = {**given, "reward": 64 * x["reward"], "turn_reward": 64 * x["turn_reward"]}
    assert torch.equal(recipes.istar(**larger), 64 * recipes.istar(**given))


OF_ONE_TURN = {
    "fgrpo": lambda x: recipes.fgrpo(**x),
    "turn": lambda x: cl.grpo_process(**x, over="turn", gamma=0.0),
    "group": lambda x: cl.grpo_process(**x, gamma=0.0),
    "leave out": lambda x: cl.grpo_process(**x, gamma=0.0, scale=None, leave_out="turn"),
}


@pytest.mark.parametrize("name", OF_ONE_TURN)
def test_a_number_on_the_rewards_of_turns_changes_nothing_without_a_sum(x, name):
    given = pick(x, *TURNS)
    given["turn_reward"] = torch.floor(16 * given["turn_reward"])
    shifted = {**given, "turn_reward": given["turn_reward"] + 64}
    assert_close(OF_ONE_TURN[name](shifted), OF_ONE_TURN[name](given))


def test_a_number_on_the_rewards_of_turns_pays_for_turns_where_they_are_summed():
    """Two turns against one: 1 for each turn more makes the return of the longer one larger."""
    given = {"group": torch.tensor([0, 0]), "turn_count": torch.tensor([2, 1])}
    options = {"over": "turn", "order": "sum_then_score", "scale": None}
    zero = cl.grpo_process(turn_reward=torch.zeros(2, 2), **given, **options)
    ones = cl.grpo_process(turn_reward=torch.ones(2, 2), **given, **options)
    assert not zero.any()
    assert ones.tolist() == [[0.5, 0.0], [-0.5, 0.0]]


OF_OUTCOMES = {
    "istar": lambda x: recipes.istar(**pick(x, "reward", *TURNS)),
    "edge_credit": lambda x: cl.edge_credit(**pick(x, "reward", "group", "edge", "valid")),
    "action_margin": DISTINCT["action_margin"],
    "r3l": lambda x: recipes.r3l(**pick(x, "reward", "group", "valid")),
    "r3l, soft": lambda x: recipes.r3l(**pick(x, "reward", "group", "valid"), soft=1.0),
}


@pytest.mark.parametrize("name", OF_OUTCOMES)
def test_a_number_on_all_outcomes_changes_nothing(x, name):
    x["reward"] = torch.floor(16 * x["reward"])
    shifted = {**x, "reward": x["reward"] + 64}
    assert_close(OF_OUTCOMES[name](shifted), OF_OUTCOMES[name](x))


def test_r3l_with_a_full_reward_pays_the_shift_as_declared():
    """1.5 and 0.5 of `full` 1: 1 and -1/2. One less of each: 0.5 · 3 and -1/2."""
    reward, group = torch.tensor([1.5, 0.5]), torch.tensor([0, 0])
    assert recipes.r3l(reward=reward, group=group, full=1.0).tolist() == [1.0, -0.5]
    assert recipes.r3l(reward=reward - 1, group=group, full=1.0).tolist() == [1.5, -0.5]
