"""Random calls of the functions of trajectories, and the parts that other calls are made of.

Tensors hold garbage where nothing may be read.
"""

from dataclasses import dataclass, field
from typing import Any

import torch

from fuzz.draw import FLOATS, INTS, exact

__all__ = ["EPS", "MAKERS", "Batch", "Call", "largest"]

EPS = [0.0, 1e-6, 0.125, 1.0]
WIDE = torch.float64


@dataclass
class Call:
    """One call of a function and the same batch as exact numbers.

    size: what an error is compared with, if the largest result is smaller.
    zero: where the result must be exactly 0, because nothing counts there.
    out: the tensors that receive the results.
    """

    tensors: dict[str, Any]
    options: dict[str, Any]
    x: dict[str, Any]
    size: float
    zero: torch.Tensor | None = None
    out: list[Any] = field(default_factory=list)


def largest(*tensors):
    """The largest size of the values that are read."""
    sizes = [float(x.double().abs().max()) for x in tensors if x is not None and x.numel()]
    return max(sizes, default=0.0)


def batch(draw):
    """(rows, valid, rows that take part)."""
    rows = draw.choice([0, 1, 2, 3, 4, 6, 8])
    valid = draw.mask(rows, chance=0.7) if draw.likely() else None
    return rows, valid, torch.ones(rows, dtype=torch.bool) if valid is None else valid


class Batch:
    """The tensors of a call while they are made: `add` keeps exact values and spoils the rest."""

    def __init__(self, draw):
        self.draw = draw
        self.rows, valid, self.takes = batch(draw)
        self.tensors, self.x = {}, {"rows": self.rows, "valid": None}
        self.sizes, self.zero = [], ~self.takes
        if valid is not None:
            self.tensors["valid"], self.x["valid"] = valid, valid.tolist()

    def add(self, name, value, read=None, *, linear=False):
        """Keep a tensor; `read` are its values that count, those of valid rows by default."""
        if value is None:
            self.x[name] = None
            return
        if read is None:
            read = self.takes.view(-1, *[1] * (value.ndim - 1)).expand(value.shape)
        clean = torch.where(read, value, torch.zeros_like(value))
        self.tensors[name], self.x[name] = self.draw.spoiled(value, read), exact(clean)
        if linear:
            self.sizes.append(largest(clean))

    def call(self, options, *, linear=True):
        size = max(self.sizes, default=0.0) if linear else 1.0
        return Call(self.tensors, options, self.x, size, self.zero)

    def group(self):
        kinds = self.draw.choice([1, 2, 3, 8])
        self.add("group", self.draw.ids(self.rows, kinds), torch.ones_like(self.takes))

    def reward(self):
        self.add("reward", self.draw.floats(self.rows), linear=True)

    def turns(self):
        """A number of turns for each row; the turns that exist."""
        self.x["turns"] = turns = self.draw.choice([0, 1, 2, 3, 4])
        counts = [self.draw.randint(0, turns) for _ in range(self.rows)]
        count = torch.tensor(counts, dtype=self.draw.choice(INTS))
        self.add("turn_count", count)
        exist = torch.arange(turns)[None] < count.to(torch.int64)[:, None]
        exist = exist & self.takes[:, None]
        self.zero = ~exist
        return turns, exist

    def length(self, *shape):
        """Numbers of tokens, whole or not."""
        values = [float(self.draw.randint(0, 9)) for _ in range(torch.Size(shape).numel())]
        dtype = self.draw.choice([*INTS, *FLOATS])
        return torch.tensor(values, dtype=WIDE).to(dtype).view(shape)


# --- trajectories ---------------------------------------------------------------------------------


def grpo(draw):
    b = Batch(draw)
    b.reward()
    b.group()
    scale = draw.choice(["std", "std", "mad", "mean", None])
    over = draw.choice(["group", "batch", "centered_batch"])
    if over == "centered_batch" and scale in ("mad", "mean"):
        over = "group"  # the pair is refused
    options = {
        "center": draw.choice(["mean", "leave_one_out", "median", None]),
        "scale": scale,
        "scale_over": over,
        "ddof": draw.choice([0, 1]),
        "eps": draw.choice(EPS),
        "eps_at": draw.choice(["std", "variance", "floor"]),
        "lone": draw.choice(["zero", "raw"]),
    }
    return b.call(options, linear=scale is None)


def rloo(draw):
    b = Batch(draw)
    b.reward()
    b.group()
    return b.call({"lone": draw.choice(["zero", "raw"])})


def opo(draw):
    b = Batch(draw)
    b.reward()
    b.group()
    b.add("length", b.length(b.rows))
    return b.call({"lone": draw.choice(["zero", "raw"])})


def maxrl(draw):
    b = Batch(draw)
    b.reward()
    b.group()
    return b.call({"eps": draw.choice(EPS)}, linear=False)


def gdpo(draw):
    b = Batch(draw)
    objectives = b.x["objectives"] = draw.choice([1, 2, 3])
    rewards = draw.floats(b.rows, objectives)
    if draw.likely(0.4):
        rewards[draw.mask(b.rows, objectives, chance=0.25)] = torch.nan
    if draw.likely(0.2) and objectives > 1:
        rewards[:, 1] = -rewards[:, 0]  # two objectives that cancel
    b.add("rewards", rewards)
    b.group()
    b.add("length", b.length(b.rows) if draw.likely() else None)
    weights = [draw.choice([1.0, 0.5, -2.0, 0.3]) for _ in range(objectives)]
    options = {
        "weights": weights if draw.likely() else None,
        "ddof": draw.choice([0, 1]),
        "eps": draw.choice(EPS),
        "whiten_eps": draw.choice([0.0, 1e-8, 0.125]),
        "lone": draw.choice(["zero", "raw"]),
    }
    return b.call(options, linear=False)


def whiten(draw):
    shape = (draw.randint(0, 9),) if draw.likely() else (draw.randint(0, 5), draw.randint(0, 4))
    draw.power = min(max(draw.power, 1e-6), 1e6) if draw.dtype != WIDE else draw.power
    credit = draw.floats(*shape)
    whole = [draw.randint(0, 4) for _ in range(credit.numel())]
    dtype = draw.choice([torch.bool, *INTS, *FLOATS])
    weight = torch.tensor(whole, dtype=WIDE).view(shape)
    weight = (weight / draw.choice([1, 4]) if dtype.is_floating_point else weight).to(dtype)
    read = weight > 0
    clean = torch.where(read, credit, torch.zeros_like(credit))
    x = {"credit": exact(clean.flatten()), "weight": exact(weight.to(WIDE).flatten())}
    tensors = {"credit": draw.spoiled(credit, read), "weight": weight}
    return Call(tensors, {"eps": draw.choice([0.0, 1e-8, 0.125])}, x, 1.0, ~read)


MAKERS = {
    "grpo": grpo,
    "rloo": rloo,
    "opo": opo,
    "maxrl": maxrl,
    "gdpo": gdpo,
    "whiten": whiten,
}
