"""Words of options: numbers and choices."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from creditlib.vocabulary.argument_spec import ArgumentSpec

__all__ = [
    "Backend",
    "Cap",
    "Center",
    "Conserve",
    "Ddof",
    "Elapsed",
    "Ended",
    "Eps",
    "Gamma",
    "Lam",
    "LeaveOut",
    "Level",
    "Lone",
    "Median",
    "NonNegative",
    "Order",
    "Over",
    "Positive",
    "Scale",
    "Temperature",
    "Tokens",
    "Turns",
    "VarianceEps",
]

Gamma: TypeAlias = Annotated[
    float, ArgumentSpec("discount per turn or policy token", low=0, high=1)
]
Lam: TypeAlias = Annotated[float, ArgumentSpec("trace decay of GAE", low=0, high=1)]
Eps: TypeAlias = Annotated[float, ArgumentSpec("keeps the division finite", low=0)]
VarianceEps: TypeAlias = Annotated[
    float, ArgumentSpec("added to the variance before the square root", low=0)
]
NonNegative: TypeAlias = Annotated[float, ArgumentSpec("a weight or coefficient", low=0)]
Positive: TypeAlias = Annotated[float, ArgumentSpec("a temperature, cap or width", above=0)]
Temperature: TypeAlias = Annotated[
    float, ArgumentSpec("temperature of the softmin; near 0 only the minimum counts", above=0)
]
Cap: TypeAlias = Annotated[
    float, ArgumentSpec("largest value, in means, before the mean divides", above=0)
]
Turns: TypeAlias = Annotated[int, ArgumentSpec("size of the axis of turns", low=0, axis="turn")]
Tokens: TypeAlias = Annotated[int, ArgumentSpec("size of the axis of tokens", low=0, axis="token")]
Backend: TypeAlias = Annotated[
    Literal["auto", "torch", "numba", "triton"],
    ArgumentSpec(
        "the implementation; auto: triton on CUDA and numba on a CPU if installed, else torch",
        engine=True,
    ),
]
Ddof: TypeAlias = Annotated[
    Literal[0, 1],
    ArgumentSpec("n − ddof divides the sum of squared deviations; 1 is the unbiased variance"),
]
Lone: TypeAlias = Annotated[
    Literal["zero", "raw"],
    ArgumentSpec("credit of the only member of a group: 0, or its reward over a scale of 1"),
]
Center: TypeAlias = Annotated[
    Literal["mean", "leave_one_out", "median"] | None,
    ArgumentSpec(
        "the subtracted value: the mean of the group, the mean of its other members, its median, "
        "or none"
    ),
]
Scale: TypeAlias = Annotated[
    Literal["std", "mad", "mean"] | None,
    ArgumentSpec(
        "the divisor: the deviation of the group, its median |reward − median| (their mean where "
        "that is 0), its mean, or none"
    ),
]
Over: TypeAlias = Annotated[
    Literal["group", "turn", "anchor", "turn_of_batch"],
    ArgumentSpec(
        "the peers of a turn: all turns of its group, those of its number in the group, those from "
        "its state in the group, or those of its number in the batch"
    ),
]
Order: TypeAlias = Annotated[
    Literal["score_then_sum", "sum_then_score"],
    ArgumentSpec("whether rewards are compared and then summed, or summed and then compared"),
]
Ended: TypeAlias = Annotated[
    Literal["absent", "zero"],
    ArgumentSpec(
        "how a trajectory that is over takes part at later turn numbers: not at all, or with 0"
    ),
]
LeaveOut: TypeAlias = Annotated[
    Literal["turn", "trajectory"],
    ArgumentSpec("what is left out of a turn's own mean: the turn, or its whole trajectory"),
]
Median: TypeAlias = Annotated[
    Literal["middle", "low"],
    ArgumentSpec("the median of an even number: the mean of the middle two, or the lower one"),
]
Elapsed: TypeAlias = Annotated[
    float, ArgumentSpec("share of training that is done; more than 1 counts as 1", low=0)
]
Level: TypeAlias = Annotated[
    Literal["token", "turn", "trajectory"], ArgumentSpec("the unit that has one ratio")
]
Conserve: TypeAlias = Annotated[
    Literal["batch", "group", "trajectory"],
    ArgumentSpec("inside what the weights average to 1; None: they do not"),
]
