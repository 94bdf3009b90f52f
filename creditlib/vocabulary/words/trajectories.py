"""Words of trajectories: one value, or one row of values, for each."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from jaxtyping import Bool, Float, Int
from torch import Tensor

from creditlib.vocabulary.argument_spec import ArgumentSpec

__all__ = [
    "Agent",
    "Answer",
    "Baseline",
    "Boundary",
    "BranchAt",
    "BranchOf",
    "CallCount",
    "Cost",
    "Edge",
    "Evidence",
    "Final",
    "Group",
    "Length",
    "Malformed",
    "Milestones",
    "NonNegativeRewards",
    "Reached",
    "ReferenceCost",
    "Reward",
    "Rewards",
    "Rollout",
    "RowLam",
    "Score",
    "Similarity",
    "Solved",
    "Support",
    "TargetCount",
    "Taught",
    "Trajectory",
    "Tree",
    "Tried",
    "Truncated",
    "TurnCount",
    "Valid",
]

Reward: TypeAlias = Annotated[
    Float[Tensor, "batch"], ArgumentSpec("outcome reward of a trajectory", unit="reward")
]
Rewards: TypeAlias = Annotated[
    Float[Tensor, "batch objective"],
    ArgumentSpec(
        "outcome reward of a trajectory under each objective",
        unit="reward",
        nan="a row that the objective gives no score",
    ),
]
NonNegativeRewards: TypeAlias = Annotated[
    Float[Tensor, "batch objective"],
    ArgumentSpec(
        "outcome reward of a trajectory under each objective",
        unit="reward",
        low=0,
        nan="a row that the objective gives no score",
    ),
]
Baseline: TypeAlias = Annotated[
    Float[Tensor, "batch"],
    ArgumentSpec("reward of the greedy rollout of the same prompt", unit="prediction"),
]
Group: TypeAlias = Annotated[
    Int[Tensor, "batch"],
    ArgumentSpec(
        "id of the prompt or task; any integers, equal id = same group",
        hint="`ids` makes integers of uids",
    ),
]
Valid: TypeAlias = Annotated[
    Bool[Tensor, "batch"],
    ArgumentSpec("rows that take part; others get exactly 0 and change no result"),
]
TurnCount: TypeAlias = Annotated[
    Int[Tensor, "batch"],
    ArgumentSpec(
        "turns of the trajectory, 0..turn",
        measured_in="turns",
        low=0,
        hint="`layouts.count_turns(turn)` counts turns",
    ),
]
Length: TypeAlias = Annotated[
    Int[Tensor, "batch"] | Float[Tensor, "batch"],
    ArgumentSpec(
        "tokens the policy wrote in the trajectory",
        measured_in="tokens",
        low=0,
        hint="`(turn >= 0).sum(1)` counts them",
    ),
]
Solved: TypeAlias = Annotated[
    Bool[Tensor, "batch"], ArgumentSpec("the trajectory ended in a submission the grader accepted")
]
Score: TypeAlias = Annotated[
    Float[Tensor, "batch"],
    ArgumentSpec("the grader's score of a submission", nan="a failed submission"),
]
Milestones: TypeAlias = Annotated[
    Bool[Tensor, "batch milestone"] | Int[Tensor, "batch"],
    ArgumentSpec("milestones reached: one column each, or how many distinct ones", low=0),
]

Trajectory: TypeAlias = Annotated[
    Int[Tensor, "row"], ArgumentSpec("id of the trajectory a step row belongs to; any integers")
]
Reached: TypeAlias = Annotated[Bool[Tensor, "batch milestone"], ArgumentSpec("milestones reached")]
Rollout: TypeAlias = Annotated[
    Int[Tensor, "batch"],
    ArgumentSpec("id of the rollout; no two rows of a batch share one", low=0),
]
BranchOf: TypeAlias = Annotated[
    Int[Tensor, "batch"],
    ArgumentSpec("id of the rollout that it was branched from; negative = from the start", low=-1),
]
BranchAt: TypeAlias = Annotated[
    Int[Tensor, "batch"],
    ArgumentSpec(
        "tokens of the policy that a branch shares with that rollout", measured_in="tokens", low=0
    ),
]
Answer: TypeAlias = Annotated[
    Int[Tensor, "batch"],
    ArgumentSpec(
        "id of the final answer, compared inside a group; negative = none",
        hint="`ids` makes it from answers",
    ),
]
Support: TypeAlias = Annotated[
    Float[Tensor, "batch"],
    ArgumentSpec(
        "share of the group that stands behind the row's answer",
        low=0,
        high=1,
        hint="`agreement` makes it from `answer`",
    ),
]
Evidence: TypeAlias = Annotated[
    Float[Tensor, "batch"],
    ArgumentSpec("how well the observations entail the answer", low=0, high=1),
]
Final: TypeAlias = Annotated[
    Float[Tensor, "batch"], ArgumentSpec("potential after the last turn", unit="prediction")
]
Malformed: TypeAlias = Annotated[
    Bool[Tensor, "batch"], ArgumentSpec("the answer could not be read; it counts as a failure")
]
Edge: TypeAlias = Annotated[
    Bool[Tensor, "batch edge"],
    ArgumentSpec("parts that the choice was made of: links, tools, documents, agents"),
]
Similarity: TypeAlias = Annotated[
    Float[Tensor, "batch call target"],
    ArgumentSpec("likeness of a call to a reference call", low=0),
]
CallCount: TypeAlias = Annotated[
    Int[Tensor, "batch"], ArgumentSpec("calls that the trajectory made", low=0)
]
TargetCount: TypeAlias = Annotated[
    Int[Tensor, "batch"], ArgumentSpec("reference calls of the task", low=0)
]
Truncated: TypeAlias = Annotated[
    Bool[Tensor, "batch"], ArgumentSpec("the trajectory was cut off at the limit")
]
Cost: TypeAlias = Annotated[
    Float[Tensor, "batch criterion"],
    ArgumentSpec("what the trajectory used, the most important criterion first", low=0),
]
ReferenceCost: TypeAlias = Annotated[
    Float[Tensor, "batch criterion"], ArgumentSpec("what a trajectory may use", low=0)
]
Tried: TypeAlias = Annotated[Bool[Tensor, "batch"], ArgumentSpec("the trajectory used what costs")]
Boundary: TypeAlias = Annotated[
    Int[Tensor, "batch"],
    ArgumentSpec("turn that the first part of the trajectory ends with; -1 = none", low=-1),
]
Agent: TypeAlias = Annotated[
    Int[Tensor, "batch"],
    ArgumentSpec("id of the agent or role that acted in the row", hint="`ids` makes it from names"),
]
Tree: TypeAlias = Annotated[
    Int[Tensor, "batch"], ArgumentSpec("id of the tree that the rollout is a leaf of")
]
Taught: TypeAlias = Annotated[
    Bool[Tensor, "batch"], ArgumentSpec("rows that the teacher has rated")
]
RowLam: TypeAlias = Annotated[
    Float[Tensor, "batch"],
    ArgumentSpec("trace decay of a trajectory, a factor on `lam`", low=0, high=1),
]
