"""Tensors to factors: multiply them onto turn credit, after any normalisation."""

from creditlib.weighting.completion import completion_weight
from creditlib.weighting.duration import duration_weight
from creditlib.weighting.sample_size import effective_sample_size

__all__ = ["completion_weight", "duration_weight", "effective_sample_size"]
