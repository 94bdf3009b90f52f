"""One side of a comparison of commits: times rows on request, in a process of its own.

Reads "<seconds> <key>" lines, answers with a line of microseconds, or "!" and a reason. It uses
only what old commits have too: public functions, no `out=`, no choice of backend.
"""

from __future__ import annotations

import sys

import torch

from benchmarks import allocator, grid
from benchmarks.floor import moved
from benchmarks.timing import interleave
from benchmarks.work import Work, on_threads

__all__ = ["answer", "main"]

_works: dict[str, Work] = {}
_threads: dict[str, int] = {}


def answer(line: str) -> str:
    """The reply to one request.

    >>> answer("0.01 no such row")
    '! KeyError: no such row'
    """
    seconds, _, key = line.strip().partition(" ")
    try:
        if key not in _works:
            plans = {plan.key: plan for plan in grid.plans()}
            if key not in plans:
                return f"! KeyError: {key}"
            _works.clear()
            _works[key] = plans[key].build("cpu")
            allocator.warm(2 * moved(_works[key].inputs, ()))
            _threads[key] = plans[key].threads
        runner = _works[key].ours, _works[key].before
        with on_threads(_threads[key]):
            times = interleave({"": runner}, seconds=float(seconds))
        return f"{times[''].p50 * 1e6:.6g}"
    except Exception as error:  # an older commit may lack a function or an argument
        return f"! {type(error).__name__}: {str(error).splitlines()[0][:160]}"


def main() -> None:
    """Answer until the input ends."""
    torch.set_num_threads(int(sys.argv[1]))
    with torch.no_grad():
        for line in sys.stdin:
            sys.stdout.write(answer(line) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
