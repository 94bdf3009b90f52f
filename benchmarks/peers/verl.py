"""verl, from the installed package: `verl.trainer.ppo.core_algos`, called as its trainer calls it.

Translated: an int64 response mask and uid strings, as its trainer passes them. Tolerated: verl's
GAE and REINFORCE++ whiten inside, so ours is timed with whitening too, and GAE once more with
neither (the one place where a peer's code is touched); its GAE leaves numbers on masked tokens,
which are compared as 0; outcome estimators get the reward on the last token and sum
it themselves, which is what verl has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks.peers.checkout import package_version
from benchmarks.work import Batch, Offer, Offered, Peer

__all__ = ["load"]


def _first(result: Any) -> tuple[Tensor, ...]:
    return (result[0],)


def _gae(core: Any) -> Offer:
    def offer(batch: Batch) -> Offered:
        mask = batch["mask"]
        return Offered(
            lambda: core.compute_gae_advantage_return(
                token_level_rewards=batch["token_reward"],
                values=batch["value"],
                response_mask=mask,
                gamma=0.99,
                lam=0.95,
            ),
            lambda result: (result[0] * mask, result[1] * mask),
            "numbers on masked tokens compared as 0",
        )

    return offer


def _gae_alone(core: Any) -> Offer:
    """The same function with `masked_whiten` replaced by the identity while it runs."""

    def offer(batch: Batch) -> Offered | None:
        if batch["full"] or batch["turn"].ndim != 2 or batch["turn"].element_size() != 1:
            return None
        mask = batch["mask"]

        def call() -> Any:
            whiten = core.verl_F.masked_whiten
            core.verl_F.masked_whiten = lambda values, mask, **_: values
            try:
                return core.compute_gae_advantage_return(
                    token_level_rewards=batch["token_reward"],
                    values=batch["value"],
                    response_mask=mask,
                    gamma=0.99,
                    lam=0.95,
                )
            finally:
                core.verl_F.masked_whiten = whiten

        view = lambda result: (result[0] * mask, result[1] * mask)  # noqa: E731
        return Offered(call, view, "its whitening left out, which nothing of ours does either")

    return offer


def _plus_plus(core: Any, config: Any) -> Offer:
    def offer(batch: Batch) -> Offered:
        return Offered(
            lambda: core.compute_reinforce_plus_plus_outcome_advantage(
                token_level_rewards=batch["token_reward"],
                response_mask=batch["mask"],
                config=config,
            ),
            lambda result: (result[0], result[1] * batch["mask"]),
        )

    return offer


def _driver(name: str, rewards: str) -> Offer:
    """Its own estimator through its own `compute_advantage`, on a DataProto."""

    def offer(batch: Batch) -> Offered:
        from omegaconf import OmegaConf
        from verl import DataProto
        from verl.trainer.ppo.ray_trainer import compute_advantage

        from benchmarks.grid.trainers import VERL

        section = OmegaConf.create(VERL)
        tensors = {"response_mask": batch["mask"], "values": batch["value"]}
        tensors["token_level_rewards"] = batch[rewards]
        data = DataProto.from_dict(tensors=tensors, non_tensors={"uid": batch["uid"]})

        def call() -> Any:
            result = compute_advantage(data, name, gamma=0.99, lam=0.95, config=section)
            return (result.batch["advantages"],)

        return Offered(call, lambda result: (result[0] * batch["mask"],))

    return offer


def load(path: Path | None) -> Peer:
    """The installed verl; a checkout is not needed."""
    import verl.trainer.ppo.core_algos as core
    from verl.trainer.config import AlgoConfig

    def outcome(name: str) -> Offer:
        function = core.get_adv_estimator_fn(name)

        def offer(batch: Batch) -> Offered:
            return Offered(
                lambda: function(
                    token_level_rewards=batch["outcome_token_reward"],
                    response_mask=batch["mask"],
                    index=batch["uid"],
                ),
                _first,
            )

        return offer

    return Peer(
        "verl",
        package_version("verl"),
        "package",
        {
            "gae": [("loop, not whitened", _gae_alone(core))],
            "gae, whitened": [("loop", _gae(core))],
            "reinforce_plus_plus": [("loop", _plus_plus(core, AlgoConfig(gamma=0.99)))],
            "grpo to tokens": [
                ("loop", outcome("grpo")),
                ("vectorised", outcome("grpo_vectorized")),
            ],
            "rloo to tokens": [
                ("loop", outcome("rloo")),
                ("vectorised", outcome("rloo_vectorized")),
            ],
            "opo to tokens": [("loop", outcome("opo"))],
            "grpo in verl's driver": [("loop", _driver("grpo", "outcome_token_reward"))],
            "grpo in verl's driver, diagnostics": [
                ("loop", _driver("grpo", "outcome_token_reward"))
            ],
            "rloo in verl's driver": [("loop", _driver("rloo", "outcome_token_reward"))],
            "gae in verl's driver, whitened": [("loop", _driver("gae", "token_reward"))],
            "reinforce_plus_plus in verl's driver": [
                ("loop", _driver("reinforce_plus_plus", "token_reward"))
            ],
            "reinforce_plus_plus_baseline to tokens": [
                ("loop", outcome("reinforce_plus_plus_baseline"))
            ],
        },
    )
