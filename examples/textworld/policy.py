"""A small policy that scores a command by its words and the words of the observation."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

from examples.textworld.world import World

__all__ = ["Policy", "bag_of_words"]


def bag_of_words(texts: Sequence[str], buckets: int) -> Tensor:
    """Which words a text holds, hashed into buckets, each row of length one: [text bucket]."""
    bags = torch.zeros(len(texts), buckets)
    for row, text in enumerate(texts):
        for word in re.findall(r"[a-z]+", text.lower()):
            bags[row, zlib.crc32(word.encode()) % buckets] = 1.0
    return bags / bags.norm(dim=1, keepdim=True).clamp(min=1.0)


class Policy:
    """One policy for each seed, all of one shape, so that they are evaluated together.

        score = (observation words @ reader) · (command words @ writer)

    A softmax over the admissible commands of the state turns scores into probabilities. States
    share words, so that training in one room of one game changes the policy in others.
    """

    def __init__(
        self, world: World, seeds: Sequence[int], *, buckets: int = 512, width: int = 32
    ) -> None:
        self._observation = bag_of_words(world.observations, buckets)
        self._command = bag_of_words(world.commands, buckets)
        self._forbidden = world.following < 0
        self._forbidden[world.ended] = (
            False  # no command is sent there, but a softmax needs one entry
        )
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        shape = (2, buckets, width)
        drawn = torch.stack([torch.randn(shape, generator=each) for each in generators])
        self.reader, self.writer = (
            (0.3 * part).requires_grad_() for part in drawn.unbind(1)
        )  # [run bucket width] each

    @property
    def weights(self) -> list[Tensor]:
        """The trained tensors."""
        return [self.reader, self.writer]

    def log_probability(self) -> Tensor:
        """Log-probability of every command in every state: [run state command]."""
        states = torch.einsum("sb,rbw->rsw", self._observation, self.reader)
        commands = torch.einsum("cb,rbw->rcw", self._command, self.writer)
        score = torch.einsum("rsw,rcw->rsc", states, commands)
        return score.masked_fill(self._forbidden, float("-inf")).log_softmax(dim=-1)
