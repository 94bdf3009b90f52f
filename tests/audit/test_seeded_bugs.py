"""The audit of the audit: each seeded fault is told by the tiers it names; none is redundant."""

import pytest
from seeded_bugs import BUGS, TIERS, tells_apart

ONLY = {
    "facts": "a row without a group keeps its outcome",
    "exact": "the mean holds the own row",
    "quality": "lam is not handed on",
    "path": "the floor of a weight is forgotten",
}
# The path is long: where other tiers tell too, it is left to the nightly test.
CASES = [
    pytest.param(bug, tier, id=f"{bug.fault}-{tier}")
    for bug in BUGS
    for tier in bug.tiers
    if tier != "path" or bug.fault in (ONLY["path"], "the sign is lost")
]
BY_FAULT = {bug.fault: bug for bug in BUGS}


@pytest.mark.parametrize(("bug", "tier"), CASES)
def test_a_tier_tells_the_fault(bug, tier):
    assert tells_apart(tier, bug.right, bug.wrong, bug.tasks)


@pytest.mark.parametrize("tier", TIERS)
def test_no_tier_is_redundant(tier):
    """One fault of each tier is told by no other one."""
    bug = BY_FAULT[ONLY[tier]]
    telling = [each for each in TIERS if tells_apart(each, bug.right, bug.wrong, bug.tasks)]
    assert telling == [tier] == list(bug.tiers)


@pytest.mark.parametrize("tier", TIERS)
def test_no_tier_tells_an_estimator_from_itself(tier):
    for fault in ("the sign is lost", "padding is in the normalizer of gains"):
        bug = BY_FAULT[fault]
        assert not tells_apart(tier, bug.right, bug.right, bug.tasks)


def test_there_are_many_faults_of_many_kinds():
    assert len(BY_FAULT) == len(BUGS) >= 23
    assert all(bug.tiers for bug in BUGS)


@pytest.mark.nightly
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.fault)
def test_with_more_groups_the_same_tiers_and_perhaps_more(bug):
    telling = {
        tier for tier in TIERS if tells_apart(tier, bug.right, bug.wrong, bug.tasks, nightly=True)
    }
    assert telling >= set(bug.tiers)
