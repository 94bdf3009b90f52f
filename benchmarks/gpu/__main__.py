"""`python -m benchmarks.gpu`."""

from __future__ import annotations

from benchmarks.gpu.cli import app

__all__: list[str] = []

if __name__ == "__main__":
    app()
