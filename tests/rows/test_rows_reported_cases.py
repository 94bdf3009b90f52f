"""Cases of rows that users of trainers reported, each with the right value worked by hand."""

import numpy as np
import torch

from creditlib.rows import credit_rows, credit_settings, outcome_of, read_rows
from creditlib.testing import assert_close
from creditlib.vocabulary.messages import ContractError

T = torch.tensor


def credit(name, options, **rows):
    settings = credit_settings(options, estimator=name)
    return credit_rows(read_rows(**rows, settings=settings), settings)


def said(**rows):
    """The sentence that refuses the rows, '' if they are taken."""
    try:
        read_rows(**rows)
    except ContractError as error:
        return str(error)
    return ""


def test_a_rollout_that_timed_out_is_in_no_baseline():
    """Rewards 1, 0 and -1 of a rollout whose mask is empty: the mean of 1 and 0 is 1/2."""
    found = credit(
        "grpo", {"scale": None}, mask=T([[1], [1], [0]]), group=["t"] * 3, reward=[1.0, 0.0, -1.0]
    )
    assert_close(found.advantage, T([[0.5], [-0.5], [0.0]]))


def test_an_environment_that_failed_before_the_first_token_is_no_answer():
    """Leave one out over 1 and 1/2: 1 - 1/2 and 1/2 - 1; the row without tokens has 0."""
    found = credit("rloo", {}, mask=T([[1], [1], [0]]), group=["t"] * 3, reward=[1.0, 0.5, 0.0])
    assert_close(found.advantage, T([[0.5], [-0.5], [0.0]]))


def test_segments_of_one_rollout_share_its_advantage():
    """Rows 0 and 1 are segments of x, the outcome 1 lies on the last; y has 0: 1 - 1/2, 0 - 1/2."""
    found = credit(
        "grpo",
        {"scale": None},
        mask=torch.ones(3, 1),
        group=["q"] * 3,
        reward=[0.0, 1.0, 0.0],
        trajectory=list("xxy"),
    )
    assert_close(found.advantage, T([[0.5], [0.5], [-0.5]]))


def test_a_shared_prefix_is_counted_once():
    """Two branches share 2 sampled tokens, which the second masks: 2 + 1 + 1 tokens, 3 turns."""
    rows = read_rows(
        mask=T([[1, 1, 0, 1], [0, 0, 0, 1]]),
        group=["a"] * 2,
        reward=[1.0, 1.0],
        trajectory=list("xx"),
    )
    assert rows.batch["length"].tolist() == [4]
    assert rows.batch["turn_count"].tolist() == [3]


def test_an_aborted_sample_does_not_take_its_group():
    """1, 1, 0 and one that is left out: the mean is 2/3."""
    found = credit(
        "grpo",
        {"scale": None},
        mask=torch.ones(4, 1),
        group=["a"] * 4,
        reward=[1.0, 1.0, 0.0, 0.0],
        keep=[True, True, True, False],
    )
    assert_close(found.advantage[:, 0], T([1 / 3, 1 / 3, -2 / 3, 0.0]))


def test_tokens_of_an_older_policy_keep_the_numbers_of_the_turns():
    """Turn 0 of x is not trained. Outcomes 1, 0: ±1/2. At anchor h both stand, with returns 1 and
    0: ±1/2. Turn 1 of each is alone at its anchor: x's turn 1 gets 1/2, y's turn 0 -1/2 - 1/2."""
    found = credit(
        "gigpo",
        {"scale": None, "gamma": 1.0},
        mask=T([[0, 0, 1], [1, 0, 1]]),
        turn_mask=T([[1, 0, 1], [1, 0, 1]]),
        group=["a", "a"],
        reward=[1.0, 0.0],
        columns={"anchor": [["h", "k"], ["h", "m"]]},
    )
    assert_close(found.advantage, T([[0.0, 0.0, 0.5], [-1.0, 0.0, -0.5]]))


def test_groups_of_one_are_visible_in_the_log():
    found = credit(
        "grpo", {}, mask=torch.ones(3, 1), group=["u1", "u2", "u3"], reward=[1.0, 0.0, 1.0]
    )
    assert not found.advantage.any()
    assert found.metrics["creditlib/group/lone"] == 1.0


def test_a_token_taken_out_of_the_loss_is_still_a_step():
    """The policy wrote 3 tokens, the second is not trained; rewards 0, 0, 4 and gamma 1/2: the
    returns are 4/4, 4/2 and 4, of which the second is not trained."""
    found = credit(
        "discounted_return",
        {"gamma": 0.5},
        mask=T([[1, 0, 1]]),
        turn_mask=T([[1, 1, 1]]),
        group=["a"],
        reward=[4.0],
        token_reward=T([[0.0, 0.0, 4.0]]),
    )
    assert_close(found.advantage, T([[1.0, 0.0, 4.0]]))


def test_two_agents_at_one_step_are_no_copies():
    """Solver and critic share trajectory and step. Their rewards and masks differ."""
    sentence = said(
        mask=T([[1, 1, 0], [0, 1, 0], [1, 0, 0]]),
        group=["a"] * 3,
        reward=[0.0, 1.0, 0.0],
        trajectory=list("xxy"),
        step=[0, 0, 0],
    )
    assert "row 1, equal to row 0" in sentence
    assert "`reward`: 0 and 1" in sentence


def test_groups_by_task_and_role():
    """Solvers 1, 0 about 1/2; critics .2, .6 about .4."""
    found = credit(
        "grpo",
        {"scale": None},
        mask=torch.ones(4, 1),
        group=[("t", "solver"), ("t", "critic")] * 2,
        reward=[1.0, 0.2, 0.0, 0.6],
        trajectory=[(0, "solver"), (0, "critic"), (1, "solver"), (1, "critic")],
    )
    assert_close(found.advantage[:, 0], T([0.5, -0.2, -0.5, 0.2]))


def test_a_mask_longer_than_the_rewards_is_refused():
    sentence = said(
        mask=torch.ones(1, 4), group=["a"], reward=[1.0], token_reward=torch.zeros(1, 3)
    )
    assert "`token_reward` must be (1, 4) like `mask`" in sentence


def test_an_outcome_on_a_token_that_was_rejected_counts():
    """The 1 of row 0 lies on its masked token: 1 and 0 about 1/2."""
    mask, reward = T([[1, 0], [1, 1]]), T([[0.0, 1.0], [0.0, 0.0]])
    found = credit(
        "grpo", {"scale": None}, mask=mask, group=["a", "a"], reward=outcome_of(reward, mask)
    )
    assert_close(found.advantage, T([[0.5, 0.0], [-0.5, -0.5]]))


def test_a_fractional_weight_marks_a_token_as_trained():
    found = credit(
        "grpo", {"scale": None}, mask=T([[1 / 64], [1.0]]), group=["a", "a"], reward=[1.0, 0.0]
    )
    assert_close(found.advantage, T([[0.5], [-0.5]]))


def test_a_rollout_that_forks_counts_once():
    """Three leaves of x with the reward 1, one of y with 0: the mean is 1/2 and not 3/4."""
    found = credit(
        "grpo",
        {"scale": None},
        mask=torch.ones(4, 1),
        group=["a"] * 4,
        reward=[1.0, 1.0, 1.0, 0.0],
        trajectory=list("xxxy"),
    )
    assert_close(found.advantage[:, 0], T([0.5, 0.5, 0.5, -0.5]))


def test_leaves_with_other_rewards_are_refused_until_a_rule_is_named():
    """Leaves of x earn 1 and 0, y earns 0. By mean x has 1/2, so ±1/4; by sum 1, so ±1/2."""
    rows = {
        "mask": torch.ones(3, 1),
        "group": ["a"] * 3,
        "reward": [1.0, 0.0, 0.0],
        "trajectory": list("xxy"),
    }
    assert "`reward` must be the same in all scored rows" in said(**rows)
    for rule, size in (("mean", 0.25), ("sum", 0.5), ("last", 0.0)):
        found = credit("grpo", {"scale": None, "outcome": rule}, **rows)
        assert_close(found.advantage[:, 0], T([size, size, -size]))


def test_a_step_without_tokens_keeps_its_reward():
    """Step 0 of x wrote nothing and earned 1/2; step 1 is turn 1."""
    rows = read_rows(
        mask=T([[0, 0], [1, 1], [1, 0]]),
        group=["a"] * 3,
        reward=[0.0, 1.0, 0.0],
        trajectory=list("xxy"),
        step=[0, 1, 0],
        columns={"turn_reward": [0.5, 0.0, 0.0]},
    )
    assert rows.batch["turn_reward"].tolist() == [[0.5, 0.0], [0.0, 0.0]]
    assert rows.turn.tolist() == [[-1, -1], [1, 1], [0, -1]]


def test_a_turn_without_tokens_inside_a_row_needs_turn_ids():
    """A tool turn earned 1/2 without a token, the answer 1. The mask shows one run."""
    rows = {"mask": T([[0, 0, 1, 1]]), "group": ["a"], "reward": [1.0]}
    rows["columns"] = {"turn_reward": [[0.5, 1.0]]}
    assert "give `turn`" in said(**rows)
    found = read_rows(**rows, turn=T([[-1, -1, 1, 1]]))
    assert found.batch["turn_reward"].tolist() == [[0.5, 1.0]]
    assert found.turn.tolist() == [[-1, -1, 1, 1]]


def test_labels_are_no_mask():
    sentence = said(
        mask=T([[-100, -100, 5, 7], [-100, -100, 3, 9]]), group=["a", "a"], reward=[1.0, 0.0]
    )
    assert "got -100 in row 0, token 0; labels? pass `labels != -100`." in sentence


def test_one_task_id_from_json_and_from_numpy():
    """Both rows are of task 7: 1 and 0 about 1/2."""
    found = credit(
        "grpo", {"scale": None}, mask=torch.ones(2, 1), group=[7, np.int64(7)], reward=[1.0, 0.0]
    )
    assert_close(found.advantage, T([[0.5], [-0.5]]))


def test_a_reward_for_each_transition_is_not_lost():
    """Each of three steps of x earns 1, those of y 0, as a trainer of transitions stores them. The
    sums 3 and 0 lie about 3/2; by the last row alone x has 1, about 1/2."""
    rows = {
        "mask": torch.ones(6, 1),
        "group": ["a"] * 6,
        "reward": [1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
        "trajectory": list("xxxyyy"),
        "step": [0, 1, 2] * 2,
    }
    found = credit("grpo", {"scale": None, "outcome": "sum"}, **rows)
    assert_close(found.advantage[:, 0], T([1.5] * 3 + [-1.5] * 3))
    found = credit("grpo", {"scale": None}, **rows)
    assert_close(found.advantage[:, 0], T([0.5] * 3 + [-0.5] * 3))


def test_leaving_out_the_row_with_the_outcome_leaves_a_success():
    """The last row of x, too long to train on, holds the outcome 1."""
    found = credit(
        "grpo",
        {"scale": None},
        mask=torch.ones(3, 1),
        group=["a"] * 3,
        reward=[0.0, 1.0, 0.0],
        trajectory=list("xxy"),
        keep=[True, False, True],
    )
    assert_close(found.advantage[:, 0], T([0.5, 0.0, -0.5]))


ROW = {"mask": T([[1, 0, 1], [1, 0, 1]]), "group": ["a", "a"], "reward": [1.0, 0.0]}


def test_a_misspelt_column_is_not_dropped():
    given = {**ROW, "settings": credit_settings(estimator="gigpo")}
    assert "(did you mean 'anchor'?)" in said(**given, columns={"observation": [["h", "k"]] * 2})
    assert said(**given, columns={"anchor": [["h", "k"]] * 2}) == ""


def test_rows_with_equally_many_turns_are_a_table_to_numpy():
    """An array of objects of equally long lists has two axes."""
    table = np.array([["h", "k"], ["h", "m"]], dtype=object)
    assert said(**ROW, columns={"anchor": table}) == ""
    found = read_rows(**ROW, columns={"anchor": table}).batch["anchor"]
    assert found.unique().numel() == 3


def test_a_missing_group_is_no_group_of_everybody():
    assert "`group`" in said(**{**ROW, "group": ["a", None]})
    assert "in row 1" in said(**{**ROW, "group": ["a", None]})
    assert "`trajectory` must be an id" in said(**{**ROW, "trajectory": [None, None]})
