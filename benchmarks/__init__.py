"""Time against the floor, the reference and the peers: `python -m benchmarks`.

Not part of the wheel; docs/performance.md is written from its rows. Every number passed a gate
first: the same credit as the reference.
"""

from __future__ import annotations

__all__: list[str] = []
