"""Words of turns."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from jaxtyping import Bool, Float, Int, Real
from torch import Tensor

from creditlib.vocabulary.argument_spec import ArgumentSpec

__all__ = [
    "Action",
    "Anchor",
    "Cluster",
    "Duration",
    "Finished",
    "GoldLogProb",
    "InformationGain",
    "InvalidAction",
    "Potential",
    "ProcessReward",
    "Progress",
    "SolvedTurn",
    "Started",
    "TurnLength",
    "TurnReward",
]

TurnReward: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec(
        "reward earned at a turn",
        unit="reward",
        hint="`outcome_at_last_turn` makes it from `reward`",
    ),
]
Anchor: TypeAlias = Annotated[
    Int[Tensor, "batch turn"],
    ArgumentSpec(
        "id of the state the turn starts from, compared inside a group; negative = none",
        hint="`anchor_ids` makes it from observations",
    ),
]
InvalidAction: TypeAlias = Annotated[
    Bool[Tensor, "batch turn"], ArgumentSpec("turns whose action the environment could not parse")
]
InformationGain: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec(
        "rise of the gold answer's (log-)probability by a turn; the last turn is the answer",
        unit="reward",
        hint="`information_gain` makes it from `gold_log_prob`",
    ),
]
GoldLogProb: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec(
        "mean log-probability per token of the gold answer, measured right before the turn",
        high=0,
    ),
]
ProcessReward: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("score of a step by a process reward model", unit="reward"),
]
Duration: TypeAlias = Annotated[
    Float[Tensor, "batch turn"], ArgumentSpec("wall-clock seconds the turn took", low=0)
]
Started: TypeAlias = Annotated[
    Real[Tensor, "batch turn"],
    ArgumentSpec("jobs like this turn's that the scheduler started", low=0),
]
Finished: TypeAlias = Annotated[
    Real[Tensor, "batch turn"],
    ArgumentSpec("those of `started` that finished", low=0, part_of="started"),
]
Progress: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("progress measured after the turn, such as milestones held"),
]
TurnLength: TypeAlias = Annotated[
    Int[Tensor, "batch turn"] | Float[Tensor, "batch turn"],
    ArgumentSpec(
        "tokens the policy wrote in the turn", low=0, hint="`layouts.turn_length(turn)` counts them"
    ),
]
Action: TypeAlias = Annotated[
    Int[Tensor, "batch turn"],
    ArgumentSpec(
        "id of what the turn did, compared at one state; negative = none",
        hint="`ids` makes it from actions",
    ),
]
Cluster: TypeAlias = Annotated[
    Int[Tensor, "batch turn scope"],
    ArgumentSpec("ids of the kind of command, one for each scope; negative = none"),
]
Potential: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("potential of the state that the turn starts from", unit="prediction"),
]
SolvedTurn: TypeAlias = Annotated[
    Bool[Tensor, "batch turn"], ArgumentSpec("the subproblem of the turn was solved")
]
