"""Checks of the tensors that a function writes its result into."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["check_out", "out_pair"]


def check_out(function: str, turn: Tensor, dtype: torch.dtype, *outs: Tensor | None) -> None:
    """Refuse to write into a tensor of another shape, dtype or device, or into an expanded one.

    The `outs` must have the shape and device of `turn` and the `dtype`. `function` is the name in
    the refusal.

    >>> try:
    ...     check_out("gae", torch.tensor([[0]]), torch.float32, torch.zeros(1, 2))
    ... except ValueError as error:
    ...     print(error)
    gae: `out` must be torch.float32 (1, 1), got torch.float32 (1, 2).
    """
    wanted = f"{dtype} {tuple(turn.shape)}"
    for out in outs:
        if out is not None and (out.dtype != dtype or out.shape != turn.shape):
            raise contract_error(function, "out", wanted, describe_value(out))
        if out is not None and out.device != turn.device:
            raise contract_error(function, "out", f"{wanted} on {turn.device}", str(out.device))
        if out is not None and 0 in out.stride() and out.numel() > 1:
            raise contract_error(
                function, "out", f"{wanted} with memory of its own", "an expanded tensor"
            )


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
