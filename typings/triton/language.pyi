"""The language of kernels. A type checker does not know the types in a kernel, so all are Any."""

from typing import Any

class constexpr(Any):  # noqa: N801
    """A value that is known when the kernel is compiled."""

    value: Any
    def __init__(self, value: Any) -> None: ...

class float32(Any): ...  # noqa: N801
class float64(Any): ...  # noqa: N801

def __getattr__(name: str) -> Any: ...
