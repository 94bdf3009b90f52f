import pytest
import torch

from creditlib.rows.row_index import index_rows
from creditlib.vocabulary.messages import ContractError


def indexed(runs, **given):
    rows = len(runs)
    defaults = {"written": [r > 0 for r in runs], "scored": [True] * rows, "keep": [True] * rows}
    return index_rows(runs=runs, **{"trajectory": None, "step": None, **defaults, **given})


def test_every_row_is_a_trajectory_if_nothing_else_is_said():
    found = indexed([2, 1, 3])
    assert found.trajectory.tolist() == [0, 1, 2]
    assert found.base.tolist() == [0, 0, 0]
    assert found.turn_count.tolist() == [2, 1, 3]
    assert found.turns == 3


def test_steps_are_counted_on_in_their_order_wherever_they_lie():
    # b's steps come as 1, 0; step 0 has 2 turns, so step 1 begins with turn 2.
    found = indexed([1, 1, 2], trajectory=["b", "a", "b"], step=[1, 0, 0])
    assert found.trajectory.tolist() == [0, 1, 0]
    assert found.base.tolist() == [2, 0, 0]
    assert found.turn_count.tolist() == [3, 1]
    assert (found.first.tolist(), found.last.tolist()) == ([2, 1], [0, 1])


def test_a_copy_has_the_place_of_its_original_and_counts_once():
    """verl-agent copies random rows until the batch divides: not a turn more, not a row more."""
    found = indexed([1, 1, 1], trajectory=["a", "a", "a"], step=[0, 1, 0])
    assert found.base.tolist() == [0, 1, 0]
    assert found.original.tolist() == [True, True, False]
    assert found.turn_count.tolist() == [2]


def test_copies_that_differ_are_refused(refusal):
    assert refusal(indexed, [1, 2], trajectory=["a", "a"], step=[0, 0]) == (
        "read_rows: `step` must be one number for each row and its copies, "
        "got rows 0 and 1 of one step with different turns."
    )


def test_rejected_unscored_and_padding_rows_take_no_part():
    found = indexed([0, 1, 1, 1], scored=[True, False, True, True], keep=[True, True, False, True])
    assert found.trajectory.tolist() == [-1, -1, -1, 0]


def test_a_rejected_step_of_several_is_still_a_turn():
    """Its reward was earned: the turns after it keep their number."""
    found = indexed([1, 0, 1], trajectory=["a"] * 3)
    assert found.base.tolist() == [0, 1, 2]
    assert found.turn_count.tolist() == [3]


def test_the_last_row_decides_whether_a_trajectory_is_scored():
    assert indexed([1, 1], trajectory=["a", "a"], scored=[False, True]).trajectory.tolist() == [
        0,
        0,
    ]
    assert indexed([1, 1], trajectory=["a", "a"], scored=[True, False]).trajectory.tolist() == [
        -1,
        -1,
    ]


def test_a_rejected_last_step_does_not_zero_its_session():
    """verl's v1 gives the whole session 0 if the last output is rejected."""
    assert indexed([1, 0], trajectory=["a", "a"]).trajectory.tolist() == [0, 0]


def test_nothing_is_fine():
    found = indexed([])
    assert (found.turns, found.turn_count.tolist()) == (0, [])
    assert found.trajectory.dtype == torch.int64


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(ContractError, match="one for each of 2 rows, got 1"):
        indexed([1, 1], trajectory=["a"])
