"""Who deserves the reward? Pure functions from trajectory rewards to token advantages.

Trajectory and turn tensors are small, tokens are many: estimators work at their natural level,
credits combine with + and *, and `to_tokens` touches the tokens once.
"""

from creditlib import distributed, layouts, presets
from creditlib.checks import check_batch
from creditlib.contract import ContractError
from creditlib.diagnostics import diagnose
from creditlib.estimators import (
    a2tgpo,
    a2tgpo_clip_scale,
    discounted_return,
    gae,
    gdpo,
    gigpo,
    gpg,
    grpo,
    grpo_process,
    hard_min_returns,
    igpo,
    information_gain,
    maxrl,
    opo,
    pass_at_k,
    pure,
    reinforce_plus_plus,
    reinforce_plus_plus_baseline,
    remax,
    rloo,
    softmin_returns,
    suffix_min_returns,
)
from creditlib.ids import anchor_ids, ids
from creditlib.names import apply, resolve
from creditlib.shaping import (
    find_milestones,
    outcome_at_last_turn,
    overlong_penalty,
    partial_credit,
    record_progress,
)
from creditlib.tokens import to_tokens, turn_sum, whiten, whitening
from creditlib.weighting import completion_weight, duration_weight, effective_sample_size

__version__ = "0.1.0"

__all__ = [
    "ContractError",
    "__version__",
    "a2tgpo",
    "a2tgpo_clip_scale",
    "anchor_ids",
    "apply",
    "check_batch",
    "completion_weight",
    "diagnose",
    "discounted_return",
    "distributed",
    "duration_weight",
    "effective_sample_size",
    "find_milestones",
    "gae",
    "gdpo",
    "gigpo",
    "gpg",
    "grpo",
    "grpo_process",
    "hard_min_returns",
    "ids",
    "igpo",
    "information_gain",
    "layouts",
    "maxrl",
    "opo",
    "outcome_at_last_turn",
    "overlong_penalty",
    "partial_credit",
    "pass_at_k",
    "presets",
    "pure",
    "record_progress",
    "reinforce_plus_plus",
    "reinforce_plus_plus_baseline",
    "remax",
    "resolve",
    "rloo",
    "softmin_returns",
    "suffix_min_returns",
    "to_tokens",
    "turn_sum",
    "whiten",
    "whitening",
]
