"""The adapter for SkyRL against small stand-ins with its parameter names; the real one is run in
tests/trainers."""

from types import SimpleNamespace

import pytest
import torch
from stand_in import placed

from creditlib.integrations import HookError, skyrl
from creditlib.integrations.skyrl import Estimator
from creditlib.registry import resolve
from creditlib.vocabulary.messages import ContractError

UTILS, TRAINER = "skyrl.backends.skyrl_train.utils.ppo_utils", "skyrl.train.trainer"
NAN = float("nan")


class Batch(dict):
    metadata = None

    def to(self, device):
        return self


class Registry:
    functions: dict

    @classmethod
    def register(cls, name, func):
        assert name not in cls.functions, "registered twice"
        cls.functions[name] = func

    @classmethod
    def unregister(cls, name):
        del cls.functions[name]

    @classmethod
    def list_available(cls):
        return list(cls.functions)


class RayPPOTrainer:
    def compute_advantages_and_returns(self, data):
        data["advantages"] = "SkyRL's own"
        return data

    def convert_to_training_input(self, generator_output, uids):
        return generator_output["made"]


def compute_advantages_and_returns(
    token_level_rewards, response_mask, index, adv_estimator, config,
    values=None, grpo_norm_by_std=True, gamma=1.0, lambd=1.0, **kwargs,
):  # fmt: skip
    return Registry.functions[adv_estimator](
        token_level_rewards=token_level_rewards, response_mask=response_mask, index=index,
        values=values, grpo_norm_by_std=grpo_norm_by_std, gamma=gamma, lambd=lambd, config=config,
        **kwargs,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    Registry.functions = {}
    utils = {
        "AdvantageEstimatorRegistry": Registry,
        "compute_advantages_and_returns": compute_advantages_and_returns,
    }
    placed(monkeypatch, {UTILS: utils, TRAINER: {"RayPPOTrainer": RayPPOTrainer}})


def algorithm(name, creditlib=None, **changes):
    known = {
        "advantage_estimator": name,
        "creditlib": creditlib,
        "gamma": 1.0,
        "lambd": 1.0,
        "grpo_norm_by_std": True,
        "advantage_batch_normalize": False,
    }
    return SimpleNamespace(**{**known, **changes})


def run(name, creditlib, rows, steps=True, columns=None, ids=None, values=None, pads=0, **changes):
    """Rows of (uid, response, loss mask, token rewards, last), right-aligned as SkyRL has them."""
    trainer = skyrl.credit_ray_trainer(RayPPOTrainer)()
    merged = changes.pop("merged", False)
    trainer.cfg = SimpleNamespace(
        trainer=SimpleNamespace(algorithm=algorithm(name, creditlib, **changes)),
        generator=SimpleNamespace(step_wise_trajectories=steps, merge_stepwise_output=merged),
    )
    trainer.all_metrics = {}
    tensors = [torch.tensor([row[k] for row in rows]) for k in (1, 2, 3)]
    data = Batch(
        response_mask=tensors[0],
        loss_mask=tensors[1].float(),
        rewards=tensors[2].float(),
        values=values,
    )
    data.metadata = {
        "uids": [row[0] for row in rows],
        "is_last_step": [row[4] for row in rows],
        "pad_size": pads,
        "avg_response_length": 2.0,
    }
    output = {"made": data, "creditlib": columns, "trajectory_ids": ids}
    data = trainer.convert_to_training_input(output, data.metadata["uids"])
    kept = {key: x.clone() for key, x in data.items() if isinstance(x, torch.Tensor)}
    data = trainer.compute_advantages_and_returns(data)
    assert all(torch.equal(x.nan_to_num(9.0), data[key].nan_to_num(9.0)) for key, x in kept.items())
    return data, trainer.all_metrics


STEPS = [
    ("a", [0, 1, 1], [0, 1, 1], [0, 0, 0], False),
    ("a", [1, 1, 1], [1, 0, 1], [0, 0, 1], True),
    ("a", [0, 0, 1], [0, 0, 1], [0, 0, 0], True),
    ("b", [0, 1, 1], [0, 1, 1], [0, 0, 5], True),
]
CREDIT = [[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.0, 0.0, -0.5], [0.0, 0.0, 0.0]]


def test_without_skyrl_one_sentence_says_so(monkeypatch):
    import sys

    for name in (UTILS, TRAINER):
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(HookError, match="SkyRL is not installed"):
        skyrl.register()


def test_every_estimator_is_registered_once():
    names = skyrl.register()
    assert {"creditlib_grpo", "creditlib_gigpo", "creditlib_gae"} <= set(names)
    assert set(names) == set(Registry.functions)
    assert skyrl.register() == names


def test_a_moved_hook_is_refused(monkeypatch):
    class Moved(RayPPOTrainer):
        def compute_advantages_and_returns(self, batch):
            return batch

    placed(monkeypatch, {TRAINER: {"RayPPOTrainer": Moved}})
    with pytest.raises(HookError, match=r"must be \(self, data\) as in 0.3.0, 0.4.0"):
        skyrl.credit_ray_trainer(Moved)


def test_through_the_registry():
    skyrl.register({"scale": None})
    reward = torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 3.0]])
    mask = torch.tensor([[1, 1], [0, 1], [1, 1]])
    both = compute_advantages_and_returns(reward, mask, ["a", "a", "b"], "creditlib_grpo", None)
    assert [x.tolist() for x in both] == [[[0.5, 0.5], [0.0, -0.5], [0.0, 0.0]]] * 2
    assert both[0] is not both[1]


def test_the_config_of_skyrl_has_effect_and_its_creditlib_section_overrides_it():
    reward, mask = torch.tensor([[1.0], [0.0]]), torch.ones(2, 1, dtype=torch.int64)
    estimator = Estimator(resolve("grpo"), {"scale": "std"})
    assert estimator(reward, mask, ["a", "a"], grpo_norm_by_std=False)[0][0, 0] != 0.5
    estimator = Estimator(resolve("grpo"))
    assert estimator(reward, mask, ["a", "a"], grpo_norm_by_std=False)[0][0, 0] == 0.5
    config = algorithm("creditlib_grpo", {"lone": "raw", "scale": None})
    assert estimator(reward, mask, ["a", "b"], config=config)[0][:, 0].tolist() == [1.0, 0.0]


def test_padding_and_unscored_rows_have_no_part_in_the_registry():
    # Whitened over all tokens: a row too many would move the mean.
    estimator = Estimator(resolve("reinforce_plus_plus_baseline"))
    given = torch.tensor([[1.0], [0.0], [9.0], [9.0]])
    plain, _ = estimator(given[:2], torch.ones(2, 1), ["a", "a"])
    padded, _ = estimator(given, torch.ones(4, 1), ["a", "a", "pad0", "pad1"])
    given[2:] = NAN
    unscored, _ = estimator(given, torch.ones(4, 1), ["a", "a", "a", "b"])
    assert plain[0, 0] > 0.5
    for found in (padded, unscored):
        assert found[:, 0].tolist() == [*plain[:, 0].tolist(), 0.0, 0.0]


def test_a_prompt_called_pad0_is_a_prompt():
    given = torch.tensor([[1.0], [0.0], [0.5]])
    uids = ["pad0", "pad0", "b"]
    advantage, _ = Estimator(resolve("grpo"), {"scale": None})(given, torch.ones(3, 1), uids)
    assert advantage[:, 0].tolist() == [0.5, -0.5, 0.0]


@pytest.mark.parametrize("name", ["gigpo", "grpo_process", "opo", "discounted_return", "gae"])
def test_what_last_steps_cannot_tell_is_refused_by_the_registry(name):
    import numpy as np

    with pytest.raises(ContractError, match="credit_ray_trainer"):
        Estimator(resolve(name))(torch.ones(2, 2), torch.ones(2, 2), np.array(["a", "a"]))


def test_a_mean_over_padding_is_refused():
    # SkyRL #1305: advantage_batch_normalize takes an unmasked mean.
    config = algorithm("creditlib_grpo", advantage_batch_normalize=True)
    with pytest.raises(ContractError, match="advantage_batch_normalize"):
        Estimator(resolve("grpo"))(torch.ones(1, 1), torch.ones(1, 1), ["a"], config=config)
    with pytest.raises(ContractError, match="advantage_batch_normalize"):
        run("creditlib_grpo", None, STEPS, advantage_batch_normalize=True)


def test_steps_are_put_together_on_their_own_positions():
    # SkyRL #1492/#1507: the last step's tensor was reused for rows with another mask.
    # Group a earned 1 and 0 (two steps count once): ±0.5; b is alone: 0.
    data, metrics = run("creditlib_grpo", {"scale": None}, STEPS)
    assert data["advantages"].tolist() == CREDIT
    assert data["returns"].tolist() == CREDIT
    assert data["returns"] is not data["advantages"]
    assert "creditlib" not in data.metadata
    assert metrics["creditlib/group/count"] == 2
    assert metrics["loss/avg_final_rewards"] == 2.0
    assert data.metadata["metrics"]["avg_advantages_abs"] == metrics["loss/avg_raw_advantages_abs"]


def test_ids_say_which_steps_belong_together():
    # The same rows in another order, distinguished by their ids alone.
    ids = ["a1", "b0", "a0", "a0"]
    order = [2, 3, 0, 1]
    data, _ = run("creditlib_grpo", {"scale": None}, [STEPS[k] for k in order], ids=ids)
    assert data["advantages"].tolist() == [CREDIT[k] for k in order]


def test_padding_rejected_and_unscored_rows_change_no_baseline():
    rows = [
        *STEPS,
        ("a", [0, 0, 1], [0, 0, 0], [0, 0, 9], True),
        ("a", [0, 0, 1], [0, 0, 1], [0, 0, NAN], True),
    ]
    data, _ = run("creditlib_grpo", {"scale": None}, rows)
    assert data["advantages"].tolist() == CREDIT + [[0.0] * 3] * 2


def test_padding_is_known_by_its_size_alone():
    rows = [*STEPS, ("a", [0, 0, 1], [0, 0, 1], [0, 0, 9], True)]
    for ids in (None, ["a0", "a0", "a1", "b0"]):
        data, _ = run("creditlib_grpo", {"scale": None}, rows, pads=1, ids=ids)
        assert data["advantages"].tolist() == [*CREDIT, [0.0] * 3]


def test_nan_on_tool_output_at_the_end_is_no_reward_of_zero():
    # SkyRL puts the outcome on the last token, written or not.
    rows = [("a", [1, 1, 1], [1, 1, 0], [0, 0, each], True) for each in (1.0, 0.0, NAN)]
    data, _ = run("creditlib_grpo", {"scale": None}, rows)
    assert data["advantages"][:, 0].tolist() == [0.5, -0.5, 0.0]


def test_gigpo_over_steps():
    columns = [{"anchor": "hall"}, {"anchor": "attic"}, {"anchor": "hall"}]
    settings = {"gamma": 1.0, "scale": None}
    data, _ = run("creditlib_gigpo", settings, STEPS[:3], columns=columns)
    # From the hall 1 and 0 were earned: ±0.5 beside the episode's ±0.5; alone in the attic: 0.
    assert data["advantages"].tolist() == [[0.0, 1.0, 1.0], [0.5, 0.0, 0.5], [0.0, 0.0, -1.0]]


def test_turns_of_whole_trajectories_are_runs_of_the_loss_mask():
    rows = [
        ("a", [1, 1, 1], [1, 0, 1], [0, 0, 1], True),
        ("a", [1, 1, 1], [1, 1, 0], [0, 0, 0], True),
    ]
    columns = [{"anchor": ["hall", "attic"]}, {"anchor": ["hall"]}]
    settings = {"gamma": 1.0, "scale": None}
    data, _ = run("creditlib_gigpo", settings, rows, steps=False, columns=columns)
    assert data["advantages"].tolist() == [[1.0, 0.0, 0.5], [-1.0, -1.0, 0.0]]


@pytest.mark.parametrize("merged", [False, True])
def test_rewards_of_steps_reach_process_estimators(merged):
    # Steps earned 0.5, 1 and 0, 0.5 in the mean: 0, 0.5 and -0.5 beyond it, summed to the end.
    apart = [
        ("a", [0, 0, 1], [0, 0, 1], [0, 0, 0.5], False),
        ("a", [0, 0, 1], [0, 0, 1], [0, 0, 1.0], True),
    ]
    whole = [("a", [1, 1, 1], [1, 0, 1], [0.5, 0, 1.0], True)]
    rows = [*(whole if merged else apart), ("a", [0, 0, 1], [0, 0, 1], [0, 0, 0], True)]
    data, _ = run("creditlib_grpo_process", {"scale": None}, rows, merged=merged)
    found = data["advantages"]
    first, second = found[0, [0, 2]] if merged else found[:2, 2]
    assert [first.item(), second.item(), found[-1, 2].item()] == [0.5, 0.5, -0.5]


def test_an_outcome_does_not_lose_what_earlier_steps_earned():
    rows = [
        ("a", [0, 0, 1], [0, 0, 1], [0, 0, 0.5], False),
        ("a", [0, 0, 1], [0, 0, 1], [0, 0, 1.0], True),
        ("a", [0, 0, 1], [0, 0, 1], [0, 0, 0], True),
    ]
    with pytest.raises(ContractError, match=r"got 0\.5 in row 0 and 1 in row 1; say `outcome`"):
        run("creditlib_grpo", {"scale": None}, rows)
    # The outcomes are 1.5 and 0 by "sum", 1 and 0 by "last" as in SkyRL.
    for rule, expected in (("sum", 0.75), ("last", 0.5)):
        data, _ = run("creditlib_grpo", {"scale": None, "outcome": rule}, rows)
        assert data["advantages"][:, 2].tolist() == [expected, expected, -expected]


def test_gae_skips_tool_output():
    # miles #1827 and SkyRL's own gae: values of the tool output leak into the first turn.
    def credit(gap):
        mask = [1, *[0] * gap, 1]
        rows = [("a", [1] * len(mask), mask, [*[0.0] * (gap + 1), 1.0], True)]
        values = torch.tensor([[0.5, *[9.0] * gap, 0.25]])
        options = {"gamma": 0.5, "lambd": 0.5}
        data, _ = run("creditlib_gae", None, rows, steps=False, values=values, **options)
        return data["advantages"][0, [0, -1]].tolist()

    # δ1 = 1 - 0.25; δ0 = 0.5·0.25 - 0.5; A0 = δ0 + 0.25·δ1
    assert credit(0) == credit(5) == [-0.1875, 0.75]


def test_estimators_of_skyrl_are_left_to_skyrl():
    data, metrics = run("rloo", None, STEPS)
    assert data["advantages"] == "SkyRL's own"
    assert metrics == {}


def test_extras_for_other_rows_are_refused():
    with pytest.raises(ContractError, match="a mapping for each of 4 rows, got 1"):
        run("creditlib_gigpo", None, STEPS, columns=[{"anchor": "hall"}])
    with pytest.raises(ContractError, match="trajectory_ids"):
        run("creditlib_grpo", None, STEPS, ids=["a0"])
