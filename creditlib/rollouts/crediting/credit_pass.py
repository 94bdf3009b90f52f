"""Pass two: the credit of a bucket of whole groups, and what a curator filters by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from creditlib.registry import apply
from creditlib.rollouts.arrow import arrow_modules
from creditlib.rollouts.crediting.bucket_tensors import bucket_tensors
from creditlib.rollouts.crediting.groups import batches
from creditlib.rollouts.crediting.plan import Asked, Plan
from creditlib.rollouts.crediting.summary import CreditCounts, counted, merge_counts
from creditlib.vocabulary.messages import ContractError, contract_error, describe_value, error_line

__all__ = ["Counts", "credit_bucket", "credit_whole", "merge_bucket_counts"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Counts:
    """What a bucket adds to the summary."""

    groups: int = 0
    lone: int = 0
    constant: int = 0
    informative: int = 0
    credit: Mapping[str, CreditCounts] = field(default_factory=dict[str, CreditCounts])


def merge_bucket_counts(every: Sequence[Counts]) -> Counts:
    """The counts of all buckets.

    >>> merge_bucket_counts([Counts(groups=2, lone=1), Counts(groups=3)]).groups
    5
    """
    names = list(dict.fromkeys(name for each in every for name in each.credit))
    return Counts(
        groups=sum(each.groups for each in every),
        lone=sum(each.lone for each in every),
        constant=sum(each.constant for each in every),
        informative=sum(each.informative for each in every),
        credit={
            name: merge_counts(each.credit[name] for each in every if name in each.credit)
            for name in names
        },
    )


def credit_whole(table: Any, plan: Plan, has: frozenset[str], objectives: int) -> dict[str, Any]:
    """The credit, as arrow arrays, by the estimators that must see all trajectories together."""
    tensors = bucket_tensors(table, has, objectives)
    return {each.name: _as_arrow(*_credit(each, tensors)) for each in plan.asked if each.whole}


def credit_bucket(
    table: Any,
    plan: Plan,
    has: frozenset[str],
    objectives: int,
    whole: Mapping[str, Any],
) -> tuple[Any, Counts]:
    """The credit of a bucket as a table, and its counts.

    The table has the columns `file`, `unit`, `index`, one for each estimator, and those that a
    curator filters by. `whole` holds what `credit_whole` found for these rows.
    """
    arrow, _, _ = arrow_modules()
    group = table["group"].to_numpy()
    count = table["turn_count"].to_numpy().astype(np.int64)
    credit = dict(whole)
    local = [each for each in plan.asked if not each.whole]
    if local:
        rows = batches(group, count)
        found: dict[str, list[Any]] = {each.name: [] for each in local}
        for members in rows:
            part = table if len(rows) == 1 else table.take(members)
            tensors = bucket_tensors(part, has, objectives)
            for each in local:
                found[each.name].append(_as_arrow(*_credit(each, tensors)))
        back = np.argsort(np.concatenate(rows), kind="stable")
        for name, parts in found.items():
            joined = parts[0] if len(parts) == 1 else arrow.concat_arrays(parts).take(back)
            credit[name] = joined
    valid = table["valid"].to_numpy()
    dense = np.unique(group, return_inverse=True)[1].reshape(-1)
    size, constant = _sizes(dense, valid, table["reward"].to_numpy())
    told = _informative(dense, credit)
    columns: dict[str, Any] = {name: table[name] for name in ("file", "unit", "index")}
    columns |= {each.name: credit[each.name] for each in plan.asked}
    columns["group_size"] = size[dense]
    columns["group_constant"] = constant[dense]
    columns["met_a_peer"] = _met(table, dense, count, valid)
    columns["informative"] = told[dense]
    counts = Counts(
        groups=int((size > 0).sum()),
        lone=int((size == 1).sum()),
        constant=int(constant.sum()),
        informative=int(told.sum()),
        credit={name: counted(_flat(values, valid)) for name, values in credit.items()},
    )
    return arrow.table(columns), counts


def _credit(asked: Asked, tensors: Mapping[str, Tensor]) -> tuple[Array, Array | None]:
    """The credit of each row, or of all real turns in one row with the turns of each row."""
    try:
        result = apply(asked.estimator, tensors, **asked.options)
    except ContractError:
        raise
    except Exception as error:  # a function of the user may raise anything
        fact = f"{asked.name}, which raised {error_line(error)}"
        raise contract_error("credit", "estimators", "functions that give credit", fact) from error
    credit = result[0] if isinstance(result, tuple) else result
    shape = tuple(tensors["turn_reward"].shape)
    if not isinstance(credit, Tensor) or tuple(credit.shape) not in (shape, shape[:1]):
        fact = f"{asked.name}, which returned {describe_value(credit)}"
        wanted = "functions that return float[batch] or float[batch turn]"
        raise contract_error("credit", "estimators", wanted, fact)
    values = credit.detach().cpu()
    if not bool(torch.isfinite(values).all()):
        fact = f"{asked.name}, which returned a number that is not finite"
        raise contract_error("credit", "estimators", "functions that give finite credit", fact)
    if values.ndim == 1:
        return values.numpy(), None
    count = tensors["turn_count"]
    real = torch.arange(shape[1], device="cpu") < count[:, None]
    return values[real].numpy(), count.numpy()


def _as_arrow(values: Array, count: Array | None) -> Any:
    arrow, _, _ = arrow_modules()
    if count is None:
        return arrow.array(values)
    ends = arrow.array(np.concatenate([[0], np.cumsum(count)]).astype(np.int32))
    return arrow.ListArray.from_arrays(ends, arrow.array(values))


def _flat(values: Any, valid: Array) -> Array:
    """The credit of the rows that take part."""
    arrow, compute, _ = arrow_modules()
    kept = values.filter(arrow.array(valid))
    flat = compute.list_flatten(kept) if arrow.types.is_list(kept.type) else kept
    return flat.to_numpy(zero_copy_only=False)


def _sizes(dense: Array, valid: Array, reward: Array) -> tuple[Array, Array]:
    """Of each group: the trajectories that take part, and whether several have one outcome."""
    groups = int(dense.max(initial=-1)) + 1
    size = np.bincount(dense[valid], minlength=groups)
    low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(low, dense[valid], reward[valid])
    np.maximum.at(high, dense[valid], reward[valid])
    return size, (size > 1) & (low == high)


def _informative(dense: Array, credit: Mapping[str, Any]) -> Array:
    """Whether some credit of the group is not 0."""
    arrow, compute, _ = arrow_modules()
    told = np.zeros(int(dense.max(initial=-1)) + 1, dtype=bool)
    for values in credit.values():
        if arrow.types.is_list(values.type):
            owner = compute.list_parent_indices(values).to_numpy()
            flat = compute.list_flatten(values).to_numpy()
            told[dense[owner[flat != 0]]] = True
        else:
            told[dense[values.to_numpy() != 0]] = True
    return told


def _met(table: Any, dense: Array, count: Array, valid: Array) -> Any:
    """Of each trajectory: the share of its turns whose anchor another turn of the group has."""
    arrow, compute, _ = arrow_modules()
    if "anchor" not in table.column_names:
        return arrow.nulls(table.num_rows, arrow.float64())
    column = table["anchor"].combine_chunks()
    owner = compute.list_parent_indices(column).to_numpy()
    anchor = compute.list_flatten(column).to_numpy()
    real = (anchor >= 0) & valid[owner]
    pairs = np.unique(anchor[real], return_inverse=True)[1].reshape(-1)
    key = dense[owner[real]] * (len(pairs) + 1) + pairs
    _, which, often = np.unique(key, return_inverse=True, return_counts=True)
    met = np.bincount(owner[real][often[which.reshape(-1)] > 1], minlength=table.num_rows)
    with np.errstate(invalid="ignore"):
        share = met / np.maximum(count, 1)
    return arrow.array(share, mask=(count == 0) | ~valid)
