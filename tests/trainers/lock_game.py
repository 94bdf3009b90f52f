"""A game of three turns, and a policy that is a table: small enough to be learned in a second.

Each prompt is a safe with a code of three digits. In a turn the policy writes a digit and a second
token that is of no importance; the tool answers with one token. A wrong digit ends the game. The
outcome is the share of the digits that were right; a game is won if all three were.
"""

from dataclasses import dataclass

import numpy as np
import torch

SAFES, ROLLOUTS, DIGITS, TURNS = 4, 8, 4, 3
CODES = torch.tensor([[0, 1, 2], [3, 3, 1], [2, 0, 0], [1, 2, 3]])
TURN_TOKENS = 3  # digit, second token, the tool's answer
# A policy that draws at random wins one game in 64.
RANDOM_WIN_RATE = 1 / DIGITS**TURNS


@dataclass
class Rollouts:
    """Games of all safes: tokens and mask are [row token], the lists have a list for each row."""

    safe: torch.Tensor
    token: torch.Tensor
    mask: torch.Tensor
    outcome: torch.Tensor
    right: list[list[float]]  # 1 where the digit of the turn was right
    seen: list[list[str]]  # what the policy saw when it wrote the turn

    @property
    def won(self):
        return (self.outcome == 1).float().mean().item()

    @property
    def token_reward(self):
        """The outcome on the last token that the policy wrote."""
        reward = torch.zeros(self.mask.shape)
        last = self.mask.shape[1] - 1 - self.mask.flip(1).argmax(1)
        reward[torch.arange(len(reward)), last] = self.outcome
        return reward


class Policy(torch.nn.Module):
    """Logits of each digit, for each safe, turn and place in the turn: uniform at first."""

    def __init__(self):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(SAFES, TURNS, TURN_TOKENS, DIGITS))

    def log_prob(self, rollouts):
        """[row token]; the tool's tokens get what the table gives, and the mask leaves them out."""
        own = torch.log_softmax(self.logits, -1)[rollouts.safe].flatten(1, 2)
        return own.gather(2, rollouts.token[..., None])[..., 0]

    @torch.no_grad()
    def play(self, generator):
        """Every safe `ROLLOUTS` times, drawn from the policy."""
        safe = torch.arange(SAFES).repeat_interleave(ROLLOUTS)
        chances = torch.softmax(self.logits, -1)[safe].flatten(0, 2)
        token = torch.multinomial(chances, 1, generator=generator).view(-1, TURNS, TURN_TOKENS)
        right = token[:, :, 0] == CODES[safe]
        reached = torch.cat([torch.ones(len(safe), 1, dtype=torch.bool), right[:, :-1]], 1)
        played = reached.cumprod(1).bool()
        opened = (right & played).float()
        token[:, :, 2] = opened.long()
        written = torch.tensor([1, 1, 0]) * played[..., None]
        counts = played.sum(1).tolist()
        return Rollouts(
            safe=safe,
            token=token.flatten(1),
            mask=written.flatten(1),
            outcome=opened.mean(1),
            right=[row[:n].tolist() for row, n in zip(opened, counts, strict=True)],
            seen=[
                [f"safe {s}, {t} open" for t in range(n)]
                for s, n in zip(safe.tolist(), counts, strict=True)
            ],
        )


def as_array(rows):
    """An object array with a list in each place, whatever the lengths are."""
    made = np.empty(len(rows), dtype=object)
    made[:] = rows
    return made
