"""verl-agent (GiGPO's authors), from a checkout: `gigpo/core_gigpo.py`, the file alone.

Its import of verl's DataProto, used in annotations only, is met by an empty class. Timed are its
step returns and its advantages together, as its trainer calls both; the line it prints goes to
nowhere. Convention: E over step rows, raw rewards for lone rollouts, which
`presets.VERL_AGENT_GIGPO` states; nothing else is tolerated.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.peers.checkout import load_file, stubs, version_of, wanted
from benchmarks.work import Batch, Offered, Peer

__all__ = ["load"]


def load(path: Path | None) -> Peer:
    """The checkout of verl-agent at `path`."""
    root = wanted(path, "verl_agent")
    with stubs("verl", DataProto=object):
        core = load_file(root / "gigpo/core_gigpo.py", "verl_agent_core_gigpo")

    def gigpo(batch: Batch) -> Offered:
        rewards = batch["turn_reward"].reshape(-1).numpy()
        data = SimpleNamespace(
            non_tensor_batch={
                "rewards": rewards,
                "traj_uid": batch["trajectory_uid"],
                "active_masks": np.ones(len(rewards), dtype=bool),
            },
            batch={"input_ids": batch["mask"]},
        )

        def call() -> Any:
            with contextlib.redirect_stdout(io.StringIO()):
                returns = core.compute_step_discounted_returns(data, 0.95)
                return core.compute_gigpo_outcome_advantage(
                    token_level_rewards=batch["outcome_token_reward"],
                    step_rewards=returns,
                    response_mask=batch["mask"],
                    anchor_obs=batch["observation"],
                    index=batch["row_uid"],
                    traj_index=batch["trajectory_uid"],
                    mode="mean_std_norm",
                )

        return Offered(call, lambda result: (result[0],), "step returns included")

    return Peer("verl_agent", version_of(root), "checkout", {"gigpo from text": [("loop", gigpo)]})
