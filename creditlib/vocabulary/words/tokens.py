"""Words of tokens, padded or packed."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from jaxtyping import Bool, Float, Int
from torch import Tensor

from creditlib.vocabulary.argument_spec import ArgumentSpec

__all__ = [
    "Bootstrap",
    "Bootstraps",
    "CreditOut",
    "Cut",
    "Energy",
    "Entropy",
    "Hidden",
    "LogProb",
    "Offsets",
    "OldLogProb",
    "Out",
    "OutPair",
    "Present",
    "TeacherLogProb",
    "TokenIds",
    "TokenReward",
    "TokenScore",
    "TokenWeight",
    "Turn",
    "Value",
    "Values",
]

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
LogProb: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec(
        "log-probability of the token under the policy that is trained", measured_in="nats", high=0
    ),
]
OldLogProb: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec(
        "log-probability of the token under the policy that wrote it", measured_in="nats", high=0
    ),
]
Values: TypeAlias = Annotated[
    Float[Tensor, "batch token timescale"] | Float[Tensor, "token timescale"],
    ArgumentSpec("the critic's value before the token under each discount", unit="prediction"),
]
Bootstraps: TypeAlias = Annotated[
    Float[Tensor, "batch timescale"],
    ArgumentSpec(
        "value after the last token of a truncated row under each discount", unit="prediction"
    ),
]
Cut: TypeAlias = Annotated[
    Bool[Tensor, "batch token"] | Bool[Tensor, "token"],
    ArgumentSpec("tokens at which a new piece begins"),
]
Entropy: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec("entropy of the policy at the token", measured_in="nats", low=0),
]
TeacherLogProb: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec("log-probability of the token under the teacher", measured_in="nats", high=0),
]
Energy: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"],
    ArgumentSpec(
        "squared norm of the score of the token, 1 - 2p + the sum of the squared probabilities",
        low=0,
    ),
]
TokenIds: TypeAlias = Annotated[
    Int[Tensor, "batch token"] | Int[Tensor, "token"],
    ArgumentSpec("id of the token in the tokenizer"),
]
Hidden: TypeAlias = Annotated[
    Float[Tensor, "batch token feature"] | Float[Tensor, "token feature"],
    ArgumentSpec("hidden state that the token was drawn from"),
]
TokenScore: TypeAlias = Annotated[
    Float[Tensor, "batch token"] | Float[Tensor, "token"], ArgumentSpec("what tokens are ranked by")
]
