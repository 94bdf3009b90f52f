"""Factors that turn credit is multiplied by, after any normalization."""

import inspect
from typing import TYPE_CHECKING

from creditlib.weighting.completion import completion_weight as completion_weight
from creditlib.weighting.delta import delta_weight as delta_weight
from creditlib.weighting.duration import duration_weight as duration_weight
from creditlib.weighting.entropy import entropy_weight as entropy_weight
from creditlib.weighting.future import future_weight as future_weight
from creditlib.weighting.importance import importance_weight as importance_weight
from creditlib.weighting.length_gate import length_gate as length_gate
from creditlib.weighting.sample_size import effective_sample_size as effective_sample_size
from creditlib.weighting.schedule import anneal as anneal
from creditlib.weighting.success import grae_weight as grae_weight
from creditlib.weighting.token_masks import suffix_mask as suffix_mask
from creditlib.weighting.token_masks import top_fraction as top_fraction

if not TYPE_CHECKING:  # a type checker reads the lines above
    __all__ = sorted(name for name, thing in vars().items() if inspect.isfunction(thing))
