"""The device of a rehearsal: kernels are compiled for an H100, and nothing is computed."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from benchmarks.gpu import stand_in_driver
from benchmarks.gpu.device import Call, Measured, Truth

__all__ = ["Rehearsal"]

REPEAT = 9


class Rehearsal:
    """Tensors have shapes and no values, so results are compared by shape and dtype."""

    kind, tensors = "stand-in", "meta"

    def __init__(self, target: int = 90) -> None:
        self._driver = stand_in_driver.install(target)
        self._target = target

    def sets(self, size: int) -> int:
        return 1

    def measure(self, calls: Sequence[Call]) -> Measured:
        cost = stand_in_driver.host_cost(calls[0], repeat=REPEAT)
        return Measured(
            how="stand-in driver, nothing ran",
            # An operation of torch takes longer without values than its launch takes on a GPU.
            host_us=None if cost.torch_operations else cost.microseconds,
            launches=cost.launches + cost.torch_operations,
            torch_launches=cost.torch_operations,
        )

    def copy_us(self, size: int, sets: int) -> float | None:
        return None

    def refusal(self, got: Sequence[Tensor], truth: Truth) -> str:
        wanted = [f"{x.dtype} {list(x.shape)}" for x in truth()]
        given = [f"{x.dtype} {list(x.shape)}" for x in got]
        return "" if given == wanted else f"gives {given}, the reference {wanted}"

    def same_bits(self, one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
        return [x.shape for x in one] == [x.shape for x in other]

    def describe(self) -> list[str]:
        return [f"stand-in for a driver: sm_{self._target}, nothing runs"]

    def forget(self) -> None:
        """Tensors without values have no memory."""
