import inspect

import pytest
import test_credit_engine

from creditlib.registry import public_functions
from creditlib.rollouts.crediting import plan
from creditlib.vocabulary.messages import ContractError


def sentence(*args):
    with pytest.raises(ContractError) as caught:
        plan.make_plan(*args)
    return str(caught.value)


def test_every_estimator_that_credits_a_group_by_itself_is_measured():
    """The engine's test compares these on buckets with the whole batch."""
    found = {
        name
        for name, function in public_functions().items()
        if _is_plain(function) and not plan.make_plan(function).asked[0].whole
    }
    assert found <= set(test_credit_engine.BY_GROUP)
    assert {name for name in test_credit_engine.WHOLE if name in found} == set()


def _is_plain(function):
    try:
        plan.make_plan(function)
    except ContractError:
        return False
    return True


def test_options_decide_whether_all_trajectories_are_compared():
    def whole(name, **options):
        return plan.make_plan(name, {name: options}).asked[0].whole

    assert not whole("grpo")
    assert whole("grpo", scale_over="batch")
    assert whole("duration_weight")
    assert not whole("duration_weight", over="group")
    assert whole("grpo_process", over="turn_of_batch")


def test_a_function_of_the_user_sees_the_whole_batch():
    def mine(*, reward, group):
        return reward

    (asked,) = plan.make_plan(mine).asked
    assert (asked.name, asked.whole) == ("mine", True)
    assert asked.tensors == {"reward", "group"}
    assert inspect.signature(mine).parameters.keys() == asked.tensors


def test_refusals():
    assert sentence("gae").startswith(
        "credit: `estimators` must be estimators of trajectories or turns whose tensors a file can "
        "hold, got gae, which works on tokens: no key of a rollout file fills its `token_reward`"
    )
    assert "fills its `turn_value`" in sentence("turn_gae")
    assert sentence([]) == "credit: `estimators` must be at least one estimator, got none."
    assert "got `grpo` twice" in sentence(["grpo", "grpo"])
    assert "did you mean" in sentence("grpo", {"grpo": {"scal": None}})
    assert "got 'rloo'" in sentence("grpo", {"rloo": {}})
    assert "did you mean 'grpo'" in sentence("grpp")


def test_a_missing_tensor_is_named_with_its_key():
    with pytest.raises(ContractError, match="read from the turns' `gold_log_prob`"):
        plan.check_present(plan.make_plan("igpo"), plan.ALWAYS)
