"""wings: luck that the observation of every room identifies."""

from creditlib.audit.oracle import oracle
from creditlib.audit.policies import default_policy
from creditlib.audit.sample import sample
from creditlib.audit.subject import audited
from creditlib.audit.tasks import wings
from creditlib.testing import assert_close


def test_sizes():
    task = wings()
    assert (len(task.states), len(task.observations), task.turns, task.actions) == (21, 9, 5, 2)


def test_by_hand():
    """Two rooms, uniform: a wing is worth 1/4 ± 2, and the lobby 1/4 and no choice.
    After a first right room the rest is worth 1/2 ± 2.
    """
    task = wings(k=2)
    found = oracle(task, task.uniform())
    value = dict(zip(task.states, found.value.tolist(), strict=True))
    assert value["lobby", 0] == 0.25
    assert (value[(0, 0), 1], value[(1, 0), 1]) == (2.25, -1.75)
    assert (value[(0, 1), 2], value[(1, 1), 2]) == (2.5, -1.5)
    assert (found.advantage[0] == 0).all()


def test_the_right_actions_alternate():
    """At turn i of wing w, (w + i) % 2."""
    task = wings()
    advantage = oracle(task, task.uniform()).advantage
    for (state, turn), row in zip(task.states, advantage, strict=True):
        if turn and state[1] == turn - 1:
            assert int(row.argmax()) == (state[0] + turn) % 2


def test_the_control_has_the_same_advantages():
    lucky, control = wings(), wings(bonus=None)
    found = [oracle(task, task.uniform()) for task in (lucky, control)]
    assert_close(found[0].advantage, found[1].advantage)
    assert set(control.reward.unique().tolist()) == {0.0, 1.0}


def test_an_anchor_explains_the_luck_and_a_turn_does_not():
    """The gradient of GiGPO has over three times the SNR of GRPO's; measured: ten times."""
    task = wings()
    groups = sample(task, default_policy(task), groups=2000, size=8, seed=1)

    def snr(name):
        each = groups.gradients(audited(name).credit(groups)).flatten(1)
        noise = each.var(0).sum()
        return float(each.mean(0).square().sum() / noise - 1 / len(each))

    assert snr("gigpo") > 3 * max(snr("grpo"), 1e-4)
