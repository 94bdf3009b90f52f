"""Masks of rows: which tokens the policy wrote, and which of them are trained.

A mask is bool or holds numbers in [0, 1]. Anything else was made for another purpose: labels hold
-100 where nothing is learned, token ids are 0 at one token of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.ops.turn_maps import TurnMap, keep_trained, map_runs
from creditlib.rows.turn_ids import map_of_ids
from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["Planes", "as_plane", "check_mask", "read_planes", "runs_of", "written_tokens"]


class Planes(NamedTuple):
    """What is known of each token: the turn of its row that wrote it; without turns 0 for all.

    trained: the map of tokens that the loss reads. written: that of tokens that the policy wrote;
    the same map if all of them are trained. A token that was taken out of the loss is written and
    not trained.
    """

    trained: TurnMap
    written: TurnMap


def read_planes(mask: Any, turn_mask: Any, turn: Any, *, several: bool) -> Planes:
    """The planes of rows from the three arguments of `read_rows`.

    several: whether the turns of a row are told apart.

    >>> planes = read_planes([[1, 0, 1]], [[1, 1, 1]], None, several=True)
    >>> planes.trained.turn.tolist(), planes.written.turn.tolist()
    ([[0, -1, 0]], [[0, 0, 0]])
    """
    if turn_mask is not None and turn is not None:
        fact = "both"
        raise contract_error("read_rows", "turn", "given instead of `turn_mask`", fact)
    plane = as_plane("read_rows", "mask", mask)
    if turn_mask is None and turn is None:
        whole = runs_of("read_rows", "mask", plane, several=several)
        return Planes(whole, whole)
    name = "turn_mask" if turn is None else "turn"
    given = as_plane("read_rows", name, turn_mask if turn is None else turn, like=plane)
    if plane.is_complex():
        raise _no_mask("read_rows", "mask", plane)
    if turn is None:
        if given.is_complex():
            raise _no_mask("read_rows", name, given)
        written = map_runs(given, several=several)
    else:
        written = map_of_ids(given)
        written = written if several else map_runs(written.turn >= 0, several=False)
    trained = keep_trained(written.turn, plane)
    if not (written.fits and trained.fits):
        check_mask("read_rows", "mask", plane)
        if turn is None:
            check_mask("read_rows", name, given)
        _refuse_outside(name, plane != 0, written.turn >= 0)
    return Planes(trained, written)


def runs_of(function: str, name: str, mask: Tensor, *, several: bool = True) -> TurnMap:
    """The map of a mask, each run a turn; other values than those of a mask are refused.

    >>> runs_of("read_rows", "mask", torch.tensor([[1, 0, 1]])).turn.tolist()
    [[0, -1, 1]]
    """
    if mask.is_complex():
        raise _no_mask(function, name, mask)
    found = map_runs(mask, several=several)
    if not found.fits:
        raise _no_mask(function, name, mask)
    return found


def as_plane(function: str, name: str, value: Any, like: Tensor | None = None) -> Tensor:
    """A [row token] tensor from a tensor, a numpy array or nested lists, on the device of `like`.

    >>> as_plane("read_rows", "mask", [[1, 0], [1, 1]])
    tensor([[1, 0],
            [1, 1]])
    """
    x = value if isinstance(value, Tensor) else _as_tensor(function, name, value)
    if like is None:
        if x.ndim != 2:
            raise contract_error(function, name, "[row token]", describe_value(value))
        return x
    if x.shape != like.shape:
        wanted = f"{tuple(like.shape)} like `mask`"
        raise contract_error(function, name, wanted, describe_value(value if x is value else x))
    return x.to(like.device)


def written_tokens(function: str, name: str, mask: Tensor) -> Tensor:
    """bool[row token]: whether the mask is not 0; other values than those of a mask are refused.

    >>> written_tokens("read_rows", "mask", torch.tensor([[1, 0]]))
    tensor([[ True, False]])
    >>> written_tokens("f", "mask", torch.tensor([[-100, 7]]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    creditlib.ContractError: f: `mask` must be bool or numbers in [0, 1], got -100 in row 0, ...
    """
    check_mask(function, name, mask)
    # a comparison with 0 takes five times as long
    return mask if mask.dtype is torch.bool else mask.to(torch.bool)


def check_mask(function: str, name: str, mask: Tensor) -> None:
    """Refuse other values than those of a mask: bool, or numbers in [0, 1].

    >>> check_mask("f", "mask", torch.tensor([[1, 0]]))
    """
    if mask.dtype is torch.bool:
        return
    if mask.is_complex() or not _is_within_one(mask):
        raise _no_mask(function, name, mask)


def _is_within_one(mask: Tensor) -> bool:
    """Whether all values are in [0, 1], in one pass; NaN is not."""
    if not mask.numel():
        return True
    if mask.device.type == "cpu" and not mask.is_floating_point():
        numbers = mask.detach().numpy()
        unsigned = numbers.view(f"u{numbers.itemsize}")  # a negative number is a large one there
        return int(unsigned.max()) <= 1
    low, high = torch.aminmax(mask.detach())
    return bool((low >= 0) & (high <= 1))


def _no_mask(function: str, name: str, mask: Tensor) -> Exception:
    wanted = "bool or numbers in [0, 1]"
    if mask.is_complex():
        return contract_error(function, name, wanted, describe_value(mask))
    place: list[int] = (~((mask >= 0) & (mask <= 1))).nonzero()[0].tolist()
    value = mask[tuple(place)].item()
    words = ("row", "token") if mask.ndim == 2 else ("place",)
    where = ", ".join(f"{word} {at}" for word, at in zip(words, place, strict=True))
    remedy = "pass 1 for each token that the policy wrote"
    if value < 0:
        remedy = "labels? pass `labels != -100`"
    elif value > 1:
        remedy = "token ids? pass 1 for each token that the policy wrote, such as `ids != pad_id`"
    return contract_error(function, name, wanted, f"{value:g} in {where}", remedy)


def _as_tensor(function: str, name: str, value: Any) -> Tensor:
    if isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        if array.dtype.kind in "biuf":
            return torch.from_numpy(np.ascontiguousarray(array))
        value = array.tolist()
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise contract_error(function, name, "[row token]", describe_value(value))
    rows = list(cast("Sequence[Any]", value))
    sizes = [len(row) if hasattr(row, "__len__") else -1 for row in rows]
    for row, size in enumerate(sizes):
        if size < 0:
            raise contract_error(function, name, "[row token]", f"{rows[row]!r} as row {row}")
        if size != sizes[0]:
            fact = f"{sizes[0]} tokens in row 0 and {size} in row {row}"
            remedy = "pad the rows, with 0 where nothing was written"
            raise contract_error(function, name, "of rows of one length", fact, remedy)
    return _stacked(function, name, rows)


def _stacked(function: str, name: str, rows: list[Any]) -> Tensor:
    if not rows:
        return torch.zeros((0, 0), device="cpu")
    plain = [row.tolist() if hasattr(row, "tolist") else row for row in rows]
    try:
        return torch.tensor(plain, device="cpu")
    except (TypeError, ValueError, RuntimeError):
        raise contract_error(
            function, name, "numbers [row token]", "a list of other things"
        ) from None


def _refuse_outside(name: str, trained: Tensor, written: Tensor) -> None:
    """Refuse a trained token that the policy did not write."""
    outside = trained & ~written
    if bool(outside.any()):
        row, token = outside.nonzero()[0].tolist()
        wanted = f"0 where `{name}` says that the policy wrote nothing"
        raise contract_error("read_rows", "mask", wanted, f"1 in row {row}, token {token}")
