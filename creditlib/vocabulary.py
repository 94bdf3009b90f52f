"""The argument names of creditlib, each defined once.

An alias is four things: the type a checker sees, the shape contract checked at the call, the
sentence `help()` prints, the range random inputs are drawn from. Axes: `batch`, `turn`, `token`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from jaxtyping import Bool, Float, Int, Real
from torch import Tensor

from creditlib.word import Word

__all__ = [
    "Advantage",
    "Anchor",
    "AnyCredit",
    "Backend",
    "Baseline",
    "Bootstrap",
    "Center",
    "Credit",
    "Ddof",
    "Duration",
    "Eps",
    "Factor",
    "Finished",
    "Gamma",
    "GoldLogProb",
    "Group",
    "InformationGain",
    "InvalidAction",
    "Lam",
    "Length",
    "Lone",
    "Milestones",
    "NonNegative",
    "Offsets",
    "Out",
    "OutPair",
    "Positive",
    "Present",
    "ProcessReward",
    "Progress",
    "Reached",
    "Reward",
    "Rewards",
    "Scale",
    "Score",
    "Solved",
    "Started",
    "TokenReward",
    "TokenValues",
    "TokenWeight",
    "Trajectory",
    "Turn",
    "TurnCount",
    "TurnCredit",
    "TurnLength",
    "TurnReward",
    "Valid",
    "Value",
    "Weight",
    "Width",
]


# --- trajectory level -------------------------------------------------------------------------
Reward: TypeAlias = Annotated[
    Float[Tensor, "batch"], Word("outcome reward of a trajectory", unit="reward")
]
Rewards: TypeAlias = Annotated[
    Float[Tensor, "batch objective"],
    Word("outcome reward of a trajectory under each objective", unit="reward"),
]
Baseline: TypeAlias = Annotated[
    Float[Tensor, "batch"],
    Word("reward of the greedy rollout of the same prompt", unit="prediction"),
]
Group: TypeAlias = Annotated[
    Int[Tensor, "batch"], Word("id of the prompt or task; any integers, equal id = same group")
]
Valid: TypeAlias = Annotated[
    Bool[Tensor, "batch"], Word("rows that take part; others get exactly 0 and influence nobody")
]
TurnCount: TypeAlias = Annotated[
    Int[Tensor, "batch"], Word("turns of the trajectory, 0..turn", low=0)
]
Length: TypeAlias = Annotated[
    Int[Tensor, "batch"] | Float[Tensor, "batch"],
    Word("tokens the policy wrote in the trajectory", low=0),
]
Solved: TypeAlias = Annotated[
    Bool[Tensor, "batch"], Word("the trajectory ended in a submission the grader accepted")
]
Score: TypeAlias = Annotated[
    Float[Tensor, "batch"], Word("the grader's score of a submission", nan="a failed submission")
]
Milestones: TypeAlias = Annotated[
    Bool[Tensor, "batch milestone"] | Int[Tensor, "batch"],
    Word("milestones reached: one column each, or how many distinct ones", low=0),
]

Trajectory: TypeAlias = Annotated[
    Int[Tensor, "row"], Word("id of the trajectory a step row belongs to; any integers")
]
Reached: TypeAlias = Annotated[Bool[Tensor, "batch milestone"], Word("milestones reached")]

# --- turn level -------------------------------------------------------------------------------
TurnReward: TypeAlias = Annotated[
    Float[Tensor, "batch turn"], Word("reward earned at a turn", unit="reward")
]
Anchor: TypeAlias = Annotated[
    Int[Tensor, "batch turn"],
    Word("id of the state the turn starts from, compared inside a group; negative = none"),
]
InvalidAction: TypeAlias = Annotated[
    Bool[Tensor, "batch turn"], Word("turns whose action the environment could not read")
]
InformationGain: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    Word(
        "rise of the gold answer's (log-)probability by a turn; the last turn is the answer",
        unit="reward",
    ),
]
GoldLogProb: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    Word(
        "mean log-probability per token of the gold answer, asked for right before the turn",
        high=0,
    ),
]
ProcessReward: TypeAlias = Annotated[
    Float[Tensor, "batch turn"], Word("score of a step by a process reward model", unit="reward")
]
Duration: TypeAlias = Annotated[
    Float[Tensor, "batch turn"], Word("wall-clock seconds the turn took", low=0)
]
Started: TypeAlias = Annotated[
    Real[Tensor, "batch turn"], Word("jobs like this turn's that the scheduler began", low=0)
]
Finished: TypeAlias = Annotated[
    Real[Tensor, "batch turn"],
    Word("those of `started` that came to an end", low=0, part_of="started"),
]
Progress: TypeAlias = Annotated[
    Float[Tensor, "batch turn"], Word("progress measured after the turn, such as milestones held")
]
TurnLength: TypeAlias = Annotated[
    Int[Tensor, "batch turn"] | Float[Tensor, "batch turn"],
    Word("tokens the policy wrote in the turn", low=0),
]

# --- token level ------------------------------------------------------------------------------
Turn: TypeAlias = Annotated[
    Int[Tensor, "batch token"] | Int[Tensor, "token"],
    Word("turn that wrote the token; -1: not written by the policy", low=-1),
]
TokenReward: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    Word("reward at a token", unit="reward"),
]
Value: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    Word("the critic's value before the token", unit="prediction"),
]
Bootstrap: TypeAlias = Annotated[
    Float[Tensor, "batch"],
    Word("value after the last token of a truncated row; 0 where it ended", unit="prediction"),
]
Present: TypeAlias = Annotated[
    Bool[Tensor, "batch token"] | Bool[Tensor, "token"],
    Word("tokens that exist (prompt, tool output, policy); the others are padding"),
]
TokenWeight: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"], Word("factor on the credit of a token")
]
Offsets: TypeAlias = Annotated[
    Int[Tensor, "batch+1"],
    Word("packed layout: trajectory i owns tokens offsets[i]:offsets[i+1]", low=0),
]
Out: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    Word("written into, and returned"),
]
OutPair: TypeAlias = tuple[Tensor, Tensor]  # (advantage, returns): written into, and returned

# --- results ----------------------------------------------------------------------------------
Credit: TypeAlias = Annotated[Float[Tensor, "batch"], Word("credit of a trajectory")]
TurnCredit: TypeAlias = Annotated[
    Float[Tensor, "batch turn"], Word("credit of a turn; 0 at turns that do not exist")
]
Advantage: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    Word("credit of a token; 0 where the policy wrote nothing"),
]
AnyCredit: TypeAlias = Annotated[
    Float[Tensor, "batch"] | Float[Tensor, "batch turn"],
    Word("credit of trajectories, turns or tokens"),
]
Weight: TypeAlias = Annotated[
    Real[Tensor, "batch"]
    | Real[Tensor, "batch turn"]
    | Bool[Tensor, "batch"]
    | Bool[Tensor, "batch turn"],
    Word("how often a credit counts: tokens of the row or turn, or a mask", low=0),
]
TokenValues: TypeAlias = Annotated[
    Float[Tensor, "batch token"]
    | Int[Tensor, "batch token"]
    | Bool[Tensor, "batch token"]
    | Float[Tensor, "token"]
    | Int[Tensor, "token"]
    | Bool[Tensor, "token"],
    Word("any value of a token"),
]
Factor: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    Word("factor on the credit of a turn; 0 at turns that do not exist"),
]

# --- options ----------------------------------------------------------------------------------
Gamma: TypeAlias = Annotated[float, Word("discount per turn or policy token", low=0, high=1)]
Lam: TypeAlias = Annotated[float, Word("trace decay of GAE", low=0, high=1)]
Eps: TypeAlias = Annotated[float, Word("keeps a division finite", low=0)]
NonNegative: TypeAlias = Annotated[float, Word("a weight or coefficient", low=0)]
Positive: TypeAlias = Annotated[float, Word("a temperature, cap or width", above=0)]
Width: TypeAlias = Annotated[int, Word("size of the axis it is named after", low=0, axis=True)]
Backend: TypeAlias = Annotated[
    Literal["auto", "torch", "numba", "triton"],
    Word(
        "who computes; auto: triton on CUDA, numba on a CPU if installed, else torch", engine=True
    ),
]
Ddof: TypeAlias = Literal[0, 1]
Lone: TypeAlias = Literal["zero", "raw"]
Center: TypeAlias = Literal["mean", "leave_one_out", "median"] | None
Scale: TypeAlias = Literal["std", "mad", "mean"] | None
