"""Copies of rows: two rows of one trajectory and step that are equal in everything that is read.

Some trainers copy rows until a batch divides evenly. A copy counts once. Rows that differ are no
copies: leaving one out would lose a reward, so the call is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.rows.row_index import Trajectory
from creditlib.vocabulary.messages import contract_error

__all__ = ["check_copies", "check_rewards_of_copies", "same_value"]

_REMEDY = "give them different steps, or different trajectories"


def check_rewards_of_copies(trajectories: Sequence[Trajectory], reward: Sequence[float]) -> None:
    """Refuse a row whose reward would be lost, because a row of its trajectory and step is read.

    A row that `keep` leaves out may be unscored or hold 0.

    >>> from creditlib.rows.row_index import trajectories_of_rows
    >>> check_rewards_of_copies(trajectories_of_rows(["a", "a"], [0, 0], [True] * 2), [1.0, 1.0])
    """
    for first, second in _copies(trajectories):
        if not same_value(reward[first], reward[second]):
            raise _no_copies(first, second, "reward", f"{reward[first]:g} and {reward[second]:g}")
    for first, second in (pair for own in trajectories for pair in own.out_copies):
        lost = reward[second]
        if lost == lost and lost not in (0, reward[first]):  # not NaN
            raise _no_copies(first, second, "reward", f"{reward[first]:g} and {lost:g}")


def check_copies(
    trajectories: Sequence[Trajectory],
    planes: Mapping[str, Tensor],
    columns: Mapping[str, Sequence[Any]],
) -> None:
    """Refuse two kept rows of one trajectory and step that differ; the sentence names both.

    planes: tensors [row token] by the argument that they come from; `mask` is the turn of trained
    tokens. What lies on tokens that are not trained counts too, except the `value` there.
    """
    pairs = _copies(trajectories)
    if not pairs:
        return
    firsts, seconds = (torch.tensor(rows, device="cpu") for rows in zip(*pairs, strict=True))
    for name, plane in planes.items():
        on = plane.device
        x, y = plane[firsts.to(on)], plane[seconds.to(on)]
        if name == "mask":
            x, y = x >= 0, y >= 0
        differ = x != y
        if plane.is_floating_point():
            differ &= ~(x.isnan() & y.isnan())
        if name == "value":
            differ &= planes["mask"][firsts.to(on)] >= 0
        if bool(differ.any()):
            pair, token = differ.nonzero()[0].tolist()
            first, second = pairs[pair]
            raise _no_copies(first, second, name, f"another value at token {token}")
    for name, values in columns.items():
        for first, second in pairs:
            if not same_value(values[first], values[second]):
                raise _no_copies(first, second, name)


def _copies(trajectories: Sequence[Trajectory]) -> list[tuple[int, int]]:
    """Each copy with its original before it."""
    return [
        (same[0], row)
        for own in trajectories
        for same in own.steps
        if len(same) > 1
        for row in same[1:]
    ]


def same_value(a: Any, b: Any) -> bool:
    """Whether two values of a column are equal; NaN and None equal themselves.

    >>> same_value([1.0, float("nan")], [1.0, float("nan")]), same_value("hall", None)
    (True, False)
    """
    if isinstance(a, (np.ndarray, np.generic, Tensor)):
        a = cast("Any", a).tolist()
    if isinstance(b, (np.ndarray, np.generic, Tensor)):
        b = cast("Any", b).tolist()
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        x, y = cast("Sequence[Any]", a), cast("Sequence[Any]", b)
        return len(x) == len(y) and all(map(same_value, x, y))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        u, v = cast("Mapping[Any, Any]", a), cast("Mapping[Any, Any]", b)
        return u.keys() == v.keys() and all(same_value(u[key], v[key]) for key in u)
    return a is b or bool(a == b) or bool(a != a and b != b)


def _no_copies(first: int, second: int, name: str, what: str = "other values") -> Exception:
    wanted = f"a copy in row {second}, equal to row {first} of its trajectory and step"
    return contract_error("read_rows", "step", wanted, f"`{name}`: {what}", _REMEDY)
