"""Values as Python expressions that make the same value, and results as short text."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

__all__ = ["described", "exact", "literal", "rounded"]


def literal(value: Any) -> str:
    """A tensor, an array or a plain value as a Python expression, also inside lists and mappings.

    A tensor keeps its dtype, its device, its strides and whether it requires a gradient.

    >>> print(literal(torch.tensor([0.1])))
    torch.tensor([0.1])
    >>> print(literal({"low": float("inf"), "of": [torch.tensor(1.0, requires_grad=True)]}))
    {'low': float('inf'), 'of': [torch.tensor(1.0, requires_grad=True)]}
    """
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        plain = np.array(array.tolist()).dtype == array.dtype
        kind = "object" if array.dtype == object else repr(str(array.dtype))
        return f"np.array({literal(array.tolist())}{'' if plain else f', dtype={kind}'})"
    if isinstance(value, np.generic):
        return f"np.{type(value).__name__}({literal(value.item())})"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, torch.device):
        return f"torch.device('{value}')"
    return _container(value)


def _container(value: Any) -> str:
    """A plain list, tuple or dictionary with literals inside; any other value by its own text."""
    if type(value) in (list, tuple):
        parts = [literal(each) for each in value]
        inner = ", ".join(parts) + ("," if type(value) is tuple and len(parts) == 1 else "")
        return f"[{inner}]" if type(value) is list else f"({inner})"
    if type(value) is dict or (
        isinstance(value, Mapping) and type(value).__repr__ is dict.__repr__
    ):
        items = cast("Mapping[Any, Any]", value).items()
        return "{" + ", ".join(f"{literal(key)}: {literal(each)}" for key, each in items) + "}"
    if callable(value) and hasattr(value, "__name__"):
        return value.__name__
    return repr(value)


def _tensor(x: Tensor) -> str:
    mine = x.detach()
    if not mine.clone().is_contiguous():  # a call gets a clone: dense strides are kept
        strided = f"{tuple(mine.shape)}, {tuple(mine.stride())}, dtype={mine.dtype}"
        text = f"torch.empty_strided({strided}).copy_({_tensor(mine.contiguous())})"
        return text + (".requires_grad_()" if x.requires_grad else "")
    needs = _needs_dtype(mine)
    more = f", dtype={x.dtype}" if needs else ""
    if x.device.type != "cpu":
        more += f", device='{x.device}'"
    if x.requires_grad:
        more += ", requires_grad=True"
    if mine.ndim > 1 and 0 in mine.shape:
        return f"torch.zeros({tuple(mine.shape)}{more})"
    return f"torch.tensor({_nested(mine, _number)}{more})"


def _needs_dtype(x: Tensor) -> bool:
    """Whether `torch.tensor` would choose another dtype for these values."""
    plain = {torch.float32, torch.int64, torch.bool}
    return x.dtype not in plain or (x.numel() == 0 and x.dtype != torch.float32)


def _nested(x: Tensor, number: Callable[[Tensor], str]) -> str:
    if x.ndim:
        return "[" + ", ".join(_nested(part, number) for part in x) + "]"
    return number(x)


def _number(x: Tensor) -> str:
    """A number; a float32 number with as many digits as identify it."""
    value = x.item()
    if not x.is_floating_point():
        return repr(value)
    if not math.isfinite(value):
        return f"float('{value}')"
    return repr(value) if x.dtype == torch.float64 else str(np.float32(value))


def _six_digits(x: Tensor) -> str:
    return f"{x.item():.6g}" if x.is_floating_point() else str(x.item())


def rounded(x: Tensor) -> str:
    """A result with six significant digits.

    >>> rounded(torch.tensor([1 / 3, 2.0]))
    '[0.333333, 2]'
    """
    return _nested(x.detach(), _six_digits)


def described(x: Tensor) -> str:
    """A result with six significant digits, and what is unusual: no float32, a gradient, no value.

    >>> described(torch.zeros(1, dtype=torch.float64)), described(torch.zeros(0, 7))
    ('[0], torch.float64', '[], shape (0, 7)')
    """
    return rounded(x) + _unusual(x)


def exact(x: Tensor) -> str:
    """A result with all its digits, and what is unusual.

    >>> exact(torch.tensor([1 / 3]))
    '[0.33333334]'
    """
    return _nested(x.detach(), _number) + _unusual(x)


def _unusual(x: Tensor) -> str:
    more = "" if x.dtype == torch.float32 else f", {x.dtype}"
    if x.ndim > 1 and not x.numel():
        more += f", shape {tuple(x.shape)}"
    if x.device.type != "cpu":
        more += f", {x.device}"
    return more + (", requires_grad" if x.requires_grad else "")
