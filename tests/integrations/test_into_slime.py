"""The adapter for slime against small stand-ins with its parameter names; the real one is run in
tests/trainers."""

from types import SimpleNamespace

import pytest
import torch
from stand_in import placed

from creditlib.integrations import HookError, slime
from creditlib.vocabulary.messages import ContractError

CP_UTILS, CORE = "slime.backends.megatron_utils.cp_utils", "megatron.core"
NAN = float("nan")


@pytest.fixture(autouse=True)
def ranks(monkeypatch):
    """Two halves of context parallelism: rank 0 holds the ends of a row, rank 1 its middle."""
    state = SimpleNamespace(rank=None, data_parallel=1, other={})

    def own(length):
        outer = length // 4
        ends = [*range(outer), *range(length - outer, length)]
        return {0: ends, 1: list(range(outer, length - outer)), None: list(range(length))}

    def slice_log_prob_with_cp(log_prob, total_length, response_length):
        assert len(log_prob) == response_length
        return log_prob[own(response_length)[state.rank]]

    def all_gather_with_cp(tensor, total_length, response_length):
        if state.rank is None:
            return tensor
        whole = torch.zeros(response_length)
        whole[own(response_length)[state.rank]] = tensor
        whole[own(response_length)[1 - state.rank]] = state.other[response_length]
        return whole.requires_grad_()

    def get_data_parallel_world_size(with_context_parallel=False):
        return state.data_parallel

    state.cut = slice_log_prob_with_cp
    parallel = SimpleNamespace(get_data_parallel_world_size=get_data_parallel_world_size)
    functions = {
        "slice_log_prob_with_cp": slice_log_prob_with_cp,
        "all_gather_with_cp": all_gather_with_cp,
    }
    placed(monkeypatch, {CP_UTILS: functions, CORE: {"mpu": parallel}})
    return state


def arguments(creditlib=None, **changes):
    known = {
        "advantage_estimator": "grpo",
        "custom_advantage_function_path": "creditlib.integrations.slime.compute_advantages",
        "gamma": 1.0,
        "lambd": 1.0,
        "grpo_std_normalization": True,
        "kl_coef": 0.0,
        "reward_key": None,
        "creditlib": creditlib,
    }
    return SimpleNamespace(**{**known, **changes})


class Sample(SimpleNamespace):
    def get_reward_value(self, args):
        return self.reward if not args.reward_key else self.reward[args.reward_key]


def sample(group, mask, reward, **more):
    known = {
        "group_index": group,
        "index": None,
        "rollout_id": None,
        "response_length": len(mask or []),
        "loss_mask": mask,
        "reward": reward,
        "remove_sample": False,
        "status": SimpleNamespace(value="completed"),
        "metadata": {},
    }
    return Sample(**{**known, **more})


def credit(settings, *samples, **changes):
    return slime.post_process_rewards(arguments(settings, **changes), list(samples))[1]


def tokens(args, samples, **tensors):
    """Both stages, as the rank of context parallelism that the stand-ins are."""
    _, rewards = slime.post_process_rewards(args, samples)
    masks = [
        [0] * each.response_length if each.remove_sample else each.loss_mask for each in samples
    ]
    data = {
        "rewards": rewards,
        "loss_masks": [torch.tensor(mask) for mask in masks],
        "response_lengths": [len(mask) for mask in masks],
        "total_lengths": [len(mask) + 3 for mask in masks],
        **tensors,
    }
    data.setdefault("kl", [torch.zeros(len(mask)) for mask in masks])
    slime.compute_advantages(args, data)
    return data


def listed(data, name="advantages"):
    return [row.tolist() for row in data[name]]


def test_groups_are_ids_and_never_counts():
    # slime #1414, #1918, #2230: 7 of 8 samples, and the fallback pools unrelated prompts.
    rewards = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    made = [sample(place // 4, [1], reward) for place, reward in enumerate(rewards)]
    expected = [0.5, -0.5, -0.5, 0.5, 1 / 3, 1 / 3, -2 / 3]
    assert credit({"scale": None}, *made) == pytest.approx(expected)
    order = [3, 6, 0, 5, 2, 4, 1]
    mixed = credit({"scale": None}, *(made[place] for place in order))
    assert mixed == pytest.approx([expected[place] for place in order])


def test_a_sample_without_a_group_is_refused():
    with pytest.raises(ContractError, match="group_index"):
        credit({}, sample(None, [1], 1.0))


def test_raw_rewards_are_kept_and_a_key_picks_one():
    made = [sample(0, [1], {"score": 1.0}), sample(0, [1], {"score": 0.0}), sample(0, [1], None)]
    raw, rewards = slime.post_process_rewards(arguments({"scale": None}, reward_key="score"), made)
    assert raw[:2] == [1.0, 0.0]
    assert raw[2] != raw[2]
    assert rewards == [0.5, -0.5, 0.0]


def test_settings_of_slime_count_where_none_are_given():
    made = [sample(0, [1], 1.0), sample(0, [1], 0.0)]
    assert credit(None, *made, grpo_std_normalization=False) == [0.5, -0.5]
    assert credit({"scale": "std"}, *made, grpo_std_normalization=False)[0] > 0.7


def test_aborted_unscored_and_removed_samples_change_no_baseline():
    # slime #657: rejected samples counted.
    made = [
        sample(0, [1], 1.0),
        sample(0, None, 0.0, response_length=1),
        sample(0, [1], None),
        sample(0, [1], NAN),
        sample(0, [1], 9.0, status=SimpleNamespace(value="aborted")),
        sample(0, [1], 9.0, remove_sample=True),
        sample(0, [], 9.0),
    ]
    assert credit({"scale": None}, *made) == [0.5, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_several_samples_of_a_rollout_are_one_trajectory():
    # miles #2378: a rollout of several rows weighed several times in its group.
    made = [
        sample(0, [1], 1.0, rollout_id=7),
        sample(0, [1, 1], 1.0, rollout_id=7),
        sample(0, [1], 0.0, rollout_id=8),
        sample(0, [1], 0.5),
    ]
    assert credit({"scale": None}, *made) == [0.5, 0.5, -0.5, 0.0]


def test_the_credit_of_turns_is_made_of_whole_groups_and_put_on_tokens():
    made = [
        sample(0, [1, 0, 0, 1], 1.0, metadata={"creditlib": {"anchor": ["hall", "attic"]}}),
        sample(0, [0, 1, 1], 0.0, metadata={"creditlib": {"anchor": ["hall"]}}),
    ]
    args = arguments({"estimator": "gigpo", "gamma": 1.0, "scale": None})
    # From the hall 1 and 0 were earned: ±0.5 beside the episode's ±0.5; alone in the attic: 0.
    assert slime.post_process_rewards(args, made)[1] == [[1.0, 0.5], [-1.0]]
    data = tokens(args, made)
    assert listed(data) == [[1.0, 0.0, 0.0, 0.5], [0.0, -1.0, -1.0]]
    assert listed(data, "returns") == listed(data)
    assert data["rewards"] == [0.75, -1.0]  # numbers, for slime's log


def test_turns_of_a_rollout_go_on_in_its_next_sample():
    made = [
        sample(0, [1, 0, 1], 0.0, rollout_id=1),
        sample(0, [1], 1.0, rollout_id=1),
        sample(0, [1], 0.0, rollout_id=2),
    ]
    anchors = [["hall", "attic"], ["cellar"], ["cellar"]]
    for each, seen in zip(made, anchors, strict=True):
        each.metadata = {"creditlib": {"anchor": seen}}
    found = credit({"estimator": "gigpo", "gamma": 1.0, "scale": None}, *made)
    assert found == [[0.5, 0.5], [1.0], [-1.0]]


def test_trajectory_credit_is_exactly_zero_outside_the_mask():
    made = [sample(0, [1, 0, 1], 1.0), sample(0, [0, 0], 5.0), sample(0, [1], 0.0)]
    data = tokens(arguments({"scale": None}), made)
    assert listed(data) == [[0.5, 0.0, 0.5], [0.0, 0.0], [-0.5]]
    assert {row.dtype for row in data["advantages"]} == {torch.float32}


@pytest.mark.parametrize("rank", [0, 1])
def test_ranks_of_context_parallelism_get_their_slices(ranks, rank):
    made = [sample(0, [1, 1, 0, 0, 1, 1, 1, 1], 1.0), sample(0, [1, 0, 1, 1], 0.0)]
    args = arguments({"estimator": "grpo_process", "scale": None})
    whole = tokens(args, made)["advantages"]
    ranks.rank = rank
    kl = [ranks.cut(torch.zeros(len(row)), 0, len(row)) for row in whole]
    data = tokens(args, made, kl=kl)
    for got, row in zip(data["advantages"], whole, strict=True):
        assert got.tolist() == ranks.cut(row, 0, len(row)).tolist()


def gae(settings, mask, values, **changes):
    args = arguments({"estimator": "gae", **settings}, gamma=0.5, lambd=0.5, **changes)
    return tokens(args, [sample(0, mask, 1.0)], values=[torch.tensor(values)])


def test_gae_skips_tool_output():
    # miles #1827, Search-R1 #175: values of the tool output entered the recursion.
    for gap in (0, 5):
        data = gae({}, [1, *[0] * gap, 1], [0.5, *[9.0] * gap, 0.25])
        # δ1 = 1 - 0.25; δ0 = 0.5·0.25 - 0.5; A0 = δ0 + 0.25·δ1
        assert data["advantages"][0][[0, -1]].tolist() == [-0.1875, 0.75]
        assert data["returns"][0][[0, -1]].tolist() == [0.3125, 1.0]
        assert data["advantages"][0][1:-1].abs().sum() == 0.0
    assert data["creditlib/group/count"] == [1]


def test_a_reward_after_tool_output_is_not_lost():
    # verl #5613 and SkyRL: a reward on an unwritten token.
    assert gae({}, [1, 0], [0.5, 9.0])["advantages"][0].tolist() == [0.5, 0.0]


def test_gae_on_slices_gathers_the_values(ranks):
    mask, values = [1, 1, 0, 0, 1, 1, 1, 1], torch.linspace(0.0, 0.7, 8)
    whole = gae({}, mask, values.tolist())["advantages"][0]
    for rank in (0, 1):
        ranks.rank = 1 - rank
        ranks.other = {8: ranks.cut(values, 0, 8)}
        ranks.rank = rank
        held = {"values": [ranks.cut(values, 0, 8)], "kl": [ranks.cut(values, 0, 8)]}
        args = arguments({"estimator": "gae"}, gamma=0.5, lambd=0.5)
        data = tokens(args, [sample(0, mask, 1.0)], **held)
        assert data["advantages"][0].tolist() == ranks.cut(whole, 0, 8).tolist()


def test_the_kl_of_tool_output_is_no_penalty():
    # slime #1370: KL of tool tokens entered the returns.
    args = arguments({"estimator": "discounted_return"}, kl_coef=0.5)
    data = tokens(args, [sample(0, [1, 0, 1], 2.0)], kl=[torch.tensor([1.0, NAN, 1.0])])
    # -0.5 on each written token: 2 - 0.5 - 0.5 from the first, 2 - 0.5 from the last
    assert listed(data) == [[1.0, 0.0, 1.5]]


def test_ragged_rows_of_tokens_keep_their_lengths():
    args = arguments({"estimator": "discounted_return"}, gamma=0.5)
    made = [sample(0, [1, 0, 1, 1], 1.0), sample(0, [1], 1.0), sample(1, [0, 0], 9.0)]
    assert listed(tokens(args, made)) == [[0.25, 0.0, 0.5, 1.0], [1.0], [0.0, 0.0]]


def test_a_critic_must_not_learn_from_samples_without_a_reward():
    args = arguments({"estimator": "gae"})
    for bad in (
        sample(0, [1], None),
        sample(0, [1], 1.0, status=SimpleNamespace(value="aborted")),
    ):
        with pytest.raises(ContractError, match="remove_sample"):
            slime.post_process_rewards(args, [bad])
    removed = sample(0, [1], None, remove_sample=True)
    assert slime.post_process_rewards(args, [removed])[1] == [0.0]


@pytest.mark.parametrize("settings", [{"estimator": "reinforce_plus_plus"}, {"whiten": True}])
def test_whitening_on_one_of_several_ranks_is_refused(ranks, settings):
    args = arguments({"estimator": "discounted_return", **settings})
    made = [sample(0, [1, 1], 1.0), sample(0, [1], 0.0)]
    assert len(tokens(args, made)["advantages"]) == 2
    ranks.data_parallel = 2
    with pytest.raises(ContractError, match="discounted_return with --normalize-advantages"):
        tokens(args, made)


def test_credit_that_slime_alone_would_lose_is_refused():
    for name in ("gigpo", "gae"):
        with pytest.raises(ContractError, match="compute_advantages"):
            credit({"estimator": name}, sample(0, [1], 1.0), custom_advantage_function_path=None)
    alone = {"custom_advantage_function_path": None, "advantage_estimator": "ppo"}
    with pytest.raises(ContractError, match="advantage_estimator"):
        credit({}, sample(0, [1], 1.0), **alone)


def test_a_mask_with_other_turns_than_the_credit_is_refused():
    data = {"rewards": [[1.0, 2.0]], "loss_masks": [torch.tensor([1, 1])], "kl": [torch.zeros(2)]}
    args = arguments({"estimator": "gigpo"})
    with pytest.raises(ContractError, match="one credit for each of 1 turns, got 2"):
        slime.compute_advantages(args, data)


def test_a_moved_hook_is_refused(monkeypatch):
    placed(monkeypatch, {CP_UTILS: {"slice_log_prob_with_cp": lambda row, lengths: row}})
    data = {"rewards": [], "loss_masks": [], "kl": []}
    with pytest.raises(HookError, match="as in 624b824"):
        slime.compute_advantages(arguments(), data)


def test_a_constant_group_is_exactly_nothing():
    """miles #701, #570: a filter by std > 0 keeps groups whose deviation is rounding."""
    for reward in (0.1, 0.7, 100.3):
        made = [sample(group, [1], reward * (group + 1)) for group in (0, 0, 0, 1, 1)]
        assert credit({}, *made) == [0.0] * 5
