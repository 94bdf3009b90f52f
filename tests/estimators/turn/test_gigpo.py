"""GiGPO by hand, and against loops for every way to centre, scale and punish."""

import pytest
import torch
from helpers import (
    F64,
    assert_same,
    deviation,
    mean,
    members,
    ragged,
    ratio,
    suffix,
    table,
)
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

TWO = {
    "reward": torch.tensor([4.0, 0.0], dtype=F64),
    "group": torch.tensor([9, 9]),
    "turn_reward": torch.tensor([[0.0, 4.0], [0.0, torch.nan]], dtype=F64),
    "anchor": torch.tensor([[5, 6], [5, 5]]),
    "turn_count": torch.tensor([2, 1]),
}


def test_by_hand():
    # E: mean 2. Returns at gamma 1/2: 2, 4 | 0. Anchor 5 holds 2 and 0, anchor 6 the 4 alone.
    result = cl.gigpo(**TWO, gamma=0.5, scale=None)
    assert result.tolist() == [[2 + 1, 2], [-2 - 1, 0]]
    # half the step term
    result = cl.gigpo(**TWO, gamma=0.5, scale=None, step_weight=0.5)
    assert result.tolist() == [[2.5, 2], [-2.5, 0]]
    # over turns the long trajectory counts twice: mean 8/3
    result = cl.gigpo(**TWO, step_weight=0.0, scale=None, episode_over="turn")
    assert_close(result, torch.tensor([[4 / 3, 4 / 3], [-8 / 3, 0]], dtype=F64))
    # E deviates by √8, S by √2 around 5 and by nothing around 6
    result = cl.gigpo(**TWO, gamma=0.5, eps=0.0)
    one = 0.5**0.5
    assert_close(result, torch.tensor([[2 * one, one], [-2 * one, 0]], dtype=F64))


def test_the_parts_by_hand():
    # E is ±2 on every turn; S compares the returns 2 and 0 at anchor 5: ±1, and 0 at anchor 6
    anchored = cl.gigpo(**TWO, gamma=0.5, scale=None, episode_weight=0.0)
    assert anchored.tolist() == [[1, 0], [-1, 0]]
    # 2 · E + 3 · S
    both = cl.gigpo(**TWO, gamma=0.5, scale=None, episode_weight=2.0, step_weight=3.0)
    assert both.tolist() == [[4 + 3, 4], [-4 - 3, 0]]


@pytest.mark.parametrize("options", [{}, {"scale": None}, {"lone": "raw"}], ids=str)
@given(seed=st.integers(0, 10**6))
def test_gigpo_is_grpo_and_the_weighted_anchor_part(options, seed):
    x = random_arguments(cl.gigpo, seed=seed, dtype=F64, optional=True)
    del x["invalid_action"]
    grpo = cl.grpo(**{name: x[name] for name in ("reward", "group", "valid")}, **options)
    sum_of_parts = cl.per_turn(grpo, x["turn_count"], 5) + 0.5 * cl.gigpo(
        **x, episode_weight=0.0, **options
    )
    assert_close(sum_of_parts, cl.gigpo(**x, step_weight=0.5, **options))


def test_penalties_by_hand():
    invalid = torch.tensor([[True, False], [False, True]])
    # scores: turn 0 is punished by 1, so trajectory 0 scores 4 − 1/2 and trajectory 1 scores 0
    options = {"invalid_action": invalid, "invalid_penalty": 1.0, "scale": None, "gamma": 0.5}
    # mean 1.75; E = 4 − 1 − 1.75, 4 − 1.75, 0 − 1.75
    episode = cl.gigpo(**TWO, **options, step_weight=0.0)
    assert episode.tolist() == [[1.25, 2.25], [-1.75, 0]]
    # the first turn speaks for the trajectory: mean (3 + 0)/2
    first = cl.gigpo(**TWO, **options, step_weight=0.0, episode_over="first_turn")
    assert first.tolist() == [[1.5, 2.5], [-1.5, 0]]
    # returns 2 − 1 and 0 around anchor 5
    both = cl.gigpo(**TWO, **options)
    assert (both - episode).tolist() == [[0.5, 0], [-0.5, 0]]


def test_leaving_out_by_hand():
    # trajectory 0 visits state 5 twice (returns 3 and 2 at gamma 1), trajectory 1 once (return 0)
    batch = {
        "reward": torch.zeros(2, dtype=F64),
        "group": torch.tensor([1, 1]),
        "turn_reward": torch.tensor([[1.0, 2.0], [0.0, 0.0]], dtype=F64),
        "anchor": torch.tensor([[5, 5], [5, 0]]),
        "turn_count": torch.tensor([2, 1]),
    }
    options = {"gamma": 1.0, "scale": None}
    assert_close(  # the mean of 3, 2, 0 is 5/3
        cl.gigpo(**batch, **options), torch.tensor([[4 / 3, 1 / 3], [-5 / 3, 0]], dtype=F64)
    )
    # without the turn: 3 − (2 + 0)/2, 2 − (3 + 0)/2, 0 − (3 + 2)/2
    turn = cl.gigpo(**batch, **options, leave_out="turn")
    assert turn.tolist() == [[2, 0.5], [-2.5, 0]]
    # without the trajectory: 3 − 0, 2 − 0, 0 − 5/2
    trajectory = cl.gigpo(**batch, **options, leave_out="trajectory")
    assert trajectory.tolist() == [[3, 2], [-2.5, 0]]


@pytest.mark.parametrize("leave_out", ["turn", "trajectory"])
def test_leaving_out_leaves_the_trajectory_out_of_the_episode_term(leave_out):
    # against the other's outcome: 4 − 0 and 0 − 4
    result = cl.gigpo(**TWO, leave_out=leave_out, step_weight=0.0, scale=None)
    assert result.tolist() == [[4, 4], [-4, 0]]


@pytest.mark.parametrize("leave_out", ["turn", "trajectory"])
def test_a_turn_left_alone_is_compared_with_all_turns_of_the_others(leave_out):
    # anchors 6 and none are met once: 4 − 0 and (a −1 is no anchor) 0 − (4 + 4)/2
    batch = {**TWO, "reward": TWO["reward"] * 0, "anchor": torch.tensor([[5, 6], [-1, 5]])}
    result = cl.gigpo(**batch, gamma=1.0, scale=None, leave_out=leave_out)
    assert result.tolist() == [[4, 4], [-4, 0]]
    assert not cl.gigpo(**batch, gamma=1.0, scale=None).any()


@pytest.mark.parametrize("episode_over", ["trajectory", "turn", "first_turn"])
@pytest.mark.parametrize("scale", ["std", None])
@pytest.mark.parametrize("leave_out", [None, "turn", "trajectory"])
def test_a_group_of_one_trajectory_has_no_episode_term(episode_over, scale, leave_out):
    lone = {name: x[:1] for name, x in TWO.items()}
    lone["invalid_action"] = torch.tensor([[True, False]])
    options = {"episode_over": episode_over, "scale": scale, "leave_out": leave_out}
    assert cl.gigpo(**lone, **options).tolist() == [[0, 0]]
    lone["turn_count"] = torch.tensor([1])
    raw = cl.gigpo(**lone, **options, lone="raw", step_weight=0.0, eps=1.0)
    expected = 4 - 0.1 if scale is None else (4 - 0.1) / 2
    assert_close(raw, torch.tensor([[expected, 0]], dtype=F64))


def test_special_cases():
    x = random_arguments(cl.gigpo, seed=3, dtype=F64)
    trajectory = {name: x[name] for name in ("reward", "group")}
    real = torch.arange(5) < x["turn_count"][:, None]
    for scale in ("std", None):
        grpo = torch.where(real, cl.grpo(**trajectory, scale=scale)[:, None], 0)
        assert_close(cl.gigpo(**x, step_weight=0.0, scale=scale), grpo)
        distinct = {**x, "anchor": torch.arange(x["anchor"].numel()).view(x["anchor"].shape)}
        assert_close(cl.gigpo(**distinct, scale=scale), grpo)
    none = {**x, "anchor": torch.full_like(x["anchor"], -1)}
    assert_close(cl.gigpo(**none), torch.where(real, cl.grpo(**trajectory)[:, None], 0))
    # one turn each from one state
    single = {**trajectory, "turn_reward": x["reward"][:, None], "turn_count": real[:, 0] * 0 + 1}
    single["anchor"] = torch.zeros(len(real), 1, dtype=torch.int64)
    result = cl.gigpo(**single, step_weight=0.5)
    assert_close(result, 1.5 * cl.grpo(**trajectory)[:, None])


# --- the oracle ---------------------------------------------------------------------------------


def compare(mine, others, pool, scale):
    """mine − mean of others over the deviation of the pool, 0 with nothing to compare."""
    if not others:
        return 0.0
    centered = mine - mean(others)
    return ratio(centered, deviation(pool), 0.1) if scale else centered


def step_loop(turns, returns, anchor, leave_out, scale):
    """S of each (i, k): against its anchor, or a lone turn against all of the others' turns."""
    result = {}
    for i, k in turns:
        peers = [t for t in turns if anchor[t[0]][t[1]] == anchor[i][k] >= 0]
        left = {
            None: peers,
            "turn": [t for t in peers if t != (i, k)],
            "trajectory": [t for t in peers if t[0] != i],
        }[leave_out]
        if leave_out and not left:
            peers, left = turns, [t for t in turns if t[0] != i]
        values = [[returns[a][b] for a, b in group] for group in (left, peers)]
        result[i, k] = compare(returns[i][k], values[0], values[1], scale)
    return result


def episode_loop(rows, turns, reward, penalty, episode_over, leave_out, scale):
    """E of each (i, k): its score against one score per trajectory, or per turn."""
    if episode_over == "turn":
        pool = [(i, reward[i] - penalty[i][k]) for i, k in turns]
    else:
        first = episode_over == "first_turn"
        typical = {i: (p[0] if first else mean(p)) if (p := penalty[i]) else 0.0 for i in rows}
        pool = [(i, reward[i] - typical[i]) for i in rows]
    result = {}
    for i, k in turns:
        others = [score for owner, score in pool if not (leave_out and owner == i)]
        alone = all(owner == i for owner, _ in pool)
        scores = [score for _, score in pool]
        mine = reward[i] - penalty[i][k]
        result[i, k] = 0.0 if alone else compare(mine, others, scores, scale)
    return result


@pytest.mark.parametrize("episode_over", ["trajectory", "turn", "first_turn"])
@pytest.mark.parametrize("leave_out", [None, "turn", "trajectory"])
@pytest.mark.parametrize("scale", ["std", None])
@pytest.mark.parametrize("punished", [False, True])
@given(seed=st.integers(0, 10**6))
def test_against_loops(episode_over, leave_out, scale, punished, seed):
    x = random_arguments(cl.gigpo, seed=seed, dtype=F64, optional=True)
    if not punished:
        x.pop("invalid_action")
    count, reward, anchor = x["turn_count"].tolist(), x["reward"].tolist(), x["anchor"].tolist()
    penalty = ragged(x.get("invalid_action", torch.zeros(12, 5)) * 0.25, count)
    returns = [suffix(row, 0.9) for row in ragged(x["turn_reward"], count)]
    returns = [
        [g - p for g, p in zip(*pair, strict=True)] for pair in zip(returns, penalty, strict=True)
    ]
    rows = [[0.0] * 5 for _ in count]
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        turns = [(i, k) for i in own for k in range(count[i])]
        step = step_loop(turns, returns, anchor, leave_out, scale)
        episode = episode_loop(own, turns, reward, penalty, episode_over, leave_out, scale)
        for i, k in turns:
            rows[i][k] = episode[i, k] + 0.5 * step[i, k]
    options = {"gamma": 0.9, "step_weight": 0.5, "invalid_penalty": 0.25, "eps": 0.1}
    result = cl.gigpo(**x, **options, episode_over=episode_over, leave_out=leave_out, scale=scale)
    assert_close(result, table(rows, 5))


def test_a_constant_group_gives_exactly_zero():
    batch = {
        "reward": torch.full((7,), 0.7),
        "group": torch.zeros(7, dtype=torch.int64),
        "turn_reward": torch.tensor([0.0, 0.1, 0.6]).expand(7, 3),
        "anchor": torch.arange(3).expand(7, 3),
        "turn_count": torch.full((7,), 3),
    }
    assert_same(cl.gigpo(**batch), torch.zeros(7, 3))
