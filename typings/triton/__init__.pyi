"""What the package uses of Triton. The body of a kernel is code for another compiler."""

from collections.abc import Callable
from typing import Any

from . import language as language

class JITFunction:
    """A kernel, or a function that kernels call."""

    fn: Callable[..., Any]
    arg_names: list[str]
    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., Any]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

def jit(fn: Callable[..., Any]) -> JITFunction: ...
def cdiv(x: int, y: int) -> int: ...
