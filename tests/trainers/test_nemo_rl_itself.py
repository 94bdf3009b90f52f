"""The adapter inside NeMo-RL's source: its factories, its configuration, its own estimators.

CREDITLIB_SOURCE names a checkout. Its modules of algorithms are imported whole; the rest of it, Ray
and transformers are empty stand-ins.
"""

import typing
from types import SimpleNamespace

import pytest
import torch
import typing_extensions
from trainer_sources import found, from_source, recorded

ALGORITHMS = "nemo_rl.algorithms"
OWN = tuple(
    f"{ALGORITHMS}.{name}"
    for name in (
        "utils",
        "advantage_estimator",
        "grpo",
        "ppo",
        "grpo_sync",
        "single_controller_utils.setup",
    )
)
# NeMo-RL asks for Python 3.13, where pydantic takes TypedDict from either module.
given, typing.TypedDict = typing.TypedDict, typing_extensions.TypedDict
try:
    _, estimators, grpo, ppo, grpo_sync, controller = from_source(
        OWN, missing=("ray", "torchdata", "transformers")
    )
finally:
    typing.TypedDict = given

from creditlib.integrations import nemo_rl  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402

# Whole sequences: a prompt, an answer, tool output in row 0, another answer. Row 3 is excluded by
# its sample mask, row 4 is alone with its prompt.
MASK = torch.tensor(
    [[0, 1, 0, 1], [0, 1, 1, 0], [0, 1, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]], dtype=torch.float32
)
PROMPTS = torch.tensor([[7, 7], [7, 7], [7, 7], [7, 7], [9, 0]])
REWARDS = torch.tensor([2.0, 1.0, 0.0, 50.0, 0.7])


@pytest.fixture(autouse=True)
def installed():
    undo = nemo_rl.install()
    yield
    undo()
    assert not hasattr(grpo._create_advantage_estimator, "creditlib_original")


def estimator_of(module=grpo, **settings):
    """What a factory of NeMo-RL makes of its own configuration class."""
    config = estimators.AdvEstimatorConfig(**settings)
    return module._create_advantage_estimator(
        SimpleNamespace(grpo=SimpleNamespace(adv_estimator=config), loss_fn=None)
    )


def advantages(estimator, prompts=PROMPTS, rewards=REWARDS, mask=MASK, batch=None):
    """The call of NeMo-RL's GRPO loops."""
    return estimator.compute_advantage(
        prompt_ids=prompts,
        rewards=rewards,
        mask=mask,
        repeated_batch=batch if batch is not None else {},
        logprobs_policy=torch.zeros(mask.shape),
        logprobs_reference=None,
    )


def test_every_hook_is_as_it_was_recorded():
    assert found(nemo_rl.TRAINER) == recorded("nemo_rl")


@pytest.mark.parametrize("module", [grpo, grpo_sync, controller])
def test_each_factory_makes_ours_and_its_own(module):
    ours = estimator_of(module, name="creditlib_gigpo", creditlib={"gamma": 1.0})
    assert isinstance(ours, nemo_rl.CreditEstimator)
    assert isinstance(estimator_of(module, name="grpo"), estimators.GRPOAdvantageEstimator)
    with pytest.raises(ValueError, match="nonsense"):
        estimator_of(module, name="nonsense")


@pytest.mark.parametrize("leave_one_out", [False, True])
def test_centred_rewards_are_nemo_rls_own_on_full_groups(leave_one_out):
    rewards = torch.tensor([1.0, 0.0, 0.25, 0.5, 0.5, 2.0])
    prompts = torch.tensor([[7, 7]] * 4 + [[8, 7]] * 2)
    mask = torch.ones(6, 3)
    own = estimator_of(
        name="grpo", normalize_rewards=False, use_leave_one_out_baseline=leave_one_out
    )
    ours = estimator_of(
        name="creditlib_rloo" if leave_one_out else "creditlib_grpo",
        normalize_rewards=leave_one_out,
    )
    assert_close(advantages(ours, prompts, rewards, mask), advantages(own, prompts, rewards, mask))


def test_a_ragged_batch_with_tool_output_an_excluded_row_and_a_lone_one():
    ours = estimator_of(name="creditlib_grpo", normalize_rewards=False)
    # 2, 1, 0 about their mean 1; the excluded 50 changes no mean, and a lone row has no peer.
    expected = torch.tensor([1.0, 0.0, -1.0, 0.0, 0.0])[:, None] * MASK
    found_here = advantages(ours)
    assert torch.equal(found_here, expected)
    assert found_here.dtype == REWARDS.dtype
    # NeMo-RL's own counts the excluded row: (2 + 1 + 0 + 50) / 4 = 13.25, on all positions.
    own = estimator_of(name="grpo", normalize_rewards=False, use_leave_one_out_baseline=False)
    assert advantages(own)[0].tolist() == [2 - 13.25] * 4


def test_ids_of_the_batch_are_groups():
    ours = estimator_of(name="creditlib_grpo", normalize_rewards=False)
    credit = advantages(ours, batch={"uid": ["a", "a", "b", "b", "b"]})
    # a: 2 and 1. b: 0 and 0.7, though their prompts differ.
    numbers = credit.sum(1) / MASK.sum(1).clamp(min=1)
    assert_close(numbers, torch.tensor([0.5, -0.5, -0.35, 0.0, 0.35]))


def test_equal_rewards_give_exactly_nothing():
    # NeMo-RL #4158, #4161
    rewards, mask = torch.full((7,), 100.3), torch.ones(7, 2)
    ours = estimator_of(name="creditlib_grpo")
    assert torch.equal(advantages(ours, torch.zeros(7, 1), rewards, mask), torch.zeros(7, 2))
    assert ours.last_metrics["creditlib/rows/excluded"] == 0.0


def test_the_credit_of_turns_follows_anchors_of_the_batch():
    ours = estimator_of(name="creditlib_gigpo", normalize_rewards=False, creditlib={"gamma": 1.0})
    words = [["hall", "attic"], ["hall"], ["hall"], [], ["hall"]]
    credit = advantages(ours, batch={"anchor": words})
    # In the hall 2, 1, 0 are to come, once more 1, 0, -1; the attic is seen once.
    expected = torch.zeros(MASK.shape)
    expected[0] = torch.tensor([0.0, 2.0, 0.0, 1.0])
    expected[2] = torch.tensor([0.0, -2.0, -2.0, -2.0])
    assert torch.equal(credit, expected)


def critic(name):
    config = {"name": name, "gae_gamma": 0.9, "gae_lambda": 0.8, "normalize_advantages": False}
    config |= dict.fromkeys(("gae_lambda_value", "gae_lambda_policy"))
    config |= {"length_adaptive_alpha": 0.0}
    loss = SimpleNamespace(
        use_kl_in_reward=False, reference_policy_kl_penalty=0.0, reference_policy_kl_type="k1"
    )
    section = SimpleNamespace(adv_estimator=config)
    made = ppo._create_advantage_estimator(SimpleNamespace(ppo=section, loss_fn=loss))
    values = torch.rand(MASK.shape, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([0, 1, 2, 4])
    found_here = made.compute_advantage(
        prompt_ids=PROMPTS[rows], rewards=REWARDS[rows], mask=MASK[rows], values=values[rows]
    )
    return [each * MASK[rows] for each in found_here]


def test_gae_of_the_critic_loop_is_nemo_rls_own_through_tool_output():
    for ours, own in zip(critic("creditlib_gae"), critic("gae"), strict=True):
        assert_close(ours, own)
