"""A rollout is one member of its group, however many rows it fills (miles#2378).

Summaries, compaction and resets of the context cut a rollout into rows. Statistics over rows would
count a rollout that was cut three times four times.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import creditlib as cl
from creditlib.rows import credit_rows, credit_settings, read_rows
from creditlib.testing import assert_close

T = torch.tensor
# Rollout x fills three rows, y and z one each; every row holds the outcome of its rollout.
ROWS = {
    "mask": T([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 0], [1, 1, 0]]),
    "group": ["q"] * 5,
    "reward": [1.0, 1.0, 1.0, 0.0, 0.0],
    "trajectory": list("xxxyz"),
}


def credit(name="grpo", *, options=None, **rows):
    """The credit of each row, that of its first token."""
    chosen = credit_settings(options or {}, estimator=name)
    return credit_rows(read_rows(**{**ROWS, **rows}, settings=chosen), chosen).advantage


def test_a_rollout_of_three_rows_is_one_member_by_hand():
    """Rollouts 1, 0, 0: the mean is 1/3. Over rows 1, 1, 1, 0, 0 it would be 3/5."""
    found = credit(options={"scale": None})
    assert_close(found[:, 0], T([2 / 3, 2 / 3, 2 / 3, -1 / 3, -1 / 3]))
    assert_close(found, found[:, :1] * ROWS["mask"])


def test_the_deviation_is_that_of_rollouts_by_hand():
    """Squares 4/9, 1/9, 1/9 over 2: 1/3. Over rows the squares sum to 6/5, over 4: 3/10."""
    found = credit(options={"eps": 0.0})
    assert_close(found[:, 0], T([2.0, 2.0, 2.0, -1.0, -1.0]) / 3**0.5)


def test_the_others_of_a_row_are_other_rollouts_by_hand():
    """Leave one out: x against 0, 0; y against 1, 0. The other rows of x are x itself."""
    assert_close(credit("rloo")[:, 0], T([1.0, 1.0, 1.0, -0.5, -0.5]))


def test_a_rollout_alone_is_alone_with_several_rows():
    found = credit(group=["q"] * 3 + ["r"] * 2, options={"scale": None})
    assert found[:, 0].tolist() == [0.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_outcome_on_one_row_is_that_of_the_rollout(place):
    """With the sum as the outcome it may lie on any row of x."""
    reward = [float(row == place) for row in range(5)]
    found = credit(reward=reward, options={"scale": None, "outcome": "sum"})
    assert torch.equal(found, credit(options={"scale": None}))


def test_a_rollout_that_counts_and_is_not_trained_by_hand():
    """x ran out of room: 1/3 stays the mean, and x gets 0. Left out, y and z have nothing to
    compare with but each other."""
    overlong = T([[True], [True], [True], [False], [False]])
    found = credit(options={"scale": None}) * ~overlong
    assert_close(found[:, 0], T([0, 0, 0, -1 / 3, -1 / 3]))
    left_out = credit(keep=[False] * 3 + [True] * 2, options={"scale": None})
    assert left_out[:, 0].tolist() == [0.0, 0.0, 0.0, 0.0, 0.0]


PIECES = st.lists(st.integers(1, 4), min_size=1, max_size=6)
NAMES = st.sampled_from(["grpo", "rloo", "opo", "maxrl", "pass_at_k"])


@settings(max_examples=30)
@given(
    PIECES, st.integers(0, 2**16), st.sampled_from(["grpo", "rloo", "opo", "maxrl", "pass_at_k"])
)
def test_cutting_a_rollout_into_rows_changes_no_credit(pieces, seed, name):
    """Each piece is one token, so that OPO's lengths stay those of the rollout."""
    draw = torch.Generator().manual_seed(seed)
    reward = torch.randint(0, 3, (len(pieces),), generator=draw) / 2
    group = torch.randint(0, 2, (len(pieces),), generator=draw)
    row = torch.repeat_interleave(torch.arange(len(pieces)), T(pieces))
    order = torch.randperm(len(row), generator=draw)
    row = row[order]
    cut = credit(
        name,
        mask=torch.ones((len(row), 1)),
        group=group[row].tolist(),
        reward=reward[row].tolist(),
        trajectory=row.tolist(),
    )
    whole = torch.arange(max(pieces)) < T(pieces)[:, None]
    one = credit(name, mask=whole, group=group.tolist(), reward=reward.tolist(), trajectory=None)
    assert torch.equal(cut[:, 0], one[row, 0])


@settings(max_examples=30)
@given(PIECES, st.integers(0, 2**16))
def test_the_lines_without_rows_give_the_same(pieces, seed):
    """The three lines of docs/axes.md, on rows in any order."""
    draw = torch.Generator().manual_seed(seed)
    row = torch.repeat_interleave(torch.arange(len(pieces)), T(pieces))
    row = row[torch.randperm(len(row), generator=draw)]
    reward = (torch.randint(0, 3, (len(pieces),), generator=draw) / 2)[row]
    group = torch.randint(0, 2, (len(pieces),), generator=draw)[row]
    places = cl.layouts.place_rows(row)
    one = {
        name: cl.layouts.trajectories_from_rows(x, places)
        for name, x in (("reward", reward), ("group", group))
    }
    found = cl.grpo(**one)[places.trajectory]
    wanted = credit(
        mask=torch.ones((len(row), 1)),
        group=group.tolist(),
        reward=reward.tolist(),
        trajectory=row.tolist(),
    )
    assert_close(found, wanted[:, 0])
