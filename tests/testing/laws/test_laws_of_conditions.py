import pytest

from creditlib.testing.laws.conditions import (
    compares_outcomes,
    needs_groups,
    outcome_only,
    uses_group_baseline,
)
from creditlib.testing.subject import subject_of

# needs_groups, uses_group_baseline, compares_outcomes, outcome_only
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
    roles = (needs_groups, uses_group_baseline, compares_outcomes, outcome_only)
    assert tuple(role(subject) for role in roles) == ROLES[name]
