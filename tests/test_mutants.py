"""Which test finds which fault: faults of published code and common faults, put into our own code.

Each mutant changes one line or two of one module. The law or the test of numbers that it names must
find the fault. A mutant that survives fails. The table itself is tests/mutants/.
"""

import pytest
import torch
from mutants import MUTANTS
from mutants.mutants_machine import GOLDEN, Mutant, applied, by_hand, killed, survivors

import creditlib as cl
from creditlib.ops.backend import dispatch
from creditlib.testing import random_arguments
from creditlib.testing.laws import LAWS


@pytest.fixture(autouse=True)
def reference_runs(monkeypatch):
    """The faults are put into the torch references: they must be what runs."""
    monkeypatch.setattr(dispatch, "default_backend", lambda device: "torch")


# Each killer with as many examples as any of its mutants needs.
KILLERS = {mutant.killer: mutant for mutant in sorted(MUTANTS, key=lambda each: each.examples)}
HARMLESS = [
    Mutant(
        "a local variable has another name",
        "ops/groups/reference.py",
        "    rank = torch.cumsum(step, 0)\n"
        "    return torch.empty_like(rank).scatter(0, order, rank)",
        "    n = torch.cumsum(step, 0)\n    return torch.empty_like(n).scatter(0, order, n)",
        "gigpo",
        "the_expected_gradient_is_the_true_one",
        {"leave_out": "trajectory", "scale": None, "gamma": 1.0},
    ),
    Mutant(
        "a comment says something else",
        "estimators/turn/a2tgpo.py",
        "# 2·sigmoid(z) − 1 = tanh(z / 2)",
        "# tanh(z / 2) = 2·sigmoid(z) − 1",
        "a2tgpo_clip_scale",
        "equal_turns_weigh_one",
    ),
    Mutant(
        "a sum in another order",
        "ops/groups/reference.py",
        "mean = minimum + group_sum(shifted, index) / count",
        "mean = group_sum(shifted, index) / count + minimum",
        "maxrl",
        by_hand("estimators/trajectory/test_maxrl.py"),
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_killer_finds_the_fault(mutant):
    with applied(mutant) as functions:
        assert functions, "the fault changes no function"
        assert killed(mutant), f"survives {mutant.killed_by}: {mutant.wrong}"


def controls():
    """All killers. One for each law runs always, and one test of numbers.

    The other tests of numbers are part of the suite, which runs them on the real code anyway.
    """
    seen = set()
    for killer in KILLERS:
        kind = GOLDEN if killer[0].startswith(GOLDEN) else killer[0]
        first = kind not in seen
        seen.add(kind)
        marks = () if first else pytest.mark.nightly
        yield pytest.param(killer, id="-".join(killer), marks=marks)


@pytest.mark.parametrize("killer", list(controls()))
def test_the_killer_finds_no_fault_in_the_real_code(killer):
    assert not killed(KILLERS[killer])


def test_there_are_many_mutants_each_with_a_name_of_its_own():
    assert len(MUTANTS) >= 60
    assert len({mutant.wrong for mutant in MUTANTS}) == len(MUTANTS)


def test_every_law_kills_a_mutant():
    named = {mutant.killed_by for mutant in MUTANTS if not mutant.killed_by.startswith(GOLDEN)}
    assert named == set(LAWS)


def test_harmless_changes_are_reported_as_survivors():
    assert survivors(HARMLESS) == [mutant.wrong for mutant in HARMLESS]
    one = next(mutant for mutant in MUTANTS if mutant.function == "remax")
    assert survivors([one]) == []


def test_a_fault_that_is_not_found_exactly_once_is_refused():
    for text in ("no such text", "return"):
        mutant = Mutant(
            "none", "estimators/turn/gigpo.py", text, "pass", "gigpo", "credit_is_finite"
        )
        with pytest.raises(ValueError, match="times in estimators/turn/gigpo"), applied(mutant):
            pass


def test_everything_is_put_back():
    names = ("gigpo", "igpo", "pure", "gae", "discounted_return", "gdpo")
    options = {"gae": {"gamma": 0.9, "lam": 0.8}, "discounted_return": {"gamma": 0.9}}
    calls = [
        (getattr(cl, name), random_arguments(getattr(cl, name)), options.get(name, {}))
        for name in names
    ]

    def results():
        every = [function(**tensors, **more) for function, tensors, more in calls]
        parts = [x if isinstance(x, tuple) else (x,) for x in every]
        return [part.nan_to_num(9) for own in parts for part in own]

    before = results()
    for mutant in MUTANTS:
        with pytest.raises(ZeroDivisionError), applied(mutant):
            raise ZeroDivisionError
    assert all(torch.equal(a, b) for a, b in zip(before, results(), strict=True))
