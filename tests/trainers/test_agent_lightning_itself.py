"""The adapter inside agent-lightning: its trainer's module, in verl's environment.

CREDITLIB_SOURCE names a folder with its package; verl is installed. Its client, hooks and
rollout managers are empty stand-ins.
"""

import numpy as np
import pytest
import torch
from trainer_modules import itself
from trainer_sources import found, from_source, recorded

itself("verl")
OWN = (
    "agentlightning",
    "agentlightning.verl",
    "agentlightning.verl.rollout_level_advantage",
    "agentlightning.verl.trainer",
)
trainer = from_source(OWN)[-1]

from omegaconf import OmegaConf  # noqa: E402
from tensordict import TensorDict  # noqa: E402
from verl import DataProto  # noqa: E402

from creditlib.integrations import agent_lightning  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402
from creditlib.vocabulary.messages import ContractError  # noqa: E402

# Rows (data id, rollout, turn, outcome, response mask) as its rollout adapter writes them. Answers
# of a and c have a gap, d is excluded, e is alone with its data.
ROWS = [
    ("p", "a", 0, 1.0, [1, 1, 0]),
    ("p", "a", 1, 1.0, [1, 0, 1]),
    ("p", "a", 2, 1.0, [1, 1, 1]),
    ("p", "b", 0, 0.0, [1, 1, 0]),
    ("q", "c", 0, 0.75, [1, 0, 1]),
    ("q", "d", 0, 64.0, [0, 0, 0]),
    ("q", "f", 0, 0.25, [1, 1, 0]),
    ("s", "e", 0, 0.5, [1, 1, 1]),
]
FULL = [row for row in ROWS if row[1] not in ("d", "e")]


def batch(rows=ROWS, dtype=torch.bfloat16, **columns):
    mask = torch.tensor([row[4] for row in rows])
    reward = torch.zeros(mask.shape, dtype=dtype)
    reward[:, -1] = torch.tensor([row[3] for row in rows], dtype=dtype)
    tensors = {"response_mask": mask, "token_level_rewards": reward}
    data = DataProto(batch=TensorDict(tensors, batch_size=len(rows)))
    data.non_tensor_batch = {
        "uid": np.array([row[0] for row in rows], dtype=object),
        "rollout_id_list": np.array([row[1] for row in rows]),
        "turn_index_list": np.array([row[2] for row in rows]),
        **{name: np.array(values, dtype=object) for name, values in columns.items()},
    }
    return data


def called(function, data, name, section=None, scaled=False, **more):
    """The call of `AgentLightningTrainer`, with its keywords."""
    return function(
        data,
        adv_estimator=name,
        gamma=1.0,
        lam=1.0,
        num_repeat=2,
        norm_adv_by_std_in_grpo=scaled,
        config=OmegaConf.create({"creditlib": section}),
        **more,
    )


@pytest.fixture(autouse=True)
def installed():
    before = trainer.compute_advantage
    undo = agent_lightning.install()
    yield
    undo()
    assert trainer.compute_advantage is before


def per_row(data):
    credit, mask = data.batch["advantages"], data.batch["response_mask"]
    assert (credit[mask == 0] == 0).all()
    return credit[:, 0].tolist()


def test_every_hook_is_as_it_was_recorded():
    from creditlib.integrations.patching import locate, parameters_of, unwrap

    hooks = agent_lightning.TRAINER.hooks
    bared = [unwrap(locate(agent_lightning.TRAINER, hook)[2]) for hook in hooks]
    names = [list(parameters_of(each)) for each in bared]
    assert dict(zip([hook.path for hook in hooks], names, strict=True)) == recorded(
        "agent_lightning"
    )
    assert found(agent_lightning.TRAINER) != recorded("agent_lightning")  # ours is in the place


def test_a_rollout_counts_once_and_excluded_rows_not_at_all():
    data = called(trainer.compute_advantage, batch(), "creditlib_grpo")
    # p: 1 and 0 about 0.5. q: 0.75 and 0.25. e is alone.
    assert per_row(data) == [0.5, 0.5, 0.5, -0.5, 0.25, 0.0, -0.25, 0.0]
    assert data.batch["advantages"].dtype == torch.float32
    # verl's own, as agent-lightning calls it: three rows of 1 beside one of 0.
    own = called(trainer.compute_advantage, batch(), "grpo")
    assert float(own.batch["advantages"][0, 0]) == 0.25


@pytest.mark.parametrize("scaled", [True, False])
def test_the_preset_is_agent_lightnings_own_at_the_level_of_rollouts(scaled):
    preset = {"preset": "VERL_GRPO" if scaled else "VERL_DR_GRPO"}
    kind = torch.float32  # of rewards in bfloat16 verl takes the deviation in bfloat16
    ours = called(trainer.compute_advantage, batch(FULL, kind), "creditlib_grpo", preset, scaled)
    own, logged = called(
        trainer.compute_rollout_level_advantage, batch(FULL, kind), "grpo", scaled=scaled
    )
    assert_close(ours.batch["advantages"], own.batch["advantages"])
    assert logged["training/rollout_level_advantage/n_rollouts"] == 4


def test_the_credit_of_turns_with_a_copy_of_a_row():
    rows = [ROWS[i] for i in (2, 3, 0, 1, 0)]
    words = ["attic", "hall", "hall", "hall", "hall"]
    reward = [1.0, 0.0, 0.0, 0.0, 0.0]
    data = called(
        trainer.compute_advantage,
        batch(rows, anchor=words, turn_reward=reward),
        "creditlib_gigpo",
    )
    # Episodes ±0.5. In the hall 1, 1 and 0 are to come, about 2/3; the attic is seen once.
    third = 1 / 3
    expected = torch.tensor([0.5, -0.5 - 2 * third, 0.5 + third, 0.5 + third, 0.5 + third])
    assert_close(data.batch["advantages"][:, 0], expected)


def test_a_name_and_options_come_from_the_configuration():
    section = {"estimator": "rloo"}
    data = called(trainer.compute_advantage, batch(), "creditlib", section)
    assert per_row(data) == [1.0, 1.0, 1.0, -1.0, 0.5, 0.0, -0.5, 0.0]


def test_one_number_for_each_rollout_is_refused_for_ours():
    with pytest.raises(ContractError, match="enable_rollout_level_advantage"):
        called(trainer.compute_rollout_level_advantage, batch(FULL), "creditlib_gigpo")
