"""verl's registry: called with rewards, mask, uids, the `algorithm` section and nothing else."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import stand_in_verl as stand_in
import torch

import creditlib as cl
from creditlib.integrations import verl
from creditlib.integrations.patching import HookError
from creditlib.integrations.verl import registry
from creditlib.integrations.verl.settings import verl_settings
from creditlib.testing import assert_close
from creditlib.vocabulary.messages import ContractError

# Two prompts; tool output in rows 0 and 3; row 2 was rejected; row 4 is alone.
MASK = torch.tensor([[1, 1, 0, 1], [1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1]])
UID = np.array(["a", "a", "a", "a", "b"], dtype=object)
# The reward of row 1 lies on a token that is masked.
REWARD = torch.tensor([[0, 0, 0, 2.0], [0, 0, 0, 1.0], [0, 0, 0, 9.0], [0, 0, 0, 0], [0, 0, 0, 5]])


def called(name, config=None, **more):
    given = {"token_level_rewards": REWARD, "response_mask": MASK, "config": config, "index": UID}
    return verl.estimator(name)(**{**given, **more})


@pytest.fixture
def core(monkeypatch):
    module = stand_in.core()
    monkeypatch.setitem(sys.modules, stand_in.CORE, module)
    monkeypatch.setattr(registry, "patch_drivers", lambda errors: lambda: None)
    return module


def test_by_hand():
    """Rewards 2, 1, 0 of a's three rollouts that take part: mean 1. verl #6452: row 2 does not
    change the baseline; #6310: the reward on a masked token counts; a lone rollout gets 0."""
    advantage, returns = called("creditlib_grpo", {"norm_adv_by_std_in_grpo": False})
    assert advantage.tolist() == [[1, 1, 0, 1], [0] * 4, [0] * 4, [-1, 0, -1, 0], [0] * 4]
    assert returns.equal(advantage)


def test_everything_is_registered_once(core):
    names = verl.register()
    assert {"creditlib", "creditlib_gigpo", "creditlib_gae"} <= set(names)
    assert set(core.ADV_ESTIMATOR_REGISTRY) == set(names)
    first = dict(core.ADV_ESTIMATOR_REGISTRY)
    verl.register()  # verl loads plug-ins in every worker process, some twice
    assert first == core.ADV_ESTIMATOR_REGISTRY
    assert first["creditlib_grpo"].__name__ == "creditlib_grpo"


def test_a_registry_that_moved_is_refused_and_nothing_is_registered(core):
    core.register_adv_est = lambda name: None
    with pytest.raises(HookError, match=r"must be \(name_or_enum\) as in 0.9.1, got \(name\)\."):
        verl.register()
    assert core.ADV_ESTIMATOR_REGISTRY == {}


def test_options_come_from_the_algorithm_section():
    config = {
        "gamma": 0.9,
        "lam": 0.8,
        "norm_adv_by_std_in_grpo": True,
        "creditlib": {"preset": "VERL_GRPO", "center": "median"},
    }
    options = verl_settings("creditlib_grpo", config).options
    assert options == {"eps": 1e-6, "lone": "raw", "center": "median"}
    assert verl_settings("creditlib_gae", config | {"creditlib": {}}).options == {
        "gamma": 0.9,
        "lam": 0.8,
    }


def test_verls_switch_of_the_deviation_has_its_effect():
    """verl #7893: its own vectorised estimator ignores the switch."""
    off = {"norm_adv_by_std_in_grpo": False}
    assert verl_settings("creditlib_grpo", off).options == {"scale": None}
    assert verl_settings("creditlib_rloo", off).options == {}
    assert verl_settings("creditlib_grpo", None, {"norm_adv_by_std_in_grpo": False}).options == {
        "scale": None
    }


def test_any_estimator_by_path():
    settings = {"creditlib": {"estimator": "creditlib.estimators.trajectory.rloo:rloo"}}
    assert called("creditlib", settings)[0][0].tolist() == [1.5, 1.5, 0.0, 1.5]  # 2 - (1 + 0) / 2
    with pytest.raises(ContractError, match="`estimator` must be a name or an import path"):
        called("creditlib")


def test_a_greedy_rollouts_reward_is_passed_on():
    baselines = torch.tensor([0.5, 0.0, 0.0, 0.0, 4.0])
    advantage = called("creditlib_remax", reward_baselines=baselines)[0]
    assert advantage[:, 0].tolist() == [1.5, 1.0, 0.0, 0.0, 1.0]


def test_token_rewards_reach_estimators_of_tokens():
    """Tool output costs no discount (verl #2337, #7278), a reward behind the last written token
    counts: returns of row 1 are 1 times 0.5 each token back."""
    advantage, _ = called("creditlib_discounted_return", {"gamma": 0.5})
    assert advantage[0].tolist() == [0.5, 1.0, 0.0, 2.0]
    assert advantage[1].tolist() == [0.5, 1.0, 0.0, 0.0]


def test_a_gap_of_any_length_changes_nothing():
    """verl #2337: 0 or 3 tokens of tool output between two turns."""
    whole, cut = torch.tensor([[1, 1, 1, 1]]), torch.tensor([[1, 1, 0, 0, 0, 1, 1]])
    reward, late = torch.zeros(1, 4), torch.zeros(1, 7)
    reward[0, -1] = late[0, -1] = 1.0
    for name in ("creditlib_discounted_return", "creditlib_reinforce_plus_plus"):
        config = {"gamma": 0.5}
        near = verl.estimator(name)(token_level_rewards=reward, response_mask=whole, config=config)
        far = verl.estimator(name)(token_level_rewards=late, response_mask=cut, config=config)
        assert_close(far[0][cut != 0], near[0][whole != 0])


def test_equal_rewards_give_exactly_nothing():
    """verl #4598: three times 100.3 gives -0.74 each in float32."""
    reward = torch.zeros(3, 2)
    reward[:, 1] = 100.3
    uid = np.array(["a"] * 3, dtype=object)
    found, _ = verl.estimator("creditlib_grpo")(
        token_level_rewards=reward, response_mask=torch.ones(3, 2), index=uid
    )
    assert found.equal(torch.zeros(3, 2))


def test_what_the_registry_cannot_pass_is_named(monkeypatch):
    with pytest.raises(ContractError, match="gigpo: `anchor` must be int"):
        called("creditlib_gigpo")
    monkeypatch.setattr(
        registry, "PATCH_ERRORS", ["verl 9.9: `…` must be (a) as in 0.9.1, got (b)."]
    )
    with pytest.raises(HookError, match=r"verl 9\.9"):
        called("creditlib_gigpo")
    called("creditlib_grpo")  # needs nothing else


def test_groups_need_uids():
    with pytest.raises(ContractError, match="grpo: `group` must be the uid of each row"):
        called("creditlib_grpo", index=None)
    assert called("creditlib_discounted_return", {"gamma": 1.0}, index=None)[0].shape == MASK.shape


def test_the_batch_is_read_only():
    before = REWARD.clone(), MASK.clone()
    called("creditlib_grpo")
    assert REWARD.equal(before[0])
    assert MASK.equal(before[1])


def test_the_same_credit_as_without_a_trainer():
    config = {"creditlib": {"scale_over": "batch"}}
    take = torch.tensor([0, 1, 3, 4])
    group = cl.ids(UID[take.numpy()].tolist())
    wanted = cl.grpo(reward=REWARD.sum(1)[take], group=group, scale_over="batch")
    assert_close(called("creditlib_grpo", config)[0][take, 0], wanted)


def test_rows_without_a_uid_are_not_one_group():
    with pytest.raises(ContractError, match=r"`group` must be the uid of each row, got None in ro"):
        called("creditlib_grpo", index=np.array(["a", None, None, "a", "b"], dtype=object))
    with pytest.raises(ContractError, match=r"`group` must be one id for each of 5 rows, got"):
        called("creditlib_grpo", index=UID[:3])


def test_half_precision_rewards_and_switches_as_masks():
    """Rewards 2, 1, 0: exact in bfloat16; masks of any dtype are compared with 0."""
    wanted = called("creditlib_grpo")[0]
    for more in (
        {"token_level_rewards": REWARD.bfloat16()},
        {"token_level_rewards": REWARD.long()},
        {"response_mask": MASK.bool()},
        {"response_mask": MASK.float()},
    ):
        found = called("creditlib_grpo", **more)[0]
        assert found.dtype == torch.float32
        assert found.equal(wanted)
    token = called("creditlib_discounted_return", {"gamma": 0.5})[0]
    half = called("creditlib_discounted_return", {"gamma": 0.5}, token_level_rewards=REWARD.half())
    assert half[0].equal(token)


def test_unscored_rows_get_nothing_and_change_no_baseline():
    reward = REWARD.clone()
    reward[0, 0] = torch.nan  # a written token: row 0 is unscored; a keeps 1 and 0
    found = called("creditlib_grpo", {"creditlib": {"scale": None}}, token_level_rewards=reward)[0]
    assert found.tolist() == [[0] * 4, [0.5, 0.5, 0, 0], [0] * 4, [-0.5, 0, -0.5, 0], [0] * 4]


@pytest.mark.parametrize("name", ["grpo", "rloo", "reinforce_plus_plus", "discounted_return"])
@pytest.mark.parametrize("rows", [0, 1])
def test_no_row_and_one_row(name, rows):
    found, returns = called(
        f"creditlib_{name}",
        {"gamma": 1.0},
        token_level_rewards=REWARD[:rows],
        response_mask=MASK[:rows],
        index=UID[:rows],
    )
    assert found.shape == returns.shape == (rows, 4)
    alone = {"discounted_return": 2.0}.get(name, 0.0)  # no other member: nothing
    assert found.tolist() == [[alone, alone, 0.0, alone]][:rows]


def test_a_lone_rollout_gets_nothing_or_its_reward_by_preset():
    """verl #7581: with n=1 verl's two leave-one-out estimators disagree (0, and the reward)."""
    assert called("creditlib_rloo")[0][4].tolist() == [0.0] * 4
    raw = {"creditlib": {"preset": "VERL_RLOO"}}
    assert called("creditlib_rloo", raw)[0][4].tolist() == [5.0] * 4


def test_a_missing_greedy_reward_is_named():
    """verl #3089, #6340: the field is not passed on."""
    with pytest.raises(
        ContractError, match=r"remax: `baseline` must be float\[batch\], got nothing"
    ):
        called("creditlib_remax")


def test_a_plug_in_is_known_by_its_name(monkeypatch):
    def twice(*, reward):
        return 2 * reward

    entry = SimpleNamespace(name="twice", function=twice)
    monkeypatch.setattr("creditlib.rows.names.plugins", lambda: [entry])
    assert called("creditlib_twice")[0][:, 0].tolist() == [4.0, 2.0, 0.0, 0.0, 10.0]


@pytest.mark.parametrize(
    ("name", "section", "sentence"),
    [
        (
            "creditlib_grppo",
            {},
            "creditlib: `estimator` must be one of creditlib_NAME, got 'creditlib_grppo' "
            "(did you mean 'creditlib_grpo'?).",
        ),
        ("creditlib_grpo", {"k": 1}, "grpo: `k` must be one of its options, got 1."),
        (
            "creditlib_grpo",
            {"preset": "VERL_GRP"},
            "credit_settings: `preset` must be a name in creditlib.presets, got 'VERL_GRP' "
            "(did you mean 'VERL_GRPO'?).",
        ),
        (
            "creditlib_rloo",
            {"preset": "VERL_GRPO"},
            "rloo: `preset` must be a preset of its own options, got 'VERL_GRPO', which sets "
            "`eps`.",
        ),
        (
            "creditlib_grpo",
            {"weight": "duration_weigth"},
            "resolve: `name` must be a name of creditlib, of a plug-in, or "
            "'package.module:function', got 'duration_weigth' (did you mean 'duration_weight'?).",
        ),
        ("creditlib", "grpo", "creditlib: `settings` must be options by name, got str."),
    ],
)
def test_wrong_settings_get_one_sentence(name, section, sentence):
    with pytest.raises(ContractError) as caught:
        called(name, {"creditlib": section})
    assert str(caught.value) == sentence


def test_installed_settings_are_defaults_and_undo_empties_the_registry(core):
    undo = verl.install({"scale": None})
    config = {"creditlib": {"scale": "std"}}
    assert verl_settings("creditlib_grpo", {}).options == {"scale": None}
    assert verl_settings("creditlib_grpo", config).options == {"scale": "std"}
    verl.register()  # verl may load the plug-in afterwards: the settings stay
    assert verl_settings("creditlib_grpo", {}).options == {"scale": None}
    undo()
    assert verl_settings("creditlib_grpo", {}).options == {}
    assert core.ADV_ESTIMATOR_REGISTRY == {}
