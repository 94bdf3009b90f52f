"""Each question of the table has a function for which the answer is no, and one for yes."""

import pytest
import torch

from creditlib.audit.case import case_of
from creditlib.audit.expected_gradient import tiny_policy, tiny_tasks
from creditlib.audit.invariances import INVARIANCES, check
from creditlib.audit.sample import sample
from creditlib.audit.subject import audited


def plain(*, reward):
    return reward


def centred(*, reward, group):
    mean = torch.zeros_like(reward).index_reduce_(0, group.clamp(max=39), reward, "mean")
    return reward - mean[group]


def by_place(*, reward, group):
    """Each row minus the row before it."""
    return reward - reward.roll(1, 0) + 0 * group


def by_pairs(*, reward, group):
    """Neighbours are of one group, whatever the group says."""
    size = int((group == group[0]).sum())
    return (reward.view(-1, size) - reward.view(-1, size).mean(1, keepdim=True)).flatten()


def by_number(*, reward, group):
    return reward * (1 + group)


def by_anchor_number(*, turn_reward, anchor):
    return turn_reward * (1 + anchor)


def by_anchor(*, turn_reward, anchor):
    return turn_reward * (anchor == anchor[:, :1])


def whitened(*, reward):
    return (reward - reward.mean()) / reward.std()


def softmax_with_padding(*, turn_reward):
    return turn_reward.softmax(1)


def sum_with_padding(*, turn_reward):
    return turn_reward.sum(1)


def squared(*, reward):
    return reward.square()


def standardized(*, reward):
    return (reward - reward.mean()) / (reward.std() + 1e-6)


def residue(*, reward, group):
    """The plain mean and deviation: rounding of a constant group is divided by the eps."""
    result = torch.empty_like(reward)
    for each in group.unique():
        own = reward[group == each]
        result[group == each] = (own - own.mean()) / (own.std() + 1e-6)
    return result


def raw_where_alone(*, reward, group):
    from creditlib import rloo

    alone = (group[:, None] == group[None]).sum(1) == 1
    return torch.where(alone, reward, rloo(reward=reward, group=group))


ANSWERS = {
    "rows_within_a_group": (by_place, "rloo"),
    "rows_across_groups": (by_pairs, "rloo"),
    "names_of_groups": (by_number, "grpo"),
    "names_of_anchors": (by_anchor_number, by_anchor),
    "groups_alone": (whitened, "rloo"),
    "padding_width": (softmax_with_padding, "gigpo"),
    "padding_content": (sum_with_padding, "gigpo"),
    "shift_of_rewards": (plain, "rloo"),
    "scale_of_rewards": ("rloo", standardized),
    "proportional_to_rewards": (squared, plain),
    "constant_groups": (residue, "grpo"),
    "lone_rows": (raw_where_alone, "rloo"),
}


def case(estimator):
    (task,) = tiny_tasks(["two_state"])
    return case_of(audited(estimator), sample(task, tiny_policy(task), groups=8, size=5, seed=0))


@pytest.mark.parametrize("name", ANSWERS)
def test_no_and_yes(name):
    no, yes = ANSWERS[name]
    assert INVARIANCES[name].holds(case(no)) is False
    assert INVARIANCES[name].holds(case(yes)) is True


def test_every_invariance_has_a_no_and_a_yes():
    assert set(ANSWERS) == set(INVARIANCES)


def test_a_question_without_sense_has_no_answer():
    answers = check(case(plain))
    for name in ("names_of_groups", "names_of_anchors", "constant_groups", "lone_rows"):
        assert answers[name] is None
    assert INVARIANCES["constant_groups"].holds(case(by_number)) is None  # it does not compare


def test_rows_that_move_take_no_random_numbers_along():
    def noisy(*, reward, group, generator=None):
        return reward * torch.rand(len(reward), dtype=torch.float64, generator=generator)

    answers = check(case(noisy))
    assert answers["rows_within_a_group"] is None
    assert answers["padding_width"] is None
    assert answers["names_of_groups"] is True
