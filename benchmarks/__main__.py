"""`python -m benchmarks`."""

from __future__ import annotations

from benchmarks.cli import app

__all__: list[str] = []

if __name__ == "__main__":
    app()
