"""Credit by the worst turn of a trajectory: min-form returns, and their distance to the others."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from creditlib.ops.backend.operation import Operation
from creditlib.ops.backend.sizes import same_shape
from creditlib.ops.min_form import reference
from creditlib.ops.precision import narrow
from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["min_form_credit", "min_returns"]


def _sizes(function: str, given: Mapping[str, Any]) -> None:
    """Check turns against `score`, and rows against its rows."""
    score = given["score"]
    if score.ndim != 2:
        raise contract_error(function, "score", "float[batch turn]", describe_value(score))
    same_shape("score", "turn_length")(function, given)
    for name in ("group", "turn_count", "valid", "length", "reward"):
        x = given.get(name)
        if x is not None and x.shape != score.shape[:1]:
            wanted = f"of {score.shape[0]} rows like `score`"
            raise contract_error(function, name, wanted, describe_value(x))


def _empty(given: Mapping[str, Any], *names: str) -> Tensor:
    """A result like `score`, in float64 if a named value is."""
    result = given["score"].new_empty(given["score"].shape, dtype=torch.float64)
    return narrow(result, *(given.get(name) for name in names))


min_returns = Operation(
    reference.min_returns,
    schema="(Tensor score, Tensor turn_count, float? temperature, Tensor? valid=None) -> Tensor",
    check=_sizes,
    whole=True,
    shape=lambda given: _empty(given, "score"),
)

min_form_credit = Operation(
    reference.min_form_credit,
    schema="(Tensor score, Tensor group, Tensor turn_count, str form, float temperature, "
    "str baseline, float reward_weight, str lone, Tensor? valid=None, Tensor? turn_length=None, "
    "Tensor? length=None, Tensor? reward=None) -> Tensor",
    check=_sizes,
    whole=True,
    shape=lambda given: _empty(given, "score", "turn_length", "length", "reward"),
)
