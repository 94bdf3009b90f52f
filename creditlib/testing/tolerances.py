"""The one table of tolerances. No other file and no environment variable sets one."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["TABLE", "agree", "assert_close", "tolerance"]

# (relative, absolute). "golden": published numbers that float32 code computed.
TABLE: dict[object, tuple[float, float]] = {
    torch.float64: (1e-9, 1e-9),
    torch.float32: (1e-6, 1e-6),
    torch.bfloat16: (1e-2, 1e-2),
    torch.float16: (2e-3, 2e-3),
    "golden": (1e-6, 1e-6),
    "golden, returns in float32": (2e-6, 2e-6),  # standardized after a sum of several turns
    "golden, four decimals": (0.0, 5e-5),  # numbers that the authors round
    "exact expectation": (1e-9, 1e-9),
    "enumerated": (0.0, 1e-12),  # the cosine and scale of an expected gradient that is exact
    # Two computations of the same credit, relative to the largest credit.
    "law, float64": (1e-9, 1e-9),
    "law, float32": (1e-5, 1e-5),
    "law, half": (3e-2, 3e-2),
    # Scaled rewards: the effect of an eps up to 1e-4 on a standard deviation of at least 2.
    "law, scale": (1e-3, 1e-3),
}


def tolerance(kind: object) -> tuple[float, float]:
    """(relative, absolute) tolerance of a dtype or of a named kind of comparison.

    Args:
        kind: a dtype, or the name of a comparison: a key of `TABLE`.

    >>> tolerance(torch.float64)
    (1e-09, 1e-09)
    """
    return TABLE[kind]


def assert_close(actual: Tensor, expected: Tensor, kind: object = None) -> None:
    """Raise AssertionError unless the values agree to the table's tolerance (of actual's dtype).

    Args:
        actual: […]; the result.
        expected: […]; what it must be, of any dtype.
        kind: what `tolerance` takes; None is the dtype of `actual`.

    >>> assert_close(torch.tensor([1.0]), torch.tensor([1.0], dtype=torch.float64))
    """
    relative, absolute = tolerance(actual.dtype if kind is None else kind)
    torch.testing.assert_close(
        actual, expected.to(actual.dtype), rtol=relative, atol=absolute, equal_nan=False
    )


def agree(first: Tensor, second: Tensor, kind: str = "") -> bool:
    """Whether two results are equal up to rounding, with NaN and infinities in the same places.

    The tolerance is that of the coarser dtype, relative to the largest value, or to 1 if all values
    are smaller.

    Args:
        first: […]; a result.
        second: […]; another result.
        kind: "" for the dtype's own tolerance, or the name of a comparison, as in `tolerance`.

    >>> agree(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1e-8]))
    True
    """
    if first.shape != second.shape:
        return False
    if torch.equal(first, second):
        return True
    dtypes = {first.dtype, second.dtype}
    half = dtypes & {torch.bfloat16, torch.float16}
    rough = "law, half" if half else "law, float32"
    relative, _ = tolerance(kind or ("law, float64" if dtypes == {torch.float64} else rough))
    a, b = first.double(), second.double()
    finite = a.isfinite() & b.isfinite()
    if not torch.equal(a[~finite].nan_to_num(), b[~finite].nan_to_num()):
        return False
    if not torch.equal(a.isfinite(), b.isfinite()):
        return False
    a, b = a[finite], b[finite]
    size = max(1.0, float(torch.cat([a, b]).abs().max()) if a.numel() else 0.0)
    return bool(((a - b).abs() <= relative * size).all())
