"""ROLL's agentic pipeline: step rows of a DataProto, whole sequences shifted by one."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from stand_in import placed

from creditlib.integrations import roll as ours
from creditlib.integrations.patching import HookError
from creditlib.rows.settings import credit_settings


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def steps(rows, width=4):
    """Rows (group, trajectory, step, state, step score, episode score, written tokens)."""
    count = len(rows)
    mask = torch.zeros(count, width)
    for number, row in enumerate(rows):
        mask[number, 1 : 1 + row[6]] = 1
    scores = torch.zeros(count, width)
    scores[:, -1] = torch.tensor([float(row[4]) for row in rows])
    names = ("traj_group_id", "traj_id", "step", "state_hash", "step_scores", "episode_scores")
    named = {name: objects([row[i] for row in rows]) for i, name in enumerate(names)}
    return SimpleNamespace(
        batch={"response_mask": mask, "scores": scores}, non_tensor_batch=named, meta_info={}
    )


# Two tasks with the same states h and k: their hashes are equal, their anchors are not.
ROWS = [
    ("g", "g0", 0, "h", 0.0, 1.0, 2),
    ("g", "g0", 1, "k", 1.0, 1.0, 1),
    ("g", "g1", 0, "h", 0.0, 0.0, 3),
    ("q", "q0", 0, "h", 4.0, 4.0, 1),
    ("q", "q1", 0, "h", 2.0, 2.0, 1),
]


def first_tokens(data):
    """The number of each row; its first written token is at 0 of the shifted row."""
    found = data.batch["advantages"]
    assert (found[data.batch["response_mask"][:, 1:] == 0] == 0).all()
    return found[:, 0].tolist()


def credit(rows=ROWS, **settings):
    data = steps(rows)
    return ours.credit_roll_batch(
        data, credit_settings({"estimator": "grpo", "scale": None, **settings})
    )


def test_a_step_is_one_turn_whatever_its_mask_leaves_out():
    """g0's first step has a gap and one state: both met h, with returns 0.5 and -0.5 apart."""
    data = steps([(*row[:6], 3) for row in ROWS])
    data.batch["response_mask"][0, 2] = 0
    settings = {"estimator": "gigpo", "scale": None, "gamma": 1.0, "episode_over": "trajectory"}
    ours.credit_roll_batch(data, credit_settings(settings))
    found = data.batch["advantages"]
    assert found[0].tolist() == [1.0, 0.0, 1.0]  # 0.5 beside g1, and 0.5 in the hall


def test_the_outcome_of_a_trajectory_counts_once_however_many_rows_it_has():
    """verl-agent #138, agent-lightning #444: rows of steps in the group. g: 1 and 0, q: 4 and 2."""
    data = credit()
    assert first_tokens(data) == [0.5, 0.5, -0.5, 1.0, -1.0]
    assert data.batch["returns"].tolist() == data.batch["advantages"].tolist()
    assert data.batch["advantages"].shape == (5, 3)


def test_equal_states_of_two_tasks_are_two_anchors():
    """ROLL groups step rewards by `state_hash` over the whole batch; see `build_state_group`."""
    data = credit(estimator="gigpo", gamma=1.0)
    # Step rewards to come: g0 1, 1; g1 0; q 4, 2. In g at h: 1 and 0, ±0.5, at k no other.
    # In q at h: 4 and 2, ±1. With all four h in one group the mean would be 7 / 4.
    assert first_tokens(data) == [1.0, 0.5, -1.0, 2.0, -2.0]


def test_a_copied_row_counts_once_and_a_row_without_tokens_not_at_all():
    """verl-agent's copies for divisibility; ROLL's placeholders have no written token."""
    rows = [*ROWS, ROWS[0], ("g", "g9", 0, "h", 9.0, 90.0, 0)]
    assert first_tokens(credit(rows)) == [0.5, 0.5, -0.5, 1.0, -1.0, 0.5, 0.0]
    data = credit(rows, estimator="gigpo", gamma=1.0)
    assert first_tokens(data) == [1.0, 0.5, -1.0, 2.0, -2.0, 1.0, 0.0]


def test_rows_of_steps_out_of_order_are_put_in_order():
    order = [3, 1, 4, 0, 2]
    data = credit([ROWS[i] for i in order], estimator="gigpo", gamma=1.0)
    assert first_tokens(data) == [2.0, 0.5, -2.0, 1.0, -1.0]


def test_a_reward_on_a_token_that_is_masked_counts():
    """verl #6310: without `episode_scores` the outcome is the sum over all tokens."""
    data = steps([("g", "a", 0, "", 3.0, None, 1), ("g", "b", 0, "", 1.0, None, 1)])
    del data.non_tensor_batch["episode_scores"]
    ours.credit_roll_batch(data, credit_settings({"estimator": "grpo", "scale": None}))
    assert first_tokens(data) == [1.0, -1.0]


def test_values_of_padding_are_not_read():
    """ROLL masks `batch["values"]` but recurses over the unmasked ones."""
    data = steps([("g", "a", 0, "", 1.0, 1.0, 2)])
    data.batch["values"] = torch.tensor([[0.5, 0.25, 0.8]])
    ours.credit_roll_batch(data, credit_settings({"estimator": "gae", "gamma": 1.0, "lam": 1.0}))
    assert data.batch["advantages"].tolist() == [[0.5, 0.75, 0.0]]


def replaced(monkeypatch, **settings):
    def agentic_compute_advantage(
        data, gamma, lambd, adv_estimator, advantage_clip=None, whiten_advantages=False,
        whiten_rewards=False, response_mask=None, pipeline_config=None,
    ):  # fmt: skip
        return "its own"

    module = placed(
        monkeypatch,
        {ours.TRAINER.hooks[0].module: {"agentic_compute_advantage": agentic_compute_advantage}},
    )[0]
    ours.install({"estimator": "grpo", "scale": None, **settings})
    return module


def call(module, name="reinforce", **more):
    given = {"data": steps(ROWS), "gamma": 0.9, "lambd": 0.8, "adv_estimator": name}
    config = SimpleNamespace(add_token_level_kl=False)
    return module.agentic_compute_advantage(**{**given, "pipeline_config": config, **more})


def test_the_pipeline_keeps_its_own_for_other_names(monkeypatch):
    module = replaced(monkeypatch)
    assert call(module, "gigpo") == "its own"
    data = call(module, advantage_clip=0.75)
    assert first_tokens(data) == [0.5, 0.5, -0.5, 0.75, -0.75]
    assert data.batch["raw_advantages"][3, 0] == 1.0
    assert data.meta_info["metrics"]["creditlib/rows/excluded"] == 0.0


def test_what_would_be_lost_is_refused(monkeypatch, refusal):
    module = replaced(monkeypatch)
    config = SimpleNamespace(add_token_level_kl=True)
    said = refusal(call, module, pipeline_config=config)
    assert said == ("ROLL: `add_token_level_kl` must be off: creditlib ignores it, got True.")
    assert "whiten_advantages" in refusal(call, module, whiten_advantages=True)


def test_a_second_installation_would_lose_its_settings(monkeypatch, refusal):
    replaced(monkeypatch)
    assert refusal(ours.install, {"estimator": "rloo"}) == (
        "ROLL: `install` must be called once, or again after the undo function it returned, "
        "got a second call."
    )


def test_a_function_that_has_moved_is_refused(monkeypatch):
    placed(monkeypatch, {ours.TRAINER.hooks[0].module: {"agentic_compute_advantage": len}})
    with pytest.raises(HookError, match=r"ROLL: .* as in 8eb27cc, got"):
        ours.install()
