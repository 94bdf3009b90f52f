"""Expected gradients by enumeration: by hand, as theorems, and the table of many estimators."""

import itertools
import math

import numpy as np
import pytest
import torch

import creditlib as cl
from creditlib.audit.expected_gradient import enumerate_groups, exact, tiny_policy, why_not_exact
from creditlib.audit.policies import perturbed
from creditlib.audit.subject import audited
from creditlib.audit.task import Outcome, Task
from creditlib.audit.tasks import TINY, recovery, rooms
from creditlib.audit.tasks.two_state import LOGITS, REWARD
from creditlib.testing import assert_close
from creditlib.vocabulary import Factor, Reward
from creditlib.vocabulary.contract import ContractError

F64 = torch.float64
TURNS = 3
ZERO_OR_ONE = ("recovery", "rooms", "key_door")  # tasks whose outcome is 0 or 1


def close(actual, expected, kind=None):
    assert_close(torch.tensor(actual, dtype=F64), torch.tensor(expected, dtype=F64), kind)


def one_turn():
    """One turn and two actions, of which action 1 earns 1."""

    def step(state, turn, action):
        return [Outcome(1.0, None, reward=float(action), success=action == 1)]

    return Task.from_step(step, 0, name="one turn")


# By hand. With p = π(1), the true gradient is t = p (1 - p) (-1, 1) for the actions (0, 1).
# A group of 2 holds both actions with probability 2 p (1 - p); all other groups have no credit.
#   mean-centred, credit 1/2 and -1/2: for action 1, (1/2 (1 - p) + 1/2 p) / 2 = 1/4, so t / 2.
#   leave-one-out, credit 1 and -1: twice that, t.
#   divided by the deviation √(1/2): credit √(1/2) and -√(1/2), so √(1/2) t.
HAND = {
    "centred": (audited("grpo", scale=None), 0.5),
    "leave one out": (audited("rloo"), 1.0),
    "standardized": (audited("grpo", eps=0.0), math.sqrt(0.5)),
}


@pytest.mark.parametrize("name", HAND)
def test_one_turn_by_hand(name):
    estimator, scale = HAND[name]
    task = one_turn()
    p = float(tiny_policy(task).softmax(-1)[0, 1])
    t = p * (1 - p)
    assert_close(enumerate_groups(2, task).true_gradient, torch.tensor([[-t, t]], dtype=F64))
    (row,) = exact(estimator, sizes=[2], tasks=[task])
    assert (row.task, row.n) == ("one turn", 2)
    close((row.cosine, row.scale, row.max_error), (1.0, scale, (1 - scale) * t))


# The table: (scale, cosine) on recovery with 2 and 3 in a group, then on rooms.
ANCHORS = {"gamma": 1.0, "scale": None, "episode_weight": 0.0}
TABLE = {
    "anchor mean with the own turn": (
        audited("gigpo", **ANCHORS),
        [(0.358, 0.9376), (0.522, 0.9678), (0.448, 0.9876), (0.627, 0.9943)],
    ),
    "anchor mean without the own turn": (
        audited("gigpo", **ANCHORS, leave_out="turn"),
        [(1.0, 1.0), (1.0, 1.0), (0.747, 0.9797), (0.857, 0.9949)],
    ),
    "gigpo": (
        audited("gigpo"),
        [(1.213, 0.9882), (2.016, 0.9909), (1.866, 0.9759), (2.618, 0.9892)],
    ),
    "grpo": (audited("grpo"), [(0.7071, 1.0), (1.1547, 1.0), (0.7071, 1.0), (1.1547, 1.0)]),
}
# The mean over turns weighs a trajectory by its length; 5 digits, since it is so close to 1.
BY_LENGTH = audited("gigpo", gamma=1.0, scale=None, step_weight=0.0, episode_over="turn")


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name):
    estimator, expected = TABLE[name]
    rows = exact(estimator, tasks=["recovery", "rooms"])
    assert [(row.task, row.n) for row in rows] == [
        ("recovery", 2),
        ("recovery", 3),
        ("rooms", 2),
        ("rooms", 3),
    ]
    digits = 4 if name == "grpo" else 3
    assert [(round(row.scale, digits), round(row.cosine, 4)) for row in rows] == expected


def test_a_mean_over_turns_weighs_long_trajectories_more():
    two, three, *rooms_rows = exact(BY_LENGTH, tasks=["recovery", "rooms"])
    close((two.scale, three.scale), (1 / 2, 2 / 3))  # all of one length: the mean, with itself
    assert [round(row.scale, 3) for row in rooms_rows] == [0.510, 0.677]
    assert [round(row.cosine, 5) for row in rooms_rows] == [0.99995, 0.99998]


BY_TURN = {"over": "turn", "order": "sum_then_score", "ended": "zero", "scale": None}
UNBIASED = {
    "reinforce": (audited("reinforce"), 1),
    "oracle": (audited("oracle"), 1),
    "rloo": (audited("rloo"), 1),
    "turn leave-one-out": (audited("grpo_process", **BY_TURN, leave_out="trajectory"), 1),
    "anchor leave-trajectory-out": (audited("gigpo", **ANCHORS, leave_out="trajectory"), 1),
    "two levels": (audited("gigpo", gamma=1.0, scale=None, leave_out="trajectory"), 2),
    **{f"turn_gae {lam}": (audited("turn_gae", gamma=1.0, lam=lam), 1) for lam in (0.0, 0.7, 1.0)},
    **{f"gae {lam}": (audited("gae", gamma=1.0, lam=lam), 1) for lam in (0.0, 0.7, 1.0)},
}


@pytest.mark.parametrize("name", UNBIASED)
def test_unbiased_on_every_tiny_task(name):
    estimator, scale = UNBIASED[name]
    rows = exact(estimator)
    assert len(rows) == 2 * len(TINY)
    for row in rows:
        t = enumerate_groups(row.n, row.task).true_gradient
        error = (scale - 1) * float(t.abs().max())
        close((row.cosine, row.scale, row.max_error), (1.0, scale, error), "enumerated")


def test_a_mean_that_holds_its_own_row_shrinks_the_gradient_on_every_tiny_task():
    for row in exact(audited("grpo", scale=None)):
        close((row.cosine, row.scale), (1.0, (row.n - 1) / row.n), "enumerated")


def test_dividing_by_the_deviation_keeps_the_direction_of_outcomes_of_zero_or_one_only():
    rows = exact("grpo")
    cosines = [row.cosine for row in rows if row.task in ZERO_OR_ONE]
    close(cosines, [1.0] * 6, "enumerated")
    assert {row.task for row in rows if row.cosine < 0.999} >= {"two_state"}


def test_a_credit_without_gradient_has_no_cosine():
    (row,) = exact(lambda *, turn_reward: turn_reward * 0.0, sizes=[2], tasks=["rooms"])
    assert row.cosine is None
    assert row.scale == 0
    assert row.max_error == float(enumerate_groups(2, "rooms").true_gradient.abs().max())


def test_a_constant_credit_leaves_rounding_and_no_cosine():
    (row,) = exact(lambda *, reward: reward * 0 + 0.1, sizes=[3], tasks=["recovery"])
    assert row.cosine is None
    close([row.scale], [0.0], "enumerated")


def test_a_weight_is_judged_on_an_estimator():
    def thrice(*, reward: Reward) -> Factor:
        return torch.full_like(reward, 3.0)

    (row,) = exact(audited(thrice, on="rloo"), sizes=[2], tasks=["recovery"])
    close([row.scale], [3.0], "enumerated")


def test_why_tasks_are_left_out():
    def random_credit(*, reward, generator=None):
        return reward + torch.rand(len(reward), generator=generator)

    assert exact(random_credit) == []
    reasons = why_not_exact(random_credit)
    assert set(reasons) == set(TINY)
    assert set(reasons.values()) == {
        "random_credit draws random numbers, so its expectation is not enumerated."
    }
    assert why_not_exact("grpo") == {}
    lacking = {"rooms": "rooms has no `information_gain`."}
    assert why_not_exact("igpo", tasks=["rooms"]) == lacking
    with pytest.raises(ContractError, match="'no_such_task'"):
        exact("grpo", tasks=["no_such_task"])
    with pytest.raises(ContractError, match="groups of 3"):
        exact("grpo", tasks=[recovery(distractors=4)], sizes=[3])


def test_the_policies_of_tiny_tasks():
    stream = np.random.default_rng(0)
    for small in (recovery(distractors=1), rooms(n=2, actions=2, turns=3)):
        shape = (len(small.observations), small.actions)
        drawn = torch.from_numpy(0.5 * stream.standard_normal(shape))
        assert torch.equal(tiny_policy(small), drawn)
    assert torch.equal(tiny_policy(TINY["two_state"]()), LOGITS)
    assert torch.equal(tiny_policy(one_turn()), perturbed(one_turn(), 0))


# The two-state task, which the law of the expected gradient uses, by its own recursion.


def trajectories(policy, state=0, left=TURNS):
    """All trajectories [(state, action), …] of the two-state task with their probabilities."""
    if state == 2 or not left:
        return [([], 1.0)]
    return [
        ([(state, action), *rest], float(policy[state, action]) * p)
        for action in (0, 1)
        for rest, p in trajectories(policy, state + action, left - 1)
    ]


def test_probabilities_sum_to_one_and_trajectories_revisit_states():
    rows = trajectories(LOGITS.softmax(1))
    chance = torch.tensor([p for _, p in rows], dtype=F64)
    assert_close(chance.sum(), torch.ones((), dtype=F64))
    assert any(len(steps) > len({state for state, _ in steps}) for steps, _ in rows)
    assert {len(steps) for steps, _ in rows} == {2, 3}


@pytest.mark.parametrize("size", [2, 3])
def test_every_group_occurs_once_with_its_probability(size):
    groups = enumerate_groups(size)
    assert_close(groups.probability.sum(), torch.tensor(float(size), dtype=F64))
    rows = trajectories(LOGITS.softmax(1))
    sizes = groups.batch["group"].unique(return_counts=True)[1]
    assert sizes.tolist() == [size] * len(rows) ** size
    chances = sorted(math.prod(p) for p in itertools.product([p for _, p in rows], repeat=size))
    assert_close(groups.probability[::size].sort()[0], torch.tensor(chances, dtype=F64))


def test_the_true_gradient_is_that_of_the_expected_reward():
    logits = LOGITS.clone().requires_grad_()
    policy = logits.softmax(1)
    rows = trajectories(LOGITS.softmax(1))
    chances = [torch.stack([policy[step] for step in steps]).prod() for steps, _ in rows]
    earned = [sum(REWARD[step] for step in steps) for steps, _ in rows]
    sum(p * total for p, total in zip(chances, earned, strict=True)).backward()
    assert_close(enumerate_groups(2).true_gradient, logits.grad)


def test_the_batch_fits_the_vocabulary():
    cl.check_batch(dict(enumerate_groups(2).batch))


def test_trajectory_credit_equals_the_same_credit_at_each_turn():
    groups = enumerate_groups(2)
    credit = groups.batch["reward"]
    turns = credit[:, None].expand(-1, TURNS)
    assert_close(groups.gradient(credit), groups.gradient(turns))
    assert_close(groups.gradient(credit), groups.true_gradient)
