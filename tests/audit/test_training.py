"""Training of many runs at a time: Adam by hand, runs that do not mix, and luck of a seed."""

import pytest
import torch

from creditlib.audit.sample import sample
from creditlib.audit.subject import audited
from creditlib.audit.tasks import recovery, umbrella
from creditlib.audit.training import Adam, Training, runs_are_apart, train
from creditlib.testing import assert_close

TINY = Training(recovery(), 3, 2, 4)


def mixed(*, reward, group):
    """The reward minus the mean of the whole batch."""
    return reward - reward.mean()


def drawn(*, reward, generator=None):
    """The reward, or not, by a coin."""
    return reward * (torch.rand(reward.shape, generator=generator) < 0.5)


def spoilt(*, reward):
    return reward * torch.nan


def test_adam_by_hand():
    # The gradients 1 and then 3, at the rate .1 and eps 0:
    # m = .1, v = .001; corrected both are 1: + .1.
    # m = .09 + .3 = .39, corrected .39/.19; v = .000999 + .009, corrected .009999/.001999.
    # The step is .1 · 2.0526316 / 2.2365047 = .0917788.
    start = torch.zeros(1, 1, 1, dtype=torch.float64)
    adam = Adam(start, torch.tensor([0.1], dtype=torch.float64))
    adam.ascend(torch.ones_like(start))
    assert_close(adam.logits, start + 0.1, "golden")
    adam.ascend(3 * torch.ones_like(start))
    assert_close(adam.logits, start + 0.1 + 0.0917788, "golden")
    assert float(start) == 0


def test_the_luck_of_a_seed_depends_on_no_other():
    subjects = [audited("grpo"), audited("reinforce")]
    for task in (recovery(), umbrella(4)):  # umbrella: two first states
        training = Training(task, 3, 2, 4)
        together = train(training, subjects, [[0.1, 0.2], [0.1, 0.2]], [5, 6, 7])
        alone = train(training, subjects[1:], [[0.2]], [6])
        assert_close(together[1, 1, 1], alone[0, 0, 0])
    assert not torch.equal(together[0, 0, 0], together[0, 0, 1])


@pytest.mark.parametrize("estimator", [mixed, drawn])
def test_runs_that_mix_or_draw_are_called_one_by_one(estimator):
    together = train(TINY, [audited(estimator)], [[0.1, 0.3]], [1, 2])
    for r, rate in enumerate((0.1, 0.3)):
        for s, seed in enumerate((1, 2)):
            alone = train(TINY, [audited(estimator)], [[rate]], [seed])
            assert_close(together[0, r, s], alone[0, 0, 0])


def test_mixing_is_noticed():
    task = recovery()
    written = sample(task, task.uniform().expand(3, -1, -1), groups=2, size=4)
    for name, apart in (("grpo", True), ("gigpo", True), (mixed, False)):
        subject = audited(name)
        assert runs_are_apart(subject, written) == apart


def test_training_stops_when_all_runs_are_there():
    whole = train(Training(recovery(), 40, 2, 8), [audited("oracle")], [[0.4]], [0, 1])
    assert whole.shape == (1, 1, 2, 41)
    assert whole[..., 0].tolist() == [[[0.75, 0.75]]]
    assert bool((whole[..., -1] > 0.9).all())
    some = train(Training(recovery(), 40, 2, 8), [audited("oracle")], [[0.4]], [0, 1], until=0.75)
    assert_close(some, whole[..., : some.shape[-1]])


def test_credit_that_is_not_finite_is_refused(refusal):
    said = refusal(train, TINY, [audited(spoilt)], [[0.1]], [0])
    assert "finite credit, got a value that is not, from spoilt on recovery" in said
