"""The adapter for OpenRLHF against small stand-ins with its parameter names; the real one is run
in tests/trainers."""

from types import SimpleNamespace

import pytest
import torch
from stand_in import placed

import creditlib as cl
from creditlib.integrations import HookError, openrlhf
from creditlib.vocabulary.messages import ContractError

MAKERS, TRAINER = "openrlhf.trainer.ppo_utils.experience_maker", "openrlhf.trainer.ppo_trainer"
NAN = float("nan")


class RemoteExperienceMaker:
    """Logs, penalises lengths, forgets KL, and leaves advantages to be replaced."""

    def __init__(
        self, actor_model_group, critic_model_group, reward_model_group, initial_model_group,
        kl_controller, strategy, tokenizer, **kwargs,
    ):  # fmt: skip
        self.kl_ctl, self.strategy = kl_controller, strategy

    def compute_advantages_and_returns(self, experiences):
        for each in experiences:
            each.rewards = each.rewards - each.penalty
            each.info["group_reward_std"] = torch.zeros(len(each.rewards))
            each.kl = None
        return experiences


def compute_reward(r, kl_coef, kl, action_mask=None, reward_clip_range=None):
    if reward_clip_range:
        r = r.clamp(*reward_clip_range)
    token, r = -kl_coef * kl, r.to(kl.dtype)
    position = torch.arange(kl.shape[1])
    last = torch.where(action_mask, position, -1).amax(1)
    return token + torch.where(position == last[:, None], r[:, None], 0.0)


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    functions = {"RemoteExperienceMaker": RemoteExperienceMaker, "compute_reward": compute_reward}
    trainer = {"RemoteExperienceMaker": RemoteExperienceMaker}
    return placed(monkeypatch, {MAKERS: functions, TRAINER: trainer})


def maker(settings, kl_coef=0.0, samples=2, clip=None, gamma=1.0, lambd=1.0):
    made = openrlhf.credit_experience_maker(RemoteExperienceMaker, settings)
    return built(made, kl_coef, samples, clip, gamma, lambd)


def built(made, kl_coef=0.0, samples=2, clip=None, gamma=1.0, lambd=1.0):
    args = SimpleNamespace(
        algo=SimpleNamespace(advantage=SimpleNamespace(gamma=gamma, lambd=lambd)),
        rollout=SimpleNamespace(n_samples_per_prompt=samples),
        reward=SimpleNamespace(clip_range=clip),
    )
    controller, strategy = SimpleNamespace(value=kl_coef), SimpleNamespace(args=args)
    return made(None, None, None, None, controller, strategy, None)


def batch(index, masks, rewards, prompts=(), values=None, kl=None, penalty=0.0, **info):
    mask = torch.tensor(masks, dtype=torch.bool)
    return SimpleNamespace(
        index=index,
        action_mask=mask,
        rewards=torch.tensor(rewards),
        prompts=list(prompts),
        values=None if values is None else torch.tensor(values),
        kl=torch.zeros(mask.shape) if kl is None else torch.tensor(kl),
        penalty=penalty,
        info={name: torch.tensor(value) for name, value in info.items()},
    )


def credit(made, *batches, name="advantages"):
    done = made.compute_advantages_and_returns(list(batches))
    return [getattr(each, name).tolist() for each in done]


def four():
    yield batch([0, 1], [[1, 1], [1, 0]], [1.0, 0.0])
    yield batch([3, 2], [[1, 0, 1], [1, 1, 1]], [0.25, 0.75])


def test_without_openrlhf_one_sentence_says_so(monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, MAKERS)
    with pytest.raises(HookError, match="OpenRLHF is not installed"):
        maker({})


def test_a_moved_hook_is_refused(monkeypatch):
    class Moved(RemoteExperienceMaker):
        def compute_advantages_and_returns(self, experiences, step):
            return experiences

    placed(
        monkeypatch,
        {MAKERS: {"RemoteExperienceMaker": Moved, "compute_reward": compute_reward}},
    )
    with pytest.raises(HookError, match=r"\(self, experiences\) as in 0.11.2"):
        maker({})


def test_micro_batches_keep_their_widths_and_groups_their_places():
    # Groups are places 0, 1 (1 and 0) and 2, 3 (0.75 and 0.25).
    expected = [[[0.5, 0.5], [-0.5, 0.0]], [[-0.25, 0.0, -0.25], [0.25, 0.25, 0.25]]]
    batches = list(four())
    assert credit(maker({"scale": None}), *batches) == expected
    assert [each.returns.tolist() for each in batches] == expected
    assert batches[1].info["return"].tolist() == [0.25, 0.75]
    assert batches[0].info["creditlib/group/count"].tolist() == [2.0, 2.0]
    assert batches[0].info["group_reward_std"].tolist() == [0.0, 0.0]
    assert batches[0].advantages.data_ptr() != batches[0].returns.data_ptr()


def test_rewards_are_clipped_before_credit():
    # OpenRLHF applies reward.clip_range to rewards that are centred already: 1 and -1 here.
    made = maker({"scale": None}, clip=(-1.0, 1.0))
    assert credit(made, batch([0, 1], [[1], [1]], [9.0, 0.0])) == [[[0.5], [-0.5]]]


def test_equal_rewards_give_exactly_nothing():
    # OpenRLHF's eps of 1e-9 turns rounding into advantages of up to 0.99.
    made = maker({"preset": "OPENRLHF_GROUP_NORM"}, samples=7)
    assert credit(made, batch(list(range(7)), [[1]] * 7, [0.7] * 7)) == [[[0.0]] * 7]


def test_half_precision_of_models_does_not_reach_rewards():
    # OpenRLHF #1334: advantages were as coarse as bfloat16; KL is as coarse as log-probabilities.
    made = maker({"scale": None})
    one = batch([0, 1], [[1], [1]], [0.5, 0.5 + 2**-11])
    one.kl = one.kl.bfloat16()
    # bfloat16 has 8 binary digits: both rewards would be 0.5.
    assert credit(made, one) == [[[-(2**-12)], [2**-12]]]


def test_groups_may_be_spread_over_micro_batches():
    # Groups are places 0, 1 (1 and 0) and 2, 3 (0.75 and 0.25), whatever batch they are in.
    parts = batch([0, 2], [[1], [1]], [1.0, 0.75]), batch([3, 1], [[1], [1]], [0.25, 0.0])
    assert credit(maker({"scale": None}), *parts) == [[[0.5], [0.25]], [[-0.25], [-0.5]]]


def test_unscored_and_rejected_samples_change_no_baseline():
    made = maker({"scale": None}, samples=4)
    one = batch([0, 1, 2, 3], [[1], [1], [1], [0]], [1.0, 0.0, NAN, 9.0])
    assert credit(made, one) == [[[0.5], [-0.5], [0.0], [0.0]]]


def test_penalties_of_openrlhf_come_first():
    made = maker({"scale": None})
    parts = batch([0], [[1]], [1.0], penalty=0.5), batch([1], [[1]], [1.0])
    assert credit(made, *parts) == [[[-0.25]], [[0.25]]]


def test_anchors_of_turns_come_from_info():
    hall, attic = cl.anchor_ids([["hall", "attic"]])[0].tolist()
    one = batch([0], [[1, 0, 1]], [1.0], creditlib_anchor=[[hall, attic]])
    two = batch([1], [[1, 1]], [0.0], creditlib_anchor=[[hall]])
    made = maker({"estimator": "gigpo", "gamma": 1.0, "scale": None})
    # From the hall 1 and 0 were earned: ±0.5 beside the episode's ±0.5; alone in the attic: 0.
    assert credit(made, one, two) == [[[1.0, 0.0, 0.5]], [[-1.0, -1.0]]]
    assert "creditlib_anchor" not in one.info


def test_gae_skips_tool_output_and_reads_openrlhfs_options():
    # miles #1827, Search-R1 #175; OpenRLHF discounts through the gap.
    for gap in (0, 5):
        one = batch(
            [0], [[1, *[0] * gap, 1]], [1.0], values=[[0.5, *[9.0] * gap, 0.25]],
        )  # fmt: skip
        made = maker({"estimator": "gae"}, samples=1, gamma=0.5, lambd=0.5)
        found = credit(made, one)[0][0]
        # δ1 = 1 - 0.25; δ0 = 0.5·0.25 - 0.5; A0 = δ0 + 0.25·δ1
        assert [found[0], found[-1]] == [-0.1875, 0.75]
        assert one.returns[0, [0, -1]].tolist() == [0.3125, 1.0]


def test_the_kl_of_tool_output_is_no_penalty():
    # slime #1370, the same of any trainer.
    one = batch([0], [[1, 0, 1]], [2.0], kl=[[1.0, 9.0, 1.0]])
    made = maker({"estimator": "discounted_return"}, kl_coef=0.5, samples=1)
    # -0.5 on each written token: 2 - 0.5 - 0.5 from the first, 2 - 0.5 from the last
    assert credit(made, one) == [[[1.0, 0.0, 1.5]]]
    assert one.info["return"].tolist() == [1.0]


def test_groups_that_are_not_whole_are_refused():
    # AReaL #1419, PipelineRL #54: groups by place need every place.
    with pytest.raises(ContractError, match="whole groups of 2"):
        credit(maker({}), batch([0], [[1]], [1.0]))
    with pytest.raises(ContractError, match="each index once"):
        credit(maker({}), batch([0, 0], [[1], [1]], [1.0, 0.0]))


def test_another_prompt_in_a_group_is_refused():
    # prime-rl #600: rollouts came in another order than the reshape assumed.
    mixed = batch([0, 1], [[1], [1]], [1.0, 0.0], prompts=["a", "b"])
    with pytest.raises(ContractError, match="one prompt in each group"):
        credit(maker({}), mixed)
    fine = batch([1, 0], [[1], [1]], [1.0, 0.0], prompts=["a", "a"])
    assert credit(maker({"scale": None}), fine) == [[[0.5], [-0.5]]]


def test_install_reads_the_environment_and_can_be_undone(stand_ins, monkeypatch):
    trainer = stand_ins[1]
    monkeypatch.setenv(openrlhf.ENVIRONMENT, '{"estimator": "rloo"}')
    undo = openrlhf.install()
    assert credit(built(trainer.RemoteExperienceMaker), *four())[0] == [[1.0, 1.0], [-1.0, 0.0]]
    undo()
    assert trainer.RemoteExperienceMaker is RemoteExperienceMaker


def test_a_wrong_name_is_said_when_it_is_installed():
    with pytest.raises(ContractError, match="gigpo"):
        openrlhf.install({"estimator": "gipgo"})
