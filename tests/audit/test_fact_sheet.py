import json

import pytest
import torch

from creditlib.audit.case import case_of
from creditlib.audit.expected_gradient import tiny_policy, tiny_tasks
from creditlib.audit.fact_sheet import facts, heard, one_more_rollout
from creditlib.audit.invariances import INVARIANCES
from creditlib.audit.sample import sample
from creditlib.audit.subject import audited
from creditlib.audit.task import Outcome, Task
from creditlib.testing import assert_close

FEW = {"tasks": ["recovery"], "groups": 50}


@pytest.fixture(scope="module")
def sheets():
    names = ("grpo", "gigpo", "turn_gae", "entropy_weight", "igpo_raw")
    return {name: facts(name, **FEW) for name in names}


def test_values_of_json(sheets):
    for sheet in sheets.values():
        assert json.loads(json.dumps(sheet, allow_nan=False)) == sheet


def test_levels_kinds_and_dtypes(sheets):
    assert [sheets[name]["level"] for name in ("grpo", "gigpo")] == ["trajectory", "turn"]
    assert facts(audited("gae", gamma=1.0, lam=0.9), **FEW)["level"] == "token"
    weight = sheets["entropy_weight"]
    assert (weight["kind"], weight["on"]) == ("factor", "grpo")
    dtypes = {"float64": "float64", "float32": "float32", "bfloat16": "float32"}
    assert sheets["grpo"]["dtypes"] == dtypes


def test_grpo(sheets):
    sheet = sheets["grpo"]
    assert sheet["heard"] == {"reward": True, "group": True}
    assert sheet["invariances"] == {
        **dict.fromkeys(INVARIANCES, True),
        "names_of_anchors": None,
        "proportional_to_rewards": False,
    }
    assert sheet["checked_on"][0] == "two_state"


def test_the_discount_hears_a_shift_and_a_critic_costs(sheets):
    assert sheets["gigpo"]["invariances"]["shift_of_rewards"] is False
    assert sheets["turn_gae"]["costs"]["sources"] == {
        "turn_value": {"what": "critic", "per": "turn"}
    }


def test_what_a_tiny_task_lacks_is_asked_of_the_next(sheets):
    assert sheets["igpo_raw"]["checked_on"] == ["search"]
    assert sheets["igpo_raw"]["dead_groups"] == {}  # recovery has no information gain


def test_an_estimator_without_any_task():
    sheet = facts(lambda *, nowhere: nowhere, **FEW)
    assert (sheet["level"], sheet["checked_on"], sheet["one_more_rollout"]) == (None, [], [])
    assert set(sheet["invariances"].values()) == {None}


def test_a_tensor_that_is_not_used_is_not_heard():
    def deaf(*, reward, group, turn_count, solved):
        return reward + 0 * turn_count

    (task,) = tiny_tasks(["two_state"])
    case = case_of(audited(deaf), sample(task, tiny_policy(task), groups=6, size=5, seed=0))
    assert [heard(case, name) for name in ("reward", "group", "turn_count", "solved")] == [
        True,
        *(False, False, False),
    ]


def test_truth_values_are_reversed_and_ids_move():
    def starts(*, reward, solved, anchor):
        return torch.where(solved, reward, 0) + anchor[:, 0]

    (task,) = tiny_tasks(["two_state"])
    case = case_of(audited(starts), sample(task, tiny_policy(task), groups=6, size=5, seed=0))
    assert heard(case, "solved")
    assert not heard(case, "anchor")  # rows in another order begin in the same state


def test_a_refusal_is_heard():
    def picky(*, reward, turn_entropy):
        if turn_entropy.max() > 1:  # of two actions it is at most log 2
            raise ValueError("`turn_entropy` must be at most 1")
        return reward

    (task,) = tiny_tasks(["two_state"])
    case = case_of(audited(picky), sample(task, tiny_policy(task), groups=6, size=5, seed=0))
    assert heard(case, "turn_entropy")


def test_dead_groups_are_those_of_one_outcome():
    drawn = facts("rloo", **FEW)["dead_groups"]["recovery"]
    assert drawn == facts("grpo", **FEW)["dead_groups"]["recovery"] > 0
    assert facts("oracle", **FEW)["dead_groups"]["recovery"] == 0


# By hand: one turn, two actions, p = π(1), s = p (1 - p), reward 1 for action 1, credit of `rloo`.
# A group has a gradient only if it holds both actions; the true one is s (-1, 1), of square 2 s².
#   n = 2: credit 1 and -1, g = (1 - p + p) / 2 (-1, 1), |g|² = 1/2 with probability 2 s.
#          SNR(2) = 2 s² / (s - 2 s²) = 2 s / (1 - 2 s)
#   n = 3: one success has 1, -1/2, -1/2, so g = (1 - p + 2 p/2) / 3 (-1, 1), |g|² = 2/9; so have
#          two successes; together with probability 3 s.
#          SNR(3) = 2 s² / (2/3 s - 2 s²) = 3 s / (1 - 3 s)
def test_one_more_rollout_by_hand():
    def step(state, turn, action):
        return [Outcome(1.0, None, reward=float(action), success=action == 1)]

    task = Task.from_step(step, 0, name="one turn")
    s = float(tiny_policy(task).softmax(-1)[0].prod())
    (row,) = one_more_rollout("rloo", tasks=[task])
    found = torch.tensor([*row["snr_per_trajectory"], row["gain"]], dtype=torch.float64)
    expected = [s / (1 - 2 * s), s / (1 - 3 * s), s / (1 - 3 * s)]
    assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_no_gain_where_there_is_no_noise_or_no_gradient():
    (row,) = one_more_rollout(lambda *, turn_reward: 0 * turn_reward, tasks=["recovery"])
    assert row["snr_per_trajectory"] == [None, None]
    assert row["gain"] is None
