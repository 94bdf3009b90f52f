"""What a user can do about a wrong tensor: the end of the sentence that refuses it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from creditlib.vocabulary.annotations import Argument

__all__ = ["remedy_of_size", "remedy_of_tensor"]

_AS_TENSOR = "`creditlib.tensors` makes tensors of lists, arrays and columns"


def remedy_of_tensor(argument: Argument, value: object) -> str:
    """What to do about a value whose type, dtype or number of axes is wrong; '' if unknown."""
    if value is None:
        return argument.hint
    if not isinstance(value, Tensor):
        return _AS_TENSOR
    if value.layout is not torch.strided:
        return "call `.to_dense()`"
    same_axes = [shape for shape in argument.shapes if shape.ndim == value.ndim]
    if same_axes:
        return _of_dtype(argument, same_axes[0].kind, value)
    return _of_axes(argument, value)


def _of_dtype(argument: Argument, kind: str, value: Tensor) -> str:
    if value.dtype.is_complex or value.is_quantized:
        return ""
    if kind in ("float", "real"):
        return "call `.float()`"
    if kind == "bool":
        return f"compare it with 0: `{argument.name} != 0`"
    if value.dtype is torch.bool:
        return argument.hint or "a mask is not a number"
    return "call `.long()`"


def _of_axes(argument: Argument, value: Tensor) -> str:
    """The remedy where the tensor has another number of axes."""
    wanted = argument.shapes[0]
    if value.ndim == wanted.ndim + 1 and value.shape[-1] == 1:
        return "call `.squeeze(-1)`"
    if wanted.ndim == 1 and value.ndim == 2 and wanted.axes[0][0] == "batch":
        if value.is_floating_point():
            return "it is one value for each trajectory, such as `.sum(1)` over its tokens"
        return f"it is one value for each trajectory, such as `{argument.name}[:, 0]`"
    if wanted.of_tokens and value.ndim == 1:
        return "a packed row of tokens needs `offsets`"
    return argument.hint


def remedy_of_size(
    argument: Argument, axes: tuple[str, ...], value: Tensor, sizes: Mapping[str, tuple[int, str]]
) -> str:
    """What to do about a tensor whose sizes are not those of the others; '' if unknown."""
    if value.ndim == 2:
        turned = zip(axes, reversed(value.shape), strict=True)
        if all(axis not in sizes or sizes[axis][0] == size for axis, size in turned):
            return f"transpose it: `{argument.name}.T`"
    bound = sizes.get(axes[-1])
    if argument.name == "value" and bound is not None and value.shape[-1] == bound[0] + 1:
        return "the value after the last token belongs into `bootstrap`"
    trajectories = argument.shapes[0].axes == (("batch", 0),)
    if trajectories and bound is not None and bound[0] and not value.shape[0] % bound[0]:
        return "it is one value for each trajectory, not for each turn or token"
    return ""
