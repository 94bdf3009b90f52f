"""Partial credit: what is paid, by hand, and what it finds."""

import torch

from creditlib.audit.miniatures.partial_progress import grpo_with_potential, turns_with_prints
from creditlib.audit.subject import audited
from creditlib.audit.tasks import pipeline
from creditlib.audit.training import Training, train
from creditlib.estimators import grpo
from creditlib.testing import assert_close

F64 = torch.float64


def test_a_potential_that_ends_at_zero_changes_no_return():
    reward, group = torch.tensor([1.0, 0.0], dtype=F64), torch.tensor([0, 0])
    progress = torch.tensor([[1.0, 2.0, 0.0], [1.0, 1.0, 0.0]], dtype=F64)
    shaped = grpo_with_potential(
        reward=reward, group=group, progress=progress, turn_count=torch.tensor([2, 2])
    )
    assert_close(shaped, grpo(reward=reward, group=group))


def test_prints_are_paid_at_their_turn():
    # Returns to go of prints (.5, .5) and (.5, 0): (1, .5) and (.5, 0); less the other's: ±.5.
    credit = turns_with_prints(
        turn_reward=torch.zeros(2, 2, dtype=F64),
        group=torch.tensor([0, 0]),
        turn_count=torch.tensor([2, 2]),
        progress_print=torch.tensor([[0.5, 0.5], [0.5, 0.0]], dtype=F64),
    )
    assert_close(credit, torch.tensor([[0.5, 0.5], [-0.5, -0.5]], dtype=F64))


def test_partial_credit_finds_what_the_outcome_does_not():
    training = Training(pipeline(5), 30, 2, 8)
    subjects = [audited("grpo"), audited("turn_mc_partial_credit")]
    terminal, partial = train(training, subjects, [[0.4], [0.4]], [0, 1, 2])[:, 0, :, -1]
    assert float(terminal.mean()) + 0.3 < float(partial.mean())
