"""NeMo-RL: an estimator with its call, put behind its factories."""

import math
from types import SimpleNamespace

import pytest
import torch
from stand_in import placed

from creditlib.integrations import nemo_rl as ours
from creditlib.integrations.patching import HookError

# Whole sequences: prompt, answer, tool output in row 0. Row 3 has sample_mask 0, row 4 is alone.
TOKEN_MASK = torch.tensor(
    [[0, 1, 0, 1], [0, 1, 1, 0], [0, 1, 1, 1], [0, 1, 1, 1], [0, 1, 0, 0]], dtype=torch.float32
)
SAMPLE_MASK = torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0])
MASK = TOKEN_MASK * SAMPLE_MASK[:, None]
PROMPTS = torch.tensor([[7, 7], [7, 7], [7, 7], [7, 7], [9, 0]])
REWARDS = torch.tensor([2.0, 1.0, 0.0, 50.0, 0.7])


def advantages(settings=None, **more):
    config = {"name": "creditlib_grpo", "creditlib": {"scale": None, **(settings or {})}}
    given = {"prompt_ids": PROMPTS, "rewards": REWARDS, "mask": MASK, "repeated_batch": {}}
    return ours.CreditEstimator(config).compute_advantage(**{**given, **more})


def per_row(found, mask=MASK):
    """The one number of each row, and 0 everywhere else."""
    assert (found[mask == 0] == 0).all()
    numbers = [row[own != 0].unique() for row, own in zip(found, mask, strict=True)]
    assert all(len(each) <= 1 for each in numbers)
    return [float(each[0]) if len(each) else 0.0 for each in numbers]


def test_groups_are_prompts_and_rows_without_part_change_no_baseline():
    # 2, 1, 0 about their mean 1; row 3 is masked (verl #6452), row 4 is alone in its group.
    assert per_row(advantages()) == [1.0, 0.0, -1.0, 0.0, 0.0]


def test_an_id_wins_over_prompt_tokens():
    """NeMo-RL #3882, #4013: equal prompts of two tasks merge, sampled prompts of one split."""
    merged = advantages(repeated_batch={"uid": ["a", "a", "b", "b", "b"]})
    # a: 2 and 1 about 1.5. b: 0 and 0.7 about 0.35, though their prompts differ.
    assert per_row(merged) == pytest.approx([0.5, -0.5, -0.35, 0.0, 0.35])
    chosen = advantages(
        {"group_key": "task"}, repeated_batch={"task": torch.tensor([1, 2, 1, 2, 2])}
    )
    assert per_row(chosen) == pytest.approx([1.0, 0.15, -1.0, 0.0, -0.15])


def test_a_constant_group_of_float32_is_exactly_zero():
    """NeMo-RL #4158, #4161: an advantage of -2075 out of equal rewards."""
    rewards, mask = torch.full((7,), 100.3), torch.ones(7, 2)
    found = ours.CreditEstimator({"name": "creditlib_grpo"}).compute_advantage(
        torch.zeros(7, 1), rewards, mask
    )
    assert torch.equal(found, torch.zeros(7, 2))


def test_a_win_among_failures_is_bounded():
    """Leave-one-out deviation scales a lone winner by nothing: here the ratio is the textbook's."""
    rewards = torch.tensor([10.0, 0, 0, 0, 0, 0, 0, 0])
    found = ours.CreditEstimator({"name": "creditlib_grpo"}).compute_advantage(
        torch.zeros(8, 1), rewards, torch.ones(8, 1)
    )
    # 10 - 10/8 over a deviation of 10 / sqrt(8): but for eps 7 / sqrt(8), the most |z| can be.
    assert float(found.max()) == pytest.approx(8.75 / (10 / math.sqrt(8) + 1e-6))
    assert abs(float(found.sum())) < 1e-5


def test_unscored_rows_take_no_part():
    rewards = REWARDS.clone()
    rewards[2] = torch.nan
    assert per_row(advantages(rewards=rewards)) == [0.5, -0.5, 0.0, 0.0, 0.0]


def test_settings_of_the_trainer_count_and_the_section_wins():
    assert ours.CreditEstimator(
        {"name": "creditlib_grpo", "normalize_rewards": False}
    ).settings.options == {"scale": None}
    config = SimpleNamespace(
        name="creditlib", creditlib={"estimator": "gae", "lam": 0.5}, gae_gamma=0.9, gae_lambda=0.1
    )
    assert ours.CreditEstimator(config).settings.options == {"gamma": 0.9, "lam": 0.5}


def test_the_critic_loop_gets_returns_and_the_gap_costs_nothing():
    """verl #2337, miles #1827: a tool's tokens are no steps; their values (9 here) are not read."""
    mask = torch.tensor([[0.0, 1.0, 0.0, 1.0]])
    values = torch.tensor([[9.0, 0.5, 9.0, 0.25]])
    config = {"name": "creditlib_gae", "gae_gamma": 1.0, "gae_lambda": 1.0}
    found = ours.CreditEstimator(config).compute_advantage(
        torch.zeros(1, 1), torch.tensor([1.0]), mask, values=values, logprobs=None
    )
    # The reward on the last written token: 1 - 0.25, and 1 - 0.5 before it.
    assert [x.tolist() for x in found] == [[[0.0, 0.5, 0.0, 0.75]], [[0.0, 1.0, 0.0, 1.0]]]


def test_components_of_the_reward_are_objectives():
    batch = {"reward/a": torch.tensor([1.0, 0.0]), "reward/b": torch.tensor([0.0, 0.0])}
    found = ours.CreditEstimator({"name": "creditlib_gdpo"}).compute_advantage(
        torch.zeros(2, 1), torch.tensor([1.0, 0.0]), torch.ones(2, 1), repeated_batch=batch
    )
    assert float(found[0]) > 0 > float(found[1])
    assert float(found.sum()) == 0.0


def test_numbers_for_the_logger_and_untouched_inputs():
    estimator = ours.CreditEstimator({"name": "creditlib_grpo"})
    before = REWARDS.clone(), MASK.clone()
    estimator.compute_advantage(PROMPTS, REWARDS, MASK)
    assert torch.equal(REWARDS, before[0])
    assert torch.equal(MASK, before[1])
    assert estimator.last_metrics["creditlib/rows/excluded"] == 0.2


def factories(monkeypatch):
    def made():
        def _create_advantage_estimator(master_config):
            return "its own"

        return {"_create_advantage_estimator": _create_advantage_estimator}

    return placed(monkeypatch, {hook.module: made() for hook in ours.TRAINER.hooks})


def test_factories_make_it_where_the_configuration_says_so(monkeypatch):
    modules = factories(monkeypatch)
    undo = ours.install()
    theirs = SimpleNamespace(grpo=SimpleNamespace(adv_estimator={"name": "grpo"}))
    wanted = SimpleNamespace(
        grpo=None,
        ppo={"adv_estimator": {"name": "creditlib_gae", "gae_gamma": 1.0, "gae_lambda": 1.0}},
    )
    for module in modules:
        assert module._create_advantage_estimator(theirs) == "its own"
        assert module._create_advantage_estimator(wanted).settings.name == "gae"
    undo()
    assert modules[0]._create_advantage_estimator(wanted) == "its own"


def test_a_factory_that_has_moved_is_refused(monkeypatch):
    factories(monkeypatch)[0]._create_advantage_estimator = lambda config, loss: None
    with pytest.raises(HookError, match=r"as in 7ea279a, got \(config, loss\)"):
        ours.install()


def test_a_name_without_an_estimator_is_refused(refusal):
    said = refusal(ours.CreditEstimator, {"name": "creditlib"})
    assert said.startswith("creditlib: `estimator` must be a name or an import path")
