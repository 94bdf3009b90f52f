"""A stand-in for Triton's driver: launchers specialise and compile kernels, and nothing runs.

A machine without a GPU then does what a GPU machine does up to the launch: the launcher reads the
arguments, Triton specialises the kernel on them and compiles it for an H100, and the launch is
written down instead of run. It shows whether a call compiles at all, what it launches, and how long
the host needs for it. Nothing is computed: results are whatever was in memory.

    driver = install()                        # once in a process, without TRITON_INTERPRET
    reward = tensor(torch.zeros(64, 512))     # on the device "meta": no value can be read
    found = launches(lambda: cl.gae(token_reward=reward, ...))
    found.names, found.torch_operations       # ["whole"], []
    found.kernels[0].grid                     # (64, 1, 1)
    found.kernels[0].binary.cubin             # the machine code, see `benchmarks.gpu.cubin`
    host_cost(lambda: cl.gae(...))            # HostCost(1, 0, 61.5)
    driver.compiles                           # [Compile("whole", 0.31)]

Tensors on the device "meta" have shapes and no memory. As on a GPU no check reads their values, and
a call that would wait for the device fails. Tensors on a CPU work too; their values are checked.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = [
    "Binary",
    "Compile",
    "HostCost",
    "Launch",
    "Launched",
    "StandInDriver",
    "host_cost",
    "install",
    "launches",
    "tensor",
]

# Bytes of shared memory that a program may use, by compute capability.
SHARED = {80: 166912, 90: 232448, 100: 232448}
# Operations that give a view or memory, and launch nothing.
NO_LAUNCH = ("empty", "new_empty", "detach", "alias", "lift_fresh", "resolve_")


@dataclass
class Binary:
    """A compiled form of a kernel: its constants by name, warps, shared bytes, machine code."""

    kernel: str
    constants: dict[str, Any]
    warps: int
    shared: int
    cubin: bytes = b""


class Launch(NamedTuple):
    """A launch of a kernel: its programs, the bytes of its tensors, and what was compiled for it.

    A tensor counts with its elements, each once, however often the kernel reads them.
    """

    kernel: str
    grid: tuple[int, int, int]
    tensor_bytes: int
    binary: Binary


class Compile(NamedTuple):
    """A form of a kernel that was compiled, and its seconds; 0 where the cache on disk had it."""

    kernel: str
    seconds: float


class Launched(NamedTuple):
    """What a call asked a GPU to do: launches of Triton, and operations of torch beside them."""

    kernels: list[Launch]
    torch_operations: list[str]

    @property
    def names(self) -> list[str]:
        """The kernels by name, in their order."""
        return [each.kernel for each in self.kernels]


class HostCost(NamedTuple):
    """Launches of Triton and operations of torch in a call, and microseconds of the host."""

    launches: int
    torch_operations: int
    microseconds: float


class _Utilities:
    """What Triton asks a driver about a device and a binary."""

    def __init__(self, target: int) -> None:
        self.loading: Binary | None = None
        self._shared = SHARED[target]

    def get_device_properties(self, device: int) -> dict[str, int]:
        return {"max_shared_mem": self._shared, "multiprocessor_count": 132, "warpSize": 32}

    def load_binary(
        self, name: str, cubin: bytes, *given: object
    ) -> tuple[int, int, int, int, int]:
        """(module, function, registers, spills, most threads) of a kernel that is not loaded."""
        if self.loading is not None:
            self.loading.cubin = cubin
        return 1, 1, 0, 0, 1024

    def unload_module(self, module: object) -> None:
        """Nothing was loaded."""


class StandInDriver:
    """A driver that compiles for one compute capability and writes launches down."""

    def __init__(self, target: int = 90) -> None:
        self.launches: list[Launch] = []
        self.compiles: list[Compile] = []
        self.utils = _Utilities(target)
        self._target = target

    def launcher_cls(self, source: Any, metadata: Any) -> Callable[..., None]:
        """The launcher of a compiled kernel, which writes the launch down; the binary follows."""
        names = source.fn.arg_names
        constants = {names[path[0]]: value for path, value in source.constants.items()}
        binary = Binary(metadata.name, constants, metadata.num_warps, metadata.shared)
        self.utils.loading = binary

        def launch(x: int, y: int, z: int, stream: int, function: int, *given: object) -> None:
            size = sum(each.nbytes for each in given if isinstance(each, torch.Tensor))
            self.launches.append(Launch(binary.kernel, (x, y, z), size, binary))

        return launch

    def compiled(self, *, src: Any, times: Any, cache_hit: bool, **given: object) -> None:
        """Write a compilation down; Triton calls it after each one."""
        self.compiles.append(Compile(src.name, 0.0 if cache_hit else times.total * 1e-6))

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", self._target, 32)

    def get_device_capability(self, device: int = 0) -> tuple[int, int]:
        return divmod(self._target, 10)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int = 0) -> int:
        return 0

    def get_active_torch_device(self) -> torch.device:
        return torch.device("meta")

    def is_active(self) -> bool:
        return True


def install(target: int = 90) -> StandInDriver:
    """Put the stand-in in the place of Triton's driver, and let backend="auto" mean Triton.

    Both last until the process ends, so tests use a process of its own.
    """
    if os.environ.get("TRITON_INTERPRET") == "1":
        raise RuntimeError("an interpreted kernel is not compiled: unset TRITON_INTERPRET")
    import triton

    from creditlib.ops.backend import dispatch

    driver = StandInDriver(target)
    triton.runtime.driver.set_active(driver)
    triton.knobs.compilation.listener = driver.compiled
    dispatch.default_backend = lambda device_type: "triton"
    return driver


def _installed() -> StandInDriver:
    import triton

    driver = triton.runtime.driver.active
    if not isinstance(driver, StandInDriver):
        raise RuntimeError("no stand-in for the driver is installed: call install() first")
    return driver


def tensor(like: torch.Tensor) -> torch.Tensor:
    """A tensor on the device "meta" of the shape, the strides and the dtype of another one."""
    return torch.empty_strided(like.shape, like.stride(), dtype=like.dtype, device="meta")


class _Operations(TorchDispatchMode):
    """Writes down the operations of torch that a GPU would launch a kernel or a copy for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        tensors = isinstance(result, (torch.Tensor, tuple, list))
        if tensors and not (func.is_view or name.startswith(NO_LAUNCH)):
            self.names.append(name)
        return result


def launches(call: Callable[[], object]) -> Launched:
    """What one call launches."""
    driver, before = _installed(), len(_installed().launches)
    with _Operations() as operations:
        call()
    return Launched(driver.launches[before:], operations.names)


def host_cost(call: Callable[[], object], *, repeat: int = 200) -> HostCost:
    """The launches of a call, and the median of its host time once its kernels are compiled.

    On a GPU a launch adds the time of the CUDA driver, which is not here. An operation of torch
    costs what it costs on the device of the tensors of the call, which is not what it costs on a
    GPU: the time is close for calls without them.
    """
    found = launches(call)
    seconds: list[float] = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    microseconds = round(statistics.median(seconds) * 1e6, 1)
    return HostCost(len(found.kernels), len(found.torch_operations), microseconds)
