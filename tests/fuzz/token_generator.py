"""Random calls of the functions of tokens: padded, with `present`, and packed."""

import torch

from fuzz.draw import FLOATS, INTS, exact
from fuzz.generator import Call, largest

__all__ = ["TOKEN_MAKERS"]


class Rows:
    """Rows of tokens in one layout.

    A padded tensor has the rows one below the other. A packed one has them one behind the other.
    """

    def __init__(self, draw, *, columns=False):
        self.draw, self.size = draw, 0.0
        self.packed, rows = draw.likely(0.4), draw.choice([0, 1, 2, 3, 5])
        width = draw.choice([0, 1, 3, 8, 12])
        self.lengths = [draw.randint(0, width) if self.packed else width for _ in range(rows)]
        self.shape = (sum(self.lengths),) if self.packed else (rows, width)
        self.turns, ids = 1, []
        for length in self.lengths:
            ids += self._ids(length)
        self.turn = torch.tensor(ids, dtype=draw.choice(INTS)).view(self.shape)
        if not columns and draw.likely(0.2):  # any number is an id where no column is named
            last = self.turn == self.turns - 1
            self.turn[last] = torch.iinfo(self.turn.dtype).max
        self.written = self.turn >= 0
        self.tensors, self.x = {"turn": self.turn}, {"turn": self.split(self.turn)}
        if self.packed:
            ends = [sum(self.lengths[:k]) for k in range(rows + 1)]
            self.tensors["offsets"] = torch.tensor(ends, dtype=draw.choice(INTS))

    def _ids(self, length):
        """Turns that never go back, with gaps."""
        turn, found = 0, []
        for _ in range(length):
            turn += self.draw.choice([0, 0, 0, 1, 2])
            found.append(-1 if self.draw.likely(0.4) else turn)
            self.turns = max(self.turns, turn + 1)
        return found

    def split(self, x):
        """The values row by row."""
        flat, found, start = exact(x.flatten()), [], 0
        for length in self.lengths:
            found.append(flat[start : start + length])
            start += length
        return found

    def floats(self, dtype=None):
        return self.draw.floats(*self.shape, dtype=dtype)

    def present(self):
        """Tokens that exist: the written ones and some others; all of packed rows by default."""
        self.x["present"] = None
        if self.draw.likely(0.3):
            there = self.written | self.draw.mask(*self.shape)
            self.tensors["present"], self.x["present"] = there, self.split(there)
            return there
        if self.packed:
            there = torch.ones_like(self.written)
            self.x["present"] = self.split(there)
            return there
        before = self.written.to(torch.int64).cumsum(1) > 0
        behind = self.written.flip(1).to(torch.int64).cumsum(1).flip(1) > 0
        return before & behind

    def add(self, name, value, read):
        clean = torch.where(read, value, torch.zeros_like(value))
        self.tensors[name], self.x[name] = self.draw.spoiled(value, read), self.split(clean)
        self.size = max(self.size, largest(clean.nan_to_num()))

    def rewards(self):
        """Rewards on any token that exists; NaN on one that is not written is none."""
        there, reward = self.present(), self.floats()
        none = self.draw.mask(*self.shape, chance=0.3) & ~self.written
        self.add("token_reward", torch.where(none, torch.nan, reward), there)


def _wide(*dtypes):
    return torch.float64 if torch.float64 in dtypes else torch.float32


def _call(draw, rows, options, dtype, outs):
    call = Call(rows.tensors, options, rows.x, rows.size, ~rows.written if outs else None)
    if outs and draw.likely(0.4):
        call.out = [draw.result_memory(rows.shape, dtype) for _ in range(outs)]
    return call


def discounted_return(draw):
    rows = Rows(draw)
    rows.rewards()
    options = {"gamma": draw.choice([0.0, 0.5, 0.9, 1.0])}
    return _call(draw, rows, options, _wide(draw.dtype), 1)


def reinforce_plus_plus(draw):
    if draw.kind == "scaled" and draw.dtype != torch.float64:
        draw.kind = "normal"
    rows = Rows(draw)
    rows.rewards()
    options = {"gamma": draw.choice([0.0, 0.5, 0.9, 1.0]), "eps": draw.choice([1e-8, 0.125])}
    return _call(draw, rows, options, _wide(draw.dtype), 2)


def gae(draw):
    rows = Rows(draw)
    rows.rewards()
    dtype = draw.dtype if draw.likely(0.7) else draw.choice(FLOATS)
    kind = draw.kind if dtype == draw.dtype else "normal"
    rows.add("value", draw.floats(*rows.shape, dtype=dtype, kind=kind), rows.written)
    rows.x["bootstrap"] = None
    if draw.likely():
        value = draw.floats(len(rows.lengths), dtype=dtype, kind=kind)
        rows.tensors["bootstrap"], rows.x["bootstrap"] = value, exact(value)
        rows.size = max(rows.size, largest(value))
    options = {
        "gamma": draw.choice([0.0, 0.5, 0.9, 1.0]),
        "lam": draw.choice([0.0, 0.5, 0.95, 1.0]),
    }
    return _call(draw, rows, options, _wide(draw.dtype, dtype), 2)


def to_tokens(draw):
    columns = draw.likely()
    rows = Rows(draw, columns=columns)
    count = len(rows.lengths)
    shape = (count, rows.turns + draw.choice([0, 2])) if columns else (count,)
    credit = draw.floats(*shape)
    rows.tensors["credit"], rows.x["credit"], rows.x["weight"] = credit, exact(credit), None
    rows.size = largest(credit)
    if draw.likely():
        weight = draw.floats(
            *rows.shape, dtype=draw.choice(FLOATS), kind=draw.choice(["quarters", "normal"])
        )
        size = rows.size
        rows.add("weight", weight, rows.written)
        rows.size = max(size, size * largest(rows.tensors["weight"].nan_to_num(0, 0, 0)))
    return _call(draw, rows, {}, _wide(draw.dtype), 1)


def turn_sum(draw):
    rows = Rows(draw, columns=True)
    value = rows.floats()
    if draw.likely(0.4):
        ids = draw.ids(value.numel(), 4, dtype=draw.choice(INTS[:3])).view(rows.shape)
        value = ids if draw.likely() else draw.mask(*rows.shape)
    rows.add("x", value, rows.written)
    rows.x["x"] = [[int(v) if isinstance(v, bool) else v for v in row] for row in rows.x["x"]]
    return _call(draw, rows, {"turns": rows.turns + draw.choice([0, 3])}, None, 0)


TOKEN_MAKERS = {
    "discounted_return": discounted_return,
    "gae": gae,
    "reinforce_plus_plus": reinforce_plus_plus,
    "to_tokens": to_tokens,
    "turn_sum": turn_sum,
}
