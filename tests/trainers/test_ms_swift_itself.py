"""The adapter inside ms-swift: its GRPO trainer's class, one process.

CREDITLIB_SOURCE names a folder with its package. The module of the trainer is imported whole;
transformers, TRL and the rest of ms-swift are empty stand-ins, so the trainer is made without its
__init__.
"""

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch
from trainer_sources import found, from_source, recorded

OWN = (
    "swift.utils.torch_utils",
    "swift.rl_core.advantage",
    "swift.rl_core.data",
    "swift.rlhf_trainers.utils",
    "swift.rlhf_trainers.base_rollout_mixin",
    "swift.rlhf_trainers.rollout_mixin",
    "swift.rlhf_trainers.grpo_trainer",
    "swift.trainers.trainer_factory",
)
HUGGING_FACE = ("accelerate", "datasets", "peft", "transformers", "trl")
MISSING = (*HUGGING_FACE, "dacite", "modelscope", "msgspec", "PIL")
*_, data, _, _, _, grpo_trainer, factory = from_source(OWN, missing=MISSING)

from creditlib.integrations import ms_swift  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402
from creditlib.vocabulary.messages import ContractError  # noqa: E402

# STAND-INS for accelerate's, of one process.
grpo_trainer.gather = grpo_trainer.gather_object = lambda given: given

NAN = torch.nan
MASKS = [torch.tensor([[1, 0, 1], [1, 1, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])]


def made(cls, rewards, masks=MASKS, **settings):
    """A trainer as its __init__ leaves it, as far as advantages ask."""
    trainer = object.__new__(cls)
    trainer._rewards_per_func = torch.tensor(rewards)
    trainer.reward_weights, trainer.reward_func_names = torch.ones(2), ["exact", "format"]
    trainer.scale_rewards, trainer.advantage_estimator = "group", "grpo"
    trainer.kl_in_reward, trainer.beta, trainer.advantage_reweight = False, 0.0, None
    trainer.use_liger_loss, trainer.sdar_loss_coef, trainer.teacher_kl_coef = False, 0.0, 0.0
    trainer._has_teacher, trainer.use_teacher_api = False, False
    trainer.dynamic_num_samples = False
    trainer.num_generations = trainer.num_generations_eval = len(rewards)
    trainer.template = SimpleNamespace(sequence_parallel_size=1)
    cpu = torch.device("cpu")
    trainer.accelerator = SimpleNamespace(num_processes=1, process_index=0, device=cpu)
    trainer.model = SimpleNamespace(training=True)
    trainer.args = SimpleNamespace(steps_per_generation=len(masks))
    trainer._metrics = {"train": defaultdict(list)}
    trainer._logs = {"advantages": [], "rewards": defaultdict(list)}
    vars(trainer).update(settings)
    return trainer


def processed(rewards, settings=None, masks=MASKS, base=None, requests=None, infos=None, **more):
    """Through ms-swift's `_postprocess_batch`, with ours around it or not."""
    count = sum(len(mask) for mask in masks)
    samples = [
        data.GRPOSample(
            messages=[],
            prompt_id="p",
            request_id=requests[place] if requests else str(place),
            rollout_infos=infos[place] if infos else {},
        )
        for place in range(count)
    ]
    batches = [
        data.GRPOBatch(
            completion_mask=mask, truncated_mask=mask.sum(1) < 0, seq_lengths=mask.sum(1)
        )
        for mask in masks
    ]
    trainer = made(base or credit(settings), rewards, masks, **more)
    trainer._postprocess_batch(samples, [{"grpo_batch": each} for each in batches])
    return [each.advantages for each in batches], trainer


def credit(settings=None):
    """The class ms-swift's own factory gives after `install`."""
    undo = ms_swift.install(settings)
    try:
        return factory.TrainerFactory.get_trainer_cls(SimpleNamespace(rlhf_type="grpo"))
    finally:
        undo()


def compared(ours, theirs, masks):
    for one, other, mask in zip(ours, theirs, masks, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        assert_close(one * mask, other * mask)
        assert (one[mask == 0] == 0).all()


def test_every_hook_is_as_it_was_recorded():
    assert found(ms_swift.TRAINER) == recorded("ms_swift")


def test_the_factory_makes_a_subclass_of_its_trainer():
    assert issubclass(credit(), grpo_trainer.GRPOTrainer)
    path = factory.TrainerFactory.TRAINER_MAPPING["grpo"]
    assert path == "swift.rlhf_trainers.GRPOTrainer"


SCORED = [[2.0, NAN], [1.0, 0.5], [0.0, 0.25], [0.5, 0.0]]


@pytest.mark.parametrize("scale", ["group", "none"])
def test_with_its_preset_it_is_ms_swifts_own(scale):
    preset = {"preset": "MS_SWIFT_GRPO"} if scale == "group" else None
    ours, trainer = processed(SCORED, preset, scale_rewards=scale)
    theirs, own = processed(SCORED, base=grpo_trainer.GRPOTrainer, scale_rewards=scale)
    compared(ours, theirs, MASKS)
    logged = set(trainer._metrics["train"])
    assert set(own._metrics["train"]) == {x for x in logged if not x.startswith("creditlib/")}


UNSCORED = [[2.0, NAN], [1.0, 0.0], [0.0, 0.0], [NAN, NAN]]


def test_a_row_without_a_reward_changes_no_baseline():
    ours, trainer = processed(UNSCORED, {"scale": None})
    # 2, 1, 0 about 1; the tool output of the first row gets nothing.
    assert ours[0].tolist() == [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    assert ours[1].tolist() == [[-1.0] * 4, [0.0] * 4]
    assert trainer._metrics["train"]["creditlib/rows/excluded"] == [0.25]
    theirs, _ = processed(UNSCORED, base=grpo_trainer.GRPOTrainer, scale_rewards="none")
    # There it is a 0: the mean is 3 / 4.
    assert theirs[0][0].tolist() == [1.25] * 3


def test_rows_of_a_request_are_turns_of_one_trajectory():
    requests = ["a", "a", "b", "b"]
    rewards = [[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    more = {"requests": requests, "dynamic_num_samples": True, "num_generations": 2}
    ours, _ = processed(rewards, {"preset": "MS_SWIFT_GRPO"}, **more)
    theirs, _ = processed(rewards, base=grpo_trainer.GRPOTrainer, **more)
    compared(ours, theirs, MASKS)
    assert float(ours[0][0, 0]) == pytest.approx(0.5 / (0.5**0.5 + 1e-4))


def test_the_credit_of_turns_follows_what_a_scheduler_returns():
    infos = [{"anchor": each} for each in (["hall", "attic"], ["hall"], ["cave"], ["hall"])]
    rewards = [[1.0, 0.0], [0.0, 0.0], [0.5, 0.0], [0.5, NAN]]
    settings = {"estimator": "gigpo", "gamma": 1.0, "scale": None}
    ours, _ = processed(rewards, settings, infos=infos)
    # Episodes 0.5, -0.5, 0, 0. In the hall 1, 0, 0.5 are to come, about 0.5.
    assert ours[0].tolist() == [[1.0, 0.0, 0.5], [-1.0, -1.0, 0.0]]
    assert ours[1].tolist() == [[0.0] * 4] * 2


def test_a_lone_completion_gets_nothing():
    masks = [torch.tensor([[1, 1]])]
    ours, _ = processed([[0.7, 0.0]], masks=masks)
    assert ours[0].tolist() == [[0.0, 0.0]]


def test_what_would_lose_credit_of_tokens_is_refused():
    with pytest.raises(ContractError, match="use_liger_loss"):
        processed(SCORED, use_liger_loss=True)
