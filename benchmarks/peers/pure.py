"""PURE's authors, from a checkout of their OpenRLHF fork: `process_experiences`.

`openrlhf/trainer/ppo_utils/experience_maker.py` alone, with empty modules for ray, tqdm and the
rest of openrlhf, but their own `right_padding` and `turn_process_reward_logits_to_reward`. Timed:
`process_experiences` (step baseline) and the suffix sum and copy that `make_experience_list`, which
also generates, does with its result in two lines. Their softmin weights are computed by their
function before the clock starts, which favours them; ours computes its own inside. Advantages on
step separators are kept (their `nomask_separator_adv`).
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from benchmarks.peers.checkout import load_file, stubs, version_of, wanted
from benchmarks.work import Batch, Offered, Peer

__all__ = ["load"]

AROUND = (
    "ray",
    "tqdm",
    "openrlhf",
    "openrlhf.models",
    "openrlhf.models.actor",
    "openrlhf.models.utils",
    "openrlhf.utils",
    "openrlhf.utils.logging_utils",
    "openrlhf.utils.remote_rm_utils",
)


def load(path: Path | None) -> Peer:
    """The checkout of PURE at `path`."""
    root = wanted(path, "pure")
    helpers = _helpers(root)
    with stubs(*AROUND, Actor=object, init_logger=lambda name: None, **helpers):
        file = root / "openrlhf/trainer/ppo_utils/experience_maker.py"
        module = load_file(file, "pure_experience_maker")
    weigh = helpers["turn_process_reward_logits_to_reward"]

    def pure(batch: Batch) -> Offered | None:
        if not batch["contiguous"]:
            return None
        order = torch.argsort(batch["group"], stable=True)
        back = torch.argsort(order)
        maker, experience = _experience(module, weigh, batch, order)

        def call() -> Any:
            _, (reward,) = maker.process_experiences([experience])
            returns = reward.fliplr().cumsum(dim=1).fliplr()
            return returns, returns.clone()

        return Offered(call, lambda result: (result[1][back],), "softmin weights given")

    return Peer("pure", version_of(root), "checkout", {"pure to tokens": [("step baseline", pure)]})


def _helpers(root: Path) -> dict[str, Any]:
    """Their functions from `openrlhf/utils/utils.py`, whose other imports are not needed."""
    with stubs("datasets", "transformers", *AROUND):
        utils = load_file(root / "openrlhf/utils/utils.py", "pure_utils")
    wanted_here = (
        "right_padding",
        "token_log_prob_to_step_log_prob",
        "turn_process_reward_logits_to_reward",
    )
    return {name: getattr(utils, name) for name in wanted_here}


def _experience(module: Any, weigh: Any, batch: Batch, order: torch.Tensor) -> tuple[Any, Any]:
    """Rows in the order of their groups (it goes by position), step rewards on turn ends."""
    score, length = batch["process_reward"][order], batch["turn_length"][order]
    real = torch.ones_like(score, dtype=torch.bool)
    logits = torch.stack([torch.zeros_like(score), 2 * torch.atanh(score)], -1)
    ends = length.cumsum(1) - 1
    dense = torch.zeros_like(batch["value"]).scatter_(1, ends, weigh(logits, real))
    rows, turns = score.shape
    info = {
        "process_reward": dense,
        "have_answers": torch.ones(rows, dtype=torch.bool),
        "solved": batch["reward"][order].round(),
        "process_reward_mask": torch.zeros_like(dense, dtype=torch.bool).scatter_(1, ends, True),
        "num_steps": torch.full((rows,), turns),
        "response_length": batch["length"][order],
        "num_tokens_per_step": length,
        "score_mask": real,
    }
    maker = object.__new__(module.NaiveExperienceMaker)
    maker.strategy = SimpleNamespace(
        args=SimpleNamespace(
            advantage_estimator="rloo",
            n_samples_per_prompt=int((batch["group"] == batch["group"][0]).sum()),
            reward_baseline="step",
            reward_mode="PRM",
            micro_rollout_batch_size=rows,
        )
    )
    return maker, SimpleNamespace(info=info, action_mask=batch["mask"][order])
