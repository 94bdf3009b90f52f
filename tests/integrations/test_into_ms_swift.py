"""ms-swift: samples and mini-batches of a rank, the trainer's method around them."""

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch
from stand_in import placed

from creditlib.integrations import ms_swift as ours
from creditlib.integrations.patching import HookError

NAN = torch.nan
# One row of rewards for each sample, two functions. The fourth has none: unscored. The fifth is
# cut to nothing (rejected), the sixth is alone.
REWARDS = [[2.0, NAN], [0.5, 0.5], [0.0, 0.0], [NAN, NAN], [50.0, NAN], [0.7, 0.0]]
PROMPTS = ["p", "p", "p", "p", "p", "q"]
MASKS = [
    torch.tensor([[1, 0, 1], [1, 1, 0]]),
    torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]),
    torch.tensor([[0, 0], [1, 1]]),
]


def samples(requests=None):
    names = requests or [f"r{i}" for i in range(len(PROMPTS))]
    return [
        SimpleNamespace(prompt_id=p, request_id=r, extra={}, rollout_infos={})
        for p, r in zip(PROMPTS, names, strict=True)
    ]


class StandIn:
    """The attributes the trainer has when it writes advantages, and its two methods."""

    def __init__(self, rewards=REWARDS, **settings):
        self._rewards_per_func = torch.tensor(rewards)
        self.reward_weights = torch.ones(2)
        self.scale_rewards, self.kl_in_reward, self.beta = "none", False, 0.0
        self.use_liger_loss, self.sdar_loss_coef, self.dynamic_num_samples = False, 0.0, False
        self.template = SimpleNamespace(sequence_parallel_size=1)
        self.accelerator = SimpleNamespace(num_processes=1, process_index=0)
        self.model = SimpleNamespace(training=True)
        self._metrics = {"train": defaultdict(list), "eval": defaultdict(list)}
        vars(self).update(settings)

    def split_by_mini_batches(self, samples):
        return [samples[i : i + 2] for i in range(0, len(samples), 2)]

    def _postprocess_batch(self, samples, batch_encoded_inputs):
        for each in batch_encoded_inputs:
            shape = each["grpo_batch"].completion_mask.shape
            each["grpo_batch"].advantages = torch.full(shape, 77.0)


def batches(masks=MASKS):
    return [
        {
            "grpo_batch": SimpleNamespace(
                completion_mask=mask,
                teacher_per_token_logps=None,
                old_per_token_logps=None,
                ref_per_token_logps=None,
            )
        }
        for mask in masks
    ]


def postprocessed(given=None, encoded=None, settings=None, **more):
    trainer = ours.credit_swift_trainer(StandIn, lambda trainer, data: data, settings)(**more)
    encoded = encoded or batches()
    trainer._postprocess_batch(given or samples(), encoded)
    found = [row for each in encoded for row in each["grpo_batch"].advantages]
    masks = [row for each in encoded for row in each["grpo_batch"].completion_mask]
    assert all((a[m == 0] == 0).all() for a, m in zip(found, masks, strict=True))
    return [float(row[0]) for row in found], encoded, trainer


def test_rows_of_all_mini_batches_are_one_batch():
    # 2, 1, 0 about 1. A row whose rewards are all None is unscored, not 0 (ms-swift #8125, #8123).
    found, encoded, trainer = postprocessed()
    assert found == [1.0, 0.0, -1.0, 0.0, 0.0, 0.0]
    assert encoded[0]["grpo_batch"].advantages.tolist()[0] == [1.0, 0.0, 1.0]
    shapes = [each["grpo_batch"].advantages.shape for each in encoded]
    assert shapes == [mask.shape for mask in MASKS]
    # Numbers go where the trainer's own go: two of six rows take no part.
    assert trainer._metrics["train"]["creditlib/rows/excluded"] == [pytest.approx(2 / 6)]


def test_rows_of_a_request_are_turns_of_one_trajectory():
    """Several rows of a request: its outcome counts once (miles #2378)."""
    requests = ["a", "a", "a", "b", "c", "d"]
    rewards = [[1.0, 0.0]] * 3 + [[0.0, 0.0], [9.0, 0.0], [0.0, 0.0]]
    found, *_ = postprocessed(samples(requests), rewards=rewards)
    assert found == [0.5, 0.5, 0.5, -0.5, 0.0, 0.0]


def test_anchors_of_an_agent_loop_reach_the_estimator():
    given = samples()
    words = [["h", "k"], ["h"], ["m"], ["n"], [], ["h"]]
    for each, anchor in zip(given, words, strict=True):
        each.rollout_infos = {"anchor": anchor}
    settings = {"estimator": "gigpo", "gamma": 1.0}
    found, encoded, _ = postprocessed(given, settings=settings)
    # p at h: 2 and 1 are to come, ±0.5, beside the episodes' 1, 0, -1; q is another task.
    assert found == [1.5, -0.5, -1.0, 0.0, 0.0, 0.0]
    assert encoded[0]["grpo_batch"].advantages.tolist()[0] == [1.5, 0.0, 1.0]


def test_the_penalty_in_the_reward_counts_where_tokens_were_written():
    """slime #1370: the divergence of tool tokens (100 here) is no penalty."""
    masks = [torch.tensor([[1, 0, 1], [1, 1, 0]])]
    encoded = batches(masks)
    encoded[0]["grpo_batch"].old_per_token_logps = torch.tensor(
        [[1.0, 100.0, 1.0], [0.0, 0.0, 5.0]]
    )
    encoded[0]["grpo_batch"].ref_per_token_logps = torch.zeros(2, 3)
    more = {"kl_in_reward": True, "beta": 0.5, "rewards": [[2.0, 0.0], [0.0, 0.0]]}
    found, *_ = postprocessed(samples()[:2], encoded, **more)
    # 2 - 0.5 * 2 = 1 and 0, about their mean.
    assert found == [0.5, -0.5]


def test_the_scale_is_the_trainers():
    rewards = [[3.0, 0.0], [1.0, 0.0]]
    two = {"given": samples()[:2], "rewards": rewards}
    by_group, *_ = postprocessed(encoded=batches(MASKS[:1]), scale_rewards="group", **two)
    # 3 and 1 about 2, over a deviation of the square root of 2 and creditlib's eps.
    assert by_group == pytest.approx([1 / (2**0.5 + 1e-6), -1 / (2**0.5 + 1e-6)])
    plain, *_ = postprocessed(
        encoded=batches(MASKS[:1]), scale_rewards="group", settings={"scale": None}, **two
    )
    assert plain == [1.0, -1.0]


def test_what_would_lose_credit_of_tokens_is_refused(refusal):
    assert refusal(postprocessed, use_liger_loss=True) == (
        "ms-swift: `use_liger_loss` must be off: its loss does not use the credit of tokens, "
        "got on."
    )
    encoded = batches()
    encoded[0]["grpo_batch"].teacher_per_token_logps = torch.zeros(2, 3)
    assert "teacher" in refusal(postprocessed, encoded=encoded)
    parallel = SimpleNamespace(sequence_parallel_size=2)
    assert "sequence_parallel_size" in refusal(postprocessed, template=parallel)
    several = SimpleNamespace(num_processes=2)
    assert "several" in refusal(postprocessed, dynamic_num_samples=True, accelerator=several)


def stand_in(monkeypatch):
    class GRPOTrainer(StandIn):
        pass

    factory = SimpleNamespace(TRAINER_MAPPING={"grpo": "swift.rlhf_trainers.GRPOTrainer"})
    monkeypatch.setattr(ours, "CreditGRPOTrainer", None, raising=False)

    def get_even_process_data(trainer, global_data):
        return global_data

    return placed(
        monkeypatch,
        {
            "swift.rlhf_trainers.grpo_trainer": {"GRPOTrainer": GRPOTrainer},
            "swift.rlhf_trainers.utils": {"get_even_process_data": get_even_process_data},
            "swift.trainers.trainer_factory": {"TrainerFactory": factory},
        },
    )


def test_the_factory_finds_the_class_by_its_path(monkeypatch):
    trainers, _, factory = stand_in(monkeypatch)
    undo = ours.install({"estimator": "rloo"})
    path = factory.TrainerFactory.TRAINER_MAPPING["grpo"]
    assert path == "creditlib.integrations.ms_swift.CreditGRPOTrainer"
    assert issubclass(ours.CreditGRPOTrainer, trainers.GRPOTrainer)
    undo()
    assert factory.TrainerFactory.TRAINER_MAPPING["grpo"] == "swift.rlhf_trainers.GRPOTrainer"


def test_a_method_that_has_moved_is_refused(monkeypatch):
    stand_in(monkeypatch)[0].GRPOTrainer._postprocess_batch = lambda self, samples: None
    with pytest.raises(HookError, match=r"ms-swift: .* as in 4.6.0, got \(self, samples\)"):
        ours.install()
