"""Along turns: returns, running minima, and the weights of the worst turn."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops import returns, scans
from creditlib.ops.min_form.reference import hard_min_weights as _hard_min_weights
from creditlib.ops.min_form.reference import softmin_powers
from creditlib.ops.precision import as_float
from creditlib.ops.scans.reference import shift_left

__all__ = ["hard_min_weights", "next_turn", "returns_to_go", "running_min", "softmin_weights"]


def returns_to_go(
    x: Tensor, where: Tensor, gamma: float | Tensor = 1.0, *, backend: str = "auto"
) -> Tensor:
    """The sum of a turn and those after it, discounted per turn; float[batch turn] like `x`.

    Half precision is summed in float32, and the result is float32.

        G[i,k] = x[i,k] + gamma · G[i,k+1]   at selected turns, 0 at others

    Args:
        x: float[batch turn]; a value of each turn.
        where: bool[batch turn]; the turns that take part, such as `valid_turns(turn_count, turns,
            valid)`.
        gamma: the discount per turn, or float[batch turn]: the discount from each turn to the next,
            whose returns torch computes.
        backend: "auto" (triton on CUDA, numba on a CPU if installed, else torch), "torch",
            "numba" or "triton".

    >>> x, where = torch.tensor([[0.0, 1.0, 9.0]]), torch.tensor([[True, True, False]])
    >>> returns_to_go(x, where, 0.5)
    tensor([[0.5000, 1.0000, 0.0000]])
    >>> returns_to_go(x, where, torch.tensor([[0.25, 0.0, 0.0]]))
    tensor([[0.2500, 1.0000, 0.0000]])
    """
    x = as_float(x)
    if isinstance(gamma, Tensor):
        return returns.decayed_returns(x, where, gamma, backend=backend)
    return returns.turn_returns(x, where, gamma, backend=backend)


def running_min(x: Tensor, where: Tensor, *, backend: str = "auto") -> Tensor:
    """The smallest value of a turn and those after it; float[batch turn] like `x`.

        result[i,k] = min(x[i,k], x[i,k+1], …)   at selected turns, 0 at others

    Args:
        x: float[batch turn]; a value of each turn.
        where: bool[batch turn]; the turns that take part, such as `valid_turns(turn_count, turns,
            valid)`.
        backend: "auto" (triton on CUDA, numba on a CPU if installed, else torch), "torch",
            "numba" or "triton".

    >>> running_min(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[True, True, True]]))
    tensor([[1., 1., 2.]])
    """
    lowest = scans.reverse_minimum(
        torch.where(where, x, torch.full_like(x, torch.inf)), backend=backend
    )
    return torch.where(where, lowest, torch.zeros_like(lowest))


def next_turn(x: Tensor, where: Tensor | None = None, end: Tensor | None = None) -> Tensor:
    """The value of the next turn; float[batch turn] like `x`, which may be of any dtype.

    Args:
        x: [batch turn]; a value of each turn, of any dtype.
        where: bool[batch turn]; the turns that take part; others get 0. Without it the last column
            gets 0.
        end: float[batch]; what the last selected turn of a row gets; 0 without it.

    >>> next_turn(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 3., 0.]])
    >>> where = torch.tensor([[True, True, False]])
    >>> next_turn(torch.tensor([[1.0, 2.0, 3.0]]), where, torch.tensor([7.0]))
    tensor([[2., 7., 0.]])
    """
    after = shift_left(x, 1, 0)
    if where is None:
        return after
    zero = torch.zeros_like(x)
    last = zero if end is None else end.to(x.dtype)[:, None]
    return torch.where(where, torch.where(shift_left(where, 1, 0), after, last), zero)


def softmin_weights(
    x: Tensor, where: Tensor, temperature: float, *, backend: str = "auto"
) -> Tensor:
    """The softmin weights of selected turns at a `temperature`; float[batch turn] like `x`.

        w[i,k] = exp(−x[i,k] / temperature) / Σ_j exp(−x[i,j] / temperature)

    The sum runs from the end of a row, so that padding changes no bit. Half precision gives
    float32.

    Args:
        x: float[batch turn]; a value of each turn.
        where: bool[batch turn]; the turns that take part, such as `valid_turns(turn_count, turns,
            valid)`.
        temperature: temperature of the softmin, above 0; near 0 only the minimum has a weight.
        backend: "auto" (triton on CUDA, numba on a CPU if installed, else torch), "torch",
            "numba" or "triton".

    >>> softmin_weights(torch.tensor([[0.0, 0.0, 5.0]]), torch.tensor([[True, True, False]]), 1.0)
    tensor([[0.5000, 0.5000, 0.0000]])
    """
    x = as_float(x)
    power = softmin_powers(x, where, temperature)
    total = returns_to_go(power, where, 1.0, backend=backend)[..., :1]
    return power / total.clamp(min=torch.finfo(x.dtype).tiny)


def hard_min_weights(x: Tensor, where: Tensor) -> Tensor:
    """The limit of `softmin_weights` for temperature → 0: the minimum has all weight, ties share.

    Args:
        x: float[batch turn]; a value of each turn.
        where: bool[batch turn]; the turns that take part, such as `valid_turns(turn_count, turns,
            valid)`.

    >>> hard_min_weights(torch.tensor([[2.0, 1.0, 1.0]]), torch.tensor([[True, True, True]]))
    tensor([[0.0000, 0.5000, 0.5000]])
    """
    return _hard_min_weights(x, where)
