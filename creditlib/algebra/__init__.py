"""The parts of methods: values relative to their peers, returns, weights, tokens.

Every function chooses its backend by itself (`backend="auto"`) and takes tensors as they are: axes
are batch, turn, token. Options have the names that the estimators use. A result is float32, and
float64 if a value was float64: a method of several steps begins with `wide`, so that it rounds
once, at its end.

    def rloo(*, reward, group, valid=None):
        return relative(reward, group, valid=valid, center="leave_one_out")
"""

from creditlib.algebra.chains import prefix_ids, window_ids
from creditlib.algebra.composition import per_turn
from creditlib.algebra.contrast import contrast
from creditlib.algebra.peers import conserved, group_count, group_max, group_scale, relative
from creditlib.algebra.ranks import rank_band
from creditlib.algebra.tokens import to_tokens, turn_sum, whiten, whitening_stats
from creditlib.algebra.turns import (
    hard_min_weights,
    next_turn,
    returns_to_go,
    running_min,
    softmin_weights,
)
from creditlib.ops.groups.reference import divide
from creditlib.ops.masks import valid_rows, valid_turns
from creditlib.ops.precision import wide
from creditlib.ops.whiten.reference import standardize

__all__ = [
    "conserved",
    "contrast",
    "divide",
    "group_count",
    "group_max",
    "group_scale",
    "hard_min_weights",
    "next_turn",
    "per_turn",
    "prefix_ids",
    "rank_band",
    "relative",
    "returns_to_go",
    "running_min",
    "softmin_weights",
    "standardize",
    "to_tokens",
    "turn_sum",
    "valid_rows",
    "valid_turns",
    "whiten",
    "whitening_stats",
    "wide",
    "window_ids",
]
