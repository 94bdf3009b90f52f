import functools
import json

import pytest
import torch

import creditlib as cl
from creditlib.audit import Outcome, Task, audited
from creditlib.audit.run import audit
from creditlib.vocabulary.messages import ContractError

SMALL = {"tasks": ["recovery"], "groups": 20, "seeds": 1, "updates": 2, "quick": True}


def hunches(*, hunch):
    return hunch


def step(state, turn, action):
    signals = {"hunch": 1.0 if action == 1 else -1.0}
    if turn == 1:
        return [Outcome(1.0, None, reward=float(action), success=action == 1, signals=signals)]
    return [Outcome(1.0, 0, signals=signals)]


def guess():
    return Task.from_step(step, 0, lambda state, turn: (state, turn), name="guess")


@pytest.fixture(scope="module")
def found():
    return audit("grpo", against=["rloo"], **SMALL)


def test_all_tiers_have_rows_and_each_estimator_its_own(found):
    assert list(found.every) == ["grpo", "rloo"]
    for tiers in found.every.values():
        assert {row.task for row in tiers.exact} == {"recovery"}
        assert {row.task for row in tiers.quality} == {"recovery"}
        assert [row.update for row in tiers.path] == [0]
        assert tiers.facts["level"] == "trajectory"
    assert [row.estimator for row in found.learning] == ["grpo", "rloo"]


def test_exact_numbers_by_hand(found):
    """The outcome is 0 or 1, so a group of 2 is 0 or ±1/√2: GRPO is RLOO's ±1 times .7071."""
    assert [round(row.scale, 4) for row in found.own.exact] == [0.7071, 1.1547]
    assert [round(row.scale, 9) for row in found.against["rloo"].exact] == [1.0, 1.0]


def test_one_seed_is_one_report(found):
    again = audit("grpo", against=["rloo"], **SMALL)
    first, second = found.to_dict(), again.to_dict()
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    other = audit("grpo", against=[], seed=1, **SMALL).to_dict()
    assert other["quality"] != first["quality"]


def test_the_estimator_is_not_compared_with_itself():
    assert list(audit("rloo", against=["rloo"], **SMALL).every) == ["rloo"]
    other = audit("grpo", against=["grpo"], options={"scale": None}, **SMALL)
    assert list(other.every) == ["grpo(scale=None)", "grpo"]
    assert json.loads(other.to_json())["options"] == {"scale": None}


def test_a_tensor_and_a_task_of_ones_own_need_no_registration():
    """A hunch of 1 at each right action and -1 at a wrong one is twice A + a constant at turn 1."""
    found = audit(hunches, against=["grpo"], **{**SMALL, "tasks": [guess]})
    assert {row.task for row in found.own.exact} == {"guess"}
    assert found.own.quality_of("guess", "dead").value == 0
    assert found.tasks["guess"]["turns"] == 2
    with pytest.raises(ContractError, match="no task has `hunch`"):
        audit(hunches, **SMALL)


def test_what_a_task_lacks_is_said_and_the_task_left_out():
    given = {**SMALL, "tasks": [guess, "recovery"], "against": ["rloo"]}
    found = audit(hunches, **given)
    assert dict(found.own.not_audited) == {"recovery": ("hunch",)}
    assert list(found.tasks) == ["guess"]


def test_weights_partials_and_ready_made_ones_are_audited():
    weight = audit("entropy_weight", on="rloo", against=[], **SMALL)
    assert weight.settings["on"] == "rloo"
    partial = audit(functools.partial(cl.grpo, scale=None), against=["grpo"], **SMALL)
    assert [round(row.scale, 4) for row in partial.own.exact] == [0.5, 0.6667]
    assert audit(audited("rloo", name="r"), against=[], **SMALL).estimator == "r"


def test_progress_rises_to_one_and_names_the_tiers():
    seen = []
    audit(
        "rloo", against=["grpo"], progress=lambda tier, share: seen.append((tier, share)), **SMALL
    )
    shares = [share for _, share in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert {tier.partition(":")[0] for tier, _ in seen[:-1]} == {
        *("facts", "exact", "quality", "path", "learning"),
    }


def failing(*, reward):
    raise RuntimeError("no\nluck")


def empty(*, reward):
    return reward * torch.nan


@pytest.mark.parametrize(
    ("estimator", "changes", "sentence"),
    [
        ("rlo", {}, "did you mean 'rloo'?"),
        ("rloo", {"tasks": ["room"]}, "did you mean 'rooms'?"),
        ("rloo", {"size": 1}, "audit: `size` must be at least 2, got 1."),
        ("rloo", {"groups": 1}, "audit: `groups` must be at least 2, got 1."),
        ("rloo", {"updates": 0}, "audit: `updates` must be at least 1, got 0."),
        (failing, {}, "got failing (RuntimeError: no luck)."),
        (empty, {}, "got a NaN or an infinity from empty on recovery."),
    ],
)
def test_mistakes_are_one_sentence(estimator, changes, sentence):
    with pytest.raises(ContractError) as caught:
        audit(estimator, **{**SMALL, **changes})
    assert sentence in str(caught.value)
