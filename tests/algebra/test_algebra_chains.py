"""Windows of ids by hand and against tuples."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from creditlib.algebra import prefix_ids, window_ids

pytestmark = pytest.mark.usefixtures("quick_backend")


def classes(window, known):
    """The places of each window, as sets."""
    found = {}
    for place in known.nonzero().tolist():
        found.setdefault(int(window[tuple(place)]), set()).add(tuple(place))
    return sorted(map(sorted, found.values()))


def test_by_hand():
    anchor = torch.tensor([[5, 6, 5, 6], [6, 5, -1, 6], [4, 6, 5, 6]])
    where = torch.ones(3, 4, dtype=torch.bool)
    # One state; -1 is none.
    four, five = [(2, 0)], [(0, 0), (0, 2), (1, 1), (2, 2)]
    six = [(0, 1), (0, 3), (1, 0), (1, 3), (2, 1), (2, 3)]
    assert classes(*window_ids(anchor, where, 1)) == sorted([four, five, six])
    # Two: 5, 6 three times; 6, 5 three times; 4, 6 once. Row 1 ends after a missing state.
    two = [[(0, 1), (0, 3), (2, 3)], [(0, 2), (1, 1), (2, 2)], [(2, 1)]]
    assert classes(*window_ids(anchor, where, 2)) == two
    # Three: 5, 6, 5; 6, 5, 6 twice; 4, 6, 5.
    assert classes(*window_ids(anchor, where, 3)) == [[(0, 2)], [(0, 3), (2, 3)], [(2, 2)]]


@given(seed=st.integers(0, 10**6), size=st.integers(1, 4))
def test_against_tuples(seed, size):
    draw = torch.Generator().manual_seed(seed)
    anchor = torch.randint(-1, 3, (5, 6), generator=draw)
    where = torch.rand(5, 6, generator=draw) < 0.9
    found = {}
    for i in range(5):
        for k in range(size - 1, 6):
            part = slice(k - size + 1, k + 1)
            states = tuple(anchor[i, part].tolist())
            if min(states) >= 0 and bool(where[i, part].all()):
                found.setdefault(states, []).append((i, k))
    assert classes(*window_ids(anchor, where, size)) == sorted(found.values())


def test_no_row_and_no_turn():
    for shape in ((0, 3), (2, 0)):
        window, known = window_ids(torch.zeros(shape, dtype=torch.int64), torch.ones(shape) > 0, 2)
        assert window.shape == known.shape == shape


def test_a_prefix_is_all_ids_up_to_the_turn():
    """Rows 0 and 1 part at the second turn; row 2 joins row 0 too late; 3 is a stranger."""
    ids = torch.tensor([[5, 6, 7], [5, 8, 7], [4, 6, 7], [5, 6, 7]])
    group = torch.tensor([0, 0, 0, 1])
    where = torch.ones(4, 3, dtype=torch.bool)
    where[1, 2] = False
    found = prefix_ids(ids, group, where=where)
    assert found[0, 0] == found[1, 0]
    assert found[1, 2] == -1
    others = found[where]
    assert len(others.unique()) == len(others) - 1
    rows = torch.arange(3) * 4
    assert ((found - rows)[where] >= 0).all()
    assert ((found - rows)[where] < 4).all()
    without = prefix_ids(ids, where=where)
    assert torch.equal(without[0], without[3])


def test_prefixes_of_no_turns_and_no_rows():
    for shape in ((3, 0), (0, 2)):
        ids = torch.zeros(shape, dtype=torch.int32)
        found = prefix_ids(ids, ids.new_zeros(shape[0]), where=ids == 0)
        assert found.shape == shape
        assert found.dtype == torch.int64
