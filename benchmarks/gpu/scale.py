"""How much a session does: everything on a GPU, a little of each kind in a rehearsal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.gpu.operations import OPERATIONS

__all__ = ["LITTLE", "SCALES", "WHOLE", "Scale"]

# Rows of the grid whose time is the host's: labels from text, calls by name, a trainer's driver.
HOST_ONLY = ("text", "by name", "driver", "one thread", "default process", "16x64", "32x64")


@dataclass(frozen=True)
class Scale:
    """Sizes and choices of all parts."""

    only: Sequence[str]  # parts of keys of the grid, one of which a row must hold
    without: Sequence[str]  # parts of keys, none of which it may hold
    odd: Sequence[tuple[int, int, int]]  # (rows, width, turns) that are compared with the CPU
    operations: Sequence[str]  # that are compared there
    dtypes: Sequence[str]
    layouts: Sequence[str]
    few_rows: Sequence[int]  # at which forms of the scan are compared, on rows of `long` tokens
    long: int
    long_forms: Sequence[tuple[int, int]]  # (tokens at a time, warps)
    shape: tuple[int, int, int]  # (rows, width, turns) at which the three below are compared
    forms: Sequence[tuple[int, int]]
    programs: Sequence[int]
    tiles: Sequence[int]
    values: Sequence[int]  # sizes of statistics
    copies: Sequence[int]  # MiB
    rivals: Sequence[tuple[int, int]]  # (rows, width) of inputs without holes
    others: Sequence[str]  # the adapters that compute there
    tests: Sequence[str]  # arguments of pytest
    kernels: Sequence[tuple[int, int, int]]  # at which profilers see each kernel once

    def chooses(self, key: str) -> bool:
        """Whether a row of the grid takes part.

        >>> LITTLE.chooses("gae 64x512 int8, holes"), WHOLE.chooses("grpo in verl's driver 64x512")
        (True, False)
        """
        wanted = any(word in key for word in self.only)
        return wanted and not any(word in key for word in self.without)


WHOLE = Scale(
    only=("64x512", "1024x4096", "256x32768", "25600x512", "512x50"),
    # The two without holes are measured beside the rivals.
    without=(*HOST_ONLY, "gae 1024x4096 int8, full", "gae 256x32768 int8, full"),
    odd=((64, 512, 6), (37, 515, 5), (600, 1000, 7), (3, 20000, 40), (1, 1, 1), (300, 4100, 9)),
    operations=tuple(OPERATIONS),
    dtypes=("int8", "int64"),
    layouts=("holes", "full", "packed"),
    few_rows=(16, 64, 128, 256, 512),
    long=32768,
    long_forms=((1024, 4), (2048, 8), (4096, 16)),
    shape=(1024, 4096, 10),
    forms=((512, 4), (1024, 4), (1024, 8), (2048, 8), (512, 2), (512, 1), (256, 1)),
    programs=(128, 256, 512, 1024),
    tiles=(512, 1024, 2048, 4096),
    values=(256, 1024, 4096, 10240, 16384, 65536),
    copies=(16, 64, 256, 1024, 4096),
    rivals=((64, 512), (1024, 4096), (2048, 4096), (8192, 2048), (256, 32768), (16, 65536)),
    others=("rl_triton", "torch_loop", "slime", "torchrl"),
    tests=("tests/ops", "tests/estimators", "tests/test_golden_core.py"),
    kernels=((1024, 4096, 10), (256, 32768, 50)),
)
LITTLE = Scale(
    only=("gae 64x512", "to_tokens 64x512", "grpo to tokens 64x512"),
    without=HOST_ONLY,
    odd=((3, 5000, 9),),
    operations=(
        "gae",
        "gae, out=",
        "reinforce_plus_plus",
        "turn_sum",
        "to_tokens from rows",
        "to_tokens from turns",
        "whiten",
        "grpo",
        "gigpo",
        "pure",
        "suffix_min_returns",
    ),
    dtypes=("int8",),
    layouts=("holes",),
    few_rows=(3,),
    long=5000,
    long_forms=((2048, 8),),
    shape=(32, 1024, 4),
    forms=((512, 1),),
    programs=(128,),
    tiles=(2048,),
    values=(256,),
    copies=(16,),
    rivals=((16, 64),),
    others=("rl_triton", "torch_loop"),
    # A file that needs neither torch nor the settings of the other tests: does pytest run here?
    tests=("-n", "0", "--noconftest", "tests/benchmarks/test_bench_gpu_budget.py"),
    kernels=((3, 5000, 9),),
)
SCALES = {"cuda": WHOLE, "stand-in": LITTLE}
