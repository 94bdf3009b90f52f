"""agent-lightning: verl's DataProto with rows of turns, rollouts and data ids."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from stand_in import placed

from creditlib.integrations import agent_lightning as ours
from creditlib.integrations.patching import HookError
from creditlib.rows.settings import credit_settings

# Rows (data id, rollout, turn, reward, response mask). The reward of the last row lies where its
# mask is 0, that of the row before it is the whole batch's largest and rejected.
ROWS = [
    ("d", "r1", 0, 1.0, [1, 1, 0]),
    ("d", "r1", 1, 1.0, [1, 0, 0]),
    ("d", "r1", 2, 1.0, [1, 1, 1]),
    ("d", "r2", 0, 0.0, [1, 1, 0]),
    ("e", "r3", 0, 0.75, [1, 0, 1]),
    ("d", "r4", 0, 64.0, [0, 0, 0]),
    ("e", "r5", 0, 0.25, [1, 1, 0]),
]


def batch(rows=ROWS, turns=True, dtype=torch.bfloat16):
    mask = torch.tensor([row[4] for row in rows])
    rewards = torch.zeros(mask.shape, dtype=dtype)
    rewards[:, -1] = torch.tensor([row[3] for row in rows], dtype=dtype)
    named = {"uid": np.array([row[0] for row in rows], dtype=object)}
    named["rollout_id_list"] = np.array([row[1] for row in rows])
    if turns:
        named["turn_index_list"] = np.array([row[2] for row in rows])
    tensors = {"response_mask": mask, "token_level_rewards": rewards}
    return SimpleNamespace(batch=tensors, non_tensor_batch=named, meta_info={})


def per_row(data):
    found, mask = data.batch["advantages"], data.batch["response_mask"]
    assert (found[mask == 0] == 0).all()
    return found[:, 0].tolist()


PLAIN = {"estimator": "grpo", "scale": None}


def test_a_rollout_counts_once_however_many_turns_it_has():
    """agent-lightning #444: r1 has three rows and would change the mean of d to 0.75."""
    data = ours.credit_lightning_batch(batch(), credit_settings(PLAIN))
    assert per_row(data) == [0.5, 0.5, 0.5, -0.5, 0.25, 0.0, -0.25]
    assert data.batch["advantages"].dtype == data.batch["returns"].dtype == torch.float32


def test_turns_out_of_order_and_copies_of_rows():
    rows = [ROWS[i] for i in (2, 6, 0, 3, 0, 1, 4)]
    data = batch(rows)
    data.non_tensor_batch["turn_reward"] = np.array([4.0, 0.0, 1.0, 0.0, 1.0, 2.0, 0.0])
    ours.credit_lightning_batch(data, credit_settings({"estimator": "grpo_process", "scale": None}))
    # d: r1's turns 1, 2, 4 and r2's 0, about their mean 7/4: -3/4, 1/4, 9/4, -7/4. Still to come:
    # 7/4, 10/4, 9/4; the copy of turn 0 has the number of turn 0. In e all rewards are 0.
    assert per_row(data) == [2.25, 0.0, 1.75, -1.75, 1.75, 2.5, 0.0]


# Each transition of r1 holds its own reward, as an adapter of one's own may write it; d's other
# rollout earns nothing.
OWN = [("d", "r1", 0, 1.0, [1, 1, 0]), ("d", "r1", 1, 0.0, [1, 0, 0]), ("d", "r2", 0, 0.0, [1] * 3)]


def test_rewards_of_transitions_are_refused_or_summed(refusal):
    """By the last row r1 would have 0, so no row any credit. The sums are 1 and 0, about 1/2."""
    said = refusal(ours.credit_lightning_batch, batch(OWN), credit_settings(PLAIN))
    assert said == (
        "read_rows: `reward` must be the same in all scored rows of a trajectory, got 1 in row 0 "
        'and 0 in row 1; say `outcome`: "last", "sum" or "mean"; rewards of turns are the column '
        "`turn_reward`."
    )
    data = ours.credit_lightning_batch(batch(OWN), credit_settings({**PLAIN, "outcome": "sum"}))
    assert per_row(data) == [0.5, 0.5, -0.5]


def test_a_penalty_lies_in_each_row_and_is_no_other_reward():
    """A KL penalty of 1/4 in each of r1's rows: 1 - 3/4 and 0, about 1/8."""
    data = batch(ROWS[:4], dtype=torch.float32)
    data.batch["token_level_scores"] = data.batch["token_level_rewards"]
    penalty = torch.zeros(4, 3)
    penalty[:3, 0] = -0.25
    data.batch["token_level_rewards"] = data.batch["token_level_scores"] + penalty
    ours.credit_lightning_batch(data, credit_settings(PLAIN))
    assert per_row(data) == [0.125, 0.125, 0.125, -0.125]


def test_a_gap_in_a_turn_is_no_step():
    """The middle token of r3's turn is no token of the policy: gamma 1/2 skips it."""
    settings = credit_settings({"estimator": "discounted_return", "gamma": 0.5})
    data = ours.credit_lightning_batch(batch(ROWS[4:5]), settings)
    assert data.batch["advantages"].tolist() == [[0.375, 0.0, 0.75]]


def test_a_misspelt_column_is_refused(refusal):
    data = batch()
    data.non_tensor_batch["anchors"] = np.array(["hall"] * len(ROWS), dtype=object)
    assert "name it 'anchor'" in refusal(
        ours.credit_lightning_batch, data, credit_settings({"estimator": "gigpo"})
    )


def test_merged_trajectories_have_no_turn_index():
    data = ours.credit_lightning_batch(
        batch([ROWS[0], ROWS[3]], turns=False), credit_settings(PLAIN)
    )
    assert per_row(data) == [0.5, -0.5]


def test_rewards_that_bfloat16_made_equal_stay_equal():
    """.3, .3008, .3016, .3024 are stored as bfloat16; what is lost there is lost."""
    rows = [("d", f"r{i}", 0, r, [1, 1, 1]) for i, r in enumerate((0.3, 0.3008, 0.3016, 0.3024))]
    stored = torch.tensor([row[3] for row in rows], dtype=torch.bfloat16)
    assert len(stored.unique()) == 2
    data = ours.credit_lightning_batch(batch(rows), credit_settings(PLAIN))
    spread = (stored.double() - stored.double().mean()).float()
    assert per_row(data) == spread.tolist()
    exact = ours.credit_lightning_batch(batch(rows, dtype=torch.float32), credit_settings(PLAIN))
    assert len(set(per_row(exact))) == 4


def stand_in(monkeypatch):
    def compute_advantage(
        data, adv_estimator, gamma=1.0, lam=1.0, num_repeat=1, norm_adv_by_std_in_grpo=True,
        config=None,
    ):  # fmt: skip
        return "its own"

    def compute_rollout_level_advantage(
        batch, *, adv_estimator, gamma, lam, num_repeat, norm_adv_by_std_in_grpo=True, config=None,
        compute_advantage_fn=None,
    ):  # fmt: skip
        return "its own", {}

    functions = {"compute_advantage": compute_advantage}
    functions["compute_rollout_level_advantage"] = compute_rollout_level_advantage
    return placed(monkeypatch, {"agentlightning.verl.trainer": functions})[0]


def call(function, name, data, **more):
    given = {"adv_estimator": name, "gamma": 0.5, "lam": 1.0, "num_repeat": 2}
    return function(data, **{**given, "norm_adv_by_std_in_grpo": True, "config": {}, **more})


def test_the_configuration_says_which(monkeypatch):
    module = stand_in(monkeypatch)
    undo = ours.install()
    assert call(module.compute_advantage, "grpo", batch()) == "its own"
    data = call(module.compute_advantage, "creditlib_grpo", batch(), norm_adv_by_std_in_grpo=False)
    assert per_row(data) == [0.5, 0.5, 0.5, -0.5, 0.25, 0.0, -0.25]
    assert data.meta_info["metrics"]["creditlib/rows/excluded"] == pytest.approx(1 / 7)
    config = {"creditlib": {"estimator": "rloo"}}
    data = call(module.compute_advantage, "creditlib", batch(), config=config)
    assert per_row(data) == [1.0, 1.0, 1.0, -1.0, 0.5, 0.0, -0.5]
    undo()
    assert call(module.compute_advantage, "creditlib", batch()) == "its own"


def test_the_adapter_of_verl_does_not_stand_in_the_way(monkeypatch):
    """verl's own adapter may have wrapped the function that agent-lightning imports."""
    module = stand_in(monkeypatch)
    bare = module.compute_advantage

    @functools.wraps(bare)
    def of_verl(data, adv_estimator, **more):
        return "rows of turns as rollouts"

    of_verl.creditlib_original = bare
    module.compute_advantage = of_verl
    undo = ours.install()
    data = call(module.compute_advantage, "creditlib_grpo", batch(), norm_adv_by_std_in_grpo=False)
    assert per_row(data) == [0.5, 0.5, 0.5, -0.5, 0.25, 0.0, -0.25]
    undo()
    assert module.compute_advantage is of_verl


def test_one_number_for_each_rollout_is_refused(monkeypatch, refusal):
    module = stand_in(monkeypatch)
    ours.install()
    assert call(module.compute_rollout_level_advantage, "grpo", batch()) == ("its own", {})
    said = refusal(call, module.compute_rollout_level_advantage, "creditlib_gigpo", batch())
    assert said == (
        "agent-lightning: `enable_rollout_level_advantage` must be False, got True: it gives one "
        "number to all turns of a rollout."
    )


def test_a_function_that_has_moved_is_refused(monkeypatch):
    stand_in(monkeypatch).compute_advantage = lambda batch: batch
    with pytest.raises(HookError, match=r"agent-lightning.*: .* as in 1.0.2, got \(batch\)"):
        ours.install()
