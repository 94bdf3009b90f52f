"""The calls whose kernels are counted, on tensors that have shapes and no memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

__all__ = ["CASES", "Case"]

MEDIUM, LONG = (1024, 4096, 10), (256, 32768, 50)  # rows, tokens and turns of a row


@dataclass(frozen=True)
class Case:
    """A call on tensors of the device "meta", how many units it has, and the bytes it must move.

    share: for kernels whose programs look at more than the units divided by the programs, how many
    units one program looks at.
    """

    name: str
    call: Callable[[], object]
    units: int
    needed: float
    unit: str = "token"
    share: Mapping[str, int] = field(default_factory=dict)


def _empty(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(*shape, dtype=dtype, device="meta")


def token_cases() -> list[Case]:
    """Scans, whitening, credit to tokens and sums by turn, at the two shapes of the page."""
    import creditlib as cl

    cases: list[Case] = []
    for rows, width, turns in (MEDIUM, LONG):
        at, units = f"{rows}x{width}", rows * width
        x, turn = _empty(rows, width), _empty(rows, width, dtype=torch.int8)
        credit, mask = _empty(rows, turns), _empty(rows, width, dtype=torch.bool)
        given: dict[str, Any] = {"token_reward": x, "turn": turn, "gamma": 0.99}
        cases += [
            Case(f"gae {at}", lambda g=given, x=x: cl.gae(**g, value=x, lam=0.95), units, 17),
            Case(f"returns {at}", lambda g=given: cl.discounted_return(**g), units, 9),
            Case(f"whiten {at}", lambda x=x, m=mask: cl.whiten(x, m), units, 9),
            Case(f"to_tokens {at}", lambda c=credit, t=turn: cl.to_tokens(c, t), units, 5),
            Case(
                f"turn_sum {at}",
                lambda x=x, t=turn, n=turns: cl.turn_sum(x, t, n),
                units,
                5,
                share={"sum_kernel": width},
            ),
        ]
    return cases


def value_cases() -> list[Case]:
    """Statistics of groups of 8 at four numbers of values."""
    import creditlib as cl

    cases: list[Case] = []
    for count in (1024, 4096, 10240, 16384):
        reward, group = _empty(count), _empty(count, dtype=torch.int64)
        call: Callable[[], object] = lambda r=reward, g=group: cl.grpo(reward=r, group=g)  # noqa: E731
        share = {"relative_kernel": count}
        cases.append(Case(f"grpo {count}", call, count, 16, unit="value", share=share))
    return cases


def turn_cases() -> list[Case]:
    """Min-form credit of groups of trajectories of 10 turns."""
    import creditlib as cl

    cases: list[Case] = []
    for rows in (64, 1024):
        score, group = _empty(rows, 10), _empty(rows, dtype=torch.int64)
        call: Callable[[], object] = lambda s=score, g=group: cl.pure(  # noqa: E731
            process_reward=s, group=g, turn_count=g
        )
        share = {"credit_kernel": rows}
        cases.append(Case(f"pure {rows}x10", call, 10 * rows, 9.6, unit="turn", share=share))
    return cases


# Functions that list cases; a new kernel adds its own.
CASES: list[Callable[[], list[Case]]] = [token_cases, value_cases, turn_cases]
