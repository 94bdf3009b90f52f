"""REINFORCE with any estimator: `python examples/loop.py gigpo`.

Eight tasks of two turns. Each turn picks one of four moves, the second knowing the first; one pair
of moves per task is right and earns 1. The argument is a name of creditlib or an import path such
as `own_estimator:rank_credit`.
"""

import sys

import torch
from torch import Tensor
from torch.distributions import Categorical

import creditlib as cl

TASKS, MOVES, ROLLOUTS, UPDATES, RATE = 8, 4, 16, 60, 1.0


def roll_out(
    first: Tensor, second: Tensor, right: Tensor, rollouts: int
) -> tuple[dict[str, Tensor], Tensor]:
    """Play every task; the batch in creditlib's words, and the log-probability of each token."""
    task = torch.arange(TASKS).repeat_interleave(rollouts)
    opening = Categorical(logits=first[task])
    move = opening.sample()
    reply = Categorical(logits=second[task, move])
    answer = reply.sample()
    reward = (torch.stack([move, answer], 1) == right[task]).all(1).float()
    turn_count = torch.full_like(task, 2)
    batch = {
        "reward": reward,
        "group": task,
        "turn_count": turn_count,
        "length": turn_count,  # a turn writes one token
        "turn_reward": cl.outcome_at_last_turn(reward=reward, turn_count=turn_count, turns=2),
        "anchor": torch.stack([task, TASKS + MOVES * task + move], 1),
        "turn": torch.tensor([0, 1]).expand(len(task), 2),
    }
    return batch, torch.stack([opening.log_prob(move), reply.log_prob(answer)], 1)


def main(name: str) -> None:
    """Train from scratch, and print the share of rewarded trajectories before and after."""
    torch.manual_seed(0)
    estimator = cl.resolve(name)
    right = torch.randint(MOVES, (TASKS, 2))
    first = torch.zeros(TASKS, MOVES, requires_grad=True)
    second = torch.zeros(TASKS, MOVES, MOVES, requires_grad=True)
    before = roll_out(first, second, right, 256)[0]["reward"].mean()
    for _ in range(UPDATES):
        batch, log_prob = roll_out(first, second, right, ROLLOUTS)
        advantage = cl.to_tokens(cl.apply(estimator, batch), batch["turn"])
        gain = (advantage * log_prob).sum() / ROLLOUTS
        up_first, up_second = torch.autograd.grad(gain, (first, second))
        first.data += RATE * up_first
        second.data += RATE * up_second
    after = roll_out(first, second, right, 256)[0]["reward"].mean()
    print(f"{name}: success {before:.2f} before, {after:.2f} after")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "grpo")
