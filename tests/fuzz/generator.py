"""Random calls: tensors with garbage where nothing is read, options, and what is exact of them."""

from dataclasses import dataclass, field
from typing import Any

import torch

from fuzz.draw import FLOATS, INTS, exact

__all__ = ["MAKERS", "Call"]

EPS = [0.0, 1e-6, 0.125, 1.0]
GAMMAS = [0.0, 0.5, 0.75, 1.0]  # sums of quarters stay exact, so equal returns are equal
WIDE = torch.float64


@dataclass
class Call:
    """One call of a function and the same batch as exact numbers.

    size: what an error is compared with, beside 1 or the largest result.
    """

    tensors: dict[str, Any]
    options: dict[str, Any]
    x: dict[str, Any]
    size: float = 0.0
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
        self.sizes = []
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
        return Call(self.tensors, options, self.x, max(self.sizes, default=0.0) if linear else 1.0)

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
        return turns, exist & self.takes[:, None]

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
    credit, whole = draw.floats(*shape), [draw.randint(0, 4) for _ in range(torch.Size(shape).numel())]
    dtype = draw.choice([torch.bool, *INTS, *FLOATS])
    weight = torch.tensor(whole, dtype=WIDE).view(shape)
    weight = (weight / draw.choice([1, 4]) if dtype.is_floating_point else weight).to(dtype)
    read = weight > 0
    clean = torch.where(read, credit, torch.zeros_like(credit))
    x = {"credit": exact(clean.flatten()), "weight": [int(w) if w is True or w is False else w for w in exact(weight.flatten())]}
    tensors = {"credit": draw.spoiled(credit, read), "weight": weight}
    return Call(tensors, {"eps": draw.choice([0.0, 1e-8, 0.125])}, x, 1.0)


# --- turns ----------------------------------------------------------------------------------------


def _turns(draw, *, outcome=True):
    b = Batch(draw)
    if outcome:
        b.reward()
    b.group()
    turns, exist = b.turns()
    return b, turns, exist


def grpo_process(draw):
    b, turns, exist = _turns(draw, outcome=False)
    b.add("turn_reward", draw.floats(b.rows, turns), exist, linear=True)
    scale = draw.choice(["std", "std", "mad", "mean", None])
    options = {"scale": scale, "ddof": draw.choice([0, 1]), "eps": draw.choice(EPS)}
    return b.call(options, linear=scale is None)


def _gains(draw):
    """A batch with gains; that of the last turn is not read."""
    b, turns, exist = _turns(draw)
    counts = b.tensors["turn_count"].to(torch.int64)[:, None]
    b.add("information_gain", draw.floats(b.rows, turns), exist & (torch.arange(turns) < counts - 1))
    options = {
        "gamma": draw.choice([0.0, 0.5, 0.95, 1.0]),
        "ddof": draw.choice([0, 1]),
        "eps": draw.choice(EPS),
        "variance_eps": draw.choice([0.0, 1e-8, 0.25]),
    }
    return b, options


def igpo(draw):
    b, options = _gains(draw)
    return b.call({**options, "pool": draw.choice(["joint", "separate"])}, linear=False)


def a2tgpo(draw):
    b, options = _gains(draw)
    return b.call({**options, "alpha": draw.choice([0.0, 0.3, 2.0])}, linear=False)


def gigpo(draw):
    b, turns, exist = _turns(draw)
    b.add("turn_reward", draw.floats(b.rows, turns), exist, linear=True)
    anchor = draw.ids(b.rows * turns, draw.choice([2, 4, 8])).view(b.rows, turns)
    b.add("anchor", anchor, exist)
    b.add("invalid_action", draw.mask(b.rows, turns, chance=0.3) if draw.likely() else None, exist)
    scale = draw.choice(["std", None])
    options = {
        "gamma": draw.choice(GAMMAS),
        "episode_weight": draw.choice([0.0, 0.5, 1.0]),
        "step_weight": draw.choice([0.0, 0.5, 2.0]),
        "scale": scale,
        "episode_over": draw.choice(["trajectory", "turn", "first_turn"]),
        "leave_out": draw.choice([None, "turn", "trajectory"]),
        "invalid_penalty": draw.choice([0.0, 0.25, 1.0]),
        "ddof": draw.choice([0, 1]),
        "eps": draw.choice(EPS),
        "lone": draw.choice(["zero", "raw"]),
    }
    call = b.call(options, linear=scale is None)
    call.size = max(call.size, options["invalid_penalty"])
    return call


def pure(draw):
    b, turns, exist = _turns(draw, outcome=False)
    b.add("process_reward", draw.floats(b.rows, turns), exist, linear=True)
    token = draw.likely()
    b.add("turn_length", b.length(b.rows, turns) if token else None, exist)
    b.add("length", b.length(b.rows) if token and draw.likely() else None)
    b.add("reward", draw.floats(b.rows) if draw.likely() else None, linear=True)
    options = {
        "form": draw.choice(["softmin", "hard_min", "suffix_min"]),
        "temperature": draw.choice([0.1, 0.5, 4.0]),
        "baseline": "token" if token else "step",
        "reward_weight": draw.choice([0.0, 1.0, 2.5]),
        "lone": draw.choice(["zero", "raw"]),
    }
    return b.call(options)


def duration_weight(draw):
    b, turns, exist = _turns(draw, outcome=False)
    kind = "positive" if draw.kind != "wide" else "wide"
    b.add("duration", draw.floats(b.rows, turns, kind=kind), exist)
    options = {"over": draw.choice(["batch", "group"]), "cap": draw.choice([None, 0.5, 1.5])}
    return b.call(options, linear=False)


MAKERS = {
    "grpo": grpo,
    "rloo": rloo,
    "opo": opo,
    "maxrl": maxrl,
    "gdpo": gdpo,
    "whiten": whiten,
    "grpo_process": grpo_process,
    "igpo": igpo,
    "a2tgpo": a2tgpo,
    "gigpo": gigpo,
    "pure": pure,
    "duration_weight": duration_weight,
}
