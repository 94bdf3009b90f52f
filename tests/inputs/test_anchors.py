import numpy as np
import pytest
import torch

import creditlib as cl
from creditlib.inputs.anchors import anchor_table, as_python_integer


@pytest.mark.parametrize("kind", [int, np.int32, np.uint8, torch.tensor, np.array])
def test_integers_are_ids_already_whatever_holds_them(kind):
    rows = [[kind(5), None], [kind(6)]]
    assert anchor_table(rows).tolist() == [[5, -1], [6, -1]]
    assert as_python_integer(kind(5)) == 5
    assert type(as_python_integer(kind(5))) is int


@pytest.mark.parametrize("other", ["hall", 5.0, True, (5,)])
def test_one_observation_makes_all_of_them_observations(other):
    rows = [[5, other], [np.int64(5)]]
    assert torch.equal(anchor_table(rows), cl.anchor_ids(rows))


def test_no_trajectories_and_no_turns():
    assert anchor_table([]).shape == (0, 0)
    assert anchor_table([[], []]).shape == (2, 0)
    assert anchor_table([[None, -3]]).tolist() == [[-1, -3]]
