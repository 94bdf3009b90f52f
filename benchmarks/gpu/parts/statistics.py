"""Statistics of groups by the number of values: all pairs in one launch, a table, the reference.

One key stands for GRPO's groups, two for anchors; an id has eight values on average.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.gpu.context import Context
from benchmarks.gpu.measuring import changed, measure_plan
from benchmarks.work import Batch, Plan, Work
from creditlib.ops.groups import relative

__all__ = ["Comparison", "comparisons", "prepare", "run"]

PAIRS_UP_TO = 16384  # beyond that all pairs take milliseconds
EVERY = 1 << 30


@dataclass(frozen=True)
class Comparison:
    """So many values, one or two keys, and who computes."""

    values: int
    keys: int
    who: str

    @property
    def plan(self) -> Plan:
        """The row: `relative` of values to their group, scaled.

        >>> Comparison(8, 2, "reference").plan.key
        'relative 8 values 2 keys'
        """
        keys = f"{self.keys} key{'s' * (self.keys > 1)}"
        shape = f"{self.values} values"
        return Plan("relative", shape, keys, "how it grows", self._build)

    def _build(self, device: str) -> Work:
        random = torch.Generator().manual_seed(self.values)
        groups = max(1, self.values // 8)
        x = torch.randn(self.values, generator=random)
        group = torch.randint(0, groups, (self.values,), generator=random)
        state = torch.randint(0, 5, (self.values,), generator=random)
        where = torch.ones(self.values, dtype=torch.bool)
        placed = [each.to(device) for each in (x, where, group, state)[: 2 + self.keys]]
        backend = "torch" if self.who == "reference" else "auto"
        batch: Batch = {}
        return Work(batch, lambda: _relative(backend, *placed), tuple(placed))


def _relative(backend: str, x: Tensor, where: Tensor, *keys: Tensor) -> Tensor:
    return relative(x, list(keys), where, scale="std", eps=1e-6, backend=backend)


def comparisons(context: Context) -> list[Comparison]:
    """All sizes, with one and with two keys."""
    found: list[Comparison] = []
    for values in context.scale.values:
        for keys in (1, 2):
            found.append(Comparison(values, keys, "table"))
            if values <= PAIRS_UP_TO:
                found.append(Comparison(values, keys, "all pairs"))
        found.append(Comparison(values, 2, "reference"))
    return found


def run(context: Context) -> None:
    """Measure one after the other; each is compared with the reference on the CPU."""
    from creditlib.ops.groups import triton_launch

    pairs = {"all pairs": EVERY, "table": 0, "reference": 0}

    def one(each: Comparison) -> None:
        with changed(triton_launch, PAIRS=pairs[each.who]):
            measure_plan(context, each.plan, each.who)

    context.each(comparisons(context), lambda each: f"{each.plan.key}, {each.who}", one)


prepare = run
