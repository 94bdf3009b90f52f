"""The metrics of credit: by hand, where they are undefined, and what they do not depend on."""

import pytest
import torch

from creditlib.audit.metrics import METRICS, cosine_of_mean, measure, truth_of, without_residue
from creditlib.audit.sample import Sample, every_group, sample
from creditlib.audit.task import Outcome, Task
from creditlib.audit.tasks import recovery
from creditlib.testing import assert_close
from creditlib.vocabulary.contract import ContractError

F64 = torch.float64


def one_turn():
    """One turn and two actions, of which action 1 earns 1."""

    def step(state, turn, action):
        return [Outcome(1.0, None, reward=float(action), success=action == 1)]

    return Task.from_step(step, 0, name="one turn")


def two_turns():
    """The first turn decides; the second is without effect. The policy sees the turn."""

    def step(state, turn, action):
        if turn == 0:
            return [Outcome(1.0, action)]
        return [Outcome(1.0, None, reward=float(state))]

    return Task.from_step(step, 0, lambda state, turn: turn, name="two turns")


def drawn(task, states, actions, size):
    """A sample of the uniform policy with these states and actions, [batch turn]."""
    state, action = torch.tensor(states), torch.tensor(actions)
    outcome = torch.where(state >= 0, 0, -1)
    run = torch.zeros(len(state), dtype=torch.int64)
    count = (state >= 0).sum(1)
    return Sample(task, task.uniform()[None], size, run, state, action, outcome, count)


def values(found, *names):
    return torch.tensor([found[name].value for name in names], dtype=F64)


def test_by_hand():
    # Uniform policy: A = -1/2 for action 0 and 1/2 for action 1. The gradient of log π is
    # (-1, 1)/2 for action 1 and (1, -1)/2 for action 0, and g* = (-1, 1)/4.
    # Groups of 2; a group has g = x (-1, 1) with x = 1/4 Σ ±c:
    #     actions 1, 0   credits 1, -1   x = 1/2
    #             1, 1           1,  1   x = 1/2
    #             1, 1           1,  0   x = 1/4
    #             0, 0           0,  0   x = 0, a dead group
    sampled = drawn(one_turn(), [[0]] * 8, [[1], [0], [1], [1], [1], [1], [0], [0]], size=2)
    credit = torch.tensor([[1.0], [-1.0], [1.0], [1.0], [1.0], [0.0], [0.0], [0.0]])
    found = measure(sampled, credit)
    # m = 5/16 (-1, 1): |m|² = 25/128. Σ|g|² = 2 (1/4 + 1/4 + 1/16) = 9/8.
    # tr = (9/8 - 4·25/128)/3 = 11/96. power = 25/128 - 11/384 = 1/6. u·m = √2 · 5/16.
    expected = [(1 / 6) / (11 / 96), (25 / 128) / (11 / 96)]
    assert_close(values(found, "snr", "usnr"), torch.tensor(expected, dtype=F64))
    # The cosine √(25/128) / √(1/6) = √(75/64) is corrected. Without a group of x = 1/2 it is
    # √(3/2), without that of 1/4 √(4/3), without the dead one √(25/24).
    without = (2 * 1.5**0.5 + (4 / 3) ** 0.5 + (25 / 24) ** 0.5) / 4
    expected = torch.tensor([4 * (75 / 64) ** 0.5 - 3 * without], dtype=F64)
    assert_close(values(found, "cosine"), expected)
    # Three groups have the cosine 1, and the dead one 0. Five of eight turns have the sign of A,
    # and three have no credit. No turn is a distractor.
    names = ("group_cosine", "dead", "sign", "sign_zeros", "leakage")
    expected = torch.tensor([0.75, 0.25, 5 / 8, 3 / 8, 0.0], dtype=F64)
    assert_close(values(found, *names), expected)
    # Σc = 3, Σc² = 5, ΣA = 1, ΣA² = 2, ΣcA = 5/2 over 8 turns.
    covariance = 5 / 16 - 3 / 8 * 1 / 8
    spread = (5 / 8 - 9 / 64) * (1 / 4 - 1 / 64)
    expected = torch.tensor([covariance / spread**0.5], dtype=F64)
    assert_close(values(found, "correlation"), expected)


def test_direction_and_leakage_by_hand():
    # Groups of 1 that take action 1 twice: the gradient is x (-1, 1) at the first observation and
    # y (-1, 1) at the second, x and y half of the credit. g* lies in the first alone.
    sampled = drawn(two_turns(), [[0, 2]] * 4, [[1, 1]] * 4, size=1)
    credit = torch.tensor([[2.0, 2.0], [2.0, 2.0], [2.0, 2.0], [6.0, 2.0]])
    found = measure(sampled, credit)
    # x = 1, 1, 1, 3 and y = 1: |m|² = 2 (2.25 + 1) = 6.5, Σ|g|² = 2 (2 + 2 + 2 + 10) = 32,
    # tr = (32 - 26)/3 = 2, power = 6.5 - 2/4 = 6. u·m = √2 · 1.5: cosine = √4.5/√6 = √3/2.
    # Leakage: 8 of 20. The oracle's A is 1/2 in each row, so that its tr is 0.
    names = ("snr", "usnr", "cosine", "leakage")
    expected = torch.tensor([3.0, 2.25, 0.75**0.5, 0.4], dtype=F64)
    assert_close(values(found, *names), expected)
    assert found["snr_over_oracle"].value is None
    # cos(g, g*) is 1/√2 for three groups, and 3/√10 for the last.
    expected = torch.tensor([(3 / 2**0.5 + 3 / 10**0.5) / 4], dtype=F64)
    assert_close(values(found, "group_cosine"), expected)
    assert cosine_of_mean(sampled, credit) == found["cosine"]


def test_no_credit_leaves_most_metrics_undefined():
    sampled = sample(recovery(), recovery().uniform(), groups=30)
    found = measure(sampled, torch.zeros(sampled.state.shape))
    nothing = {name for name in METRICS if found[name].value is None}
    assert nothing == {
        *("usnr", "usnr_over_oracle", "snr", "snr_over_oracle", "cosine"),
        *("correlation", "leakage", "bias", "variance"),
    }
    assert all(found[name].low is None and found[name].high is None for name in nothing)
    assert found["dead"].value == 1
    assert found["group_cosine"].value == 0
    assert found["sign"].value == 0
    assert found["sign_zeros"].value == 1


def test_where_nothing_matters_only_noise_is_defined():
    task = Task.from_step(lambda *_: [Outcome(1.0, None, reward=1.0)], 0, name="nothing")
    sampled = sample(task, task.uniform(), groups=30)
    found = measure(sampled, (sampled.action == 0).double())
    defined = {name for name in METRICS if found[name].value is not None}
    assert defined == {"snr", "leakage", "dead"}
    assert found["leakage"].value == 1


def test_rounding_of_a_constant_group_is_no_credit():
    sampled = drawn(one_turn(), [[0]] * 4, [[1], [0], [1], [0]], size=2)
    credit = torch.tensor([[1.0], [-1.0], [3e-9], [3e-9]], dtype=F64)
    found = measure(sampled, credit)
    assert found["dead"].value == 0.5
    assert found["sign_zeros"].value == 0.5
    # Residue of a zero within a group with credit: 1e-17 beside 1.
    turns = torch.tensor([[1.0, 1e-17], [-1.0, 1e-3]], dtype=F64)
    expected = torch.tensor([[1.0, 0.0], [-1.0, 1e-3]], dtype=F64)
    assert torch.equal(without_residue(turns, size=2), expected)


def test_turns_after_the_end_do_not_count():
    task = one_turn()
    wide = drawn(task, [[0, -1], [0, -1]], [[1, -1], [0, -1]], size=2)
    narrow = drawn(task, [[0], [0]], [[1], [0]], size=2)
    credit = torch.tensor([[1.0, 7.0], [-2.0, torch.nan]])
    assert measure(wide, credit) == measure(narrow, credit[:, :1])


@pytest.fixture(scope="module")
def groups():
    return sample(recovery(), recovery().uniform(), groups=60, seed=4)


@pytest.fixture(scope="module")
def noisy(groups):
    noise = torch.randn(groups.state.shape, generator=torch.Generator().manual_seed(1))
    return groups.advantage + noise.double()


def test_a_scale_changes_nothing(groups, noisy):
    first, second = measure(groups, noisy), measure(groups, 16 * noisy)
    assert_close(values(second, *METRICS), values(first, *METRICS))


def test_the_opposite_credit_points_the_other_way(groups, noisy):
    first, second = measure(groups, noisy), measure(groups, -noisy)
    names = ("cosine", "group_cosine", "correlation")
    assert_close(values(second, *names), -values(first, *names))
    assert first["cosine"].value > 0


def test_one_sample_gives_one_result(groups, noisy):
    first = measure(groups, noisy)
    truth_of.cache_clear()
    assert measure(groups, noisy) == first


def test_the_number_lies_in_its_interval(groups, noisy):
    for estimate in measure(groups, noisy).values():
        assert estimate.low <= estimate.value <= estimate.high


def test_refusals(groups, noisy):
    with pytest.raises(ContractError, match=r"measure: `credit` must be float\[batch turn\]"):
        measure(groups, noisy[:, :2])
    with pytest.raises(ContractError, match="measure: `credit` must be finite"):
        measure(groups, noisy / 0)
    with pytest.raises(ContractError, match="got enumerated groups"):
        measure(every_group(recovery(1), recovery(1).uniform(), 2), torch.zeros(128, 3))
    two = sample(recovery(), torch.stack([recovery().uniform()] * 2), groups=2)
    with pytest.raises(ContractError, match="got 2 policies"):
        measure(two, two.advantage)
