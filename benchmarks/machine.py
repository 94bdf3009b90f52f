"""Where and with what a row was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

import torch

__all__ = ["facts", "machine"]

ROOT = Path(__file__).resolve().parents[1]


def machine(device: str) -> str:
    """A name for the file of results: the processor or the GPU, and how many cores."""
    if device == "cuda" and torch.cuda.is_available():
        return _slug(torch.cuda.get_device_name())
    return _slug(f"{_processor()} {os.cpu_count()} cores")


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    found = re.search(r"model name\s*:\s*(.+)", text)
    return found.group(1) if found else platform.machine()


def _slug(text: str) -> str:
    text = re.sub(r"\((r|tm)\)|@.*?ghz|\bcpu\b|processor", " ", text.lower())
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except OSError:  # no git on this machine
        return ""
    return done.stdout.strip()


def facts(device: str) -> dict[str, str]:
    """The columns that every row of a run shares; `dirty` looks at creditlib and benchmarks."""
    changed = _git("status", "--porcelain", "--", "creditlib", "benchmarks", ":!benchmarks/results")
    return {
        "machine": machine(device),
        "device": device,
        "threads": str(torch.get_num_threads()),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "dirty": "yes" if changed else "no",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": _version("numba"),
        "triton": _version("triton"),
    }
