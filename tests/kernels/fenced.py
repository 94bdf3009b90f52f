"""Runs the Triton kernels on tensors that end where memory ends: a read beyond them is a crash.

The interpreter does not see such reads, and a process in which they happen is gone: run it apart.
"""

import ctypes
import mmap
import os
import sys

import torch


def fenced(x: torch.Tensor) -> torch.Tensor:
    """The same values, and no readable memory behind them."""
    pages = -(-x.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    region = mmap.mmap(-1, pages + mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(region))
    if ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + pages), mmap.PAGESIZE, 0):
        raise OSError("no memory can be fenced off")
    kept = torch.frombuffer(region, dtype=x.dtype, count=x.numel(), offset=pages - x.nbytes)
    return kept.copy_(x.reshape(-1)).view(x.shape)


def main() -> None:
    """Padded rows and packed rows, in one piece and split."""
    import interpreter

    interpreter.replace_once()
    from creditlib.ops.returns import triton_launch as launch
    from creditlib.ops.two_level import triton_launch as two_level

    beyond = fenced(torch.zeros(4))
    if "--beyond" in sys.argv:
        print(ctypes.c_float.from_address(beyond.data_ptr() + beyond.nbytes))
    position = torch.arange(69).expand(2, 69)
    turn = torch.where(position % 3 == 0, -1, position // 3)
    shapes = [(turn, None), (turn.view(-1), fenced(torch.tensor([0, 69, 138])))]
    for rows in (0, 10**9):
        launch.MANY_ROWS = rows
        for each, offsets in shapes:
            x, who = fenced(torch.ones(each.shape)), fenced(each)
            out = fenced(torch.zeros(each.shape)), fenced(torch.zeros(each.shape))
            launch.gae(x, x, who, gamma=0.9, lam=0.8, offsets=offsets, out=out)
            rates = {"gamma": 0.9, "lam": 0.8, "turn_gamma": 0.7, "turn_lam": 0.6}
            two_level.two_level_gae(x, x, who, **rates, offsets=offsets, out=out)
            launch.token_returns(x, who, gamma=0.9, present=fenced(who > -2), offsets=offsets)


if __name__ == "__main__":
    os.environ["TRITON_INTERPRET"] = "1"
    main()
