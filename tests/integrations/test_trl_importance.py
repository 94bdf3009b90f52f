"""Our importance weights are TRL's: the lines of the installed trainer are run."""

import inspect
import math
import textwrap
from types import SimpleNamespace

import pytest
import torch

import creditlib as cl
from creditlib.testing import assert_close

F64 = torch.float64
MASK = torch.tensor([[1, 1, 0, 1, 1, 0], [1, 1, 1, 0, 0, 0]])
START = "            if self.use_vllm and self.vllm_importance_sampling_correction:\n"
END = "            # Compute the per-token log probabilities for the reference model"


@pytest.fixture(scope="module")
def lines():
    """The lines of TRL that compute its ratio."""
    trainer = pytest.importorskip("trl.trainer.grpo_trainer")
    source = inspect.getsource(trainer.GRPOTrainer._generate_and_score_completions)
    _, found, rest = source.rpartition(START)
    assert found
    body, found, _ = rest.partition(END)
    assert found
    return textwrap.dedent(START + body)


def theirs(lines, mode, low, high, own, sampled):
    trainer = SimpleNamespace(
        use_vllm=True,
        vllm_importance_sampling_correction=True,
        vllm_importance_sampling_mode=mode,
        vllm_importance_sampling_clip_min=low,
        vllm_importance_sampling_clip_max=high,
    )
    names = {"self": trainer, "torch": torch, "math": math, "completion_mask": MASK}
    names |= {"tool_mask": None, "old_per_token_logps": own, "sampling_per_token_logps": sampled}
    exec(lines, names)
    return names["vllm_importance_sampling_ratio"]


@pytest.mark.parametrize("unit", ["token", "sequence"])
@pytest.mark.parametrize("outside", ["truncate", "mask"])
@pytest.mark.parametrize(("low", "high"), [(None, 3.0), (0.5, 1.5)])
def test_the_ratio_is_trls(lines, unit, outside, low, high):
    draw = torch.Generator().manual_seed(0)
    own, sampled = (-torch.rand(2, 6, generator=draw, dtype=F64) * 2 for _ in range(2))
    turn = cl.layouts.turns_from_mask(MASK)
    options = {"low": low, "high": high, "outside": {"truncate": "clip", "mask": "zero"}[outside]}
    if unit == "sequence":
        options |= {"level": "trajectory", "reduce": "sum"}
    found = cl.importance_weight(log_prob=own, old_log_prob=sampled, turn=turn, **options)
    wanted = theirs(lines, f"{unit}_{outside}", low, high, own, sampled)
    if unit == "sequence":
        assert_close(found, wanted[:, 0])
    else:
        assert_close(found, wanted * MASK)
