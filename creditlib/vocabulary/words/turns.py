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
    "CoalitionValue",
    "Demonstrated",
    "Duration",
    "Finished",
    "GoldLogProb",
    "Grounded",
    "InformationGain",
    "InvalidAction",
    "JoinOrder",
    "Label",
    "Node",
    "Potential",
    "ProcessReward",
    "Progress",
    "Ratio",
    "SegmentValue",
    "Share",
    "SolvedTurn",
    "Started",
    "Starts",
    "StepsToGo",
    "StepsToGoAfter",
    "TurnEntropy",
    "TurnLength",
    "TurnReward",
    "TurnValue",
    "Viability",
    "ViabilityAfter",
    "Wrong",
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
        measured_in="nats",
        high=0,
    ),
]
ProcessReward: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("score of a step by a process reward model", unit="reward"),
]
Duration: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("wall-clock time that the turn took", measured_in="seconds", low=0),
]
Started: TypeAlias = Annotated[
    Real[Tensor, "batch turn"],
    ArgumentSpec("jobs like this turn's that the scheduler started", low=0),
]
Finished: TypeAlias = Annotated[
    Real[Tensor, "batch turn"],
    ArgumentSpec("jobs of `started` that finished", low=0, part_of="started"),
]
Progress: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("progress measured after the turn, such as milestones held"),
]
TurnLength: TypeAlias = Annotated[
    Int[Tensor, "batch turn"] | Float[Tensor, "batch turn"],
    ArgumentSpec(
        "tokens the policy wrote in the turn",
        measured_in="tokens",
        low=0,
        hint="`layouts.turn_length(turn)` counts them",
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
TurnValue: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("value of the state that the turn starts from", unit="prediction"),
]
SegmentValue: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("value of the segment that starts with the turn, before it", unit="prediction"),
]
TurnEntropy: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec(
        "mean entropy of the policy over the tokens of the turn", measured_in="nats", low=0
    ),
]
Ratio: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec(
        "probability of the turn under the policy that is trained, over that under the one "
        "that wrote it",
        low=0,
        hint="`importance_weight(level='turn', reduce='sum')` makes it",
    ),
]
Share: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("part that the turn had in the outcome, in any unit", low=0),
]
Node: TypeAlias = Annotated[
    Int[Tensor, "batch turn"],
    ArgumentSpec(
        "id of what the turn did; turns of a group are one node of its tree where all ids up "
        "to them agree",
        hint="`ids` makes it from actions",
    ),
]
Starts: TypeAlias = Annotated[
    Bool[Tensor, "batch turn"],
    ArgumentSpec("turns that start a segment; the first turn always does"),
]
Label: TypeAlias = Annotated[
    Int[Tensor, "batch turn"], ArgumentSpec("verdict on a step, any integers")
]
Wrong: TypeAlias = Annotated[
    Bool[Tensor, "batch turn"], ArgumentSpec("steps that were judged wrong")
]
Grounded: TypeAlias = Annotated[
    Bool[Tensor, "batch turn"], ArgumentSpec("turns whose action the environment could carry out")
]
Viability: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("log-odds that the task can still be solved, before the turn", unit="prediction"),
]
ViabilityAfter: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("log-odds that the task can still be solved, after the turn", unit="prediction"),
]
StepsToGo: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec(
        "predicted return of -1 a step until the task is solved, before the turn", unit="prediction"
    ),
]
StepsToGoAfter: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec(
        "predicted return of -1 a step until the task is solved, after the turn", unit="prediction"
    ),
]
Demonstrated: TypeAlias = Annotated[
    Bool[Tensor, "batch turn"], ArgumentSpec("turns that a person or another policy carried out")
]
JoinOrder: TypeAlias = Annotated[
    Int[Tensor, "batch sample turn"],
    ArgumentSpec(
        "turns in the order in which they join, one order for each sample; -1 past turn_count",
        low=-1,
    ),
]
CoalitionValue: TypeAlias = Annotated[
    Float[Tensor, "batch sample turn+1"],
    ArgumentSpec("value before any turn and after each that joins", unit="reward"),
]
