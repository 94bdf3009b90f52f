import pytest

from creditlib.audit import sample
from creditlib.audit.costs import SOURCES, costs
from creditlib.audit.tasks import recovery


@pytest.fixture(scope="module")
def drawn():
    task = recovery(distractors=2)  # 4 turns, always
    return sample(task, task.uniform(), groups=2, size=2)


def test_what_comes_with_the_trajectories_costs_nothing(drawn):
    found = costs(["reward", "group", "anchor", "turn_entropy", "my_own"], drawn)
    assert found.pop("sources") == {}
    assert set(found.values()) == {0.0}


@pytest.mark.parametrize(
    ("name", "key", "number"),
    [
        ("value", "critic_calls", 1.0),  # one call reads the values of all tokens
        ("turn_value", "critic_calls", 4.0),  # one for each of 4 turns
        ("baseline", "extra_rollouts", 1.0),
        ("simulated_value_16", "extra_rollouts", 64.0),  # 16 for each of 4 turns
        ("process_reward", "process_reward_calls", 4.0),
        ("information_gain", "policy_calls", 4.0),
    ],
)
def test_calls_and_rollouts_of_a_trajectory(drawn, name, key, number):
    found = costs(["reward", name], drawn)
    assert found[key] == number
    assert list(found["sources"]) == [name]
    assert sum(value for each, value in found.items() if each != "sources") == number


def test_calls_of_every_turn():
    task = recovery(distractors=2)
    found = costs(["simulated_value_16"], sample(task, task.uniform(), groups=2, size=2))
    assert found["extra_rollouts"] == 64.0


def test_costs_add_up(drawn):
    assert costs(["turn_value", "bootstrap"], drawn)["critic_calls"] == 5.0


def test_sources_say_what_they_count_by():
    assert {source.per for source in SOURCES.values()} <= {"token", "turn", "trajectory"}
