"""SkyRL, from the installed package: its registry of advantage estimators.

Tolerated: its GAE and REINFORCE++ do not skip tool output, so they are offered inputs without
holes only (every token written); both whiten inside. Its import needs typing.TypedDict to be that
of typing_extensions on Python 3.11.
"""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

from benchmarks.peers.checkout import package_version
from benchmarks.work import Batch, Offered, Peer

__all__ = ["load"]


def load(path: Path | None) -> Peer:
    """The installed SkyRL."""
    import typing_extensions

    typing.TypedDict = typing_extensions.TypedDict  # type: ignore[assignment]
    import skyrl.backends.skyrl_train.utils.ppo_utils as utils

    def call(name: str, batch: Batch, rewards: str, **more: Any) -> Any:
        return utils.AdvantageEstimatorRegistry.get(name)(
            token_level_rewards=batch[rewards],
            response_mask=batch["mask"],
            index=batch["labels"],
            config=None,
            **more,
        )

    def gae(batch: Batch) -> Offered | None:
        if not batch["full"]:
            return None
        more = {"values": batch["value"], "gamma": 0.99, "lambd": 0.95}
        return Offered(lambda: call("gae", {**batch, "labels": None}, "token_reward", **more))

    def plus_plus(batch: Batch) -> Offered | None:
        if not batch["full"]:
            return None
        return Offered(
            lambda: call("reinforce++", {**batch, "labels": None}, "token_reward", gamma=0.99)
        )

    def grpo(batch: Batch) -> Offered:
        labels = {"labels": list(batch["uid"])}
        return Offered(
            lambda: call(
                "grpo", {**batch, **labels}, "outcome_token_reward", grpo_norm_by_std=True
            ),
            lambda result: (result[0],),
        )

    return Peer(
        "skyrl",
        package_version("skyrl"),
        "package",
        {
            "gae, whitened": [("loop", gae)],
            "reinforce_plus_plus": [("loop", plus_plus)],
            "grpo to tokens": [("loop", grpo)],
        },
    )
