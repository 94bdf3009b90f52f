"""What the package uses of numba. Compiled loops take arrays of any dtype."""

from collections.abc import Callable
from typing import Any

def njit(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
