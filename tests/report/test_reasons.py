import numpy as np
import pytest

import creditlib as cl
from creditlib.report.reasons import discounted_returns, peers_of_group, reads_of, spread_of
from creditlib.rollouts import from_trajectories
from creditlib.testing import tolerance

RELATIVE, _ = tolerance("law, float32")

ROWS = [
    {"group": "a", "outcome": 1.0, "turns": [{"observation": "hall"}, {"observation": "attic"}]},
    {"group": "a", "outcome": 0.0, "turns": [{"observation": "hall"}, {"observation": "hall"}]},
    {"group": "b", "outcome": 1.0, "turns": [{"observation": "hall"}, {}]},
    {"group": "a", "outcome": None, "turns": [{"observation": "hall"}]},
]


def test_the_signature_says_what_an_estimator_reads():
    def own(*, reward, anchor, gamma="strange"):
        return reward

    assert reads_of("rloo") == (True, False, 1.0, "")
    assert reads_of("gigpo", {"gamma": 1}) == (True, True, 1.0, "gamma=1")
    given = {"leave_out": "trajectory", "scale": None}
    assert reads_of("gigpo", given) == (True, True, 0.95, "leave_out='trajectory', scale=None")
    assert reads_of(own) == (False, True, 1.0, "")


def test_peers_are_the_turns_of_the_group_at_one_observation():
    """Returns with gamma 0.5: 0.5 and 1, 0 and 0. At the hall: 0.5, 0 and 0, mean 1/6."""
    batch = from_trajectories(ROWS)
    returns = {0.5: discounted_returns(batch, 0.5)}
    assert returns[0.5].tolist() == [[0.5, 1], [0, 0], [0.5, 1], [0, 0]]
    hall, attic = peers_of_group(batch, [0, 1, 3], returns)
    assert list(hall.turns) == [(0, 0), (1, 0), (1, 1)]
    assert hall.trajectories == 2
    assert hall.returns[0.5].mean == pytest.approx(1 / 6)
    assert hall.returns[0.5].std == pytest.approx((1 / 12) ** 0.5)
    assert (list(attic.turns), attic.returns[0.5].std) == ([(0, 1)], None)
    (alone,) = peers_of_group(batch, [2], returns)
    assert list(alone.turns) == [(2, 0)]


def test_credit_of_gigpo_follows_from_the_reasons():
    batch = from_trajectories(ROWS)
    credit = cl.apply("gigpo", batch.tensors, eps=0.0)
    returns = discounted_returns(batch, 0.95)
    group = spread_of(np.array([1.0, 0.0]))
    for peers in peers_of_group(batch, [0, 1, 3], {0.95: returns}):
        met = peers.returns[0.95]
        for row, turn in peers.turns:
            outcome = float(batch.tensors["reward"][row])
            expected = (outcome - group.mean) / group.std
            if met.std:
                expected += (returns[row, turn] - met.mean) / met.std
            assert credit[row, turn].item() == pytest.approx(expected, rel=RELATIVE)


def test_nothing_has_no_spread():
    assert spread_of(np.zeros(0)) == (0, None, None)
    assert (
        peers_of_group(from_trajectories([{"group": 0, "outcome": 1.0, "turns": []}]), [0], {})
        == []
    )
