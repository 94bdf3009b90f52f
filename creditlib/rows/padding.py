"""Pad rows of different lengths; cut long rows into episodes and put the episodes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Segments", "padded", "unpadded"]


def padded(rows: Sequence[Tensor], fill: float = 0) -> Tensor:
    """Rows [token] of different lengths as [row token], padded on the right.

    >>> padded([torch.tensor([1, 2]), torch.tensor([3])])
    tensor([[1, 2],
            [3, 0]])
    """
    if not rows:
        return torch.zeros((0, 0), device="cpu")
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=fill)


def unpadded(x: Tensor, lengths: Sequence[int]) -> list[Tensor]:
    """The first tokens of each row, `lengths` of them, copied.

    >>> unpadded(torch.tensor([[1, 2], [3, 0]]), [2, 1])
    [tensor([1, 2]), tensor([3])]
    """
    return [row[:length].clone() for row, length in zip(x, lengths, strict=True)]


@dataclass(frozen=True)
class Segments:
    """The rows of a [row time] tensor cut into pieces; each piece becomes a padded row.

    row: int[piece], the row that a piece comes from. start, size: int[piece], its first time and
    its length in that row. time: the length of the rows.
    """

    row: Tensor
    start: Tensor
    size: Tensor
    time: int

    @classmethod
    def of(cls, begins: Tensor) -> Segments:
        """Cut where `begins`, bool[row time], is true, and at the first time of each row.

        >>> pieces = Segments.of(torch.tensor([[True, False, True], [False, False, False]]))
        >>> pieces.take(torch.tensor([[1, 2, 3], [4, 5, 6]]))
        tensor([[1, 2, 0],
                [3, 0, 0],
                [4, 5, 6]])
        >>> pieces.back(pieces.take(torch.tensor([[1, 2, 3], [4, 5, 6]])))
        tensor([[1, 2, 3],
                [4, 5, 6]])
        """
        starts = begins.bool().clone()
        starts[:, :1] = True
        row, start = starts.nonzero(as_tuple=True)
        time = begins.shape[1]
        # A piece ends where the next one of its row begins, the last one with the row.
        following = torch.cat([row * time + start, row.new_tensor([len(begins) * time])])
        return cls(row, start, following.diff(), time)

    @property
    def valid(self) -> Tensor:
        """bool[piece time]: False for padding."""
        width = int(self.size.max()) if len(self.size) else 0
        return torch.arange(width, device=self.size.device) < self.size[:, None]

    @property
    def last(self) -> Tensor:
        """int[piece]: the last time of each piece in its row."""
        return self.start + self.size - 1

    def take(self, x: Tensor, fill: float = 0) -> Tensor:
        """A [row time] tensor as [piece time]; padding holds `fill`."""
        valid = self.valid
        position = self.start[:, None] + torch.arange(valid.shape[1], device=valid.device)
        taken = x[self.row[:, None], position.clamp(max=self.time - 1)]
        return torch.where(valid, taken, torch.full_like(taken, fill))

    def back(self, x: Tensor) -> Tensor:
        """A [piece time] tensor as [row time]: together the pieces cover every row."""
        rows = int(self.row[-1]) + 1 if len(self.row) else 0
        # Pieces are ordered by row and time.
        return x[self.valid].view(rows, self.time)
