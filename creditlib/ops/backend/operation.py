"""An operation is declared once, beside its reference: what computes it, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from torch import Tensor

from creditlib.ops.backend import dispatch
from creditlib.ops.backend.sizes import SizeCheck
from creditlib.ops.backend.torch_library import Shape, custom_operators

__all__ = ["Operation"]

P = ParamSpec("P")
R = TypeVar("R")


class Operation(Generic[P, R]):
    """A function of tensors that runs on the backend asked for.

    `reference` is the definition, in plain torch. `schema` is its signature in the language of
    torch.library, without `out`; `shape` makes an empty result from the arguments by name, and
    `check` refuses sizes that the implementations trust. Without a schema torch.compile traces the
    reference. `clones`: the results of the implementations are
    views of one tensor, which torch.library does not allow. `whole`: torch.compile does not trace
    the reference either, which walks columns.

    The first argument is a tensor whose device decides. `backend` is the only argument that the
    reference does not have.

    >>> import torch
    >>> double = Operation(lambda x: 2 * x)
    >>> double(torch.tensor([1.0]), backend="torch")
    tensor([2.])
    """

    def __init__(
        self,
        reference: Callable[Concatenate[Tensor, P], R],
        *,
        schema: str = "",
        shape: Shape | None = None,
        check: SizeCheck | None = None,
        clones: bool = False,
        whole: bool = False,
    ) -> None:
        self.reference = reference
        self.__doc__, self.__name__ = reference.__doc__, reference.__name__
        self.operators: dict[str, Callable[..., R]] = {}
        if shape is not None and check is not None:
            self.operators = custom_operators(
                reference, schema, shape, check, clones=clones, whole=whole
            )

    def __call__(self, x: Tensor, /, *args: Any, backend: str = "auto", **options: Any) -> R:
        """The result of the implementation that `backend` names, or of the best one installed."""
        run = dispatch.choose_implementation(self.reference, backend, x.device, self.operators)
        return run(x, *args, **options)
