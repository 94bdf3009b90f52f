"""Checks of the tensors that a function writes its result into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.vocabulary.messages import ContractError, contract_error, describe_value

__all__ = ["check_out", "out_pair", "refuse_shared_memory"]


def refuse_shared_memory(function: str, given: Mapping[str, Any], in_place: str = "") -> None:
    """Refuse an `out` that shares memory with an input, with its pair or with itself.

    What is written would change what is still to be read, and how depends on the backend. The
    input `in_place` may be `out` itself: each value of the result depends on the value in its
    place, which is read before it is written.

    >>> x = torch.zeros(1, 2)
    >>> try:
    ...     refuse_shared_memory("gae", {"value": x, "out": (x, x.clone())})
    ... except ValueError as error:
    ...     print(error)
    gae: `out` must be memory of its own, got memory of `value`; give a new tensor.
    """
    out = given["out"]
    outs = cast("tuple[Any, ...]", out) if isinstance(out, tuple) else (out,)
    written = [each for each in outs if isinstance(each, Tensor) and _has_memory(each)]
    for number, each in enumerate(written):
        if _overlaps_itself(each):
            raise _shared(function, "a tensor whose elements overlap")
        if any(_overlap(each, other) for other in written[number + 1 :]):
            raise _shared(function, "two tensors that overlap")
        for name, x in given.items():
            if name == in_place and isinstance(x, Tensor) and _same_elements(each, x):
                continue
            if name != "out" and isinstance(x, Tensor) and _has_memory(x) and _overlap(each, x):
                raise _shared(function, f"memory of `{name}`")


def _shared(function: str, fact: str) -> ContractError:
    return contract_error(function, "out", "memory of its own", fact, "give a new tensor")


def _has_memory(x: Tensor) -> bool:
    return x.layout is torch.strided and x.device.type != "meta" and x.numel() > 0


def _same_elements(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are one: equal elements in equal places of the same memory."""
    forms = [(x.dtype, x.device, x.shape, x.stride(), x.data_ptr(), x.is_neg()) for x in (a, b)]
    return forms[0] == forms[1]


def _overlap(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors share memory.

    The bytes from the first to the last element are compared. Two tensors of one form, such as
    two columns of a table, are compared element by element.
    """
    (start, end), (other_start, other_end) = _bytes_of(a), _bytes_of(b)
    if a.device != b.device or start >= other_end or other_start >= end:
        return False
    same_form = a.shape == b.shape and a.stride() == b.stride() and a.dtype == b.dtype
    gap = other_start - start
    if not same_form or a.ndim > 2 or gap % a.element_size():
        return True
    return _reaches(a, gap // a.element_size())


def _reaches(x: Tensor, gap: int) -> bool:
    """Whether two elements of a tensor without overlap lie so many elements apart."""
    sizes, steps = [*x.shape, 1][:2], [*x.stride(), 1][:2]
    apart = np.arange(1 - sizes[0], sizes[0])
    rest = gap - apart * steps[0]
    whole = rest % max(steps[1], 1) == 0
    return bool((whole & (abs(rest) <= (sizes[1] - 1) * steps[1])).any())


def _bytes_of(x: Tensor) -> tuple[int, int]:
    reach = sum((size - 1) * step for size, step in zip(x.shape, x.stride(), strict=True))
    return x.data_ptr(), x.data_ptr() + (reach + 1) * x.element_size()


def _overlaps_itself(x: Tensor) -> bool:
    """Whether two elements may lie in one place: an axis does not step over those inside it."""
    reach = 0
    for step, size in sorted(zip(x.stride(), x.shape, strict=True)):
        if size > 1:
            if step <= reach:
                return True
            reach += (size - 1) * step
    return False


def check_out(function: str, turn: Tensor, dtype: torch.dtype, *outs: Tensor | None) -> None:
    """Refuse to write into a tensor of another shape, dtype or device.

    The `outs` must have the shape and device of `turn` and the `dtype`. `function` is the name in
    the refusal.

    >>> try:
    ...     check_out("gae", torch.tensor([[0]]), torch.float32, torch.zeros(1, 2))
    ... except ValueError as error:
    ...     print(error)
    gae: `out` must be torch.float32 (1, 1), got torch.float32 (1, 2).
    """
    for out in outs:
        if out is None:
            continue
        wanted = f"{dtype} {tuple(turn.shape)}"
        if out.dtype != dtype or out.shape != turn.shape:
            raise contract_error(function, "out", wanted, describe_value(out))
        if out.device != turn.device:
            raise contract_error(function, "out", f"{wanted} on {turn.device}", str(out.device))


def out_pair(function: str, out: object) -> tuple[Tensor | None, Tensor | None]:
    """The two tensors of `out`, for a function with two results; (None, None) without any.

    `function` is the name in the refusal of anything else.

    >>> out_pair("gae", None)
    (None, None)
    """
    if out is None:
        return None, None
    parts = cast("tuple[Any, ...]", out) if isinstance(out, tuple) else ()
    if len(parts) != 2 or not all(isinstance(part, Tensor) for part in parts):
        raise contract_error(
            function, "out", "two tensors, (advantage, returns)", describe_value(out)
        )
    if parts[0] is parts[1]:
        raise contract_error(
            function, "out", "two tensors, (advantage, returns)", "one tensor twice"
        )
    return parts[0], parts[1]
