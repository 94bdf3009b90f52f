"""PURE by hand, and against loops in all forms and both baselines."""

import math

import pytest
import torch
from helpers import F64, assert_same, mean, members, ragged, suffix, table
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import assert_close, random_arguments

FORMS = ["softmin", "hard_min", "suffix_min"]
THREE = {
    "process_reward": torch.tensor([[2.0, 1.0], [3.0, torch.nan], [5.0, 5.0]], dtype=F64),
    "group": torch.tensor([4, 4, 4]),
    "turn_count": torch.tensor([2, 1, 2]),
}


def test_step_baseline_by_hand():
    # hard steps: 0, 1 | 3 | 2.5, 2.5, so row means 1/2, 3, 5/2; others' means 11/4, 3/2, 7/4
    result = cl.pure(**THREE, form="hard_min")
    # 0 + 1 − 2·11/4, 1 − 11/4 | 3 − 3/2 | 5 − 2·7/4, 5/2 − 7/4
    assert_close(result, torch.tensor([[-4.5, -1.75], [1.5, 0], [1.5, 0.75]], dtype=F64))


def test_token_baseline_by_hand():
    turn_length = torch.tensor([[1, 1], [4, 9], [2, 2]])
    # sums 1, 3, 5 over lengths 2, 4, 4: others' rates 8/8, 6/6, 4/6
    result = cl.pure(**THREE, form="hard_min", baseline="token", turn_length=turn_length)
    # 1 − 2·1, 1 − 1 | 3 − 4·1 | 5 − 4·2/3, 5/2 − 2·2/3
    expected = [[-1, 0], [-1, 0], [5 - 8 / 3, 2.5 - 4 / 3]]
    assert_close(result, torch.tensor(expected, dtype=F64))
    # lengths that count separators too: 4, 4, 8: rates 8/12, 6/12, 4/8
    result = cl.pure(
        **THREE,
        form="hard_min",
        baseline="token",
        turn_length=turn_length,
        length=torch.tensor([4, 4, 8]),
    )
    expected = [[1 - 4 / 3, 1 - 2 / 3], [3 - 4 / 2, 0], [5 - 4 / 2, 2.5 - 2 / 2]]
    assert_close(result, torch.tensor(expected, dtype=F64))


def test_outcome_by_hand():
    reward = torch.tensor([1.0, 0.0, 2.0], dtype=F64)
    # against the others' means 1, 3/2, 1/2, half of it
    both = cl.pure(**THREE, form="hard_min", reward=reward, reward_weight=0.5)
    outcome = both - cl.pure(**THREE, form="hard_min")
    assert_close(outcome, torch.tensor([[0, 0], [-0.75, 0], [0.75, 0.75]], dtype=F64))


def test_literal_minimum_by_hand():
    # minima still to come: 1, 1 | 3 | 5, 5; the others' steps average 13/3, 12/4, 5/3
    result = cl.pure(**THREE, form="suffix_min")
    expected = [[1 - 13 / 3, 1 - 13 / 3], [0, 0], [5 - 5 / 3, 5 - 5 / 3]]
    assert_close(result, torch.tensor(expected, dtype=F64))
    # by tokens: 3·4 + 5·4 over 8, 1·2 + 5·4 over 6, 1·2 + 3·4 over 6
    turn_length = torch.tensor([[1, 1], [4, 9], [2, 2]])
    result = cl.pure(**THREE, form="suffix_min", baseline="token", turn_length=turn_length)
    expected = [[1 - 4, 1 - 4], [3 - 22 / 6, 0], [5 - 14 / 6, 5 - 14 / 6]]
    assert_close(result, torch.tensor(expected, dtype=F64))


def min_steps(score, form):
    """The steps whose suffix sums are the return of that form."""
    if form == "softmin":
        power = [math.exp(-v / 0.5) for v in score]
        return [v * p / sum(power) for v, p in zip(score, power, strict=True)]
    return [v / score.count(v) if v == min(score) else 0.0 for v in score]


def returns(score, form):
    if form == "suffix_min":
        return [min(score[k:]) for k in range(len(score))]
    return suffix(min_steps(score, form))


def against(i, others, scores, unit, size, form, baseline):
    """Credit of one trajectory against its peers; None if they hold nothing to compare with."""
    row_weight = sum(size[o] for o in others)
    if not row_weight:
        return None
    if form == "suffix_min":
        pairs = [
            (v, u) for o in others for v, u in zip(returns(scores[o], form), unit[o], strict=True)
        ]
        b = sum(v * u for v, u in pairs) / sum(u for _, u in pairs)
        return [v - b for v in returns(scores[i], form)]
    # what a unit of the others earns: a step's mean, or all of a row over all its tokens
    steps = {o: min_steps(scores[o], form) for o in others if scores[o]}
    earned = [mean(step) if baseline == "step" else sum(step) for step in steps.values()]
    own = min_steps(scores[i], form) if scores[i] else []
    return suffix([s - sum(earned) / row_weight * u for s, u in zip(own, unit[i], strict=True)])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("baseline", ["step", "token"])
@pytest.mark.parametrize("lone", ["zero", "raw"])
@pytest.mark.parametrize("given_length", [False, True])
@given(seed=st.integers(0, 10**6))
def test_against_loops(form, baseline, lone, given_length, seed):
    x = random_arguments(cl.pure, seed=seed, dtype=F64, optional=True)
    count, reward = x["turn_count"].tolist(), x["reward"].tolist()
    unit = ragged(x["turn_length"] if baseline == "token" else x["turn_length"] * 0 + 1, count)
    x["length"] = x["turn_length"].sum(1) + 3 * (x["turn_count"] > 0)
    if not given_length:
        x.pop("length")
    scores = ragged(x["process_reward"], count)
    if baseline == "token":
        extra = 3 if given_length and form != "suffix_min" else 0
        size = [sum(row) + extra * bool(row) for row in unit]
    else:
        size = [float(n > 0) for n in count]
    rows = [[0.0] * 5 for _ in count]
    for own in members(x["group"].tolist(), x["valid"].tolist()).values():
        for i in own:
            others = [o for o in own if o != i]
            credit = against(i, others, scores, unit, size, form, baseline)
            if credit is None:
                credit = returns(scores[i], form) if lone == "raw" else [0.0] * count[i]
            if others:
                outcome = reward[i] - mean([reward[o] for o in others])
            else:
                outcome = reward[i] if lone == "raw" else 0.0
            rows[i] = [v + 2 * outcome for v in credit]
    options = {"form": form, "baseline": baseline, "lone": lone, "temperature": 0.5}
    assert_close(cl.pure(**x, **options, reward_weight=2.0), table(rows, 5))


@pytest.mark.parametrize("baseline", ["step", "token"])
@pytest.mark.parametrize("form", FORMS)
def test_peers_without_steps_set_no_baseline(baseline, form):
    score = torch.tensor([[1.0, 0.0], [torch.nan, torch.nan]], dtype=F64)
    batch = {
        "process_reward": score,
        "group": torch.tensor([0, 0]),
        "turn_count": torch.tensor([2, 0]),
        "turn_length": torch.tensor([[3, 2], [7, 7]]),
    }
    options = {"form": form, "baseline": baseline}
    assert_same(cl.pure(**batch, **options), torch.zeros(2, 2, dtype=F64))
    step = returns([1.0, 0.0], form)
    raw = cl.pure(**batch, **options, lone="raw", temperature=0.5)
    assert_close(raw, torch.tensor([step, [0, 0]], dtype=F64))


@pytest.mark.parametrize("form", FORMS)
def test_a_trajectory_without_steps_is_no_peer_beside_others(form):
    # 1 − 3 and 3 − 1, as if the third were not there
    score = torch.tensor([[1.0], [3.0], [torch.nan]])
    group, count = torch.zeros(3, dtype=torch.int64), torch.tensor([1, 1, 0])
    result = cl.pure(process_reward=score, group=group, turn_count=count, form=form)
    assert result.tolist() == [[-2], [2], [0]]


def test_one_step_each_is_rloo_of_the_scores():
    x = random_arguments(cl.rloo, dtype=F64)
    score, count = x["reward"][:, None], torch.ones(12, dtype=torch.int64)
    for form in FORMS:
        result = cl.pure(process_reward=score, group=x["group"], turn_count=count, form=form)
        assert_close(result[:, 0], cl.rloo(**x))


@pytest.mark.parametrize("turns", [1, 2, 3, 7])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("baseline", ["step", "token"])
def test_equal_scores_and_counts_give_exactly_zero(turns, form, baseline):
    batch = {
        "process_reward": torch.full((4, turns), 0.1),
        "group": torch.zeros(4, dtype=torch.int64),
        "turn_count": torch.full((4,), turns),
        "turn_length": torch.full((4, turns), 5),
    }
    result = cl.pure(**batch, form=form, baseline=baseline)
    assert_same(result, torch.zeros(4, turns))


def test_a_token_baseline_needs_turn_lengths():
    with pytest.raises(cl.ContractError, match="pure: `turn_length` must be given with"):
        cl.pure(**THREE, baseline="token")
