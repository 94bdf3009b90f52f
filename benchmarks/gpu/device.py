"""What a session needs of a device; a GPU and the stand-in for one answer alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from benchmarks.timing import Times

__all__ = ["Call", "Device", "Measured", "NoDeviceError", "Once", "open_device"]

Call = Callable[[], Any]
Truth = Callable[[], Sequence[Tensor]]


class NoDeviceError(Exception):
    """There is no such device on this machine."""


@dataclass(frozen=True)
class Measured:
    """What is known of a call; None is not known on this device.

    `times` are seconds of the device alone, `wall_us` runs from an idle device until the result is
    there, `host_us` until the call returns. `launches` counts kernels, copies and fills, and
    `torch_launches` those of torch among them. `how` says how the device time was taken.
    """

    times: Times | None = None
    how: str = ""
    wall_us: float | None = None
    host_us: float | None = None
    launches: int | None = None
    torch_launches: int | None = None


class Device(Protocol):
    """A device on which calls are measured and compared."""

    kind: str  # as in rows of results: "cuda" or "stand-in"
    tensors: str  # where tensors lie, in torch's words

    def sets(self, size: int) -> int:
        """How many input sets of so many bytes it takes to leave the caches."""
        ...

    def measure(self, calls: Sequence[Call]) -> Measured:
        """Times and launches of one piece of work, which each of `calls` does on its own data."""
        ...

    def copy_us(self, size: int, sets: int) -> float | None:
        """Microseconds of a copy of so many bytes in all, measured as `measure` does."""
        ...

    def refusal(self, got: Sequence[Tensor], truth: Truth) -> str:
        """What is wrong with results, "" if nothing is."""
        ...

    def same_bits(self, one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
        """Whether two runs gave the same."""
        ...

    def describe(self) -> list[str]:
        """What the device is, in lines to print."""
        ...

    def forget(self) -> None:
        """Give back the memory that nobody uses any more."""
        ...


class Once:
    """A device on which each call runs once, so that its kernels are compiled; nothing is timed."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.kind, self.tensors = device.kind, device.tensors

    def sets(self, size: int) -> int:
        return 1

    def measure(self, calls: Sequence[Call]) -> Measured:
        calls[0]()
        return Measured()

    def copy_us(self, size: int, sets: int) -> float | None:
        return None

    def refusal(self, got: Sequence[Tensor], truth: Truth) -> str:
        return ""

    def same_bits(self, one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
        return True

    def describe(self) -> list[str]:
        return []

    def forget(self) -> None:
        self._device.forget()


def open_device(kind: str) -> Device:
    """The GPU for "cuda"; for "stand-in" the stand-in driver, which this process then keeps."""
    if kind == "cuda":
        from benchmarks.gpu.cuda_device import CudaDevice

        return CudaDevice()
    from benchmarks.gpu.rehearsal import Rehearsal

    return Rehearsal()
