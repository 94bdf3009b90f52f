"""Random numbers, ids, masks and memory layouts of one batch."""

import random
from fractions import Fraction

import torch

__all__ = ["FLOATS", "INTS", "Draw", "exact"]

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
INTS = [torch.int8, torch.int16, torch.int32, torch.int64]
# The power of ten that values are multiplied by, at most.
REACH = {torch.float16: 3, torch.bfloat16: 6, torch.float32: 6, torch.float64: 120}
KINDS = ["binary", "quarters", "normal", "offset", "scaled", "wide"]
GARBAGE = [float("nan"), float("inf"), float("-inf"), 0.0, -7.0]


def exact(x):
    """The values as nested lists: floats as fractions, NaN as None."""

    def one(value):
        if isinstance(value, list):
            return [one(each) for each in value]
        if isinstance(value, float):
            return Fraction(value) if value == value else None
        return value

    return one(x.tolist())


class Draw(random.Random):
    """The random choices of one batch: it has one dtype and one kind of values."""

    def __init__(self, seed):
        super().__init__(seed)
        self.dtype = self.choice(FLOATS)
        self.kind = self.choice(KINDS)
        self.power = 10.0 ** self.uniform(-1, 1) * 10.0 ** self.randint(-1, 1)
        if self.kind == "scaled":
            reach = REACH[self.dtype]
            self.power = 10.0 ** self.uniform(-reach, reach - 0.7)

    def likely(self, chance=0.5):
        return self.random() < chance

    def floats(self, *shape, dtype=None, kind=None):
        """Values of the batch's kind; sums of a kind round little, or are exact."""
        kind, count = kind or self.kind, torch.Size(shape).numel()
        draw = {
            "binary": lambda: self.choice([0.0, 1.0]),
            "quarters": lambda: self.randint(-8, 8) / 4,
            "positive": lambda: self.randint(0, 12) / 4,
            "normal": lambda: self.gauss(0, 1),
            "offset": lambda: 1000 + self.randint(-8, 8) / 4,
            "scaled": lambda: self.uniform(-4, 4) * self.power,
            "wide": lambda: self.choice([8192.0, 1.0, 2.0**-12, 0.0]),
        }[kind]
        values = torch.tensor([draw() for _ in range(count)], dtype=torch.float64)
        return values.to(dtype or self.dtype).view(shape)

    def ids(self, count, kinds, *, dtype=None):
        """Integers from a pool of a few, the ends of the dtype among them."""
        dtype = dtype or self.choice(INTS)
        ends = torch.iinfo(dtype)
        pool = [ends.min, ends.min + 1, -1, 0, 1, 7, ends.max - 1, ends.max]
        pool = self.sample(pool, max(1, min(kinds, len(pool))))
        return torch.tensor([self.choice(pool) for _ in range(count)], dtype=dtype)

    def mask(self, *shape, chance=0.5):
        count = torch.Size(shape).numel()
        return torch.tensor([self.likely(chance) for _ in range(count)], dtype=torch.bool).view(
            shape
        )

    def spoiled(self, x, read):
        """A copy with garbage in half of the places that no function may read."""
        x = x.clone()
        for place in (~read).nonzero().tolist():
            if self.likely():
                x[tuple(place)] = self._garbage(x.dtype)
        return x

    def _garbage(self, dtype):
        if dtype is torch.bool:
            return self.likely()
        if dtype.is_floating_point:
            return self.choice(GARBAGE)
        ends = torch.iinfo(dtype)
        return self.choice([ends.min, -3, 99, ends.max])

    def laid_out(self, x):
        """The same values in some layout of memory; what lies between them is garbage."""
        form = self.choice(
            ["plain", "plain", "strided", "offset", "transposed", "flipped", "table"]
        )
        if form == "plain":
            return x
        if form == "offset":
            large = self._memory(x.dtype, x.numel() + 3)
            view = large[3:].view(x.shape)
        elif form == "strided":
            large = self._memory(x.dtype, *(2 * size + 1 for size in x.shape))
            view = large[tuple(slice(1, 2 * size + 1, 2) for size in x.shape)]
        elif form == "transposed":
            view = self._memory(x.dtype, *reversed(x.shape)).permute(*range(x.ndim)[::-1])
        elif form == "flipped":  # the axes lie in the other order, each with a gap
            large = self._memory(x.dtype, *(size + 1 for size in reversed(x.shape)))
            view = large.permute(*range(x.ndim)[::-1])[tuple(slice(1, None) for _ in x.shape)]
        else:
            view = self._memory(x.dtype, *x.shape, 3)[..., 1]
        view.copy_(x)
        return view

    def _memory(self, dtype, *shape):
        filling = True
        if dtype.is_floating_point:
            filling = torch.nan
        elif dtype is not torch.bool:
            filling = torch.iinfo(dtype).max
        return torch.full(shape, filling, dtype=dtype)

    def result_memory(self, shape, dtype):
        """A tensor for `out`, with garbage in it."""
        return self.laid_out(torch.full(shape, torch.nan, dtype=dtype))
