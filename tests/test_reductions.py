"""Where methods meet: each equality holds on random ragged batches, to the table's tolerance."""

import pytest
import torch
from helpers import F64, members

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

pytestmark = pytest.mark.usefixtures("quick_backend")

PAIR = ("reward", "group", "valid")


@pytest.fixture(params=range(4))
def x(request):
    """Every argument a reduction needs, drawn consistently."""
    size = {"seed": request.param, "dtype": F64, "batch": 16, "optional": True}
    functions = (cl.gigpo, cl.igpo, cl.pure, cl.opo, cl.duration_weight)
    merged = {}
    for function in functions:
        merged |= random_arguments(function, **size)
    return merged


def pick(x, *names):
    return {name: x[name] for name in names}


def on_turns(credit, x):
    """A trajectory's credit on each of its turns."""
    real = torch.arange(5) < x["turn_count"][:, None]
    return torch.where(real, credit[:, None], 0)


def test_dr_grpo_is_a_share_of_rloo(x):
    groups = members(x["group"].tolist(), x["valid"].tolist())
    size = torch.ones(16, dtype=F64)
    for own in groups.values():
        size[own] = len(own)
    pair = pick(x, *PAIR)
    dr_grpo = cl.grpo(**pair, scale=None)
    assert_close(dr_grpo, (size - 1) / size * cl.rloo(**pair))
    assert_close(cl.grpo(**pair, scale=None, center="leave_one_out"), cl.rloo(**pair))


def test_opo_at_equal_lengths_is_dr_grpo(x):
    pair = pick(x, *PAIR)
    equal = torch.full((16,), 7)
    assert_close(cl.opo(**pair, length=equal), cl.grpo(**pair, scale=None))


def test_gigpo_over_turns_is_opo_with_turns_as_length(x):
    x["turn_count"] = x["turn_count"].clamp(min=1)  # OPO also credits who wrote nothing
    turns = pick(x, *PAIR, "turn_reward", "anchor", "turn_count")
    turns["turn_reward"] = turns["turn_reward"].nan_to_num(0)
    options = {"step_weight": 0.0, "scale": None, "episode_over": "turn"}
    opo = cl.opo(**pick(x, *PAIR), length=x["turn_count"])
    assert_close(cl.gigpo(**turns, **options), on_turns(opo, x))


@pytest.mark.parametrize("scale", ["std", None])
def test_gigpo_with_distinct_anchors_is_its_episode_part(x, scale):
    turns = pick(x, *PAIR, "turn_reward", "turn_count", "invalid_action")
    distinct = torch.arange(16 * 5).view(16, 5)
    episode = cl.gigpo(**turns, anchor=x["anchor"], scale=scale, step_weight=0.0)
    assert_close(cl.gigpo(**turns, anchor=distinct, scale=scale), episode)


@pytest.mark.parametrize("scale", ["std", None])
def test_gigpo_of_one_turn_from_one_state_is_grpo_twice(x, scale):
    single = pick(x, *PAIR) | {"turn_reward": x["reward"][:, None]}
    single |= {"anchor": torch.full((16, 1), 3), "turn_count": torch.ones_like(x["group"])}
    grpo = cl.grpo(**pick(x, *PAIR), scale=scale)
    assert_close(cl.gigpo(**single, scale=scale)[:, 0], 2 * grpo)


@pytest.mark.parametrize("scale", ["std", "mad", None])
def test_process_supervision_of_one_step_is_grpo(x, scale):
    one = pick(x, "group", "valid") | {"turn_count": torch.ones_like(x["group"])}
    process = cl.grpo_process(turn_reward=x["reward"][:, None], **one, scale=scale)
    assert_close(process[:, 0], cl.grpo(**pick(x, *PAIR), scale=scale))


@pytest.mark.parametrize("pool", ["joint", "separate"])
def test_igpo_of_one_turn_is_population_grpo(x, pool):
    one = pick(x, *PAIR, "information_gain") | {"turn_count": torch.ones_like(x["group"])}
    igpo = cl.igpo(**one, pool=pool, eps=0.0, variance_eps=1e-8)
    grpo = cl.grpo(**pick(x, *PAIR), ddof=0, eps=1e-8, eps_at="variance")
    assert_close(igpo[:, 0], grpo)


def test_a2tgpo_without_gains_is_population_grpo_on_every_turn(x):
    tensors = pick(x, *PAIR, "information_gain", "turn_count")
    grpo = cl.grpo(**pick(x, *PAIR), ddof=0, eps=1e-8, eps_at="variance")
    result = cl.a2tgpo(**tensors, alpha=0.0, eps=0.0, variance_eps=1e-8)
    assert_close(result, on_turns(grpo, x))


def test_softmin_at_infinite_temperature_is_the_mean_form(x):
    score = pick(x, "process_reward", "turn_count", "valid")
    count = x["turn_count"].clamp(min=1)[:, None]
    steps = {**score, "turn_reward": score.pop("process_reward") / count}
    real = (torch.arange(5) < x["turn_count"][:, None]) & x["valid"][:, None]
    step = torch.where(real, steps["turn_reward"], 0)
    mean_form = torch.where(real, step.flip(1).cumsum(1).flip(1), 0)
    soft = cl.softmin_returns(**pick(x, "process_reward", "turn_count", "valid"), temperature=1e12)
    assert_close(soft, mean_form)


@pytest.mark.parametrize("form", ["softmin", "hard_min", "suffix_min"])
@pytest.mark.parametrize("baseline", ["step", "token"])
def test_pure_of_one_step_is_rloo(x, form, baseline):
    one = pick(x, "group", "valid") | {"turn_count": torch.ones_like(x["group"])}
    one |= {"process_reward": x["reward"][:, None], "turn_length": torch.full((16, 1), 4)}
    result = cl.pure(**one, form=form, baseline=baseline)
    assert_close(result[:, 0], cl.rloo(**pick(x, *PAIR)))


def test_gae_without_a_critic_is_reinforce_plus_plus(x):
    tokens = random_arguments(cl.gae, dtype=F64)
    tokens = {name: tensor.nan_to_num(0) for name, tensor in tokens.items()}
    tokens["value"] = torch.zeros_like(tokens["value"])
    advantage, returns = cl.gae(**tokens, gamma=1.0, lam=1.0)
    whitened, plain = cl.reinforce_plus_plus(**pick(tokens, "token_reward", "turn"))
    assert_close(advantage, plain)
    assert_close(returns, plain)
    assert_close(cl.whiten(advantage, tokens["turn"] >= 0), whitened)


def test_gdpo_of_one_objective_is_whitened_grpo(x):
    result = cl.gdpo(rewards=x["reward"][:, None], **pick(x, "group", "valid", "length"))
    count = torch.where(x["valid"], x["length"], 0)
    assert_close(result, cl.whiten(cl.grpo(**pick(x, *PAIR)), count))


def test_maxrl_is_grpo_in_units_of_the_mean(x):
    pair = pick(x, *PAIR) | {"reward": x["reward"].abs()}
    assert_close(cl.maxrl(**pair), cl.grpo(**pair, scale="mean", eps=0.0))


def test_constant_durations_and_solved_rows_change_nothing(x):
    real = torch.arange(5) < x["turn_count"][:, None]
    same = torch.full_like(x["duration"], 3.7)
    weight = cl.duration_weight(duration=same, turn_count=x["turn_count"])
    assert torch.equal(weight, real.to(F64))
    solved = torch.ones(16, dtype=torch.bool)
    milestones = torch.arange(16)
    graded = cl.partial_credit(solved=solved, score=x["reward"], milestones=milestones)
    assert torch.equal(graded, x["reward"])
