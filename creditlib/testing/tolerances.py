"""The one table of tolerances. Nothing else sets one, no environment variable loosens one."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["TABLE", "assert_close", "tolerance"]

# (relative, absolute). "golden": numbers that passed through somebody's float32 code.
TABLE: dict[object, tuple[float, float]] = {
    torch.float64: (1e-9, 1e-9),
    torch.float32: (1e-6, 1e-6),
    torch.bfloat16: (1e-2, 1e-2),
    torch.float16: (2e-3, 2e-3),
    "golden": (1e-6, 1e-6),
    "exact expectation": (1e-9, 1e-9),
}


def tolerance(kind: object) -> tuple[float, float]:
    """(relative, absolute) tolerance of a dtype or of a named kind of comparison.

    >>> tolerance(torch.float64)
    (1e-09, 1e-09)
    """
    return TABLE[kind]


def assert_close(actual: Tensor, expected: Tensor, kind: object = None) -> None:
    """Raise AssertionError unless the values agree to the table's tolerance (of actual's dtype).

    >>> assert_close(torch.tensor([1.0]), torch.tensor([1.0], dtype=torch.float64))
    """
    relative, absolute = tolerance(actual.dtype if kind is None else kind)
    torch.testing.assert_close(
        actual, expected.to(actual.dtype), rtol=relative, atol=absolute, equal_nan=False
    )
