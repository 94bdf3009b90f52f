"""Words of results: what a function returns, and credit that another function takes."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from jaxtyping import Bool, Float, Int, Real
from torch import Tensor

from creditlib.vocabulary.argument_spec import ArgumentSpec

__all__ = [
    "Advantage",
    "AdvantageAndReturns",
    "AnyCredit",
    "AnyFactor",
    "CallRewards",
    "Credit",
    "EdgeCredit",
    "Factor",
    "Mask",
    "MeanAndScale",
    "ShapedReward",
    "Statistic",
    "TimescaleAdvantageAndReturns",
    "TokenFactor",
    "TokenMask",
    "TokenReturns",
    "TokenValues",
    "TrajectoryFactor",
    "TurnAdvantageAndReturns",
    "TurnCredit",
    "TurnCreditAndReturns",
    "TurnCreditPair",
    "TurnReturns",
    "TurnRewards",
    "TurnSums",
    "Weight",
    "WhitenedAdvantageAndReturns",
]

Credit: TypeAlias = Annotated[
    Float[Tensor, "batch"], ArgumentSpec("credit of a trajectory", kind="advantage")
]
TurnCredit: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("credit of a turn; 0 at turns that do not exist", kind="advantage"),
]
TurnCreditAndReturns: TypeAlias = Annotated[
    tuple[TurnCredit, TurnCredit],
    ArgumentSpec("(advantage, returns) of a turn; 0 at turns that do not exist", kind="advantage"),
]
TurnCreditPair: TypeAlias = Annotated[
    tuple[TurnCredit, TurnCredit],
    ArgumentSpec(
        "(credit of turns, credit of segments at the turns that start them); 0 elsewhere",
        kind="advantage",
    ),
]
Advantage: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec("credit of a token; 0 where the policy wrote nothing", kind="advantage"),
]
TokenReturns: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec(
        "discounted return of a token; 0 where the policy wrote nothing",
        kind="advantage",
        turn_sensitive=False,
    ),
]
AdvantageAndReturns: TypeAlias = Annotated[
    tuple[Advantage, Advantage],
    ArgumentSpec(
        "(advantage, returns) of a token; 0 where the policy wrote nothing",
        kind="advantage",
        turn_sensitive=False,
    ),
]
TurnAdvantageAndReturns: TypeAlias = Annotated[
    tuple[Advantage, Advantage],
    ArgumentSpec(
        "(advantage, returns) of a token, which depend on where a turn ends; 0 where the policy "
        "wrote nothing",
        kind="advantage",
    ),
]
WhitenedAdvantageAndReturns: TypeAlias = Annotated[
    tuple[Advantage, Advantage],
    ArgumentSpec(
        "(advantage, returns) of a token, the advantage whitened over the tokens of the batch; "
        "0 where the policy wrote nothing",
        kind="advantage",
        turn_sensitive=False,
        over_tokens=True,
    ),
]
TurnReturns: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("return of a turn; 0 at turns that do not exist", kind="returns"),
]
TurnRewards: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("reward of a turn; 0 at turns that do not exist", kind="reward"),
]
ShapedReward: TypeAlias = Annotated[
    Float[Tensor, "batch"], ArgumentSpec("shaped reward of a trajectory", kind="reward")
]
Statistic: TypeAlias = Annotated[
    Float[Tensor, ""], ArgumentSpec("one number for the batch", kind="statistic")
]
TurnSums: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("sum over the tokens of a turn; 0 at turns without a token", kind="statistic"),
]
MeanAndScale: TypeAlias = Annotated[
    tuple[Statistic, Statistic],
    ArgumentSpec("(mean, reciprocal deviation), one number each", kind="statistic"),
]
AnyCredit: TypeAlias = Annotated[
    Float[Tensor, "batch"] | Float[Tensor, "batch turn"],
    ArgumentSpec("credit of trajectories or turns", kind="advantage", ambiguous=True),
]
Weight: TypeAlias = Annotated[
    Real[Tensor, "batch"]
    | Real[Tensor, "batch turn"]
    | Bool[Tensor, "batch"]
    | Bool[Tensor, "batch turn"],
    ArgumentSpec(
        "how often a credit counts: tokens of the row or turn, or a mask", low=0, ambiguous=True
    ),
]
TokenValues: TypeAlias = Annotated[
    Float[Tensor, "batch token"]
    | Int[Tensor, "batch token"]
    | Bool[Tensor, "batch token"]
    | Float[Tensor, "token"]
    | Int[Tensor, "token"]
    | Bool[Tensor, "token"],
    ArgumentSpec("any value of a token"),
]
Factor: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("factor on the credit of a turn; 0 at turns that do not exist", kind="factor"),
]
EdgeCredit: TypeAlias = Annotated[
    Float[Tensor, "batch edge"],
    ArgumentSpec("credit of a part; 0 where the row lacks it", kind="advantage"),
]
CallRewards: TypeAlias = Annotated[
    Float[Tensor, "batch call"],
    ArgumentSpec("reward of a call; 0 at calls that do not exist", kind="reward"),
]
TokenFactor: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec(
        "factor on the credit of a token; 0 where the policy wrote nothing", kind="factor"
    ),
]
TimescaleAdvantageAndReturns: TypeAlias = Annotated[
    tuple[
        Annotated[Float[Tensor, "batch token timescale"] | Float[Tensor, "token timescale"], ""],
        Annotated[Float[Tensor, "batch token timescale"] | Float[Tensor, "token timescale"], ""],
    ],
    ArgumentSpec(
        "(advantages, returns) of a token under each discount; 0 where the policy wrote nothing",
        kind="advantage",
        turn_sensitive=False,
    ),
]
Mask: TypeAlias = Annotated[
    Bool[Tensor, "batch"] | Bool[Tensor, "batch turn"],
    ArgumentSpec("True where the row or turn is selected", kind="statistic"),
]
TrajectoryFactor: TypeAlias = Annotated[
    Float[Tensor, "batch"],
    ArgumentSpec(
        "factor on the credit of a trajectory; 0 for rows that do not take part", kind="factor"
    ),
]
AnyFactor: TypeAlias = Annotated[
    Float[Tensor, "batch token"]
    | Float[Tensor, "token"]
    | Float[Tensor, "batch turn"]
    | Float[Tensor, "batch"],
    ArgumentSpec(
        "factor on the credit of a token, turn or trajectory; 0 where there is none",
        kind="factor",
        ambiguous=True,
    ),
]
TokenMask: TypeAlias = Annotated[
    Bool[Tensor, "batch token"] | Bool[Tensor, "token"],
    ArgumentSpec("True where the token is selected", kind="statistic"),
]
