"""Factors that turn credit is multiplied by, after any normalization."""

import inspect
from typing import TYPE_CHECKING

from creditlib.weighting.completion import completion_weight as completion_weight
from creditlib.weighting.duration import duration_weight as duration_weight
from creditlib.weighting.future import future_weight as future_weight
from creditlib.weighting.sample_size import effective_sample_size as effective_sample_size

if not TYPE_CHECKING:  # a type checker reads the lines above
    __all__ = sorted(name for name, thing in vars().items() if inspect.isfunction(thing))
