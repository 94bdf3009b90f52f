"""Other people's own code, translated to and called as it is; nothing of it is kept here.

An adapter states in its docstring what it computes and which conventions the gate tolerates.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.work import Peer

__all__ = ["NAMES", "find"]

NAMES = (
    "verl",
    "skyrl",
    "trl",
    "torchrl",
    "slime",
    "verl_agent",
    "igpo",
    "matchtir",
    "pure",
    "rl_triton",
    "torch_loop",
    "estimator_alone",
)


def find(
    paths: Mapping[str, Path], names: Sequence[str] = NAMES
) -> tuple[dict[str, Peer], dict[str, str]]:
    """(peers that load, reasons of the others): from a checkout where a path is given."""
    unknown = sorted(set(paths) - set(NAMES))
    if unknown:
        raise ValueError(f"no adapter for {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    found: dict[str, Peer] = {}
    absent: dict[str, str] = {}
    for name in names:
        adapter = importlib.import_module(f"benchmarks.peers.{name}")
        try:
            found[name] = adapter.load(paths.get(name))
        except Exception as error:  # the code of others may raise anything: go on
            absent[name] = f"{type(error).__name__}: {str(error).splitlines()[0][:160]}"
    return found, absent
