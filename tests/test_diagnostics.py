import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import creditlib as cl
from creditlib.testing import random_arguments, tolerance

NAN = float("nan")
RELATIVE, ABSOLUTE = tolerance(torch.float64)


def close(metrics, expected):
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=RELATIVE)


def test_trajectory_credit_by_hand():
    """Groups: 1 = rows 0 1 (rewards differ), 2 = rows 2 3 (equal), 3 = row 4 (lone)."""
    metrics = cl.diagnose(
        torch.tensor([1.0, -0.5, 0.0, 0.0, 0.0]),
        reward=torch.tensor([1.0, 0.0, 3.0, 3.0, 9.0]),
        group=torch.tensor([1, 1, 2, 2, 3]),
    )
    assert metrics == pytest.approx(
        {
            "credit/mean": 0.5 / 5,
            "credit/abs_mean": 1.5 / 5,
            "credit/abs_max": 1.0,
            "credit/silent_rows": 3 / 5,
            "rows/excluded": 0.0,
            "group/count": 3,
            "group/lone": 1 / 3,
            "group/constant": 1 / 2,
            "group/contrast": 1 / 3,
            "group/sum_max": 0.5,
        },
        rel=RELATIVE,
    )


def test_excluded_rows_count_nowhere_but_in_their_own_share():
    """Without row 1 group 1 is lone; the NaN of row 4 is not read, its group is gone."""
    metrics = cl.diagnose(
        torch.tensor([1.0, NAN, 2.0, 0.0, NAN]),
        reward=torch.tensor([1.0, NAN, 3.0, 4.0, NAN]),
        group=torch.tensor([1, 1, 2, 2, 3]),
        valid=torch.tensor([True, False, True, True, False]),
    )
    close(
        metrics,
        {
            "credit/mean": 3 / 3,
            "credit/abs_max": 2.0,
            "credit/silent_rows": 1 / 3,
            "rows/excluded": 2 / 5,
            "group/count": 2,
            "group/lone": 1 / 2,
            "group/constant": 0.0,
            "group/contrast": 1 / 2,
            "group/sum_max": 2.0,
        },
    )


def test_turn_credit_by_hand():
    """Real turns: row 0 two, row 1 one, row 2 none, row 3 (excluded) three."""
    credit = torch.tensor([[1.0, -3.0, NAN], [2.0, NAN, NAN], [NAN] * 3, [9.0] * 3])
    metrics = cl.diagnose(
        credit,
        reward=torch.tensor([1.0, 2.5, -4.0, 99.0]),
        group=torch.tensor([0, 0, 0, 0]),
        turn_reward=torch.tensor([[0.5, 0.5, NAN], [2.0, NAN, NAN], [NAN] * 3, [0.0] * 3]),
        turn_count=torch.tensor([2, 1, 0, 3]),
        valid=torch.tensor([True, True, True, False]),
    )
    assert metrics == pytest.approx(
        {
            "credit/mean": (1 - 3 + 2) / 3,
            "credit/abs_mean": (1 + 3 + 2) / 3,
            "credit/abs_max": 3.0,
            "credit/silent_rows": 1 / 3,
            "credit/abs_turn_0": (1 + 2) / 2,
            "credit/abs_turn_1": 3.0,
            "credit/abs_turn_2": 0.0,
            "rows/excluded": 1 / 4,
            "group/count": 1,
            "group/lone": 0.0,
            "group/constant": 0.0,
            "group/contrast": 1.0,
            "group/sum_max": 0.0,
            "reward/unplaced_max": 4.0,
        },
        rel=RELATIVE,
    )


MET = {
    "group": torch.tensor([0, 0, 0, 1]),
    "anchor": torch.tensor([[5, 6, 5], [5, 6, 9], [-1, 7, 5], [5, 6, 6]]),
    "turn_count": torch.tensor([3, 1, 2, 3]),
}


def test_turns_that_met_a_peer_by_hand():
    """Group 0: anchor 5 at turns 0 and 2 of row 0 and turn 0 of row 1; 6 once; none and 7 once.

    Group 1: anchor 5 once, 6 twice in one trajectory. Of 3 + 1 + 2 + 3 turns 5 met a turn, 3 of
    them one of another trajectory. Peers: 2 at each of the three turns at 5, 1 at the two at 6.
    """
    metrics = cl.diagnose(torch.zeros(4, 3), **MET)
    close(
        metrics,
        {"anchor/met": 5 / 9, "anchor/met_others": 3 / 9, "anchor/peers": (2 * 3 + 1 * 2) / 9},
    )
    valid = torch.tensor([True, False, True, True])
    metrics = cl.diagnose(torch.zeros(4, 3), **MET, valid=valid)
    close(metrics, {"anchor/met": 4 / 8, "anchor/met_others": 0.0, "anchor/peers": 4 / 8})


@given(seed=st.integers(0, 10**6))
def test_peers_are_those_of_a_loop(seed):
    x = random_arguments(cl.gigpo, seed=seed, optional=True)
    rows = [row for row in range(12) if x["valid"][row]]
    turns = [(i, k) for i in rows for k in range(int(x["turn_count"][i]))]
    met = others = peers = 0
    for i, k in turns:
        key = (int(x["group"][i]), int(x["anchor"][i, k]))
        same = [
            j
            for j, m in turns
            if (j, m) != (i, k) and (int(x["group"][j]), int(x["anchor"][j, m])) == key
        ]
        same = same if key[1] >= 0 else []
        met, others, peers = met + bool(same), others + any(j != i for j in same), peers + len(same)
    names = ("group", "anchor", "turn_count", "valid")
    metrics = cl.diagnose(x["turn_reward"] * 0, **{name: x[name] for name in names})
    count = max(len(turns), 1)
    close(
        metrics,
        {"anchor/met": met / count, "anchor/met_others": others / count},
    )
    assert metrics["anchor/peers"] == pytest.approx(peers / count, rel=RELATIVE)


def test_turns_without_a_peer_are_those_without_credit_among_equal_states():
    """S of `gigpo` is 0 where no turn was met."""
    x = random_arguments(cl.gigpo, seed=3)
    x["anchor"] = torch.arange(60).view(12, 5)
    assert not cl.gigpo(**x, episode_weight=0.0).any()
    names = ("group", "anchor", "turn_count")
    metrics = cl.diagnose(torch.zeros(12, 5), **{name: x[name] for name in names})
    assert metrics["anchor/met"] == metrics["anchor/peers"] == 0.0


def test_the_share_of_each_term_by_hand():
    """Row 0 has two turns, row 1 one; row 2 is excluded. |E| 1 + 1 + 2, |S| 0.5 + 0.5 + 0."""
    metrics = cl.diagnose(
        torch.zeros(3, 2),
        turn_count=torch.tensor([2, 1, 2]),
        valid=torch.tensor([True, True, False]),
        terms={
            "episode": torch.tensor([1.0, -2.0, NAN]),
            "anchor": torch.tensor([[0.5, -0.5], [0.0, 9.0], [NAN, NAN]]),
        },
    )
    close(metrics, {"term/episode": 4 / 5, "term/anchor": 1 / 5})
    # Of trajectories only, each row counts once.
    both = {"a": torch.tensor([1.0, 0.0]), "b": torch.tensor([-1.0, 2.0])}
    close(cl.diagnose(both["a"], terms=both), {"term/a": 1 / 4, "term/b": 3 / 4})
    nothing = cl.diagnose(both["a"], terms={"a": torch.zeros(2)})
    assert nothing["term/a"] == 0.0


def test_what_the_metrics_need_is_said(refusal):
    credit = torch.zeros(2, 2)
    assert refusal(cl.diagnose, credit, anchor=torch.zeros(2, 2).long()) == (
        "diagnose: `group` must be given with `anchor`, got None."
    )
    assert refusal(cl.diagnose, credit, terms=[credit]) == (
        "diagnose: `terms` must be tensors by name, got list."
    )
    wrong = {"a": credit, "b": torch.zeros(2, 3)}
    assert refusal(cl.diagnose, credit, terms=wrong) == (
        "diagnose: `terms` must be float[batch] or float[batch turn] of 2 rows, the latter all "
        "alike, for each name, got torch.float32 (2, 2) for 'a'."
    )
    assert "got torch.float32 (3,) for 'b'" in refusal(
        cl.diagnose, credit, terms={"b": torch.zeros(3)}
    )


def test_the_number_of_turns_reported_is_an_option():
    credit = torch.ones(2, 12)
    assert len([name for name in cl.diagnose(credit) if "turn_" in name]) == 8
    assert [name for name in cl.diagnose(credit, turns=1) if "turn_" in name] == [
        "credit/abs_turn_0"
    ]


def test_metrics_need_no_more_than_they_are_given():
    credit = torch.tensor([1.0, 1.0])
    alone = set(cl.diagnose(credit))
    grouped = set(cl.diagnose(credit, group=torch.tensor([0, 0]))) - alone
    assert grouped == {"group/count", "group/lone", "group/sum_max"}


def test_an_empty_batch_is_all_zero():
    for credit in (torch.zeros(0), torch.zeros(0, 3), torch.zeros(2, 0)):
        rows = credit.shape[0]
        metrics = cl.diagnose(credit, reward=torch.zeros(rows), group=torch.arange(rows), turns=3)
        assert all(math.isfinite(value) for value in metrics.values())
        assert metrics["credit/abs_max"] == 0.0
    assert set(cl.diagnose(torch.zeros(0)).values()) == {0.0}


def test_a_batch_without_a_row_that_takes_part():
    metrics = cl.diagnose(
        torch.tensor([NAN, NAN]),
        reward=torch.tensor([NAN, 1.0]),
        group=torch.tensor([0, 0]),
        valid=torch.tensor([False, False]),
    )
    assert metrics.pop("rows/excluded") == 1.0
    assert set(metrics.values()) == {0.0}


def test_centred_credit_sums_to_nothing_and_gigpo_places_every_reward():
    batch = random_arguments(cl.gigpo, optional=True)
    credit = cl.grpo(reward=batch["reward"].double(), group=batch["group"])
    assert cl.diagnose(credit, group=batch["group"])["group/sum_max"] <= ABSOLUTE
    placed = cl.outcome_at_last_turn(
        reward=batch["reward"], turn_count=batch["turn_count"].clamp(min=1), turns=5
    )
    metrics = cl.diagnose(
        torch.zeros_like(placed),
        reward=batch["reward"],
        turn_reward=placed,
        turn_count=batch["turn_count"].clamp(min=1),
    )
    assert metrics["reward/unplaced_max"] == 0.0


def test_a_wrong_call_is_refused(refusal):
    assert refusal(cl.diagnose, [1.0]) == (
        "diagnose: `credit` must be float[batch] or float[batch turn], got list; "
        "`creditlib.tensors` makes tensors of lists, arrays and columns."
    )


def test_turns_that_tell_something_by_hand():
    """State 5 saw the step rewards 1 and 0, state 6 twice 2: two of the four turns tell."""
    metrics = cl.diagnose(
        torch.zeros(2, 2),
        group=torch.tensor([0, 0]),
        turn_reward=torch.tensor([[1.0, 2.0], [0.0, 2.0]]),
        anchor=torch.tensor([[5, 6], [5, 6]]),
        turn_count=torch.tensor([2, 2]),
    )
    assert metrics["anchor/contrast"] == 0.5
