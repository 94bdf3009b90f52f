"""A plain PyTorch loop on packed sequences: `python examples/packed_loop.py gigpo`.

An agent is shown symbols, one to five of them, and must answer each with its partner. Sequences of
different lengths lie end to end in one row of tokens; `offsets` says where each begins, `turn` who
wrote a token. Nothing is padded: not the model's input, not credit, not the loss.
"""

import sys

import torch
from torch import Tensor, nn

import creditlib as cl

SYMBOLS, ROLLOUTS, UPDATES, RATE = 8, 8, 100, 4.0


class Policy(nn.Module):
    """The next token from the one before: enough for a partner to be learned."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(SYMBOLS, SYMBOLS)
        nn.init.zeros_(self.table.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """Log-probabilities of what follows each packed token."""
        return self.table(tokens).log_softmax(-1)


@torch.no_grad()
def play(policy: Policy, partner: Tensor, tasks: int) -> dict[str, Tensor]:
    """Several rollouts of every task: packed tokens, and batch by creditlib's argument names."""
    turns = torch.randint(1, 6, (tasks,)).repeat_interleave(ROLLOUTS)
    shown = torch.randint(SYMBOLS, (tasks, 5)).repeat_interleave(ROLLOUTS, 0)
    answer = torch.distributions.Categorical(logits=policy(shown)).sample()
    where = torch.arange(5) < turns[:, None]
    earned = torch.where(where & (answer == partner[shown]), 1.0, 0.0)
    # A turn is two tokens: the symbol, which the environment wrote, and the answer.
    pairs = torch.stack([shown, answer], -1).flatten(1)
    owner = torch.stack([torch.full_like(shown, -1), torch.arange(5).expand_as(shown)], -1)
    tokens, offsets = cl.layouts.pack(pairs, 2 * turns)
    return {
        "tokens": tokens,
        "offsets": offsets,
        "turn": cl.layouts.pack(owner.flatten(1), 2 * turns)[0],
        "reward": earned.sum(1) / turns,
        "group": torch.arange(tasks).repeat_interleave(ROLLOUTS),
        "turn_count": turns,
        "length": turns,  # an answer is one token
        "turn_reward": earned / turns[:, None],
        "anchor": shown,  # what the turn starts from
    }


def main(name: str) -> float:
    """Train from scratch, print the mean reward before and after, and return the latter."""
    torch.manual_seed(0)
    partner, policy = torch.randperm(SYMBOLS), Policy()
    optimizer = torch.optim.SGD(policy.parameters(), lr=RATE)
    before = play(policy, partner, 64)["reward"].mean()
    for _ in range(UPDATES):
        batch = play(policy, partner, 8)
        credit = cl.apply(name, batch)
        advantage = cl.to_tokens(credit, batch["turn"], offsets=batch["offsets"])
        tokens, written = batch["tokens"], batch["turn"] >= 0
        log_prob = policy(tokens[:-1]).gather(-1, tokens[1:, None])[:, 0]
        loss = -(advantage[1:] * log_prob).sum() / written.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = play(policy, partner, 64)["reward"].mean()
    print(f"{name}: reward {before:.2f} before, {after:.2f} after")
    return float(after)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "gigpo")
