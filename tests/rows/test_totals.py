import torch

from creditlib.rows.row_index import index_rows, index_trajectories, trajectories_of_rows
from creditlib.rows.totals import lengths_of_turns, shaping_of_rows, sum_over_rows

# Rows 0 and 2 are step 0 of x, row 1 is step 1 of x, row 3 is y.
INDEX = index_trajectories(
    trajectories_of_rows("xxxy", [0, 1, 0, 0], [True] * 4), runs=[1, 1, 1, 1]
)


def test_copies_count_once():
    assert sum_over_rows(torch.tensor([1.0, 2.0, 1.0, 4.0]), INDEX).tolist() == [3.0, 4.0]
    found = lengths_of_turns(torch.tensor([[2], [1], [2], [3]]), INDEX)
    assert found["turn_length"].tolist() == [[2, 1], [3, 0]]
    assert found["length"].tolist() == [3, 3]


def test_rows_that_are_trajectories_keep_their_table():
    """A column may list a value for a turn after the last written one: its length is 0."""
    every = torch.ones(2, dtype=torch.bool)
    index = index_rows(runs=[3, 1], written=every, scored=every)
    found = lengths_of_turns(torch.tensor([[2, 1], [4, 0]]), index)
    assert found["turn_length"].tolist() == [[2, 1, 0], [4, 0, 0]]
    assert found["length"].tolist() == [3, 4]


def test_shaping_comes_as_a_list_and_is_checked(refusal):
    assert shaping_of_rows([0.5, 0.0, 9.0, -1.0], INDEX, None).tolist() == [0.5, 0.0, 9.0, -1.0]
    assert refusal(shaping_of_rows, [0.0, float("inf"), 0.0, 0.0], INDEX, None) == (
        "read_rows: `shaping` must be finite, got inf in row 1."
    )
    assert refusal(shaping_of_rows, torch.ones(2), INDEX, None) == (
        "read_rows: `shaping` must be float[row] of 4 rows, got torch.float32 (2,)."
    )
    assert "lost" in refusal(shaping_of_rows, [0.5, 0.0, 0.5, 0.0], INDEX, "gdpo")
