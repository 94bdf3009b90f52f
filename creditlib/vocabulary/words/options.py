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
    float,
    ArgumentSpec(
        "discount of a reward for each turn, or token of the policy, that it comes later; 1 "
        "discounts nothing",
        low=0,
        high=1,
    ),
]
Lam: TypeAlias = Annotated[
    float,
    ArgumentSpec(
        "trace decay λ of GAE: 0 looks one step ahead, to the next value; 1 sums all rewards",
        low=0,
        high=1,
    ),
]
Eps: TypeAlias = Annotated[
    float, ArgumentSpec("small number in the divisor, which keeps the quotient finite", low=0)
]
VarianceEps: TypeAlias = Annotated[
    float, ArgumentSpec("small number added to the variance before the square root", low=0)
]
# The docstring of the function says what such an option is.
NonNegative: TypeAlias = Annotated[float, ArgumentSpec("", low=0)]
Positive: TypeAlias = Annotated[float, ArgumentSpec("", above=0)]
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
        "the implementation; 'auto' is triton on CUDA and numba on a CPU if installed, else torch",
        engine=True,
    ),
]
Ddof: TypeAlias = Annotated[
    Literal[0, 1],
    ArgumentSpec("n − ddof divides the sum of squared deviations; 1 gives the unbiased variance"),
]
Lone: TypeAlias = Annotated[
    Literal["zero", "raw"],
    ArgumentSpec(
        "credit of a group of one, a trajectory without others to compare it with: 0, or its "
        "reward over a scale of 1"
    ),
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
    Literal["token", "turn", "trajectory"],
    ArgumentSpec("what has one ratio: a token, a turn or a trajectory"),
]
Conserve: TypeAlias = Annotated[
    Literal["batch", "group", "trajectory"],
    ArgumentSpec(
        "the units whose weights have the mean 1: those of the batch, of each group, or of each "
        "trajectory; None leaves the weights as they are"
    ),
]
