"""The adapter inside ROLL's source: the module of its agentic pipeline, its DataProto and rewards.

CREDITLIB_SOURCE names a checkout. Ray, platforms, models and the rest of ROLL are empty stand-ins.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from trainer_sources import found, from_source, recorded

AGENTIC = "roll.pipeline.agentic"
OWN = (
    "roll.distributed.scheduler.remote_protocol",
    "roll.distributed.scheduler.protocol",
    "roll.utils.functionals",
    f"{AGENTIC}.agentic_config",
    f"{AGENTIC}.utils",
    f"{AGENTIC}.agentic_pipeline",
)
_, protocol, functionals, configuration, utils, pipeline = from_source(
    OWN, missing=("ray", "codetiming", "imageio", "omegaconf")
)

from tensordict import TensorDict  # noqa: E402

from creditlib.integrations import roll  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402
from creditlib.vocabulary.messages import ContractError  # noqa: E402

# Step rows (group, trajectory, step, state, step score, episode score, response mask). Two tasks
# share the state h. The last row but one is a copy of the first, the last a placeholder without
# tokens.
ROWS = [
    ("g", "g0", 0, "h", 0.0, 1.0, [0, 1, 1, 0]),
    ("g", "g0", 1, "k", 1.0, 1.0, [0, 1, 0, 0]),
    ("g", "g1", 0, "h", 0.0, 0.0, [0, 1, 1, 1]),
    ("q", "q0", 0, "h", 4.0, 4.0, [0, 1, 1, 0]),
    ("q", "q1", 0, "h", 2.0, 2.0, [0, 1, 0, 0]),
    ("z", "z0", 0, "h", 7.0, 7.0, [0, 1, 1, 0]),
    ("g", "g0", 0, "h", 0.0, 1.0, [0, 1, 1, 0]),
    ("g", "g9", 0, "h", 90.0, 90.0, [0, 0, 0, 0]),
]
# One step for each trajectory: where ROLL's rows are what a group should count.
SINGLE = [
    ("g", f"g{i}", 0, "h", score, score, [0, *[1] * (1 + i % 3), *[0] * (2 - i % 3)])
    for i, score in enumerate((1.0, 0.0, 0.25, 0.5))
] + [("q", f"q{i}", 0, "k", score, score, [0, 1, 1, 1]) for i, score in enumerate((3.0, 1.0))]


def attended(mask):
    """1 up to the last token that was written."""
    return mask.flip(1).cumsum(1).flip(1).clamp(max=1).long()


def proto(rows):
    """ROLL's batch, as its environment managers fill it."""
    mask = torch.tensor([row[6] for row in rows], dtype=torch.float32)
    scores = torch.zeros(mask.shape)
    # On the last token that was written.
    for number, row in enumerate(rows):
        scores[number, max([0, *mask[number].nonzero().flatten().tolist()])] = row[4]
    tensors = {"response_mask": mask, "scores": scores, "attention_mask": attended(mask)}
    tensors["position_ids"] = torch.arange(mask.shape[1]).expand(mask.shape)
    data = protocol.DataProto(batch=TensorDict(tensors, batch_size=len(rows)))
    names = ("traj_group_id", "traj_id", "step", "state_hash", "step_scores", "episode_scores")
    for place, name in enumerate(names):
        data.non_tensor_batch[name] = np.empty(len(rows), dtype=object)
        data.non_tensor_batch[name][:] = [row[place] for row in rows]
    if rows[0][2] is None:
        del data.non_tensor_batch["step"]
    return data


def through(rows, estimator, **settings):
    """From a batch to its advantages in the order of the pipeline's `run`."""
    normalization = configuration.RewardNormalizationConfig(grouping="traj_group_id", method="mean")
    config = SimpleNamespace(
        adv_estimator=estimator,
        reward_normalization=normalization,
        episode_reward_weight=1.0,
        step_reward_weight=1.0,
        reward_clip=None,
        is_pure_opd=False,
        use_opd=False,
        add_token_level_kl=False,
    )
    data = proto(rows) if isinstance(rows, list) else rows
    data = pipeline.compute_discounted_returns(data, estimator, gamma=1.0)
    data, _ = pipeline.compute_response_level_rewards(data, config)
    # What `compute_token_reward` makes without a penalty of KL.
    data.batch["token_level_rewards"] = functionals.expand_to_token_level(data)
    given = {"gamma": 1.0, "lambd": 1.0, "advantage_clip": None} | settings
    given = {"whiten_advantages": False, "whiten_rewards": False} | given
    return pipeline.agentic_compute_advantage(
        data=data, adv_estimator=estimator, pipeline_config=config, **given
    )


@pytest.fixture
def install():
    undo = []

    def installed(settings, *names):
        undo.append(roll.install(settings, instead_of=names))

    yield installed
    for each in undo:
        each()
    assert pipeline.agentic_compute_advantage is utils.agentic_compute_advantage


def test_every_hook_is_as_it_was_recorded():
    assert found(roll.TRAINER) == recorded("roll")


GIGPO = {"estimator": "gigpo", "scale": None}


def test_gigpo_is_rolls_own_on_single_steps(install):
    own = through(SINGLE, "gigpo")
    install(GIGPO, "gigpo")
    ours = through(SINGLE, "gigpo")
    for name in ("advantages", "raw_advantages"):
        mask = ours.batch["response_mask"][:, 1:]
        assert_close(ours.batch[name] * mask, own.batch[name] * mask)
        assert ours.batch[name].shape == own.batch[name].shape
        assert ours.batch[name].dtype == own.batch[name].dtype
    # g: 1 about 1.75 / 4, for the episode and for the state.
    assert float(ours.batch["advantages"][0, 0]) == 2 * (1 - 1.75 / 4)


def test_grpo_is_rolls_own_and_other_names_stay_rolls(install):
    own = through(SINGLE, "reinforce")
    install({"scale": None, "estimator": "grpo"}, "grpo")
    ours, others = through(SINGLE, "grpo"), through(SINGLE, "reinforce")
    assert_close(ours.batch["advantages"], own.batch["advantages"])
    assert torch.equal(others.batch["advantages"], own.batch["advantages"])


def first_tokens(data):
    credit, mask = data.batch["advantages"], data.batch["response_mask"][:, 1:]
    assert (credit[mask == 0] == 0).all()
    assert all(len(row[own != 0].unique()) <= 1 for row, own in zip(credit, mask, strict=True))
    return credit[:, 0].tolist()


def test_steps_of_two_tasks_with_a_copy_a_placeholder_and_a_lone_trajectory(install):
    install(GIGPO, "gigpo")
    data = through(ROWS, "gigpo")
    # Episodes: g 1 and 0, ±0.5; q 4 and 2, ±1; z is alone. To come at h: g 1 and 0, q 4 and 2.
    assert first_tokens(data) == [1.0, 0.5, -1.0, 2.0, -2.0, 0.0, 1.0, 0.0]
    assert data.batch["returns"].tolist() == data.batch["advantages"].tolist()
    metrics = data.meta_info["metrics"]
    assert metrics["creditlib/rows/excluded"] == 1 / 8
    assert metrics["creditlib/rows/copies"] == 1 / 8


def test_rows_of_whole_trajectories_with_tool_output(install):
    install(GIGPO, "reinforce")
    rows = [
        ("g", "g0", None, ["h", "k"], 1.0, 1.0, [0, 1, 0, 0, 1]),
        ("g", "g1", None, ["h"], 0.0, 0.0, [0, 1, 1, 1, 0]),
    ]
    data = proto(rows)
    for number, rewards in enumerate(([0.0, 1.0], [0.0])):
        data.non_tensor_batch["step_scores"][number] = rewards
    data = through(data, "reinforce")
    # Episodes ±0.5; at h 1 and 0 are to come, ±0.5 again; k is seen once.
    assert data.batch["advantages"].tolist() == [[1.0, 0.0, 0.0, 0.5], [-1.0, -1.0, -1.0, 0.0]]


def test_what_roll_itself_makes_of_them():
    # The 90 of the placeholder is one more trajectory, and h is one state in all three tasks.
    own = through(ROWS, "gigpo").batch["step_rewards_norm"]
    states = list(through(ROWS, "gigpo").non_tensor_batch["state_group_id"])
    assert states == [row[3] for row in ROWS]
    # g0's row and its copy are two steps there, with 1 + 0 and 1 to come: (1 + 1 + 0 + 4 + 2 + 7 +
    # 90) / 7 = 15.
    assert_close(own[3], torch.tensor(4.0 - 15.0))


def test_the_clip_comes_last_and_what_would_be_lost_is_refused(install):
    install({"scale": None, "estimator": "grpo"}, "reinforce")
    data = through(ROWS[:5], "reinforce", advantage_clip=0.75)
    assert first_tokens(data) == [0.5, 0.5, -0.5, 0.75, -0.75]
    assert float(data.batch["raw_advantages"][3, 0]) == 1.0
    with pytest.raises(ContractError, match="whiten_advantages"):
        through(ROWS[:5], "reinforce", whiten_advantages=True)
