"""Step rows and turns."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from creditlib.inputs.layouts import (
    place_rows,
    rows_from_turns,
    trajectories_from_rows,
    turns_from_rows,
)

ROWS = st.lists(st.sampled_from([-(2**60), -1, 0, 3, 2**62]), max_size=12)


def test_interleaved_rows_by_hand():
    places = place_rows(torch.tensor([7, 5, 7, 9, 5, 7]))
    assert places.trajectory.tolist() == [0, 1, 0, 2, 1, 0]
    assert places.turn.tolist() == [0, 0, 1, 0, 1, 2]
    assert places.turn_count.tolist() == [3, 2, 1]
    assert places.turns == 3
    x = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    table = turns_from_rows(x, places, fill=-1)
    assert table.tolist() == [[1, 3, 6], [2, 5, -1], [4, -1, -1]]
    assert trajectories_from_rows(x, places).tolist() == [1, 2, 4]
    assert rows_from_turns(table, places).tolist() == x.tolist()


@given(ROWS)
def test_places_equal_a_loop(keys):
    order, turn = [], []
    for key in keys:
        turn.append([*order, key][: len(turn) + 1].count(key) - 1 if key in order else 0)
        order.append(key)
    first = list(dict.fromkeys(keys))
    places = place_rows(torch.tensor(keys, dtype=torch.int64))
    assert places.trajectory.tolist() == [first.index(key) for key in keys]
    assert places.turn.tolist() == turn
    assert places.turn_count.tolist() == [keys.count(key) for key in first]
    assert places.turns == max(map(keys.count, keys), default=0)


@given(ROWS)
def test_rows_to_turns_and_back_loses_nothing(keys):
    places = place_rows(torch.tensor(keys, dtype=torch.int64))
    for x in (torch.arange(len(keys)), torch.rand(len(keys), 3), torch.ones(len(keys)) > 0):
        assert torch.equal(rows_from_turns(turns_from_rows(x, places), places), x)


def test_a_value_that_differs_inside_a_trajectory_is_that_of_its_first_row():
    places = place_rows(torch.tensor([1, 2, 1]))
    assert trajectories_from_rows(torch.tensor([10, 20, 30]), places).tolist() == [10, 20]


def test_no_rows():
    places = place_rows(torch.zeros(0, dtype=torch.int64))
    assert places.turns == 0
    assert turns_from_rows(torch.zeros(0), places).shape == (0, 0)
    assert trajectories_from_rows(torch.zeros(0), places).shape == (0,)
    assert rows_from_turns(torch.zeros(0, 0), places).shape == (0,)
