"""verl-agent's step rows: its own numbers by preset, declared statistics by default."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

import creditlib as cl
from creditlib.integrations import verl_agent
from creditlib.integrations.patching import HookError
from creditlib.testing import assert_close
from creditlib.vocabulary.messages import ContractError

DATA = Path(__file__).parents[1] / "data"


def proto(rows, mask=None, **more):
    """Step rows as dicts of uid, traj, seen, step_reward (discounted), outcome, valid."""
    mask = torch.ones(len(rows), 2, dtype=torch.int64) if mask is None else mask
    scores = torch.zeros(mask.shape)
    invalid = torch.tensor([not row.get("valid", True) for row in rows])
    scores[:, 0] = torch.tensor([float(row["outcome"]) for row in rows]) - 0.1 * invalid
    returns = torch.tensor([float(row["step_reward"]) for row in rows]) - 0.1 * invalid
    seen = np.empty(len(rows), dtype=object)
    seen[:] = [row["seen"] for row in rows]
    beside = {
        "uid": np.array([row["uid"] for row in rows], dtype=object),
        "traj_uid": np.array([row["traj"] for row in rows], dtype=object),
        "anchor_obs": seen,
        "episode_rewards": np.array([row["outcome"] for row in rows]),
        "rewards": np.array([row.get("reward", 0.0) for row in rows]),
        "is_action_valid": ~invalid.numpy(),
        **more,
    }
    batch = {
        "response_mask": mask,
        "token_level_scores": scores,
        "token_level_rewards": scores.clone(),
        "step_rewards": returns,
    }
    return SimpleNamespace(batch=batch, non_tensor_batch=beside, meta_info={})


@pytest.fixture
def module(monkeypatch):
    found = ModuleType("verl.trainer.ppo.ray_trainer")

    def compute_advantage(
        data, adv_estimator, gamma=1.0, lam=1.0, num_repeat=1, multi_turn=False,
        norm_adv_by_std_in_grpo=True, step_advantage_w=1.0, gigpo_mode="mean_std_norm",
        gigpo_enable_similarity=False, gigpo_similarity_thresh=0.95, **kwargs,
    ):  # fmt: skip
        data.batch["advantages"] = "its own"
        return data

    def adjust_batch(config, data, mode="copy"):
        """Copies rows, as the fork does, and shuffles, as its balancing does."""
        order = config["order"]
        for source in (data.batch, data.non_tensor_batch):
            for name, x in source.items():
                source[name] = x[order]
        return data

    found.compute_advantage, found.adjust_batch = compute_advantage, adjust_batch
    monkeypatch.setitem(sys.modules, found.__name__, found)
    return found


# Two trajectories of one task: won in one step, lost in three.
ROWS = [
    {"uid": "t", "traj": "won", "seen": "hall", "step_reward": 1.0, "outcome": 1.0},
    {"uid": "t", "traj": "lost", "seen": "hall", "step_reward": 0.0, "outcome": 0.0},
    {"uid": "t", "traj": "lost", "seen": "attic", "step_reward": 0.0, "outcome": 0.0},
    {"uid": "t", "traj": "lost", "seen": "attic", "step_reward": 0.0, "outcome": 0.0},
]


def test_a_long_failure_does_not_outvote_a_short_success(module):
    """verl-agent #138, #217: over trajectories the outcome's mean is 1/2; over step rows 1/4.
    In the hall the returns are 1 and 0."""
    verl_agent.install()
    data = module.compute_advantage(proto(ROWS), "gigpo", gigpo_mode="mean_norm")
    assert data.batch["advantages"][:, 0].tolist() == [0.5 + 0.5, -0.5 - 0.5, -0.5, -0.5]


def test_its_own_statistics_by_preset(module):
    verl_agent.install({"preset": "VERL_AGENT_GIGPO_MEAN"})
    data = module.compute_advantage(proto(ROWS), "gigpo", gigpo_mode="mean_norm")
    assert data.batch["advantages"][:, 0].tolist() == [0.75 + 0.5, -0.25 - 0.5, -0.25, -0.25]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 1, 1], [3, 1, 0, 1, 2, 1], [1, 0, 1, 3, 2, 0]])
def test_copies_and_order_change_nothing(module, order):
    """Rows are copied at random until the batch divides, then shuffled by length."""
    verl_agent.install()
    plain = module.compute_advantage(proto(ROWS), "gigpo").batch["advantages"]
    data = module.adjust_batch({"order": np.array(order)}, proto(ROWS))
    found = module.compute_advantage(data, "gigpo").batch["advantages"]
    assert found.equal(plain[order])
    assert data.meta_info["metrics"]["creditlib/rows/copies"] == 2 / 6


def test_a_penalty_is_the_turns_own(module):
    """Row 1 was invalid: its score and its return are 0.1 less. Means over trajectories: outcome 1
    and -0.1/3 (its mean penalty); hall: 1 and -0.1."""
    rows = [dict(row) for row in ROWS]
    rows[1]["valid"] = False
    verl_agent.install()
    data = module.compute_advantage(proto(rows), "gigpo", gigpo_mode="mean_norm")
    mean = (1 - 0.1 / 3) / 2
    wanted = [1 - mean + 0.55, -0.1 - mean - 0.55, -mean, -mean]
    assert_close(data.batch["advantages"][:, 0], torch.tensor(wanted))


def test_a_kl_penalty_of_every_step_shapes_the_outcome(module):
    data = proto(ROWS)
    data.batch["token_level_rewards"] = data.batch["token_level_scores"] - 0.125
    verl_agent.install()
    module.compute_advantage(data, "gigpo", gigpo_mode="mean_norm", step_advantage_w=0.0)
    won, lost = 1 - 0.25, -0.75  # two tokens a row; one row, three rows
    wanted = [(won - lost) / 2, *[(lost - won) / 2] * 3]
    assert data.batch["advantages"][:, 0].tolist() == wanted


def test_similar_texts_may_share_a_state(module):
    rows = [dict(row, seen=f"a red door, number {n}") for n, row in enumerate(ROWS[:2])]
    verl_agent.install()
    strict = module.compute_advantage(proto(rows), "gigpo", gigpo_mode="mean_norm")
    assert strict.batch["advantages"][:, 0].tolist() == [0.5, -0.5]
    similar = {"gigpo_enable_similarity": True, "gigpo_similarity_thresh": 0.9}
    near = module.compute_advantage(proto(rows), "gigpo", gigpo_mode="mean_norm", **similar)
    assert near.batch["advantages"][:, 0].tolist() == [1.0, -1.0]


def test_other_estimators_take_the_raw_step_rewards(module):
    rows = [dict(row, reward=r) for row, r in zip(ROWS, (1.0, 0.25, 0.0, 0.5), strict=True)]
    verl_agent.install({"estimator": "grpo_process", "scale": None})
    found = module.compute_advantage(proto(rows), "gigpo").batch["advantages"][:, 0]
    wanted = cl.grpo_process(
        turn_reward=torch.tensor([[1.0, 0, 0], [0.25, 0.0, 0.5]]),
        group=torch.tensor([0, 0]),
        turn_count=torch.tensor([1, 3]),
        scale=None,
    )
    assert_close(found, torch.stack([wanted[0, 0], *wanted[1]]))


def test_other_names_stay_its_own(module):
    undo = verl_agent.install()
    assert module.compute_advantage(proto(ROWS), "grpo").batch["advantages"] == "its own"
    undo()
    assert module.compute_advantage(proto(ROWS), "gigpo").batch["advantages"] == "its own"


def test_gamma_is_the_trainers(module):
    verl_agent.install({"gamma": 0.5})
    with pytest.raises(ContractError, match=r"`gamma` must be algorithm\.gamma: the returns"):
        module.compute_advantage(proto(ROWS), "gigpo")


def test_two_penalties_are_refused(module):
    data = proto([dict(row, valid=False) for row in ROWS])
    data.batch["token_level_scores"][0, 0] -= 1
    verl_agent.install()
    with pytest.raises(ContractError, match=r"lower by the same penalty in all .*, got 0\.1, 1\.1"):
        module.compute_advantage(data, "gigpo")


def test_a_trainer_that_moved_is_refused(module):
    module.adjust_batch = lambda config, data: data
    with pytest.raises(HookError, match=r"must be \(config, data, mode\) as in 2026-08"):
        verl_agent.install()


@pytest.mark.parametrize("name", ["official_11", "official_12"])
@pytest.mark.parametrize(("mode", "preset"), [("mean_norm", "_MEAN"), ("mean_std_norm", "")])
def test_the_authors_numbers_on_their_layout(module, name, mode, preset):
    """What their code returned on ragged batches, put into step rows and shuffled."""
    batch = {key: torch.from_numpy(x) for key, x in np.load(DATA / f"{name}.npz").items()}
    returns = torch.zeros_like(batch["turn_reward"], dtype=torch.float64)
    width = returns.shape[1]
    for k in reversed(range(width)):
        later = returns[:, k + 1] if k + 1 < width else 0
        returns[:, k] = batch["turn_reward"][:, k] + 0.95 * later
    rows, wanted = [], []
    parts = [batch[f"gigpo_{mode}_0.95_{part}"] for part in ("step", "episode_over_steps")]
    for i, count in enumerate(batch["turn_count"].tolist()):
        for k in range(count):
            rows.append(
                {
                    "uid": str(int(batch["group"][i])),
                    "traj": str(i),
                    "seen": str(int(batch["anchor"][i, k])),
                    "step_reward": float(returns[i, k]),
                    "outcome": float(batch["turn_reward"][i, :count].sum()),
                }
            )
            wanted.append(float(parts[0][i, k] + parts[1][i, k]))
    verl_agent.install({"preset": f"VERL_AGENT_GIGPO{preset}"})
    order = np.random.default_rng(0).permutation(len(rows))
    data = module.adjust_batch({"order": order}, proto(rows))
    module.compute_advantage(data, "gigpo", gigpo_mode=mode)
    assert_close(data.batch["advantages"][:, 0], torch.tensor(wanted)[order], "golden")
