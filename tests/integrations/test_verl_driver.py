"""verl's drivers: values, sessions and what agent loops recorded reach the estimators."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import stand_in_verl as stand_in
import torch

import creditlib as cl
from creditlib.integrations.verl import TRAINER, batch, driver
from creditlib.testing import assert_close
from creditlib.vocabulary.messages import ContractError

MASK = torch.tensor([[1, 0, 1], [1, 1, 0], [1, 0, 1], [0, 0, 0]])
UID = np.array(["t", "t", "t", "t"], dtype=object)


def column(*values):
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


@pytest.fixture
def v0(monkeypatch):
    module = stand_in.v0()
    monkeypatch.setitem(sys.modules, stand_in.V0, module)
    driver._patch_v0(module)
    return module


def v1_with(monkeypatch, queue):
    module = stand_in.v1(queue)
    monkeypatch.setitem(sys.modules, stand_in.V1, module)
    driver._patch_v1(module)
    return module


def batch_of(keys, tags=None):
    return SimpleNamespace(keys=keys, partition_id="train", tags=tags or [{}] * len(keys))


def test_gigpo_in_v0_reads_what_an_agent_loop_recorded(v0):
    """Two turns from the hall; row 3 was rejected and its columns are not read."""
    anchors = column(["hall", "attic"], ["hall"], ["hall", "cellar"], None)
    data = stand_in.data(mask=MASK, reward=[1.0, 0.0, 0.0, 5.0], uid=UID, anchor=anchors)
    result = v0.compute_advantage(data, "creditlib_gigpo", gamma=0.5, config={"gamma": 0.5})
    wanted = cl.gigpo(
        reward=torch.tensor([1.0, 0.0, 0.0]),
        group=torch.zeros(3, dtype=torch.int64),
        turn_reward=torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]),
        anchor=torch.tensor([[1, 2], [1, -1], [1, 3]]),
        turn_count=torch.tensor([2, 1, 2]),
        gamma=0.5,
    )
    found = result.batch["advantages"]
    assert_close(found[0], torch.stack([wanted[0, 0], torch.tensor(0.0), wanted[0, 1]]))
    assert_close(found[1], torch.stack([wanted[1, 0], wanted[1, 0], torch.tensor(0.0)]))
    assert (found[3] == 0).all()
    assert result is data


def test_names_of_verl_stay_verls(v0):
    data = stand_in.data(mask=MASK, reward=[1.0, 0.0, 0.0, 0.0], uid=UID)
    assert v0.compute_advantage(data, "grpo").batch["advantages"] == "verl's own"


def test_a_critics_values_reach_gae_and_tool_output_is_skipped(v0):
    """Row 0, one token a turn, gamma = lam = 1: returns 2 for both turns, whatever the critic
    says of the tool's token."""
    values = torch.tensor([[0.5, 99.0, 0.25], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    data = stand_in.data(mask=MASK, reward=[2.0, 0.0, 0.0, 0.0], uid=UID, values=values)
    v0.compute_advantage(data, "creditlib_gae", 1.0, 1.0, config={})
    assert data.batch["advantages"][0].tolist() == [1.5, 0.0, 1.75]
    assert data.batch["returns"][0].tolist() == [2.0, 0.0, 2.0]


def test_gdpo_takes_the_columns_that_verl_names(v0):
    data = stand_in.data(
        mask=MASK,
        reward=[0.0] * 4,
        uid=UID,
        acc=np.array([0.0, 1.0, 0.0, 7.0]),
        fmt=np.array([1.0, 1.0, 0.0, 7.0]),
    )
    config = {"gdpo_reward_keys": ["acc", "fmt"], "gdpo_reward_weights": [1.0, 2.0]}
    v0.compute_advantage(data, "creditlib_gdpo", config=config)
    wanted = cl.gdpo(
        rewards=torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]]),
        group=torch.zeros(3, dtype=torch.int64),
        length=torch.tensor([2, 2, 2]),
        weights=[1.0, 2.0],
    )
    assert_close(data.batch["advantages"][:3, 0], wanted)


def test_a_penalty_in_the_reward_counts(v0):
    scores = torch.zeros(4, 3)
    data = stand_in.data(mask=MASK, reward=[1.0, 0.5, 0.0, 0.0], uid=UID, scores=scores)
    v0.compute_advantage(data, "creditlib_grpo", norm_adv_by_std_in_grpo=False, config={})
    assert data.batch["advantages"][:3, 0].tolist() == [0.5, 0.0, -0.5]


def test_numbers_are_logged_by_the_call_that_logs_in_v0(v0):
    data = stand_in.data(mask=MASK, reward=[1.0, 0.0, 0.0, 0.0], uid=UID)
    v0.compute_advantage(data, "creditlib_grpo", config={})
    logged = v0.compute_data_metrics(batch=data)
    assert logged["critic/score/mean"] == 0.5
    assert logged["creditlib/rows/excluded"] == 0.25
    assert v0.compute_data_metrics(batch=data) == {"critic/score/mean": 0.5}


def test_only_the_last_credit_waits_for_the_logger(v0):
    """A driver that never logs keeps one batch, not all of them."""
    for reward in (1.0, 3.0):
        data = stand_in.data(mask=MASK, reward=[reward, 0.0, 0.0, 0.0], uid=UID)
        v0.compute_advantage(data, "creditlib_grpo", config={"creditlib": {"scale": None}})
        assert len(driver._WAITING) == 1
    # Rewards 3, 0 and 0 about their mean 1: 2, -1 and -1; row 3 was rejected.
    assert v0.compute_data_metrics(batch=data)["creditlib/credit/abs_max"] == 2.0
    assert driver._WAITING == []


# v1: session 0 has two outputs (the rows come in another order), session 1 has one; one row pads.
KEYS = ["t_0_1", "t_1_0", "t_0_0", "padx_0_0"]
V1_MASK = torch.tensor([[1, 1], [1, 0], [0, 1], [1, 1]])
TAGS = [{}, {}, {}, {"is_padding": True}]
V1_UID = np.array(["t", "t", "t", "padx"], dtype=object)


def stepped(monkeypatch, name, queue=None, tags=TAGS, keys=KEYS, **config):
    module = v1_with(monkeypatch, queue or stand_in.Queue())
    data = stand_in.data(mask=V1_MASK, reward=[1.0, 0.0, 1.0, 9.0], uid=V1_UID)
    metrics = {}
    trainer = module.PPOTrainer({"adv_estimator": name, **config}, data)
    trainer._compute_advantage(batch_of(keys, tags), metrics)
    return data.batch["advantages"], metrics


def test_v1_counts_a_session_once_and_credits_all_its_outputs(monkeypatch):
    """agent-lightning #444, miles #2378: two outputs of one rollout are one member of the group.
    Rewards 1 and 0: 0.5 and -0.5; counting rows it would be 1/3 and -2/3."""
    found, metrics = stepped(monkeypatch, "creditlib_grpo", creditlib={"scale": None})
    assert found.tolist() == [[0.5, 0.5], [-0.5, 0.0], [0.0, 0.5], [0.0, 0.0]]
    assert metrics["creditlib/rows/excluded"] == 0.25


def test_v1_fetches_what_agent_loops_recorded(monkeypatch):
    records = [{"anchor": "attic"}, {"anchor": "hall"}, {"anchor": "hall"}, {}]
    queue = stand_in.Queue(extra_fields=records)
    found, _ = stepped(monkeypatch, "creditlib_gigpo", queue)
    wanted = cl.gigpo(
        reward=torch.tensor([1.0, 0.0]),
        group=torch.zeros(2, dtype=torch.int64),
        turn_reward=torch.tensor([[0.0, 1.0], [0.0, 0.0]]),
        anchor=torch.tensor([[1, 2], [1, -1]]),
        turn_count=torch.tensor([2, 1]),
        gamma=1.0,
    )
    assert queue.asked == ["extra_fields"]
    assert_close(found[2, 1], wanted[0, 0])  # step 0 of session 0
    assert_close(found[0, 0], wanted[0, 1])  # step 1
    assert_close(found[1, 0], wanted[1, 0])


def test_v1_asks_the_queue_only_for_what_is_wanted(monkeypatch):
    queue = stand_in.Queue(extra_fields=[{}] * 4)
    stepped(monkeypatch, "creditlib_rloo", queue)
    assert queue.asked == []


def test_v1_turns_are_those_before_rejection(monkeypatch):
    whole = torch.tensor([[1, 1], [1, 0], [1, 1], [1, 1]])
    queue = stand_in.Queue(response_mask=whole)
    found, _ = stepped(
        monkeypatch, "creditlib_grpo", queue, rollout_correction={"x": 1}, creditlib={"scale": None}
    )
    assert queue.asked == ["response_mask"]
    assert found[2].tolist() == [0.0, 0.5]


def test_v1_refuses_scores_that_would_be_lost(monkeypatch):
    module = v1_with(monkeypatch, stand_in.Queue())
    data = stand_in.data(mask=V1_MASK, reward=[1.0, 0.0, 0.25, 0.0], uid=V1_UID)
    trainer = module.PPOTrainer({"adv_estimator": "creditlib_grpo"}, data)
    with pytest.raises(ContractError) as caught:
        trainer._compute_advantage(batch_of(KEYS), {})
    assert str(caught.value) == (
        "read_rows: `reward` must be the same in all scored rows of a trajectory, got 1 in row 0 "
        'and 0.25 in row 2; say `outcome`: "last", "sum" or "mean"; rewards of turns are the '
        "column `turn_reward`."
    )


def test_v1_refuses_names_of_another_form(monkeypatch):
    with pytest.raises(ContractError, match=r"\{uid\}_\{session\}_\{output\}, got 't'"):
        stepped(monkeypatch, "creditlib_grpo", keys=["t", "t_1_0", "t_0_0", "padx_0_0"])


def test_uids_may_hold_underscores():
    assert batch._session("my_task_7_2_0") == ("my_task_7", "2", 0)


def test_a_driver_that_moved_is_reported_and_stays(monkeypatch):
    module = stand_in.v0()
    moved = module.compute_advantage = lambda batch, name: batch
    monkeypatch.setitem(sys.modules, stand_in.V0, module)
    monkeypatch.delitem(sys.modules, stand_in.V1, raising=False)
    errors = []
    undo = driver.patch_drivers(errors)
    assert module.compute_advantage is moved
    assert errors[0].startswith("verl: `verl.trainer.ppo.ray_trainer:compute_advantage` must be")
    assert "as in 0.9.1, got (batch, name)." in errors[0]
    undo()
    assert errors == []


def test_the_drivers_are_patched_when_they_are_imported(monkeypatch):
    waiting = []
    monkeypatch.setattr(driver, "post_import_hook", lambda name, action: waiting.append(name))
    driver.patch_drivers([])
    assert waiting == [stand_in.V0, stand_in.V1]
    assert TRAINER.hooks[1].module == stand_in.V0


def test_a_name_that_no_estimator_has_does_not_go_to_verl(v0):
    data = stand_in.data(mask=MASK, reward=[1.0, 0.0, 0.0, 0.0], uid=UID)
    with pytest.raises(
        ContractError, match=r"got 'creditlib_grppo' \(did you mean 'creditlib_grpo"
    ):
        v0.compute_advantage(data, "creditlib_grppo", config={})


def test_greedy_rewards_lie_in_the_batch(v0):
    """verl #3089, #6340: the field is not passed on. Rewards 1, 0 less .25, .5."""
    greedy = torch.tensor([0.25, 0.5, 0.0, 9.0])
    data = stand_in.data(mask=MASK, reward=[1.0, 0.0, 0.0, 5.0], uid=UID, reward_baselines=greedy)
    v0.compute_advantage(data, "creditlib_remax", config={})
    assert data.batch["advantages"][:, 0].tolist() == [0.75, -0.5, 0.0, 0.0]


def test_kl_of_every_token_is_in_the_reward_once(v0):
    """Scores 1, 0, 0 on the last token; 0.25 and 0.5 of KL lie on tokens that rows wrote: rewards
    0.75, -0.5, 0 have the mean 1/12."""
    data = stand_in.data(mask=MASK, reward=[1.0, 0.0, 0.0, 5.0], uid=UID)
    reward = data.batch["token_level_scores"].clone()
    reward[0, 0] -= 0.25
    reward[1, :2] -= 0.25
    data.batch["token_level_rewards"] = reward
    v0.compute_advantage(data, "creditlib_grpo", config={"creditlib": {"scale": None}})
    wanted = torch.tensor([0.75, -0.5, 0.0]) - 1 / 12
    assert_close(data.batch["advantages"][:3, 0], wanted)
    data = stand_in.data(mask=MASK, reward=[1.0, 0.0, 0.0, 5.0], uid=UID)
    data.batch["token_level_rewards"] = reward
    v0.compute_advantage(data, "creditlib_discounted_return", gamma=1.0, config={})
    assert data.batch["advantages"][:2].tolist() == [[0.75, 0.0, 1.0], [-0.5, -0.25, 0.0]]


def test_an_empty_batch_and_a_batch_without_uids(v0):
    data = stand_in.data(mask=MASK[:0], reward=[], uid=UID[:0])
    v0.compute_advantage(data, "creditlib_gigpo", config={})
    assert data.batch["advantages"].shape == (0, 3)
    data = stand_in.data(mask=MASK, reward=[1.0, 0.0, 0.0, 0.0], uid=UID)
    del data.non_tensor_batch["uid"]
    with pytest.raises(ContractError, match="grpo: `group` must be the uid of each row, got noth"):
        v0.compute_advantage(data, "creditlib_grpo", config={})


@pytest.mark.parametrize("tags", [None, [None, {}, {}, {"is_padding": False}]])
def test_rows_without_tags_are_no_padding(monkeypatch, tags):
    module = v1_with(monkeypatch, stand_in.Queue())
    data = stand_in.data(mask=V1_MASK, reward=[1.0, 0.0, 1.0, 9.0], uid=V1_UID)
    settings = {"adv_estimator": "creditlib_remax"}
    data.batch["reward_baselines"] = torch.zeros(4)
    batch = SimpleNamespace(keys=KEYS, partition_id="train", tags=tags)
    module.PPOTrainer(settings, data)._compute_advantage(batch, {})
    assert data.batch["advantages"][:, 1].tolist() == [1.0, 0.0, 1.0, 9.0]


@pytest.mark.parametrize("nothing", [{}, None, {"anchor": None}])
def test_rows_without_records_have_no_anchor(monkeypatch, nothing):
    """Only step 0 of session 0 and session 1 were in the hall; step 1 has no peer:
    it gets only the part of its session, 1 - 0.5."""
    queue = stand_in.Queue(extra_fields=[nothing, {"anchor": "hall"}, {"anchor": "hall"}, nothing])
    found, _ = stepped(monkeypatch, "creditlib_gigpo", queue, creditlib={"scale": None})
    assert found[0].tolist() == [0.5, 0.5]
    assert found[2].tolist() == [0.0, 1.0]
    assert found[1].tolist() == [-1.0, 0.0]


def test_a_row_of_two_turns_without_records(v0):
    anchors = column(["hall", "attic"], ["hall"], None, None)
    data = stand_in.data(mask=MASK, reward=[1.0, 0.0, 0.0, 5.0], uid=UID, anchor=anchors)
    v0.compute_advantage(data, "creditlib_gigpo", config={})
    assert data.batch["advantages"][2].isfinite().all()
    data.non_tensor_batch["duration"] = column([1.0, 2.0], [1.0], None, None)
    config = {"creditlib": {"weight": "duration_weight"}}
    with pytest.raises(ContractError, match="`duration` must be given for every row or for none"):
        v0.compute_advantage(data, "creditlib_grpo", config=config)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [2, 0, 1, 3]])
def test_an_unscored_output_is_no_second_score(monkeypatch, order):
    """Session 0: output 0 without a score, output 1 with 1; in any order of rows."""
    module = v1_with(monkeypatch, stand_in.Queue())
    reward = torch.tensor([1.0, 0.0, torch.nan, 9.0])[order].tolist()
    data = stand_in.data(mask=V1_MASK[order], reward=reward, uid=V1_UID[order])
    keys, tags = [KEYS[n] for n in order], [TAGS[n] for n in order]
    settings = {"adv_estimator": "creditlib_grpo", "creditlib": {"scale": None}}
    module.PPOTrainer(settings, data)._compute_advantage(batch_of(keys, tags), {})
    found = data.batch["advantages"][torch.tensor(order).argsort()]
    assert found.tolist() == [[0.5, 0.5], [-0.5, 0.0], [0.0, 0.5], [0.0, 0.0]]


def test_a_penalty_that_is_nan_is_refused(monkeypatch):
    module = v1_with(monkeypatch, stand_in.Queue())
    data = stand_in.data(mask=V1_MASK, reward=[1.0, 0.0, 1.0, 9.0], uid=V1_UID)
    data.batch["token_level_rewards"] = data.batch["token_level_scores"].clone()
    data.batch["token_level_rewards"][2, 1] = torch.nan
    trainer = module.PPOTrainer({"adv_estimator": "creditlib_grpo"}, data)
    with pytest.raises(ContractError) as caught:
        trainer._compute_advantage(batch_of(KEYS, TAGS), {})
    assert str(caught.value) == "read_rows: `shaping` must be finite, got nan in row 2."


def test_records_of_other_rows_are_refused():
    data = stand_in.data(mask=V1_MASK, reward=[1.0, 0.0, 1.0, 9.0], uid=V1_UID)
    step = batch.Step(batch_of(KEYS, TAGS), stand_in.Queue(extra_fields=[{}] * 4))
    with pytest.raises(ContractError, match="`batch_keys` must be the names of the step's batch"):
        batch.credit_verl_batch(data, "creditlib_grpo", {}, keys=KEYS[::-1], step=step)


def test_a_driver_of_which_one_part_moved_stays_whole(monkeypatch):
    module = stand_in.v0()
    first = module.compute_advantage
    module.compute_data_metrics = lambda batch: {}
    monkeypatch.setitem(sys.modules, stand_in.V0, module)
    errors = []
    driver.patch_drivers(errors)()
    assert module.compute_advantage is first
    assert errors == []
    undo = driver.patch_drivers(errors)
    assert "compute_data_metrics` must be (batch, use_critic)" in errors[0]
    undo()


@pytest.mark.parametrize("form", [list, np.array])
def test_rollouts_with_equally_many_turns_are_no_table_of_observations(v0, form):
    """numpy makes an array with two axes of equally long lists of texts. Anchors: row 0 hall and
    attic, rows 1 and 2 hall and cellar; only the hall is met by all, the cellar by rows 1 and 2."""
    mask = torch.tensor([[1, 0, 1]] * 3)
    seen = [["hall", "attic"], ["hall", "cellar"], ["hall", "cellar"]]
    anchors = form(seen) if form is list else np.array(seen, dtype=object)
    uid = np.array(["t"] * 3, dtype=object)
    data = stand_in.data(mask=mask, reward=[1.0, 0.0, 0.0], uid=uid, anchor=anchors)
    v0.compute_advantage(data, "creditlib_gigpo", gamma=0.5, config={"gamma": 0.5})
    wanted = cl.gigpo(
        reward=torch.tensor([1.0, 0.0, 0.0]),
        group=torch.zeros(3, dtype=torch.int64),
        turn_reward=torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]),
        anchor=torch.tensor([[1, 2], [1, 3], [1, 3]]),
        turn_count=torch.tensor([2, 2, 2]),
        gamma=0.5,
    )
    assert_close(data.batch["advantages"][:, [0, 2]], wanted)


def test_v1_rejected_tokens_stay_steps_of_a_return(monkeypatch):
    """Session 1 wrote two tokens, the first was rejected; its outcome lies on the second. Session 0
    is one output here. gamma 1/2: 2·1/2 and 2 for session 0, 4 for the token that is left."""
    mask = torch.tensor([[1, 1], [0, 1]])
    queue = stand_in.Queue(response_mask=torch.tensor([[1, 1], [1, 1]]))
    module = v1_with(monkeypatch, queue)
    uid = np.array(["t", "t"], dtype=object)
    data = stand_in.data(mask=mask, reward=[2.0, 4.0], uid=uid)
    settings = {"adv_estimator": "creditlib_discounted_return", "rollout_correction": {"x": 1}}
    trainer = module.PPOTrainer({**settings, "creditlib": {"gamma": 0.5}}, data)
    trainer._compute_advantage(batch_of(["t_0_0", "t_1_0"]), {})
    assert data.batch["advantages"].tolist() == [[1.0, 2.0], [0.0, 4.0]]


def test_a_user_may_say_what_several_scores_mean(monkeypatch):
    """Scores 1 and 1/4 of one session: their sum 5/4 and the 0 of session 1, about 5/8."""
    module = v1_with(monkeypatch, stand_in.Queue())
    data = stand_in.data(mask=V1_MASK, reward=[1.0, 0.0, 0.25, 0.0], uid=V1_UID)
    options = {"scale": None, "outcome": "sum"}
    trainer = module.PPOTrainer({"adv_estimator": "creditlib_grpo", "creditlib": options}, data)
    trainer._compute_advantage(batch_of(KEYS, TAGS), {})
    assert data.batch["advantages"][:, :1].tolist() == [[0.625], [-0.625], [0.0], [0.0]]


def test_a_misspelt_record_is_refused(monkeypatch):
    queue = stand_in.Queue(extra_fields=[{"anchors": "hall"}] * 4)
    with pytest.raises(ContractError, match=r"got 'anchors'; name it 'anchor'"):
        stepped(monkeypatch, "creditlib_gigpo", queue)
