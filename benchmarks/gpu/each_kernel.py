"""Launches each kernel once, for a profiler or a memory checker around it.

ncu python -m benchmarks.gpu.each_kernel
compute-sanitizer python -m benchmarks.gpu.each_kernel small
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import torch

from benchmarks import inputs
from benchmarks.gpu.device import open_device
from benchmarks.gpu.operations import OPERATIONS, batch_of
from benchmarks.gpu.scale import WHOLE

__all__ = ["NAMES", "launch"]

# Sizes that no tile divides, for the memory checker, under which everything takes long.
SMALL = ((520, 517, 5), (7, 5000, 9))
# All kernels of padded rows are launched by these.
NAMES = (
    *("gae", "two_level_gae", "reinforce_plus_plus", "turn_sum", "to_tokens from turns"),
    *("importance_weight", "top_fraction", "gigpo", "pure"),
)


def launch(device: str, shapes: Sequence[tuple[int, int, int]]) -> int:
    """Run the operations at each shape; how many calls it was."""
    for shape in shapes:
        batch = inputs.to_device(batch_of(shape, torch.int8, "holes"), device)
        for name in NAMES:
            OPERATIONS[name](batch)
    return len(shapes) * len(NAMES)


if __name__ == "__main__":
    opened = open_device("cuda")
    with torch.no_grad():
        calls = launch(opened.tensors, SMALL if "small" in sys.argv else WHOLE.kernels)
    torch.cuda.synchronize()
    sys.stdout.write(f"{calls} calls ran\n")
