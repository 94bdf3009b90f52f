"""REINFORCE with any estimator of outcomes, groups and anchors: `python examples/loop.py gigpo`.

Eight tasks of two turns of four moves each; one pair of moves per task earns 1. The argument is a
name of creditlib or an import path such as `own_estimator:rank_credit`.
"""

import sys

import torch
from torch import Tensor
from torch.distributions import Categorical

import creditlib as cl

TASKS, MOVES, ROLLOUTS, UPDATES, RATE = 8, 4, 16, 60, 1.0


def play(logits: Tensor, right: Tensor, rollouts: int) -> tuple[dict[str, Tensor], Tensor]:
    """Play every task: batch by creditlib's argument names, the log-probability of each token."""
    task = torch.arange(TASKS).repeat_interleave(rollouts)
    policy = Categorical(logits=logits[task])
    move = policy.sample()
    reward = (move == right[task]).all(1).float()
    count = torch.full_like(task, 2)
    batch = {
        "reward": reward,
        "group": task,
        "turn_count": count,
        "length": count,  # a turn writes one token
        "turn_reward": cl.outcome_at_last_turn(reward=reward, turn_count=count, turns=2),
        "anchor": torch.stack([task, TASKS + MOVES * task + move[:, 0]], 1),
        "turn": torch.tensor([0, 1]).expand(len(task), 2),
    }
    return batch, policy.log_prob(move)


def main(name: str) -> None:
    """Train from scratch, and print the share of rewarded trajectories before and after."""
    torch.manual_seed(0)
    right = torch.randint(MOVES, (TASKS, 2))
    logits = torch.zeros(TASKS, 2, MOVES, requires_grad=True)
    before = play(logits, right, 256)[0]["reward"].mean()
    for _ in range(UPDATES):
        batch, log_prob = play(logits, right, ROLLOUTS)
        advantage = cl.to_tokens(cl.apply(name, batch), batch["turn"])
        gain = (advantage * log_prob).sum() / ROLLOUTS
        logits.data += RATE * torch.autograd.grad(gain, logits)[0]
    after = play(logits, right, 256)[0]["reward"].mean()
    print(f"{name}: success {before:.2f} before, {after:.2f} after")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "grpo")
