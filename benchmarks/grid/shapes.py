"""The shapes of the grid, and why each is there."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FEW", "LARGE", "LONG", "SHORT", "SMALL", "STEPS", "TINY", "Shape"]


@dataclass(frozen=True)
class Shape:
    """Rows of `width` tokens in `turns` turns."""

    rows: int
    width: int
    turns: int
    why: str

    @property
    def name(self) -> str:
        """Rows by tokens.

        >>> SMALL.name
        '64x512'
        """
        return f"{self.rows}x{self.width}"


TINY = Shape(16, 64, 2, "for --quick and the tests: seconds, and no number worth keeping")
SMALL = Shape(64, 512, 6, "a debugging run: the overhead of a call, contract check included")
LARGE = Shape(
    1024, 4096, 10, "a usual batch of 128 prompts with 8 rollouts; 16 MiB a tensor: bandwidth"
)
LONG = Shape(
    256,
    32768,
    50,
    "agents with long contexts: few rows, long scans; 32 MiB a tensor, where glibc maps anew",
)
SHORT = Shape(
    1024, 4096, 100, "the same batch in 100 turns: runs of 40 tokens, of 12 to 20 with holes"
)
FEW = Shape(
    32, 32768, 50, "an eighth of the long shape: what token loops of authors can be timed on"
)
STEPS = Shape(
    512, 512, 50, "512 trajectories of 50 turns, a row of 512 tokens each: verl-agent's layout"
)
