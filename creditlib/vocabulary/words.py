"""The argument names of creditlib, each defined once.

An alias is four things: the type that a type checker sees, the shape contract that a call is
checked against, the sentence that `help()` prints, and the range that random inputs are drawn from.
The axes are `batch`, `turn` and `token`. A return alias also says what kind of thing a function is.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from jaxtyping import Bool, Float, Int, Real
from torch import Tensor

from creditlib.vocabulary.argument_spec import ArgumentSpec

__all__ = [
    "ARGUMENTS",
    "Advantage",
    "AdvantageAndReturns",
    "Anchor",
    "AnyCredit",
    "Backend",
    "Baseline",
    "Bootstrap",
    "Cap",
    "Center",
    "Credit",
    "CreditOut",
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
    "MeanAndScale",
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
    "ShapedReward",
    "Solved",
    "Started",
    "Statistic",
    "Temperature",
    "TokenReturns",
    "TokenReward",
    "TokenValues",
    "TokenWeight",
    "Tokens",
    "Trajectory",
    "Turn",
    "TurnCount",
    "TurnCredit",
    "TurnLength",
    "TurnReturns",
    "TurnReward",
    "TurnRewards",
    "TurnSums",
    "Turns",
    "Valid",
    "Value",
    "VarianceEps",
    "Weight",
    "WhitenedAdvantageAndReturns",
]


# --- trajectory level -------------------------------------------------------------------------
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
        "turns of the trajectory, 0..turn", low=0, hint="`layouts.count_turns(turn)` counts turns"
    ),
]
Length: TypeAlias = Annotated[
    Int[Tensor, "batch"] | Float[Tensor, "batch"],
    ArgumentSpec(
        "tokens the policy wrote in the trajectory", low=0, hint="`(turn >= 0).sum(1)` counts them"
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

# --- turn level -------------------------------------------------------------------------------
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

# --- token level ------------------------------------------------------------------------------
Turn: TypeAlias = Annotated[
    Int[Tensor, "batch token"] | Int[Tensor, "token"],
    ArgumentSpec(
        "turn that wrote the token; -1: not written by the policy",
        low=-1,
        hint="`layouts.turns_from_mask` makes it from a mask",
    ),
]
TokenReward: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec("reward at a token", unit="reward"),
]
Value: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec("the critic's value before the token", unit="prediction"),
]
Bootstrap: TypeAlias = Annotated[
    Float[Tensor, "batch"],
    ArgumentSpec(
        "value after the last token of a truncated row; 0 where it ended", unit="prediction"
    ),
]
Present: TypeAlias = Annotated[
    Bool[Tensor, "batch token"] | Bool[Tensor, "token"],
    ArgumentSpec("tokens that exist (prompt, tool output, policy); the others are padding"),
]
TokenWeight: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec("factor on the credit of a token"),
]
Offsets: TypeAlias = Annotated[
    Int[Tensor, "batch+1"],
    ArgumentSpec(
        "packed layout: trajectory i owns tokens offsets[i]:offsets[i+1]",
        low=0,
        hint="`layouts.offsets_of(length)` makes it",
    ),
]
Out: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec("receives the result, and is returned"),
]
CreditOut: TypeAlias = Annotated[
    Float[Tensor, "batch"] | Float[Tensor, "batch turn"],
    ArgumentSpec("receives the result, and is returned; may be `credit` itself"),
]
OutPair: TypeAlias = Annotated[
    tuple[Tensor, Tensor],
    ArgumentSpec("(advantage, returns), two tensors that receive the result and are returned"),
]

# --- results ----------------------------------------------------------------------------------
Credit: TypeAlias = Annotated[
    Float[Tensor, "batch"], ArgumentSpec("credit of a trajectory", kind="advantage")
]
TurnCredit: TypeAlias = Annotated[
    Float[Tensor, "batch turn"],
    ArgumentSpec("credit of a turn; 0 at turns that do not exist", kind="advantage"),
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

# --- options ----------------------------------------------------------------------------------
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
        "the divisor: the deviation of the group, its median |reward − median|, its mean, or none"
    ),
]

# The tensor arguments by their names.
ARGUMENTS: dict[str, Any] = {
    "anchor": Anchor,
    "baseline": Baseline,
    "bootstrap": Bootstrap,
    "credit": AnyCredit,
    "duration": Duration,
    "finished": Finished,
    "gold_log_prob": GoldLogProb,
    "group": Group,
    "information_gain": InformationGain,
    "invalid_action": InvalidAction,
    "length": Length,
    "milestones": Milestones,
    "offsets": Offsets,
    "out": Out,
    "present": Present,
    "process_reward": ProcessReward,
    "progress": Progress,
    "reached": Reached,
    "reward": Reward,
    "rewards": Rewards,
    "score": Score,
    "solved": Solved,
    "started": Started,
    "token_reward": TokenReward,
    "token_weight": TokenWeight,
    "trajectory": Trajectory,
    "turn": Turn,
    "turn_count": TurnCount,
    "turn_length": TurnLength,
    "turn_reward": TurnReward,
    "valid": Valid,
    "value": Value,
    "weight": Weight,
}
