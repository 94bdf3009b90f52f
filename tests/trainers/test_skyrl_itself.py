"""The adapter inside SkyRL: its own dispatcher, its own batches, its trainer's own methods."""

import importlib.util
import sys
import typing
from types import SimpleNamespace

import pytest
from trainer_modules import itself

if importlib.util.find_spec("skyrl") is None:
    pytest.skip("skyrl is not installed", allow_module_level=True)
if sys.version_info < (3, 12):
    # SkyRL asks for Python 3.12; its wheel can be imported by 3.11 if pydantic gets the TypedDict
    # that it wants. This replaces a part of the standard library, for this process only.
    typing.TypedDict = importlib.import_module("typing_extensions").TypedDict
SKYRL = (
    "skyrl",
    "skyrl.train.trainer",
    "skyrl.train.config.config",
    "skyrl.train.generators.base",
    "skyrl.backends.skyrl_train.utils.ppo_utils",
)
_, trainer_module, config_module, generators, ppo_utils = itself(*SKYRL)

import numpy as np  # noqa: E402
import torch  # noqa: E402

import creditlib as cl  # noqa: E402
from creditlib.integrations import skyrl  # noqa: E402
from creditlib.integrations.patching import verify  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402
from creditlib.vocabulary.messages import ContractError  # noqa: E402

RayPPOTrainer = trainer_module.RayPPOTrainer
AlgorithmConfig, TrajectoryID = config_module.AlgorithmConfig, generators.TrajectoryID


@pytest.fixture(autouse=True, scope="module")
def registered():
    return skyrl.register()


def algorithm(name, creditlib=None, **changes):
    config = AlgorithmConfig(advantage_estimator=name, **changes)
    config.creditlib = creditlib
    return config


def dispatch(name, reward, mask, index, config=None, **options):
    return ppo_utils.compute_advantages_and_returns(
        token_level_rewards=reward,
        response_mask=mask,
        index=index,
        adv_estimator=name,
        config=config,
        **options,
    )


def trainer_of(base, name, steps, creditlib=None, dp_size=1, **changes):
    """A trainer of SkyRL without models: what its two methods read, and nothing else."""
    made = object.__new__(base)
    critic = SimpleNamespace(model=SimpleNamespace(path=None))
    made.cfg = SimpleNamespace(
        trainer=SimpleNamespace(
            algorithm=algorithm(name, creditlib, **changes),
            critic=critic,
        ),
        generator=SimpleNamespace(step_wise_trajectories=steps, merge_stepwise_output=False),
    )
    made.all_metrics = {}
    made.tokenizer = SimpleNamespace(pad_token_id=0)
    made.dispatch = SimpleNamespace(get_lcm_dp_size=lambda: dp_size)
    return made


def generated(rows, steps):
    """What a generator returns, from (prompt uid, repetition, loss mask, token rewards, last)."""
    output = {
        "prompt_token_ids": [[7, 7] for _ in rows],
        "response_ids": [[5] * len(row[2]) for row in rows],
        "loss_masks": [list(row[2]) for row in rows],
        "rewards": [list(row[3]) for row in rows],
        "rollout_logprobs": None,
        "stop_reasons": ["stop"] * len(rows),
        "rollout_metrics": None,
        "trajectory_ids": None,
        "is_last_step": None,
    }
    if steps:
        output["trajectory_ids"] = [TrajectoryID(row[0], row[1]) for row in rows]
        output["is_last_step"] = [row[4] for row in rows]
    return output, [row[0] for row in rows]


def run(trainer, output, uids, values=None):
    trainer.cfg.trainer.train_batch_size = len(set(uids))
    trainer.cfg.trainer.policy_mini_batch_size = len(set(uids))
    trainer.cfg.generator.n_samples_per_prompt = len(uids) // len(set(uids))
    data = trainer.convert_to_training_input(output, uids)
    data["values"] = values  # as `fwd_logprobs_values_reward` leaves it
    return trainer.compute_advantages_and_returns(data)


# Step-wise: task a solved in two steps by its first member and failed in one by its second, task b
# tried once; a step of another width each, the third with tool output in it.
STEPS = [
    ("a", 0, [1, 1], [0.0, 0.0], False),
    ("a", 0, [1, 0, 1], [0.0, 0.0, 1.0], True),
    ("a", 1, [1], [0.0], True),
    ("b", 0, [1, 1], [0.0, 5.0], True),
]


def test_every_hook_is_as_it_was_recorded():
    for hook in skyrl.TRAINER.hooks:
        verify(skyrl.TRAINER, hook)


def test_every_estimator_is_in_the_registry_and_twice_is_once(registered):
    available = ppo_utils.AdvantageEstimatorRegistry.list_available()
    assert {"creditlib_grpo", "creditlib_gigpo", "creditlib_gae", "grpo"} <= set(available)
    assert skyrl.register() == registered
    assert "creditlib_information_gain" not in available


def test_grpo_through_the_dispatcher_is_skyrls_own_with_its_preset():
    reward = torch.zeros(5, 3)
    reward[:, 2] = torch.tensor([0.0, 1.0, 0.5, 2.0, 0.25])
    mask = torch.tensor([[0, 1, 1], [1, 1, 1], [0, 0, 1], [1, 1, 1], [0, 1, 1]])
    index = ["a", "a", "a", "b", "b"]
    config = algorithm("creditlib_grpo", {"preset": "SKYRL_GRPO"})
    ours = dispatch("creditlib_grpo", reward, mask, index, config)
    theirs = dispatch("grpo", reward, mask, index, config)
    for own, other in zip(ours, theirs, strict=True):
        assert own.dtype == other.dtype
        assert own.shape == other.shape
        assert_close(own, other)


def test_norm_by_std_off_has_effect():
    reward, mask = torch.tensor([[1.0], [0.0]]), torch.ones(2, 1, dtype=torch.int64)
    ours, _ = dispatch("creditlib_grpo", reward, mask, ["a", "a"], grpo_norm_by_std=False)
    assert ours[:, 0].tolist() == [0.5, -0.5]


def test_gae_through_the_dispatcher_on_single_turns():
    reward, mask = torch.tensor([[0.0, 1.0]]), torch.tensor([[1, 1]])
    values = torch.tensor([[0.5, 0.25]])
    advantage, returns = dispatch(
        "creditlib_gae", reward, mask, ["a"], values=values, gamma=0.5, lambd=0.5
    )
    # δ1 = 1 - 0.25 = 0.75; δ0 = 0.5·0.25 - 0.5 = -0.375; A0 = -0.375 + 0.25·0.75 = -0.1875
    assert advantage.tolist() == [[-0.1875, 0.75]]
    assert returns.tolist() == [[0.3125, 1.0]]


def test_padding_rows_of_skyrl_have_no_part():
    reward, mask = torch.tensor([[1.0], [0.0], [1.0]]), torch.ones(3, 1, dtype=torch.int64)
    config = algorithm("creditlib_reinforce_plus_plus_baseline")
    name = "creditlib_reinforce_plus_plus_baseline"
    padded, _ = dispatch(name, reward, mask, ["a", "a", "pad0"], config)
    plain, _ = dispatch(name, reward[:2], mask[:2], ["a", "a"], config)
    assert torch.equal(padded[:2], plain)
    assert padded[2].item() == 0.0


def test_skyrls_step_wise_method_takes_the_registered_grpo():
    # SkyRL's own method, not the mixin: last steps only, spread over the steps.
    trainer = trainer_of(RayPPOTrainer, "creditlib_grpo", True, {"scale": None})
    data = run(trainer, *generated(STEPS, True))
    assert data["advantages"].tolist() == [
        [0.0, 0.5, 0.5],
        [0.5, 0.5, 0.5],
        [0.0, 0.0, -0.5],
        [0.0, 0.0, 0.0],
    ]


@pytest.mark.parametrize("name", ["gigpo", "grpo_process", "opo", "discounted_return", "gae"])
def test_what_last_steps_cannot_tell_is_refused_by_the_registry(name):
    trainer = trainer_of(RayPPOTrainer, f"creditlib_{name}", True)
    with pytest.raises(ContractError, match="credit_ray_trainer"):
        run(trainer, *generated(STEPS, True))


def test_the_mixin_credits_trajectories_on_the_positions_of_each_step():
    # SkyRL #1492/#1507: the last step's tensor was reused for rows with another mask.
    trainer = trainer_of(
        skyrl.credit_ray_trainer(RayPPOTrainer), "creditlib_grpo", True, {"scale": None}
    )
    data = run(trainer, *generated(STEPS, True))
    assert data["advantages"].tolist() == [
        [0.0, 0.5, 0.5],
        [0.5, 0.0, 0.5],
        [0.0, 0.0, -0.5],
        [0.0, 0.0, 0.0],
    ]
    assert data["advantages"].dtype == data["rewards"].dtype
    assert torch.equal(data["returns"], data["advantages"])


def test_the_mixin_agrees_with_skyrls_own_grpo_on_what_the_policy_wrote():
    own = run(trainer_of(RayPPOTrainer, "grpo", True), *generated(STEPS[:3], True))
    base = skyrl.credit_ray_trainer(RayPPOTrainer)
    ours = trainer_of(base, "creditlib_grpo", True, {"preset": "SKYRL_GRPO"})
    ours = run(ours, *generated(STEPS[:3], True))
    written = own["loss_mask"].bool()
    assert_close(ours["advantages"][written], own["advantages"][written])
    assert ours.metadata["metrics"].keys() == own.metadata["metrics"].keys()
    for key in ("avg_final_rewards", "avg_response_length"):
        assert ours.metadata["metrics"][key] == pytest.approx(own.metadata["metrics"][key])


def test_estimators_of_skyrl_stay_skyrls():
    own = run(trainer_of(RayPPOTrainer, "rloo", True), *generated(STEPS, True))
    mixed = trainer_of(skyrl.credit_ray_trainer(RayPPOTrainer), "rloo", True)
    data = run(mixed, *generated(STEPS, True))
    assert torch.equal(data["advantages"], own["advantages"])
    assert "creditlib" not in data.metadata


def test_gigpo_sees_the_steps_of_all_trajectories():
    settings = {"gamma": 1.0, "scale": None}
    output, uids = generated(STEPS[:3], True)
    output["creditlib"] = [{"anchor": "hall"}, {"anchor": "attic"}, {"anchor": "hall"}]
    trainer = trainer_of(skyrl.credit_ray_trainer(RayPPOTrainer), "creditlib_gigpo", True, settings)
    data = run(trainer, output, uids)
    # From the hall 1 and 0 were earned: ±0.5 beside the episode's ±0.5; alone in the attic: 0.
    assert data["advantages"].tolist() == [[0.0, 1.0, 1.0], [0.5, 0.0, 0.5], [0.0, 0.0, -1.0]]
    assert trainer.all_metrics["creditlib/group/count"] == 1
    assert data.metadata["metrics"]["avg_final_rewards"] == 0.5


def test_rewards_of_steps_are_seen_by_process_estimators():
    rows = [
        ("a", 0, [1], [0.5], False),
        ("a", 0, [1], [0.0], True),
        ("a", 1, [1], [0.0], True),
    ]
    name, settings = "creditlib_grpo_process", {"scale": None}
    trainer = trainer_of(skyrl.credit_ray_trainer(RayPPOTrainer), name, True, settings)
    data = run(trainer, *generated(rows, True))
    expected = cl.grpo_process(
        turn_reward=torch.tensor([[0.5, 0.0], [0.0, 0.0]]),
        group=torch.tensor([0, 0]),
        turn_count=torch.tensor([2, 1]),
        scale=None,
    )
    assert_close(data["advantages"][:, 0], torch.stack([*expected[0], expected[1, 0]]))


def test_padding_rejected_and_lone_rows_change_no_baseline():
    settings = {"scale": None}
    rejected = [("b", 1, [0, 0], [0.0, 9.0], True)]
    trainer = trainer_of(
        skyrl.credit_ray_trainer(RayPPOTrainer), "creditlib_grpo", True, settings, dp_size=4
    )
    data = run(trainer, *generated([*STEPS, *rejected], True))
    assert data.metadata["pad_size"] == 3
    plain = trainer_of(skyrl.credit_ray_trainer(RayPPOTrainer), "creditlib_grpo", True, settings)
    alone = run(plain, *generated(STEPS, True))
    assert torch.equal(data["advantages"][:4], alone["advantages"])
    assert data["advantages"][3:].abs().max() == 0.0


def test_whole_trajectories_in_one_row_with_tool_output():
    rows = [
        ("a", 0, [1, 0, 1], [0.0, 0.0, 1.0], True),
        ("a", 1, [1, 1, 0], [0.0, 0.0, 0.0], True),
    ]
    output, uids = generated(rows, False)
    output["creditlib"] = [{"anchor": ["hall", "attic"]}, {"anchor": ["hall"]}]
    settings = {"gamma": 1.0, "scale": None}
    trainer = trainer_of(
        skyrl.credit_ray_trainer(RayPPOTrainer), "creditlib_gigpo", False, settings
    )
    data = run(trainer, output, uids)
    assert data["advantages"].tolist() == [[1.0, 0.0, 0.5], [-1.0, -1.0, 0.0]]


def test_merged_steps_are_turns_again():
    # After SkyRL's prefix-aware merging a row holds several steps, its loss mask says which.
    rows = [("a", 0, [1, 0, 1], [0.5, 0.0, 1.0], True), ("a", 1, [1], [0.0], True)]
    name, settings = "creditlib_grpo_process", {"scale": None}
    trainer = trainer_of(skyrl.credit_ray_trainer(RayPPOTrainer), name, True, settings)
    trainer.cfg.generator.merge_stepwise_output = True
    data = run(trainer, *generated(rows, True))
    expected = cl.grpo_process(
        turn_reward=torch.tensor([[0.5, 1.0], [0.0, 0.0]]),
        group=torch.tensor([0, 0]),
        turn_count=torch.tensor([2, 1]),
        scale=None,
    )
    assert_close(data["advantages"][0, [0, 2]], expected[0])
    assert data["advantages"][0, 1] == 0.0


def gae_of(gap):
    rows = [("a", 0, [1, *[0] * gap, 1], [0.0, *[0.0] * gap, 1.0], True)]
    trainer = trainer_of(
        skyrl.credit_ray_trainer(RayPPOTrainer), "creditlib_gae", False, gamma=0.9, lambd=0.8
    )
    values = torch.tensor([[0.5, *[9.0] * gap, 0.25]])
    return run(trainer, *generated(rows, False), values)["advantages"][0, [0, -1]]


def test_tool_output_changes_no_token_credit():
    # miles #1827 and SkyRL's own gae: values of the tool output leak into the first turn.
    assert torch.equal(gae_of(0), gae_of(5))


def test_an_unscored_trajectory_is_as_if_deleted():
    rows = [("a", 2, [1], [float("nan")], True)]
    trainer = trainer_of(
        skyrl.credit_ray_trainer(RayPPOTrainer), "creditlib_grpo", True, {"scale": None}
    )
    data = run(trainer, *generated([*STEPS[:3], *rows, STEPS[3]], True))
    assert data["advantages"][3].tolist() == [0.0, 0.0, 0.0]
    assert data["advantages"][1].tolist() == [0.5, 0.0, 0.5]


def test_a_mean_over_padding_is_refused():
    # SkyRL #1305: advantage_batch_normalize takes an unmasked mean.
    for base in (RayPPOTrainer, skyrl.credit_ray_trainer(RayPPOTrainer)):
        trainer = trainer_of(base, "creditlib_grpo", True, advantage_batch_normalize=True)
        with pytest.raises(ContractError, match="advantage_batch_normalize"):
            run(trainer, *generated(STEPS, True))


def test_the_loss_reduction_of_skyrl_is_multiplied_in_after_us():
    trainer = trainer_of(
        skyrl.credit_ray_trainer(RayPPOTrainer), "creditlib_grpo", True, {"scale": None}
    )
    trainer.cfg.trainer.micro_train_batch_size_per_gpu = 1
    data = run(trainer, *generated(STEPS, True))
    before = data["advantages"].clone()
    reduced = trainer._normalize_advantages(data, [(0, 4)])
    assert_close(reduced["advantages"], before / data["loss_mask"].sum())


def test_the_settings_reach_through_skyrls_command_line():
    from dataclasses import dataclass, field

    from skyrl.train.config import make_config

    @dataclass
    class CreditConfig(AlgorithmConfig):
        creditlib: dict = field(default_factory=dict)

    made = make_config(algorithm_cls=CreditConfig)
    config = made.from_cli_overrides(
        ["trainer.algorithm.creditlib.scale=null", "trainer.algorithm.creditlib.lone=raw"]
    )
    reward, mask = torch.tensor([[1.0], [0.0], [3.0]]), torch.ones(3, 1, dtype=torch.int64)
    index = np.array(["a", "a", "b"])
    ours, _ = dispatch("creditlib_grpo", reward, mask, index, config.trainer.algorithm)
    assert ours[:, 0].tolist() == [0.5, -0.5, 3.0]
