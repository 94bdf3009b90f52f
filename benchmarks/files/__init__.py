"""`python -m benchmarks files`: credit of stored rollouts, in seconds, MB/s and peak memory.

Every contestant is a process of its own on data that `data.generate` writes: ours, the same job by
Polars, DuckDB and Ray Data where they are installed, and what they need to bring groups together.
"""

from __future__ import annotations

__all__: list[str] = []
