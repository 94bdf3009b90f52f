"""TRL's own advantages on rewards of one's choosing: its unmodified trainer method is called.

    creditlib check examples.trl_advantages:grpo --signature trl
    creditlib check examples.trl_advantages:rloo --signature trl

TRL has no function that turns rewards into advantages: the arithmetic lies inside
`_generate_and_score_completions` of its trainers. Here that whole method runs, on a trainer made
without `__init__`. Three methods around it are replaced: the one that generates (one token), the
one that calls reward functions (it returns the rewards given) and, for RLOO, the one that computes
log-probabilities (zeros). Every attribute that TRL reads beyond those listed here is an error, and
the advantages must be those that TRL logs, so a version that works differently is not misread.

Needs `pip install trl`; written for TRL 1.16.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

METHOD = "_generate_and_score_completions"


class Accelerator:
    """What the two methods ask of accelerate, in one process."""

    device = torch.device("cpu")
    process_index = 0
    num_processes = 1
    is_main_process = True

    @staticmethod
    def gather(x: Tensor) -> Tensor:
        """One process has everything."""
        return x

    @staticmethod
    def reduce(x: Tensor, reduction: str = "sum") -> Tensor:
        """One process is the sum."""
        return x


def grpo(
    rewards_per_func: Tensor,
    num_generations: int,
    scale_rewards: str = "group",
    multi_objective_aggregation: str = "sum_then_normalize",
) -> Tensor:
    """GRPOTrainer's advantages of (rollouts, functions) rewards, the rollouts of a prompt together.

    NaN is a rollout that a function cannot score.
    """
    trainer = _trainer("GRPOTrainer")
    trainer.scale_rewards = scale_rewards
    trainer.multi_objective_aggregation = multi_objective_aggregation
    return _advantages(trainer, rewards_per_func, num_generations)


def rloo(
    rewards_per_func: Tensor, num_generations: int, normalize_advantages: bool = False
) -> Tensor:
    """RLOOTrainer's advantages, without a reference model (beta=0)."""
    trainer = _trainer("RLOOTrainer")
    trainer.normalize_advantages = normalize_advantages
    return _advantages(trainer, rewards_per_func, num_generations)


@functools.cache
def _trainer(name: str) -> Any:
    """A trainer that holds no model and no data."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    importlib.import_module("accelerate").PartialState(cpu=True)
    base = getattr(importlib.import_module("trl"), name)

    def generate(self: Any, prompts: Any) -> Any:
        # TRL cuts advantages by the number of prompts: one row of ids serves any number.
        ids, more = ([[1]], [[2]]), (["x"], None, {}, None, None)
        return (*ids, None, *more) if name == "GRPOTrainer" else (*ids, ["x"])

    def rewards(self: Any, *ignored: Any) -> Tensor:
        return self.given.detach().clone()  # TRL makes its rewards from Python's numbers

    def log_probabilities(self: Any, *ignored: Any, **more: Any) -> Any:
        return torch.zeros(1, 1), None, None

    replaced = {
        "_generate": generate,
        "_calculate_rewards": rewards,
        "_get_per_token_logps_and_entropies": log_probabilities,
    }
    trainer = object.__new__(type(name, (base,), replaced))
    assert getattr(type(trainer), METHOD) is getattr(base, METHOD)
    trainer.__dict__.update(_attributes())
    return trainer


def _attributes() -> dict[str, Any]:
    """What the two methods read of a trainer."""
    return {
        "accelerator": Accelerator(),
        "model": SimpleNamespace(training=True, is_gradient_checkpointing=False),
        "args": SimpleNamespace(
            per_device_train_batch_size=1,
            per_device_eval_batch_size=1,
            gradient_checkpointing_kwargs=None,
            steps_per_generation=1,
            gradient_accumulation_steps=1,
            report_to=[],
        ),
        "state": SimpleNamespace(global_step=0),
        "_tokenizer": SimpleNamespace(pad_token_id=0),
        **dict.fromkeys(("environment_factories", "environments", "tools", "rollout_func")),
        **dict.fromkeys(("pad_to_multiple_of", "reward_clip_range")),
        **dict.fromkeys(("_is_vlm", "mask_truncated_completions", "use_vllm"), False),
        **dict.fromkeys(("vllm_importance_sampling_correction", "log_multimodal"), False),
        "num_iterations": 1,
        "beta": 0.0,
        "eos_token_ids": [0],
        "chat_template_kwargs": {},
        "normalize_advantages": False,
    }


def _advantages(trainer: Any, rewards_per_func: Tensor, num_generations: int) -> Tensor:
    rollouts, functions = rewards_per_func.shape
    trainer.given = rewards_per_func
    trainer.num_generations = trainer.num_generations_eval = num_generations
    trainer.reward_weights = torch.ones(functions)
    trainer.reward_func_names = [f"function {number}" for number in range(functions)]
    trainer.reward_funcs = trainer.reward_processing_classes = [None] * functions
    trainer._metrics = {"train": defaultdict(list), "eval": defaultdict(list)}
    trainer._logs = {
        **{name: [] for name in ("prompt", "completion", "advantages", "images")},
        **{name: defaultdict(list) for name in ("rewards", "extra")},
    }
    trainer._pending_extra_logs, trainer._pending_metrics = defaultdict(list), defaultdict(list)
    result = getattr(trainer, METHOD)([{"prompt": "p"}] * rollouts)["advantages"]
    logged = torch.tensor(trainer._logs["advantages"], dtype=result.dtype)
    if result.shape != (rollouts,) or not torch.equal(logged, result):
        raise RuntimeError(f"this TRL logs {len(logged)} advantages, and returns {len(result)}")
    return result


if __name__ == "__main__":
    print(grpo(torch.tensor([[0.0], [0.0], [0.0], [1.0]]), 4))
    print(rloo(torch.tensor([[0.0], [0.0], [0.0], [1.0]]), 4))
