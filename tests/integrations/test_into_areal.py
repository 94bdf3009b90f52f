"""The adapter for AReaL against small stand-ins with its parameter names; the real one is run in
tests/trainers."""

from types import SimpleNamespace

import pytest
import torch
from stand_in import placed

import creditlib as cl
from creditlib.integrations import HookError, areal
from creditlib.vocabulary.messages import ContractError

ACTOR, STATS = "areal.trainer.ppo.actor", "areal.utils.stats_tracker"
NAN = float("nan")
LOGGED = {}


class PPOActor:
    """Rolls the loss mask and makes KL rewards; what it calls advantages is replaced."""

    def __init__(self, config, engine):
        self.config = config
        for name in ("reward_bias", "reward_scaling", "reward_clip", "discount", "gae_lambda"):
            setattr(self, name, getattr(config, name))
        self.adv_norm = None if config.adv_norm is None else config.adv_norm.call

    def _compute_advantages(self, data):
        assert not any(name.startswith("creditlib_") for name in data)
        mask = torch.roll(data["loss_mask"].float(), shifts=-1, dims=-1)
        data["kl_rewards"] = -self.config.kl_ctl * data.pop("kl", torch.zeros_like(mask))
        data["advantages"] = data["returns"] = torch.full_like(mask, 7.0)
        data["loss_mask"] = mask
        return data


def scalar(**kwargs):
    LOGGED.update(kwargs)


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    LOGGED.clear()
    return placed(monkeypatch, {ACTOR: {"PPOActor": PPOActor}, STATS: {"scalar": scalar}})


def config(group_size=2, **changes):
    known = {
        "reward_norm": SimpleNamespace(mean_level="group", std_level=None, group_size=group_size),
        "adv_norm": None,
        "mask_no_eos_with_zero": False,
        "reward_bias": 0.0,
        "reward_scaling": 1.0,
        "reward_clip": 20.0,
        "discount": 1.0,
        "gae_lambda": 1.0,
        "kl_ctl": 0.0,
    }
    return SimpleNamespace(**{**known, **changes})


def batch(masks, rewards, prompt=1, width=None, **more):
    """Right-padded rows: a prompt, then tokens of policy and tools."""
    sizes = [prompt + len(mask) for mask in masks]
    width = width or max(sizes)
    loss = torch.zeros(len(masks), width, dtype=torch.int64)
    attention = torch.zeros(len(masks), width, dtype=torch.bool)
    for row, (mask, size) in enumerate(zip(masks, sizes, strict=True)):
        loss[row, prompt:size], attention[row, :size] = torch.tensor(mask, dtype=torch.int64), True
    reward = torch.tensor(rewards)
    return {"loss_mask": loss, "attention_mask": attention, "rewards": reward, **more}


def credit(settings, data, **changes):
    made = areal.credit_actor(PPOActor, settings)(config(**changes), None)
    given = {name: value.clone() for name, value in data.items()}
    done = made._compute_advantages(data)
    assert all(torch.equal(data[name].nan_to_num(), x.nan_to_num()) for name, x in given.items())
    return done


def listed(settings, data, **changes):
    return credit(settings, data, **changes)["advantages"].tolist()


def test_without_areal_one_sentence_says_so(monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, ACTOR)
    with pytest.raises(HookError, match="AReaL is not installed"):
        areal.credit_actor(PPOActor)


def test_a_moved_hook_is_refused(monkeypatch):
    class Moved(PPOActor):
        def _compute_advantages(self, data, other):
            return data

    placed(monkeypatch, {ACTOR: {"PPOActor": Moved}})
    with pytest.raises(HookError, match=r"\(self, data\) as in 1.0.4"):
        areal.credit_actor(Moved)


def test_credit_lies_where_the_rolled_mask_does():
    # 1 and 0, 0.25 and 0.75; a token's place is that of the logits that chose it, one to the left.
    data = batch([[1, 0, 1], [1], [1, 1], [1]], [1.0, 0.0, 0.25, 0.75])
    done = credit({"scale": None}, data)
    assert done["advantages"].tolist() == [
        [0.5, 0.0, 0.5, 0.0],
        [-0.5, 0.0, 0.0, 0.0],
        [-0.25, -0.25, 0.0, 0.0],
        [0.25, 0.0, 0.0, 0.0],
    ]
    assert torch.equal(done["returns"], done["advantages"])
    assert done["returns"].data_ptr() != done["advantages"].data_ptr()
    assert LOGGED["creditlib/group/count"] == 2


def test_leftover_rows_are_refused():
    # AReaL #1419: 9 rows in groups of 4, and the last got 100000.0.
    data = batch([[1]] * 9, [1.0] * 9)
    with pytest.raises(ContractError, match="a divisor of the 9 rows"):
        credit({}, data, group_size=4)
    norm = SimpleNamespace(mean_level="group", std_level=None, group_size=2, call=None)
    with pytest.raises(ContractError, match=r"adv_norm\.group_size"):
        credit({}, data, group_size=3, adv_norm=norm)


def test_the_group_size_may_be_a_setting_and_must_be_known():
    data = batch([[1]] * 3, [1.0, 0.0, 0.5])
    found = listed({"scale": None, "group_size": 3}, data, reward_norm=None)
    assert [row[0] for row in found] == [0.5, -0.5, 0.0]
    # a norm over the batch says nothing of groups: its size of 1 would make all credit 0
    norm = SimpleNamespace(mean_level="batch", std_level="batch", group_size=1)
    for reward_norm in (None, norm):
        with pytest.raises(ContractError, match="`group_size` must be given in the settings"):
            credit({}, data, reward_norm=reward_norm)
    found = listed({"estimator": "discounted_return"}, data, reward_norm=None)
    assert [row[0] for row in found] == [1.0, 0.0, 0.5]


def test_truncation_is_not_guessed_from_the_width():
    # AReaL takes a row that fills the width of the batch for a truncated one.
    settings, options = {"estimator": "gae"}, {"discount": 0.5, "gae_lambda": 0.5}

    def first(width):
        data = batch([[1, 0, 1], [1]], [1.0, 0.0], width=width)
        data["values"] = torch.full(data["loss_mask"].shape, 0.25)
        return listed(settings, data, **options)[0][:3]

    # δ1 = 1 - 0.25; δ0 = 0.5·0.25 - 0.25; A0 = δ0 + 0.25·δ1
    assert first(4) == first(9) == [0.0625, 0.0, 0.75]
    with pytest.raises(ContractError, match="mask_no_eos_with_zero"):
        credit({}, batch([[1], [1]], [1.0, 0.0]), mask_no_eos_with_zero=True)


def test_turns_are_runs_of_the_mask_and_anchors_come_beside_the_rows():
    # AReaL #1666: its turn discount counts in the order of creation.
    hall, attic = cl.anchor_ids([["hall", "attic"]])[0].tolist()
    anchor = torch.tensor([[hall, attic], [hall, 0]])
    data = batch([[1, 0, 1], [1, 1, 0]], [1.0, 0.0], creditlib_anchor=anchor)
    done = credit({"estimator": "gigpo", "gamma": 1.0, "scale": None}, data)
    assert done["advantages"].tolist() == [[1.0, 0.0, 0.5, 0.0], [-1.0, -1.0, 0.0, 0.0]]
    assert "creditlib_anchor" not in done


def test_unscored_and_rejected_rows_change_no_baseline():
    data = batch([[1], [1], [1], [0]], [1.0, 0.0, NAN, 9.0])
    found = listed({"scale": None}, data, group_size=4)
    assert found == [[0.5, 0.0], [-0.5, 0.0], [0.0, 0.0], [0.0, 0.0]]


def test_bias_scale_and_clip_come_before_credit():
    changes = {"reward_bias": -0.5, "reward_scaling": 10.0, "reward_clip": 2.0}
    found = listed({"scale": None}, batch([[1], [1]], [1.0, 0.5]), **changes)
    assert [row[0] for row in found] == [1.0, -1.0]


def test_a_reward_after_tool_output_is_not_lost():
    found = listed({"scale": None}, batch([[1, 0], [1, 0]], [1.0, 0.0]))
    assert [row[0] for row in found] == [0.5, -0.5]


def test_the_kl_of_tool_output_is_no_penalty():
    # slime #1370, the same of any trainer.
    kl = torch.tensor([[1.0, 9.0, 1.0, 5.0]])
    data = batch([[1, 0, 1]], [2.0])
    data["kl"] = kl
    made = areal.credit_actor(PPOActor, {"estimator": "discounted_return"})
    done = made(config(group_size=1, kl_ctl=0.5), None)._compute_advantages(data)
    # -0.5 on each written token: 2 - 0.5 - 0.5 from the first, 2 - 0.5 from the last
    assert done["advantages"].tolist() == [[1.0, 0.0, 1.5, 0.0]]


def test_the_advantage_norm_of_areal_applies_and_leaves_the_rest_at_zero():
    def call(x, mask):
        return x + 1.0

    norm = SimpleNamespace(mean_level="batch", std_level="batch", group_size=1, call=call)
    done = credit({"scale": None}, batch([[1, 0, 1], [1]], [1.0, 0.0]), adv_norm=norm)
    assert done["advantages"].tolist() == [[1.5, 0.0, 1.5, 0.0], [0.5, 0.0, 0.0, 0.0]]
    assert done["returns"].tolist() == [[0.5, 0.0, 0.5, 0.0], [-0.5, 0.0, 0.0, 0.0]]


def test_settings_of_the_config_win():
    data = batch([[1], [1]], [1.0, 0.0])
    found = listed({"scale": "std"}, data, creditlib={"scale": None})
    assert [row[0] for row in found] == [0.5, -0.5]


def test_install_replaces_the_class_that_engines_look_up(stand_ins):
    actor = stand_ins[0]
    undo = areal.install({"scale": None})
    done = actor.PPOActor(config(), None)._compute_advantages(batch([[1], [1]], [1.0, 0.0]))
    assert done["advantages"].tolist() == [[0.5, 0.0], [-0.5, 0.0]]
    undo()
    assert actor.PPOActor is PPOActor


class NextActor(PPOActor):
    """The actor of AReaL's main branch: steps may be turns, and lambda a function."""

    def __init__(self, config, engine):
        super().__init__(config, engine)
        self.gae_timestep_unit = config.gae_timestep_unit
        self._gae_lambda_is_custom = not isinstance(config.gae_lambda, float)

    def _compute_advantages(self, data, meta=None):
        return super()._compute_advantages(data)

    def _compute_gae_lambda(self, loss_mask, turn_ids):
        return self.config.gae_lambda(loss_mask, turn_ids)


@pytest.fixture
def next_actor(monkeypatch):
    placed(monkeypatch, {ACTOR: {"PPOActor": NextActor}, STATS: {"scalar": scalar}})


def by_turn(settings, data, **changes):
    options = {"gae_timestep_unit": "turn", "discount": 0.5, "gae_lambda": 0.5, **changes}
    made = areal.credit_actor(NextActor, {"estimator": "gae", **settings})
    return made(config(reward_norm=None, **options), None)._compute_advantages(dict(data), None)


def two_turns(**more):
    """A prompt, a turn of two tokens, one token of a tool, a turn of one; and a row of one turn."""
    data = batch([[1, 1, 0, 1], [1]], [1.0, 0.0], **more)
    # the ids lie on the tokens; 2 is skipped, because no token of it is trained
    data["turn_ids"] = torch.tensor([[-1, 0, 0, -1, 3], [-1, 0, -1, -1, -1]])
    # before the tokens 0.5, 9 | tool 9 | 0.25; and 0.5 in row 1
    data["values"] = torch.tensor([[0.5, 9.0, 9.0, 0.25, 9.0], [0.5, 9.0, 9.0, 9.0, 9.0]])
    return data


@pytest.mark.usefixtures("next_actor")
def test_steps_are_turns_where_areal_says_so():
    done = by_turn({}, two_turns())
    # Turn 1: 1 - 0.25 = 0.75. Turn 0: 0.5·0.25 - 0.5 + 0.25·0.75 = -0.1875. Row 1: 0 - 0.5.
    assert done["advantages"].tolist() == [
        [-0.1875, -0.1875, 0.0, 0.75, 0.0],
        [-0.5, 0.0, 0.0, 0.0, 0.0],
    ]
    assert done["returns"].tolist() == [[0.3125, 0.3125, 0.0, 1.0, 0.0], [0.0] * 5]
    # the value at the last token of a turn: 9 at turn 0
    last = by_turn({"value_at": "last"}, two_turns())
    assert last["advantages"][0].tolist() == [-8.6875, -8.6875, 0.0, 0.75, 0.0]


@pytest.mark.usefixtures("next_actor")
def test_the_kl_of_a_token_stays_at_the_token():
    kl = torch.zeros(2, 5)
    kl[0, 1] = 2.0  # at the second token of turn 0
    done = by_turn({}, two_turns(kl=kl), kl_ctl=0.5)
    assert done["advantages"][0].tolist() == [-0.1875, -1.1875, 0.0, 0.75, 0.0]
    assert done["returns"][0].tolist() == [0.3125, 0.3125, 0.0, 1.0, 0.0]


@pytest.mark.usefixtures("next_actor")
def test_lambda_may_be_a_function():
    def vapo(mask, turn_ids):
        assert turn_ids[0].tolist() == [0, 0, -1, 3, -1]
        return torch.tensor([0.25, 0.0])

    done = by_turn({}, two_turns(), gae_lambda=vapo)
    # turn 0: 0.5·0.25 - 0.5 + 0.125·0.75 = -0.28125
    assert done["advantages"][0].tolist() == [-0.28125, -0.28125, 0.0, 0.75, 0.0]
    with pytest.raises(ContractError, match="`gae_lambda` must be a number"):
        by_turn({}, two_turns(), gae_lambda=vapo, gae_timestep_unit="token")


@pytest.mark.usefixtures("next_actor")
def test_turns_need_ids():
    data = two_turns()
    del data["turn_ids"]
    with pytest.raises(ContractError, match="`turn_ids` must be given"):
        by_turn({}, data)
    assert by_turn({}, data, gae_timestep_unit="token")["advantages"].shape == (2, 5)
    with pytest.raises(ContractError, match="`value_at` must be one of 'first', 'last', 'before'"):
        by_turn({"value_at": "middle"}, data)
