"""Laws of tokens: masks, tool output, padding, packing and the place of a reward."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Trial
from creditlib.testing.generate.choices import assume
from creditlib.testing.generate.reward_values import EXACT
from creditlib.testing.generate.transforms import insert_columns, last_written
from creditlib.testing.subject import Batch, Subject

__all__ = ["LAWS"]

_GARBAGE = (9.0, 1e30, float("nan"))


def _has_turns(subject: Subject) -> bool:
    return subject.has_any("turn", "turn_count")


@law("TRL#4976", "SkyRL#1492", when=_has_turns, tier="contract")
def nothing_where_nobody_wrote(trial: Trial) -> None:
    """Padded turns and tokens that the policy did not write get exactly zero credit."""
    batch = trial.batch(exclude=("offsets",))
    trial(batch)
    every = trial.calls[-1].results  # with the tokens that the loss masks
    for part in () if isinstance(every, str) else every:
        if "turn" in batch and part.shape == batch["turn"].shape:
            unwritten = trial.subject.masked(batch)
        elif "turn_count" in batch and part.ndim == 2:
            unwritten = torch.arange(part.shape[1]) >= batch["turn_count"][:, None]
        else:
            continue
        if bool((part[unwritten] != 0).any()):
            trial.broken("a token or turn that the policy did not write got credit")


@law(
    "verl#2337",
    "verl#7278",
    "miles#1827",
    "Search-R1#175",
    "slime#1370",
    needs=("turn",),
    tier="invariance",
)
def tool_output_changes_nothing(trial: Trial) -> None:
    """Inserted tool output changes no credit, whatever its place and its values."""
    batch = trial.batch(families=EXACT, include=("turn",), exclude=("offsets",))
    width = batch["turn"].shape[1]
    at = trial.draws.integer(0, width)
    size = trial.draws.one_of((1, 2, 8))
    longer = dict(batch)
    for name, x in batch.items():
        if trial.second_axis(batch, name, padding=True) != "token":
            continue
        value = {"turn": -1, "present": 1, "token_reward": 0}.get(name, 9)
        longer[name] = insert_columns(x, at, torch.full((len(x), size, *x.shape[2:]), value))
    short, long = trial(batch), trial(longer)
    rest = [column for column in range(width + size) if not at <= column < at + size]
    trial.must_agree(
        short,
        tuple(_columns(part, width + size, rest) for part in long),
        f"tool output of length {size} changed the credit of the policy's tokens",
    )


def _columns(part: Tensor, width: int, keep: list[int]) -> Tensor:
    return part[:, keep] if part.ndim > 1 and part.shape[1] == width else part


@law("SkyRL#1305", "AReaL#1346", "TRL#7024", when=_has_turns, tier="invariance")
def padding_changes_nothing(trial: Trial) -> None:
    """The width, the side and the values of padding change no credit."""
    batch = trial.batch(families=EXACT, exclude=("offsets",))
    garbage = trial.draws.one_of(_GARBAGE)
    extra = trial.draws.one_of((0, 1, 5))
    left = trial.draws.boolean()
    wider, start = dict(batch), {}
    for name, x in batch.items():
        axis = trial.second_axis(batch, name, padding=True)
        if axis not in ("turn", "token"):
            continue
        x = _filled(trial, batch, name, axis, garbage)
        fill = {"turn": -1, "present": 0}.get(name, _as(x, garbage))
        margin = torch.full((len(x), extra, *x.shape[2:]), fill, dtype=x.dtype)
        before = extra if left and axis == "token" else 0
        wider[name] = insert_columns(x, 0 if before else x.shape[1], margin)
        start[x.shape[1] + extra] = (before, x.shape[1])
    plain, padded = trial(batch), trial(wider)
    cut = tuple(
        part[:, start[part.shape[1]][0] :][:, : start[part.shape[1]][1]]
        if part.ndim > 1 and part.shape[1] in start and part.shape[1] != plain[i].shape[1]
        else part
        for i, part in enumerate(padded)
    )
    trial.must_agree(plain, cut, f"padding with {garbage:g} changed the credit")


def _as(x: Tensor, garbage: float) -> float:
    if x.is_floating_point():
        return garbage
    return 1  # True, or an id that a group has


def _filled(trial: Trial, batch: Batch, name: str, axis: str, garbage: float) -> Tensor:
    """A tensor with garbage in its padding."""
    x = batch[name]
    if name in ("turn", "present"):
        return x
    if axis == "turn":
        if "turn_count" not in batch:
            return x
        padding = torch.arange(x.shape[1]) >= batch["turn_count"][:, None]
    elif "turn" not in batch:
        return x
    elif name == "token_reward":
        padding = ~batch["present"] if "present" in batch else ~_span(batch["turn"])
    else:
        padding = batch["turn"] < 0
    padding = padding.view(*padding.shape, *[1] * (x.ndim - 2))
    return torch.where(padding, torch.as_tensor(_as(x, garbage), dtype=x.dtype), x)


def _span(turn: Tensor) -> Tensor:
    """From the first to the last token that the policy wrote."""
    mine = (turn >= 0).to(torch.int64)
    return (mine.cumsum(1) > 0) & (mine.flip(1).cumsum(1).flip(1) > 0)


@law(
    "verl#6310",
    "verl#5613",
    "TRL#3750",
    "verl#7278",
    needs=("turn", "token_reward"),
    tier="invariance",
)
def rewards_are_never_lost(trial: Trial) -> None:
    """A reward on tool output counts as on the last written token before it."""
    batch = trial.batch(
        families=EXACT, include=("turn", "token_reward", "present"), exclude=("offsets",)
    )
    turn = batch["turn"]
    unwritten = _unwritten(turn, batch.get("present"), trial.subject.counts_masked_tail)
    spots = (unwritten & trial.subject.masked(batch)).nonzero().tolist()
    assume(len(spots))
    row, column = spots[trial.draws.integer(0, len(spots) - 1)]
    before = int(last_written(turn[row : row + 1, :column]))
    first, second = dict(batch), dict(batch)
    for where, target in ((before, first), (column, second)):
        target["token_reward"] = batch["token_reward"].clone()
        target["token_reward"][row, [before, column]] = 0
        target["token_reward"][row, where] = 1
    place = "masked last token" if not bool((turn[row, column:] >= 0).any()) else "masked token"
    trial.must_agree(
        trial(first),
        trial(second),
        f"a reward on a {place} does not count as on the written token before it",
    )


def _unwritten(turn: Tensor, present: Tensor | None, counts_tail: bool) -> Tensor:
    """Tool output after a written token; at the end of a row only where it is no padding."""
    mine = turn >= 0
    behind = (mine.cumsum(1) > 0) & ~mine
    inner = behind & _span(turn)
    if present is not None:
        inner = inner | (behind & present)
    elif counts_tail:
        inner = behind
    return inner


@law("prime-rl#2392", "TorchRL#4209", needs=("offsets", "turn"), tier="invariance")
def packed_rows_equal_padded_rows(trial: Trial) -> None:
    """Packed trajectories get the same credit as padded ones."""
    # Rewards lie on tool output too, if `present` separates it from padding.
    fill = 0.5 * trial.subject.has("present")
    batch = trial.batch(families=EXACT, include=("turn", "offsets"), fill=fill)
    ends = batch["offsets"].tolist()
    bounds = list(pairwise(ends))
    width = max((end - start for start, end in bounds), default=0)
    left = trial.draws.boolean()
    padded: Batch = {}
    tokens = int(batch["turn"].numel())
    for name, x in batch.items():
        if name == "offsets":
            continue
        is_token = trial.axes(name, x)[0] == ("token", 0)
        fill = {"turn": -1}.get(name, 0)
        padded[name] = _pad(x, bounds, width, left, fill) if is_token else x
    if "present" in trial.subject.tensors:
        padded["present"] = _pad(torch.ones(tokens, dtype=torch.bool), bounds, width, left, 0)
    flat, wide = trial(batch), trial(padded)
    packed = tuple(
        torch.cat([_own(row, bound, left) for row, bound in zip(part, bounds, strict=True)])
        if part.ndim == flat[i].ndim + 1
        else part
        for i, part in enumerate(wide)
    )
    trial.must_agree(packed, flat, "packed trajectories get other credit than padded ones")


def _pad(x: Tensor, bounds: list[tuple[int, int]], width: int, left: bool, fill: float) -> Tensor:
    rows = x.new_full((len(bounds), width, *x.shape[1:]), fill)
    for row, (start, end) in zip(rows, bounds, strict=True):
        at = width - (end - start) if left else 0
        row[at : at + end - start] = x[start:end]
    return rows


def _own(row: Tensor, bound: tuple[int, int], left: bool) -> Tensor:
    size = bound[1] - bound[0]
    return row[len(row) - size :] if left else row[:size]


LAWS: tuple[Law, ...] = (
    nothing_where_nobody_wrote,
    tool_output_changes_nothing,
    padding_changes_nothing,
    rewards_are_never_lost,
    packed_rows_equal_padded_rows,
)
