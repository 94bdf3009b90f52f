import pytest

from creditlib.testing.roles import compares, earned, grouped, judges, judges_only
from creditlib.testing.subject import subject_of

# grouped, compares, judges, judges_only
ROLES = {
    "rloo": (True, True, True, True),
    "gdpo": (True, True, True, True),
    "gigpo": (True, True, True, False),
    "grpo_process": (True, True, False, False),
    "remax": (False, False, False, False),
    "gae": (False, False, False, False),
    "duration_weight": (False, False, False, False),
}


@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_read_off_the_tensors(name):
    subject = subject_of(name, {})
    assert tuple(role(subject) for role in (grouped, compares, judges, judges_only)) == ROLES[name]


def test_what_is_earned_is_told_from_what_is_expected():
    subject = subject_of("gae", {})
    assert earned(subject, "reward") == ["token_reward"]
    assert earned(subject, "reward", "prediction") == ["token_reward", "value", "bootstrap"]
