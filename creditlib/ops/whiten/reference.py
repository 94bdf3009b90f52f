"""Mean and reciprocal deviation under weights, such as token counts."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.ops.precision import copy_to_out, reproducible_sum, wide
from creditlib.vocabulary.annotations import LARGEST
from creditlib.vocabulary.messages import contract_error
from creditlib.vocabulary.small_values import can_read_values

__all__ = ["moments", "refuse_not_finite", "standardize"]


def refuse_not_finite(x: Tensor, weight: Tensor) -> None:
    """Refuse a value that counts and is not finite: every value would become NaN.

    >>> refuse_not_finite(torch.tensor([1.0, torch.nan]), torch.tensor([1, 0]))
    """
    counts = weight > 0
    for wanted, wrong in (
        ("finite wherever its weight is above 0", ~x.isfinite()),
        (f"below {LARGEST:g} in size", x.abs() > LARGEST),
    ):
        wrong = wrong & counts
        if bool(wrong.any()):
            place: list[int] = wrong.nonzero()[0].tolist()
            fact = f"{x[tuple(place)].item()} at {place}"
            raise contract_error("whiten", "credit", wanted, fact, "give it the weight 0")


def moments(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """(mean, rstd) of x where weight > 0: rstd = (Σ w (x − mean)² / (Σ w − 1) + eps)^(−1/2).

    Values, weights and squares are in float64, where the square of a float32 neither overflows nor
    vanishes. A smallest value is subtracted first: equal values have exactly that mean. Order and
    padding change no bit.

    >>> [round(m.item(), 3) for m in moments(torch.tensor([1.0, 3.0]), torch.tensor([1, 1]), 0.0)]
    [2.0, 0.707]
    """
    where, value = weight > 0, wide(x)
    edge = value.new_full((1,), torch.inf)
    lowest = torch.where(where, value, edge).reshape(-1)
    pivot = torch.cat([lowest, edge]).amin()
    count = where.sum()
    row_weight = torch.where(where, weight.to(value.dtype), torch.zeros_like(value))
    shifted = torch.where(where, value - pivot, torch.zeros_like(value))
    mass = reproducible_sum(row_weight, count)
    offset = reproducible_sum(row_weight * shifted, count) / mass.clamp(
        min=torch.finfo(mass.dtype).tiny
    )
    gap = torch.where(where, shifted - offset.to(value.dtype), torch.zeros_like(value))
    square = reproducible_sum(row_weight * gap * gap, count)
    variance = torch.where(mass > 1, square / (mass - 1), torch.zeros_like(mass))
    mean = torch.where(mass > 0, pivot.to(mass.dtype) + offset, torch.zeros_like(mass))
    if can_read_values(mean) and not bool((mean + variance).isfinite()):
        refuse_not_finite(x, weight)
    square_root = (variance + eps).rsqrt()
    return mean, torch.where(variance + eps > 0, square_root, torch.zeros_like(variance))


def standardize(x: Tensor, weight: Tensor, eps: float, out: Tensor | None = None) -> Tensor:
    """(x − mean) · rstd where `weight` > 0, exactly 0 elsewhere and for equal values `x`.

    Args:
        x: [batch …]; values.
        weight: [batch …]; how often a value counts, at least 0.
        eps: is added to the variance; it has the unit of the square of `x`.
        out: [batch …]; receives the result.

    >>> standardize(torch.tensor([1.0, 3.0, 9.0]), torch.tensor([1, 1, 0]), 0.0)
    tensor([-0.7071,  0.7071,  0.0000])
    """
    mean, rstd = moments(x, weight, eps)
    # In two parts, so that a large mean costs no digits of what lies around it.
    near = mean.to(x.dtype)
    gap = (x - near) - (mean - near).to(x.dtype)
    return copy_to_out(torch.where(weight > 0, gap * rstd.to(x.dtype), torch.zeros_like(x)), out)
