"""Bias and variance of a credit given state and action: by hand, shifts, and few visits."""

import pytest
import torch

from creditlib.audit.cell_bias import cell_sums, judge_cells
from creditlib.audit.intervals import block_of
from creditlib.audit.policies import perturbed
from creditlib.audit.sample import Sample, sample
from creditlib.audit.task import Outcome, Task
from creditlib.audit.tasks import recovery, rooms
from creditlib.testing import assert_close

F64 = torch.float64


def judged(groups, credit):
    block = block_of(len(groups.state) // groups.size)
    visits = cell_sums(groups, torch.ones_like(credit), block)
    return judge_cells(groups, credit, block, visits)


def one_turn(actions):
    """Groups of one turn by a uniform policy; action 1 earns 1, so that A = -1/2 and 1/2."""

    def step(state, turn, action):
        return [Outcome(1.0, None, reward=float(action))]

    task = Task.from_step(step, 0, name="one turn")
    action = torch.tensor(actions)[:, None]
    zero, one = torch.zeros_like(action), torch.ones(len(action), dtype=torch.int64)
    return Sample(task, task.uniform()[None], 1, zero[:, 0], zero, action, zero, one)


def test_by_hand():
    # Twenty groups of one turn, ten for each action. Credit 0 or 2 for action 1, mean 1; 0 or -2
    # for action 0, mean -1. A is ±1/2.
    actions = [1, 0] * 10
    credit = torch.tensor([2.0, -2.0, 0.0, 0.0] * 5, dtype=F64)[:, None]
    found = judged(one_turn(actions), credit)
    # The variance in a cell is 10/9, of its mean 1/9. ~m is half of the difference of two means:
    # its variance is 1/4 (1/9 + 1/9) = 1/18, and noise = 20/18 = 10/9.
    # Σ n ~m² = 20, Σ n ~m ~A = 10, Σ n A² = 5. α = 10/(20 - 10/9) = 9/17.
    # bias = (5 - 2 α 10 + α² (20 - 10/9)) / 5 = (5 - 90/17) / 5 = -1/17.
    # variance = α² · 20 · 10/9 / 5 = 360/289.
    actual = torch.tensor([found["bias"].value, found["variance"].value], dtype=F64)
    assert_close(actual, torch.tensor([-1 / 17, 360 / 289], dtype=F64))


def test_a_shift_by_state_and_a_scale_are_no_bias():
    groups = sample(rooms(), perturbed(rooms()), groups=100)
    credit = 3 * groups.advantage + groups.state.double()
    found = judged(groups, torch.where(groups.real, credit, 0))
    actual = torch.tensor([*found["bias"], *found["variance"]], dtype=F64)
    assert_close(actual, torch.zeros(6, dtype=F64))


def test_noise_is_variance_and_no_bias():
    groups = sample(recovery(), perturbed(recovery()), groups=2000, seed=1)
    noise = torch.randn(groups.state.shape, generator=torch.Generator().manual_seed(2)).double()
    scale = groups.advantage.square().mean()
    found = judged(groups, groups.advantage + noise * scale.sqrt())
    # c = A + noise of the power of A: variance 1, bias 0.
    assert 0.95 < found["variance"].value < 1.05
    assert found["bias"].low < 0 < found["bias"].high
    assert abs(found["bias"].value) < 0.01


def test_credit_of_the_wrong_turn_is_bias():
    groups = sample(recovery(), perturbed(recovery()), groups=500)
    found = judged(groups, groups.advantage.roll(1, 1))
    assert found["bias"].value > 0.5


@pytest.mark.parametrize("actions", [[1, 0] * 2, [1] * 20])
def test_undefined(actions):
    # Two visits of a cell are too few. With one action alone, nothing is left of c after the shift.
    found = judged(one_turn(actions), torch.ones(len(actions), 1, dtype=F64))
    assert found["bias"] == (None, None, None)
    assert found["variance"] == (None, None, None)


def test_sums_of_cells():
    groups = one_turn([1, 0, 1])
    values = torch.tensor([[1.0], [2.0], [4.0]], dtype=F64)
    found = cell_sums(groups, values, torch.tensor([0, 0, 1]))
    assert found.tolist() == [[[2.0, 1.0]], [[0.0, 4.0]]]
