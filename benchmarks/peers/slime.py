"""slime, from a checkout: `slime/utils/ppo_utils.py`, the file alone (it imports only torch).

Tolerated: it has no holes, so it is offered inputs in which every token is written.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers.checkout import load_file, version_of, wanted
from benchmarks.work import Batch, Offer, Offered, Peer

__all__ = ["load"]


def load(path: Path | None) -> Peer:
    """The checkout of slime at `path`."""
    root = wanted(path, "slime")
    utils = load_file(root / "slime/utils/ppo_utils.py", "slime_ppo_utils")

    def gae(function: Callable[..., Any]) -> Offer:
        def offer(batch: Batch) -> Offered | None:
            if not batch["full"]:
                return None
            return Offered(lambda: function(batch["token_reward"], batch["value"], 0.99, 0.95))

        return offer

    def returns(batch: Batch) -> Offered | None:
        if not batch["full"]:
            return None
        return Offered(lambda: utils.chunked_discounted_returns(batch["token_reward"], 0.99))

    return Peer(
        "slime",
        version_of(root),
        "checkout",
        {
            "gae": [("chunked", gae(utils.chunked_gae)), ("loop", gae(utils.vanilla_gae))],
            "discounted_return": [("chunked", returns)],
        },
    )
