"""Information gain: no group is dead at the start."""

from creditlib.audit.miniatures.information_gain import dead_groups
from creditlib.audit.miniatures.result import Runs
from creditlib.audit.subject import audited
from creditlib.audit.tasks import search
from creditlib.audit.training import Training


def test_information_gain_leaves_no_group_dead():
    training = Training(search(4, 8, 5), 1, 1, 8)
    assert dead_groups(training, audited("igpo_turn_group"), Runs(2, 0), 100) == 0
    assert dead_groups(training, audited("grpo"), Runs(2, 0), 100) > 0
