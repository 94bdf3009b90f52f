"""MatchTIR's authors, from a checkout: `Code/verl/trainer/ppo/core_algos.py`, the file alone.

GRPO of the summed rewards plus a z-score per turn index of the discounted turn rewards, halved:
ours is `0.5 * gigpo(anchor=turn index, gamma=0.9)`. Its import of verl's torch functions, not used
here, is met by an empty module. It needs a hole or the end behind every turn, and equal turn counts
here: a turn index that one trajectory alone reaches it does not centre. It walks tokens in
Python: large inputs run only with --slow.
"""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.peers.checkout import load_file, stubs, version_of, wanted
from benchmarks.work import Batch, Offered, Peer

__all__ = ["load"]

MOST_TOKENS = 1 << 18


def load(path: Path | None) -> Peer:
    """The checkout of MatchTIR at `path`."""
    root = wanted(path, "matchtir")
    with stubs("verl", "verl.utils", "verl.utils.torch_functional"):
        core = load_file(root / "Code/verl/trainer/ppo/core_algos.py", "matchtir_core_algos")

    def turns(batch: Batch) -> Offered | None:
        if batch["contiguous"]:
            return None
        reward = at_turn_ends(batch, batch["process_reward"])
        return Offered(
            lambda: core.compute_grpo_outcome_advantage(reward, batch["mask"], batch["uid"]),
            lambda result: (result[0],),
            slow="over half a minute a call" if reward.numel() > MOST_TOKENS else "",
        )

    offers = {"grpo + turn z-score to tokens": [("loop", turns)]}
    return Peer("matchtir", version_of(root), "checkout", offers)


def at_turn_ends(batch: Batch, value: torch.Tensor) -> torch.Tensor:
    """A turn value on the last token of its turn."""
    turn = batch["turn"].long()
    ahead = torch.nn.functional.pad(turn[:, 1:], (0, 1), value=-1)
    ends = (turn >= 0) & (ahead != turn)
    dense = torch.zeros(turn.shape, device=turn.device)
    dense[ends] = value.reshape(-1)
    return dense
