"""`--base REF`: the same rows with another commit's creditlib, the two in turn.

A git worktree of REF goes to a temporary folder. Both sides run this folder's benchmarks in a
process of their own, so that only creditlib differs, and answer in turn: A, B, A, B.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

import torch

from benchmarks.machine import ROOT
from benchmarks.show import duration

__all__ = ["Side", "against", "line", "worktree", "worktree_commands"]


def worktree_commands(ref: str, folder: Path) -> tuple[list[str], list[str]]:
    """What adds the worktree, and what takes it away.

    >>> worktree_commands("main", Path("/x"))[0]
    ['git', 'worktree', 'add', '--quiet', '--detach', '/x', 'main']
    """
    add = ["git", "worktree", "add", "--quiet", "--detach", str(folder), ref]
    return add, ["git", "worktree", "remove", "--force", str(folder)]


@contextlib.contextmanager
def worktree(ref: str, repository: Path = ROOT) -> Generator[Path]:
    """A checkout of `ref` that is gone afterwards; the working tree here is not touched."""
    with tempfile.TemporaryDirectory(prefix="creditlib-base-") as place:
        folder = Path(place) / "tree"
        add, remove = worktree_commands(ref, folder)
        subprocess.run(add, cwd=repository, check=True)
        try:
            yield folder
        finally:
            subprocess.run(remove, cwd=repository, check=True)


class Side:
    """A process that imports creditlib from `tree`, and benchmarks from here."""

    def __init__(self, tree: Path, place: Path, threads: int) -> None:
        place.mkdir()
        (place / "benchmarks").symlink_to(ROOT / "benchmarks")
        path = os.pathsep.join([str(place), str(tree)])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", str(threads)],
            cwd=place,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, key: str, seconds: float) -> float | str:
        """Microseconds of a row, or why there are none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(f"{seconds} {key}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return "the process ended"
        text = self._process.stdout.readline().strip()
        if text.startswith("!") or not text:
            return text.removeprefix("! ") or "the process ended"
        return float(text)

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # it may have ended before
                    pipe.close()
        self._process.wait()


def line(key: str, pairs: Sequence[tuple[float, float]]) -> str:
    """Here against there: the median of the ratios of neighbours, and their spread.

    >>> line("gae", [(1.0, 2.0), (1.0, 2.2), (1.0, 1.8)])
    'gae: 1 µs, was 2 µs; 0.50 of it (0.45 to 0.56)'
    """
    ratios = sorted(here / there for here, there in pairs)
    here, there = (sorted(each)[len(pairs) // 2] for each in zip(*pairs, strict=True))
    middle = ratios[len(ratios) // 2]
    spread = f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return f"{key}: {duration(here)}, was {duration(there)}; {middle:.2f} of it {spread}"


def against(ref: str, keys: Sequence[str], *, rounds: int, seconds: float) -> list[str]:
    """A line a row: the tree here against `ref`."""
    threads = torch.get_num_threads()
    text: list[str] = []
    with worktree(ref) as tree, tempfile.TemporaryDirectory(prefix="creditlib-ab-") as place:
        trees = {"here": ROOT, "there": tree}
        sides = [Side(each, Path(place) / name, threads) for name, each in trees.items()]
        try:
            for key in keys:
                text.append(_row(sides, key, rounds, seconds))
        finally:
            for side in sides:
                side.close()
    return text


def _row(sides: Sequence[Side], key: str, rounds: int, seconds: float) -> str:
    pairs: list[tuple[float, float]] = []
    for _ in range(rounds):
        here, there = (side.ask(key, seconds) for side in sides)
        if isinstance(here, str) or isinstance(there, str):
            where = "here" if isinstance(here, str) else "there"
            return f"{key}: not comparable, {where}: {here if where == 'here' else there}"
        pairs.append((here, there))
    return line(key, pairs)
