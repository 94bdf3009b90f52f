"""The adapter inside slime's source: its group stage, its token stage, its own zig-zag slices.

Megatron and SGLang are not there: a test stands in for them with empty modules, labelled below.
What computes is slime's own code.
"""

import importlib.util
import warnings
from argparse import Namespace
from types import SimpleNamespace

import pytest
import torch
from trainer_modules import itself, stand_ins

itself("ray")
if importlib.util.find_spec("slime") is None:
    pytest.skip("slime's source is not on the path", allow_module_level=True)

STAND_INS = ("megatron", "sglang", "sglang_router", "wandb")


class _Parallel:
    """STAND-IN for megatron.core.mpu: which rank of how many in context and data parallelism."""

    rank, size, ranks, group = 0, 1, 1, None

    def get_context_parallel_rank(self):
        return self.rank

    def get_context_parallel_world_size(self):
        return self.size

    def get_context_parallel_group(self):
        return self.group

    def get_data_parallel_world_size(self, with_context_parallel=False):
        return self.ranks

    def is_pipeline_last_stage(self):
        return True


stand_ins(*STAND_INS)
import megatron.core  # noqa: E402

mpu = megatron.core.mpu = _Parallel()

SLIME = (
    "slime",
    "slime.backends.megatron_utils.cp_utils",
    "slime.backends.megatron_utils.loss",
    "slime.ray.rollout",
    "slime.utils.types",
)
_, cp_utils, loss, rollout, sample_types = itself(*SLIME)

import creditlib as cl  # noqa: E402
from creditlib.integrations import slime  # noqa: E402
from creditlib.integrations.patching import verify  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402
from creditlib.vocabulary.messages import ContractError  # noqa: E402

PATH = "creditlib.integrations.slime.{}"
Sample = sample_types.Sample
MANAGER = rollout.RolloutManager.__ray_metadata__.modified_class


@pytest.fixture(autouse=True)
def one_rank():
    torch.compiler.set_stance("force_eager")  # slime compiles its KL; no compiler is needed here
    mpu.rank, mpu.size, mpu.ranks = 0, 1, 1
    yield
    torch.compiler.set_stance("default")


def arguments(creditlib=None, **changes):
    known = {
        "advantage_estimator": "grpo",
        "custom_advantage_function_path": PATH.format("compute_advantages"),
        "gamma": 1.0,
        "lambd": 1.0,
        "grpo_std_normalization": True,
        "rewards_normalization": True,
        "n_samples_per_prompt": 2,
        "rollout_batch_size": 2,
        "reward_key": None,
        "kl_coef": 0.0,
        "kl_loss_type": "k1",
        "use_rollout_logprobs": False,
        "use_opd": False,
        "normalize_advantages": False,
        "rollout_top_p": 1.0,
        "creditlib": creditlib,
    }
    return Namespace(**{**known, **changes})


def samples(*rows):
    """Samples of slime from (group, loss mask, reward) and their other fields."""
    made = []
    for place, (group, mask, reward, *rest) in enumerate(rows):
        sample = Sample(
            group_index=group,
            index=place,
            tokens=[3, *[5] * len(mask)],
            response_length=len(mask),
            reward=reward,
            loss_mask=list(mask),
            status=Sample.Status.COMPLETED,
        )
        for name, value in (rest[0] if rest else {}).items():
            setattr(sample, name, value)
        made.append(sample)
    return made


def group_stage(args, made):
    """Through slime's RolloutManager, up to the data that goes to the ranks."""
    manager = SimpleNamespace(
        args=args,
        custom_reward_post_process_func=slime.post_process_rewards,
        custom_convert_samples_to_train_data_func=None,
    )
    manager._post_process_rewards = lambda given: MANAGER._post_process_rewards(manager, given)
    return MANAGER._convert_samples_to_train_data(manager, made)


def token_stage(args, data, **tensors):
    """Through slime's compute_advantages_and_returns on one rank."""
    batch = {
        **data,
        "total_lengths": [len(each) for each in data["tokens"]],
        "loss_masks": [torch.tensor(each) for each in data["loss_masks"]],
        **tensors,
    }
    batch.setdefault("log_probs", [torch.zeros(size) for size in data["response_lengths"]])
    loss.compute_advantages_and_returns(args, batch)
    return batch


def both_stages(args, made, **tensors):
    return token_stage(args, group_stage(args, made), **tensors)


def listed(batch, name="advantages"):
    return [row.tolist() for row in batch[name]]


def test_every_hook_is_as_it_was_recorded():
    for hook in slime.TRAINER.hooks:
        verify(slime.TRAINER, hook)


def test_both_paths_load_as_slime_loads_them():
    from slime.utils.misc import load_function

    assert load_function(PATH.format("post_process_rewards")) is slime.post_process_rewards
    assert load_function(PATH.format("compute_advantages")) is slime.compute_advantages


def test_grpo_with_its_preset_is_slimes_own_on_full_groups():
    made = samples((0, [1], 1.0), (0, [1], 0.0), (1, [1], 0.25), (1, [1], 0.75))
    manager = SimpleNamespace(args=arguments(), custom_reward_post_process_func=None)
    raw, own = MANAGER._post_process_rewards(manager, made)
    data = group_stage(arguments({"preset": "SLIME_GRPO"}), made)
    assert data["raw_reward"] == raw
    assert_close(torch.tensor(data["rewards"]), torch.tensor(own))


def test_groups_are_ids_where_slime_makes_one_of_the_batch():
    # slime #1414, #1918, #2230: 7 of 8 samples, and the fallback pools unrelated prompts.
    rows = [(k // 4, [1], float(reward)) for k, reward in enumerate([1, 0, 0, 1, 1, 1, 0])]
    args = arguments({"scale": None}, n_samples_per_prompt=4)
    data = group_stage(args, samples(*rows))
    third = 1 / 3
    expected = [0.5, -0.5, -0.5, 0.5, third, third, -2 * third]
    assert_close(torch.tensor(data["rewards"]), torch.tensor(expected))
    order = [3, 6, 0, 5, 2, 4, 1]
    mixed = group_stage(args, samples(*(rows[k] for k in order)))
    assert_close(torch.tensor(mixed["rewards"]), torch.tensor([expected[k] for k in order]))


def test_slime_spreads_the_credit_of_trajectories_without_the_second_path():
    args = arguments({"scale": None}, custom_advantage_function_path=None)
    batch = both_stages(args, samples((0, [1, 1], 1.0), (0, [1], 0.0)))
    assert listed(batch) == [[0.5, 0.5], [-0.5]]


def test_both_stages_leave_tool_output_without_credit():
    batch = both_stages(
        arguments({"scale": None}), samples((0, [1, 0, 1], 1.0), (0, [1], 0.0), (1, [1, 1], 3.0))
    )
    assert listed(batch) == [[0.5, 0.0, 0.5], [-0.5], [0.0, 0.0]]
    assert listed(batch, "returns") == listed(batch)
    assert batch["rewards"] == [0.5, -0.5, 0.0]
    assert all(row.dtype == torch.float32 for row in batch["advantages"])


def test_the_credit_of_turns_goes_through_both_stages():
    seen = [{"anchor": ["hall", "attic"]}, {"anchor": ["hall"]}]
    rows = [
        (0, [1, 0, 0, 1], 1.0, {"metadata": {"creditlib": seen[0]}}),
        (0, [1, 1], 0.0, {"metadata": {"creditlib": seen[1]}}),
    ]
    args = arguments({"estimator": "gigpo", "gamma": 1.0, "scale": None})
    data = group_stage(args, samples(*rows))
    assert data["rewards"] == [[1.0, 0.5], [-1.0]]
    batch = token_stage(args, data)
    assert listed(batch) == [[1.0, 0.0, 0.0, 0.5], [-1.0, -1.0]]
    assert batch["rewards"] == [0.75, -1.0]


def test_several_samples_of_a_rollout_are_one_trajectory():
    # miles #2378: a rollout of several rows weighed several times in its group.
    rows = [
        (0, [1], 1.0, {"rollout_id": 7}),
        (0, [1, 1], 1.0, {"rollout_id": 7}),
        (0, [1], 0.0, {"rollout_id": 8}),
        (0, [1], 0.5),
    ]
    data = group_stage(arguments({"scale": None}), samples(*rows))
    assert data["rewards"] == [0.5, 0.5, -0.5, 0.0]


def test_unscored_aborted_and_removed_samples_change_no_baseline():
    # slime #657: rejected samples counted.
    rows = [
        (0, [1], 1.0),
        (0, [1], 0.0),
        (0, [1], None),
        (0, [1], 9.0, {"status": Sample.Status.ABORTED}),
        (0, [1], 9.0, {"remove_sample": True}),
    ]
    data = group_stage(arguments({"scale": None}), samples(*rows))
    assert data["rewards"] == [0.5, -0.5, 0.0, 0.0, 0.0]
    assert data["loss_masks"][4] == [0]


def slices(args, data, rank, size, **tensors):
    """The token stage as a rank of context parallelism sees it, cut by slime's own function."""
    mpu.rank, mpu.size = rank, size
    lengths = [
        (len(tokens), length)
        for tokens, length in zip(data["tokens"], data["response_lengths"], strict=True)
    ]
    cut = {
        name: [
            cp_utils.slice_log_prob_with_cp(row, *each)
            for row, each in zip(rows, lengths, strict=True)
        ]
        for name, rows in tensors.items()
    }
    batch = token_stage(args, data, **cut)
    mpu.rank, mpu.size = 0, 1
    return batch, lengths


@pytest.mark.parametrize("size", [2, 4])
def test_each_rank_of_context_parallelism_gets_its_own_tokens(size):
    rows = [
        (0, [1, 1, 0, 1, 0, 0, 1, 1, 1], 1.0),
        (0, [1, 0, 1], 0.0),
        (0, [0, 1, 1, 1, 1], 0.5),
    ]
    args = arguments({"estimator": "grpo_process"})
    data = group_stage(args, samples(*rows))
    whole = token_stage(args, data)["advantages"]
    zeros = [torch.zeros(length) for length in data["response_lengths"]]
    for rank in range(size):
        batch, lengths = slices(args, data, rank, size, log_probs=zeros)
        mpu.rank, mpu.size = rank, size
        expected = [
            cp_utils.slice_log_prob_with_cp(row, *each)
            for row, each in zip(whole, lengths, strict=True)
        ]
        assert [torch.equal(*both) for both in zip(batch["advantages"], expected, strict=True)]
        for got, wanted, kl in zip(batch["advantages"], expected, batch["kl"], strict=True):
            assert got.shape == kl.shape
            assert torch.equal(got, wanted)


TOKENS = [(0, [1, 1, 0, 0, 1, 1, 1], 1.0), (1, [1, 0, 1], 0.0)]


def critic(seed):
    maker = torch.Generator().manual_seed(seed)
    return [torch.rand(len(row[1]), generator=maker) for row in TOKENS]


def test_gae_skips_tool_output_and_reads_slimes_gamma_and_lambda():
    # miles #1827; slime's own recursion walks through tool output.
    args = arguments({"estimator": "gae"}, gamma=0.9, lambd=0.8)
    values = critic(0)
    batch = both_stages(args, samples(*TOKENS), values=values)
    kept = torch.tensor([0, 1, 4, 5, 6])
    reward = torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0]])
    turn = torch.tensor([[0, 0, 1, 1, 1]])
    advantage, returns = cl.gae(
        token_reward=reward, value=values[0][kept][None], turn=turn, gamma=0.9, lam=0.8
    )
    assert_close(batch["advantages"][0][kept], advantage[0])
    assert_close(batch["returns"][0][kept], returns[0])
    assert batch["advantages"][0][2:4].tolist() == [0.0, 0.0]
    assert batch["creditlib/group/count"] == [2, 2]


def test_without_gaps_gae_is_slimes_own():
    rows = [(0, [1] * 7, 1.0), (1, [1] * 3, 0.25)]
    values = [torch.rand(7), torch.rand(3)]
    args = arguments({"estimator": "gae"}, gamma=0.9, lambd=0.8)
    ours = both_stages(args, samples(*rows), values=[x.clone() for x in values])
    own = arguments(gamma=0.9, lambd=0.8)
    own.custom_advantage_function_path, own.advantage_estimator = None, "ppo"
    data = group_stage(args, samples(*rows))
    theirs = token_stage(own, data, values=[x.clone() for x in values])
    for a, b in zip(ours["advantages"], theirs["advantages"], strict=True):
        assert_close(a, b)


def test_the_kl_of_tool_output_is_no_penalty():
    # slime #1370: KL of tool tokens entered the returns.
    args = arguments({"estimator": "discounted_return"}, kl_coef=0.5)
    log_probs = [torch.tensor([1.0, 9.0, 1.0])]
    reference = [torch.zeros(3)]
    made = samples((0, [1, 0, 1], 2.0))
    batch = both_stages(args, made, log_probs=log_probs, ref_log_probs=reference)
    # -0.5 on each written token: 2 - 0.5 - 0.5 from the first, 2 - 0.5 from the last
    assert listed(batch) == [[1.0, 0.0, 1.5]]


def _rank(rank, port, pipe):
    warnings.simplefilter("ignore")  # of torch's and slime's own, which would end this process
    import torch.distributed as dist
    import torch.distributed.nn  # noqa: F401  (slime reaches it as dist.nn)

    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    mpu.group = dist.group.WORLD
    args = arguments({"estimator": "gae"}, gamma=0.9, lambd=0.8)
    data = group_stage(args, samples(*TOKENS))
    batch, _ = slices(args, data, rank, 2, values=critic(0), log_probs=critic(1))
    pipe.send([listed(batch), listed(batch, "returns")])
    dist.destroy_process_group()


def test_values_are_gathered_over_two_ranks_of_context_parallelism():
    import socket

    import torch.multiprocessing as mp

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context, got = mp.get_context("fork"), []
    ends = [context.Pipe(duplex=False) for _ in range(2)]
    ranks = [context.Process(target=_rank, args=(k, port, ends[k][1])) for k in range(2)]
    for rank in ranks:
        rank.start()
    for here, _ in ends:
        assert here.poll(30)
        got.append(here.recv())
    for rank in ranks:
        rank.join(30)
    args = arguments({"estimator": "gae"}, gamma=0.9, lambd=0.8)
    data = group_stage(args, samples(*TOKENS))
    whole = token_stage(args, data, values=critic(0))
    for rank in range(2):
        mpu.rank, mpu.size = rank, 2
        for name, found in zip(("advantages", "returns"), got[rank], strict=True):
            for row, tokens, full in zip(found, data["tokens"], whole[name], strict=True):
                own = cp_utils.slice_log_prob_with_cp(full, len(tokens), len(full))
                assert_close(torch.tensor(row), own)


def test_whitening_on_one_of_several_ranks_is_refused():
    args = arguments({"estimator": "reinforce_plus_plus"})
    made = samples(*TOKENS)
    assert len(both_stages(args, made)["advantages"]) == 2
    mpu.ranks = 2
    with pytest.raises(ContractError, match="discounted_return with --normalize-advantages"):
        both_stages(args, made)


def test_credit_that_slime_alone_would_lose_is_refused():
    for settings in ({"estimator": "gigpo"}, {"estimator": "gae"}):
        args = arguments(settings, custom_advantage_function_path=None)
        with pytest.raises(ContractError, match="compute_advantages"):
            group_stage(args, samples((0, [1], 1.0)))
    args = arguments(custom_advantage_function_path=None, advantage_estimator="ppo")
    with pytest.raises(ContractError, match="advantage_estimator"):
        group_stage(args, samples((0, [1], 1.0)))


def test_the_settings_come_from_slimes_custom_config(tmp_path):
    import yaml

    # slime's arguments.py sets each key of --custom-config-path on its arguments.
    path = tmp_path / "credit.yaml"
    path.write_text("creditlib:\n  estimator: rloo\n")
    args = arguments()
    for key, value in yaml.safe_load(path.read_text()).items():
        setattr(args, key, value)
    data = group_stage(args, samples((0, [1], 1.0), (0, [1], 0.0), (0, [1], 0.0)))
    assert data["rewards"] == [1.0, -0.5, -0.5]
