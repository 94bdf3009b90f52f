"""Turn ids beside the mask: turns without tokens, and turns side by side."""

import pytest
import torch

from creditlib.rows import credit_rows, credit_settings, read_rows
from creditlib.rows.turn_ids import map_of_ids, one_turn


def test_a_turn_without_tokens_has_its_values():
    """Ids 0 and 2: turn 1 wrote nothing, and earned 0.25."""
    rows = read_rows(
        mask=[[1, 0, 1]],
        turn=[[0, -1, 2]],
        group=["a"],
        reward=[1.0],
        columns={"turn_reward": [[0.5, 0.25, 1.0]]},
    )
    assert rows.turn.tolist() == [[0, -1, 2]]
    assert rows.batch["turn_count"].tolist() == [3]
    assert rows.batch["turn_reward"].tolist() == [[0.5, 0.25, 1.0]]
    assert rows.batch["turn_length"].tolist() == [[1, 0, 1]]


def test_a_first_turn_without_tokens_needs_ids(refusal):
    """The mask shows one run, the column two turns: only ids say that the run is turn 1."""
    given = {"mask": [[0, 0, 1, 1]], "group": ["a"], "reward": [1.0]}
    given["columns"] = {"turn_reward": [[0.5, 1.0]]}
    assert refusal(read_rows, **given) == (
        "read_rows: `turn_reward` must be 1 values, one for each turn of the row, got 2 in row 0; "
        "give `turn` beside the mask if a turn wrote no token or two turns adjoin."
    )
    rows = read_rows(**given, turn=[[-1, -1, 1, 1]])
    assert rows.batch["turn_reward"].tolist() == [[0.5, 1.0]]
    assert rows.batch["turn_length"].tolist() == [[0, 2]]


def test_columns_say_that_the_last_turns_wrote_nothing():
    given = {"mask": [[1, 1]], "turn": [[0, 0]], "group": ["a"], "reward": [1.0]}
    rows = read_rows(**given, columns={"turn_reward": [[0.5, 1.0]]})
    assert rows.batch["turn_count"].tolist() == [2]
    assert rows.batch["turn_length"].tolist() == [[2, 0]]
    assert read_rows(**given).batch["turn_count"].tolist() == [1]


def test_turns_side_by_side():
    """Two turns of one run: rewards 1 and 0, both discounted by their own place."""
    rows = read_rows(mask=[[1, 1, 1]], turn=[[0, 0, 1]], group=["a"], reward=[1.0])
    assert rows.turn.tolist() == [[0, 0, 1]]
    assert rows.batch["turn_length"].tolist() == [[2, 1]]


def test_ids_of_steps_count_on():
    """Step 0 has turns 0 and 1, of which turn 1 wrote a token; step 1 is turn 2."""
    rows = read_rows(
        mask=[[0, 1], [1, 1]],
        turn=[[-1, 1], [0, 0]],
        group=["a", "a"],
        reward=[1.0, 1.0],
        trajectory=["x", "x"],
        step=[0, 1],
    )
    assert rows.turn.tolist() == [[-1, 1], [2, 2]]
    assert rows.batch["turn_count"].tolist() == [3]


def test_ids_of_runs_are_what_the_mask_says():
    """Ids that number the runs of a random mask change nothing."""
    generator = torch.Generator().manual_seed(1)
    settings = credit_settings({"scale": None}, estimator="grpo_process")
    for _ in range(20):
        mask = torch.rand(4, 12, generator=generator) < 0.6
        given = {"mask": mask, "group": ["a"] * 4, "reward": [1.0, 0.0, 0.5, 2.0]}
        plain = read_rows(**given, settings=settings)
        by_ids = read_rows(**given, turn=read_rows(**given).turn, settings=settings)
        assert credit_rows(plain, settings).advantage.equal(credit_rows(by_ids, settings).advantage)


@pytest.mark.parametrize(
    ("turn", "fact"),
    [
        ([[0, 1, 0]], "0 after 1 in row 0, token 2; a 0/1 mask? pass it as `mask` or `turn_mask`"),
        ([[0, -1, 0], [2, -1, 1]], "1 after 2 in row 1, token 2"),
        ([[0, 3, -100]], "-100 in row 0, token 2"),
    ],
)
def test_ids_that_go_back_are_refused(refusal, turn, fact):
    assert refusal(map_of_ids, torch.tensor(turn)) == (
        "read_rows: `turn` must be -1 or the number of a turn, never going back along a row, "
        f"got {fact}."
    )


def test_ids_are_integers(refusal):
    assert refusal(map_of_ids, torch.ones(1, 2)) == (
        "read_rows: `turn` must be int[row token], got torch.float32 (1, 2)."
    )
    assert refusal(map_of_ids, torch.ones(1, 2).bool()) == (
        "read_rows: `turn` must be int[row token], got torch.bool (1, 2); a mask belongs into "
        "`mask` or `turn_mask`."
    )
    empty = map_of_ids(torch.zeros(2, 0).int())
    assert empty.turn.shape == (2, 0)
    assert empty.turns.tolist() == [0, 0]


def test_a_step_is_one_turn():
    assert one_turn(torch.tensor([[1, 0, 1]]), [3]).tolist() == [[0, -1, 0]]
    assert one_turn(torch.tensor([[1, 0, 1]]), None) is None
