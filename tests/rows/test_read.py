import functools

import numpy as np
import pytest
import torch

from creditlib.rows.read import outcome_of, read_rows
from creditlib.rows.settings import credit_settings
from creditlib.vocabulary.messages import ContractError

NAN = torch.nan


def test_rewards_are_summed_before_anything_is_masked():
    """verl #6310 and #5613: a reward on a masked token counts; NaN in padding does not."""
    reward = torch.tensor([[0.0, 0.5, 0.25, 1.0], [0.0, 1.0, NAN, 0.0], [NAN, 1.0, 0.0, 0.0]])
    mask = torch.tensor([[1, 0, 1, 0], [1, 1, 0, 0], [1, 1, 0, 0]])
    found = outcome_of(reward, mask)
    assert found[:2].tolist() == [1.75, 1.0]
    assert found[2].isnan()  # a written token without a number: the row is unscored


def test_half_precision_rewards_are_summed_widely():
    """256 rewards of 1 and one of 0.5: bfloat16 would lose the half."""
    reward = torch.ones(1, 257, dtype=torch.bfloat16)
    reward[0, 0] = 0.5
    assert outcome_of(reward, torch.ones(1, 257)).item() == 256.5


def test_sums_of_rewards_do_not_depend_on_padding():
    draw = torch.Generator().manual_seed(0)
    reward = torch.randn(5, 999, generator=draw)
    for left, right in ((0, 0), (1, 0), (0, 7), (130, 3)):
        padded = torch.nn.functional.pad(reward, (left, right))
        found = outcome_of(padded, torch.ones(padded.shape))
        assert found.tolist() == [functools.reduce(float.__add__, row) for row in reward.tolist()]


def test_rows_that_take_no_part_have_no_turn():
    mask = torch.tensor([[1, 0, 1], [1, 1, 1]])
    rows = read_rows(mask=mask, group=["a", "a"], reward=[1.0, None])
    assert rows.turn.tolist() == [[0, -1, 1], [-1, -1, -1]]


def test_turns_of_later_rows_follow_in_the_smallest_dtype():
    """Two rows of 100 turns: the second begins with turn 100, and int8 holds no 199."""
    mask = torch.zeros(2, 200, dtype=torch.int64)
    mask[:, ::2] = 1
    given = {"group": ["a", "a"], "reward": [0.0, 1.0], "trajectory": ["t", "t"]}
    rows = read_rows(mask=mask, **given)
    assert rows.turn[1, ::2].tolist() == list(range(100, 200))
    assert rows.turn.dtype == torch.int16
    assert rows.batch["turn_length"].tolist() == [[1] * 200]
    assert read_rows(mask=mask[:, :100], **given).turn.dtype == torch.int8


def test_runs_of_the_mask_are_turns_and_lengths_count_what_was_written():
    rows = read_rows(
        mask=torch.tensor([[0, 1, 1, 0, 1], [1, 0, 0, 0, 0]]), group=["a", "b"], reward=[1.0, 0.5]
    )
    assert rows.turn.tolist() == [[-1, 0, 0, -1, 1], [0, -1, -1, -1, -1]]
    batch = rows.batch
    assert batch["turn_count"].tolist() == [2, 1]
    assert batch["turn_length"].tolist() == [[2, 1], [1, 0]]
    assert batch["length"].tolist() == [3, 1]
    assert batch["turn_reward"].tolist() == [[0.0, 1.0], [0.5, 0.0]]  # the outcome, at the end
    assert batch["group"][0] != batch["group"][1]


def test_several_rows_of_a_trajectory_are_one_line_of_the_batch():
    # a: steps 1 and 0 (in this order), b: one row. a's outcome is that of step 1.
    rows = read_rows(
        mask=torch.tensor([[1, 1, 0], [1, 0, 1], [1, 0, 0]]),
        group=["t", "t", "t"],
        reward=[3.0, 1.0, 2.0],
        trajectory=["a", "b", "a"],
        step=[1, 0, 0],
        columns={"duration": [[5.0], [1.0, 2.0], 4.0]},
        outcome="last",
    )
    assert rows.batch["reward"].tolist() == [3.0, 1.0]
    assert rows.batch["duration"].tolist() == [[4.0, 5.0], [1.0, 2.0]]
    assert rows.batch["turn_length"].tolist() == [[1, 2], [1, 1]]
    assert rows.turn.tolist() == [[1, 1, -1], [0, -1, 1], [0, -1, -1]]


def test_shaping_of_every_row_reaches_the_outcome_and_copies_count_once():
    """A KL penalty lies in all rows: only the last one's would be kept otherwise."""
    rows = read_rows(
        mask=torch.ones(4, 1),
        group=["t"] * 4,
        reward=[1.0, 1.0, 1.0, 0.0],
        shaping=torch.tensor([-0.25, -0.5, -0.25, -0.125]),
        trajectory=["a", "a", "a", "b"],
        step=[0, 1, 0, 0],
    )
    assert rows.batch["reward"].tolist() == [1.0 - 0.25 - 0.5, -0.125]
    assert rows.batch["turn_length"].tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize(
    ("name", "columns"),
    [("gdpo", {"rewards": [[1.0, 0.0]] * 2}), ("grpo_process", {"turn_reward": [[1.0], [0.0]]})],
)
def test_a_penalty_that_would_be_lost_is_refused(name, columns):
    """SkyRL #2104: gdpo works on its own rewards, the KL in the outcome was ignored."""
    given = {"mask": torch.ones(2, 1), "group": ["a"] * 2, "reward": [1.0, 0.0], "columns": columns}
    given["settings"] = credit_settings(estimator=name)
    read_rows(**given, shaping=torch.zeros(2))
    with pytest.raises(ContractError) as caught:
        read_rows(**given, shaping=torch.tensor([0.0, -0.25]))
    assert str(caught.value) == (
        f"{name}: `shaping` must be 0: this estimator does not read `reward`, so the penalty "
        "would be lost, got -0.25 in row 1."
    )


def test_a_penalty_at_the_last_turn_is_read_where_turns_earn_nothing_else():
    rows = read_rows(
        mask=torch.tensor([[1, 0, 1]]),
        group=["a"],
        reward=[1.0],
        shaping=torch.tensor([-0.25]),
        settings=credit_settings(estimator="grpo_process"),
    )
    assert rows.batch["turn_reward"].tolist() == [[0.0, 0.75]]


def test_rejected_unscored_and_padding_rows_are_as_if_deleted():
    mask = torch.tensor([[1, 1], [0, 0], [1, 1], [1, 1], [1, 0]])
    rows = read_rows(
        mask=mask,
        group=["a"] * 5,
        reward=[1.0, 9.0, None, 9.0, 0.0],
        keep=[True, True, True, False, True],
    )
    alone = read_rows(mask=mask[[0, 4]], group=["a"] * 2, reward=[1.0, 0.0])
    for name, x in alone.batch.items():
        assert rows.batch[name].equal(x), name
    assert (rows.turn[1:4] == -1).all()


def test_turns_are_told_by_the_mask_before_tokens_were_rejected():
    """One rejected token in the middle of a turn does not make two turns of it."""
    rows = read_rows(
        mask=torch.tensor([[1, 0, 1, 0, 1]]),
        turn_mask=torch.tensor([[1, 1, 1, 0, 1]]),
        group=["a"],
        reward=[1.0],
    )
    assert rows.turn.tolist() == [[0, -1, 0, -1, 1]]
    assert rows.batch["turn_length"].tolist() == [[2, 1]]


def test_token_rewards_are_kept_wherever_they_are():
    reward = torch.tensor([[0.0, 0.5, NAN, 1.0]])
    rows = read_rows(
        mask=torch.tensor([[1, 0, 0, 0]]), group=["a"], reward=[1.5], token_reward=reward
    )
    assert rows.tokens["token_reward"].tolist() == [[0.0, 0.5, 0.0, 1.0]]
    assert rows.tokens["present"].tolist() == [[True, True, False, True]]


def test_without_token_rewards_the_outcome_lies_on_the_last_written_token():
    rows = read_rows(mask=torch.tensor([[1, 1, 0], [0, 1, 1]]), group=["a", "b"], reward=[2.0, 3.0])
    assert rows.tokens["token_reward"].tolist() == [[0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]


def test_no_rows_and_no_trajectories():
    empty = read_rows(mask=torch.zeros(0, 4), group=[], reward=[])
    assert empty.turn.shape == (0, 4)
    excluded = read_rows(mask=torch.zeros(2, 4), group=["a", "b"], reward=[1.0, 1.0])
    assert excluded.batch["reward"].shape == (0,)
    assert (excluded.turn == -1).all()
    assert read_rows(mask=torch.zeros(2, 0), group=["a"] * 2, reward=[0, 0]).turn.shape == (2, 0)


def test_inputs_are_not_touched():
    mask, reward = torch.tensor([[1, 0, 1]]), torch.tensor([[0.0, NAN, 1.0]])
    before = mask.clone(), reward.clone()
    read_rows(mask=mask, group=np.array(["a"], object), reward=[1.0], token_reward=reward)
    assert mask.equal(before[0])
    assert torch.equal(reward.nan_to_num(7), before[1].nan_to_num(7))


def test_only_the_extras_of_the_choice_are_read():
    rows = read_rows(
        mask=torch.ones(1, 1),
        group=["a"],
        reward=[0.0],
        columns={"anchor": ["hall"], "duration": [2.0]},
        settings=credit_settings(estimator="gigpo"),
    )
    assert "anchor" in rows.batch
    assert "duration" not in rows.batch


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"group": ["a"]},
            "`group` must be one id for each of 2 rows, got 1.",
        ),
        (
            {"group": torch.tensor([0.25, 0.75])},
            "`group` must be one id for each of 2 rows, got torch.float32 (2,).",
        ),
        (
            {"token_reward": torch.ones(2, 2)},
            "`token_reward` must be (2, 1) like `mask`, got torch.float32 (2, 2).",
        ),
        (
            {"turn_mask": torch.ones(1, 2)},
            "`turn_mask` must be (2, 1) like `mask`, got torch.float32 (1, 2).",
        ),
        (
            {"shaping": torch.ones(1)},
            "`shaping` must be float[row] of 2 rows, got torch.float32 (1,).",
        ),
        (
            {"shaping": torch.tensor([0.0, NAN])},
            "`shaping` must be finite, got nan in row 1.",
        ),
        ({"step": [0, 1]}, "`step` must be given with `trajectory`, got `step` alone."),
        (
            {"trajectory": ["x", "x"], "step": [0.25, 0.75]},
            "`step` must be an integer for each row, got 0.25 in row 0.",
        ),
        ({"reward": [1.0]}, "`reward` must be float[row] of 2 rows, got torch.float64 (1,)."),
        (
            {"reward": [1.0, torch.inf]},
            "`reward` must be finite, or None or NaN, got inf in row 1.",
        ),
        ({"keep": [True]}, "`keep` must be one flag for each of 2 rows, got 1."),
        ({"mask": torch.ones(2)}, "`mask` must be [row token], got torch.float32 (2,)."),
        (
            {"trajectory": ["x", "x"], "group": ["a", "b"], "reward": [1.0, 1.0]},
            "`group` must be the same in all rows of a trajectory, got another one in row 1 than "
            "in row 0.",
        ),
    ],
)
def test_what_does_not_fit_gets_one_sentence(given, sentence):
    defaults = {"mask": torch.ones(2, 1), "group": ["a", "a"], "reward": [1.0, 0.0]}
    with pytest.raises(ContractError) as caught:
        read_rows(**{**defaults, **given})
    assert str(caught.value) == f"read_rows: {sentence}"
