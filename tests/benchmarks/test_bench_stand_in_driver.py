"""The stand-in for Triton's driver: what it writes down, and when it refuses."""

import subprocess
import sys

import pytest
import torch
from kernels import without_interpreter

from benchmarks.gpu import stand_in_driver

pytest.importorskip("triton")

PROGRAM = """
import torch
from benchmarks.gpu import stand_in_driver
driver = stand_in_driver.install()
import creditlib as cl
credit = stand_in_driver.tensor(torch.zeros(6, 2))
turn = stand_in_driver.tensor(torch.zeros(6, 9, dtype=torch.int64))
found = stand_in_driver.launches(lambda: cl.to_tokens(credit, turn).add(1))
launch = found.kernels[0]
print(found.names, found.torch_operations, launch.grid, launch.tensor_bytes)
print(launch.binary.constants["COLS"], launch.binary.warps, launch.binary.cubin[:4])
cost = stand_in_driver.host_cost(lambda: cl.to_tokens(credit, turn), repeat=3)
compiled = [x.kernel for x in driver.compiles]
print(cost.launches, cost.torch_operations, cost.microseconds > 0, compiled)
"""


def test_a_launch_by_hand():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=without_interpreter.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    # 6 rows of 9 fit one tile of 32 x 32; bytes: 6·2·4 credit, 6·9·8 turns, 6·9·4 results
    size = 6 * 2 * 4 + 6 * 9 * 8 + 6 * 9 * 4
    assert done.stdout.splitlines() == [
        f"['padded_kernel'] ['add'] (1, 1, 1) {size}",
        "32 4 b'\\x7fELF'",
        "1 0 True ['padded_kernel']",
    ]


def test_interpreted_kernels_are_refused(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    with pytest.raises(RuntimeError, match="unset TRITON_INTERPRET"):
        stand_in_driver.install()


def test_a_tensor_without_memory_has_the_layout_of_another_one():
    like = torch.zeros(4, 6, dtype=torch.int16)[:, ::2]
    found = stand_in_driver.tensor(like)
    assert (found.shape, found.stride(), found.dtype) == (like.shape, like.stride(), like.dtype)
    assert found.is_meta
