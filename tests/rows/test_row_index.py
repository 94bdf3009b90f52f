import torch

from creditlib.rows.row_index import index_rows, index_trajectories, trajectories_of_rows


def indexed(runs, trajectory=None, step=None, keep=None, **given):
    rows = len(runs)
    keep = keep or [True] * rows
    if trajectory is not None:
        return index_trajectories(trajectories_of_rows(trajectory, step, keep), runs=runs)
    defaults = {"written": [r > 0 for r in runs], "scored": [True] * rows, "keep": keep}
    return index_rows(runs=runs, **{**defaults, **given})


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


def test_rejected_unscored_and_padding_rows_take_no_part():
    found = indexed([0, 1, 1, 1], scored=[True, False, True, True], keep=[True, True, False, True])
    assert found.trajectory.tolist() == [-1, -1, -1, 0]


def test_a_rejected_step_of_several_is_still_a_turn():
    """Its reward was earned: the turns after it keep their number."""
    found = indexed([1, 0, 1], trajectory=["a"] * 3)
    assert found.base.tolist() == [0, 1, 2]
    assert found.turn_count.tolist() == [3]


def test_rows_that_were_left_out_keep_their_place_in_the_order():
    # x: rows 0, 2, 4 at steps 0, 1, 2, of which row 2 is left out; row 3 repeats step 0.
    found = trajectories_of_rows("xyxxx", [0, 0, 1, 0, 2], [True, True, False, False, True])
    assert found[0].steps == [[0], [4]]
    assert found[0].left_out == [2]
    assert found[0].order == [0, 2, 4]
    assert found[0].out_copies == [(0, 3)]
    assert found[1].steps == found[1].steps == [[1]]
    without_steps = trajectories_of_rows("xyxxx", None, [True, True, False, False, True])
    assert without_steps[0].order == [0, 2, 3, 4]
    assert without_steps[0].left_out == [2, 3]


def test_a_trajectory_whose_rows_are_all_left_out_is_none():
    assert trajectories_of_rows("xy", None, [False, True])[0].steps == [[1]]
    assert indexed([1, 1], trajectory="xy", keep=[False, True]).trajectory.tolist() == [-1, 0]


def test_nothing_is_fine():
    for found in (indexed([]), indexed([], trajectory=[])):
        assert (found.turns, found.turn_count.tolist()) == (0, [])
        assert found.trajectory.dtype == torch.int64
