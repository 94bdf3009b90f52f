"""Laws of baseline and scale: constant groups, lone members, bounds and precision."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Results, Trial
from creditlib.testing.generate.reward_values import EXACT
from creditlib.testing.generate.transforms import group_sizes, last_written, set_outcome
from creditlib.testing.laws.conditions import OUTCOMES, outcome_only, uses_group_baseline
from creditlib.testing.subject import Batch
from creditlib.testing.tolerances import agree, tolerance

__all__ = ["LAWS"]

_HARD = ("offset", "drawn", "non-dyadic", "constant")
_EVERY_DTYPE = (torch.float32, torch.bfloat16, torch.float64)


def _rows(results: Results, where: Tensor) -> Results:
    return tuple(part[where] for part in results if part.ndim and len(part) == len(where))


@law("verl#4598", "NeMo-RL#4158", "NeMo-RL#4161", when=uses_group_baseline, tier="property")
def constant_groups_get_nothing(trial: Trial) -> None:
    """A constant group gets exactly zero credit."""
    batch = trial.reward_batch(families=("constant", "drawn"), dtypes=_EVERY_DTYPE, crowds=True)
    if trial.draws.boolean():  # rounding errors show in large groups
        batch["group"] = torch.zeros_like(batch["group"])
    by_turn = [name for name in batch if name in trial.subject.tensors_with_unit("reward")]
    by_turn = [name for name in by_turn if name not in OUTCOMES]
    if by_turn:
        batch = _same_for_all(trial, batch, by_turn)
    first = (batch["group"][:, None] == batch["group"]).to(torch.int8).argmax(1)
    rewards = [name for name in batch if name in trial.subject.tensors_with_unit("reward")]
    if not rewards:
        return
    value = batch[rewards[0]]
    value = value.flatten(1).amax(1) if value.ndim > 1 and value.shape[1] else value
    if value.ndim == 1:
        batch = set_outcome(batch, value[first])
    together = group_sizes(batch) > 1
    if any(bool((part != 0).any()) for part in _rows(trial(batch), together)):
        trial.broken("a group with equal rewards got credit")


def _same_for_all(trial: Trial, batch: Batch, by_turn: list[str]) -> Batch:
    """Each trajectory is a copy of its group's first one, with the same reward at each turn."""
    group, valid = batch["group"], batch.get("valid")
    first = (group[:, None] == group).to(torch.int8).argmax(1)
    batch = trial.select(batch, first)
    for name in by_turn:
        x = batch[name]
        number = x[:, :1] if x.shape[1] else x
        real = torch.ones_like(x, dtype=torch.bool)
        if "turn_count" in batch:
            real = torch.arange(x.shape[1]) < batch["turn_count"][:, None]
        batch[name] = torch.where(real, number, torch.zeros_like(x))
    if "reward" in batch and by_turn and batch[by_turn[0]].shape[1]:
        batch["reward"] = batch[by_turn[0]][:, 0].clone()
    if "anchor" in batch:  # each turn has an anchor of its own
        batch["anchor"] = torch.arange(batch["anchor"].shape[1]).expand_as(batch["anchor"]).clone()
    batch["group"] = group
    if valid is not None:
        batch["valid"] = valid
    return batch


@law("verl#7581", "TRL#5773", when=uses_group_baseline, tier="property")
def lone_members_get_nothing(trial: Trial) -> None:
    """A group of one trajectory gets exactly zero credit."""
    batch = trial.reward_batch()
    batch["group"] = torch.arange(trial.rows(batch))
    if "turn_count" in batch:
        batch["turn_count"] = batch["turn_count"].clamp(max=1)
    if any(bool((part != 0).any()) for part in trial(batch)):
        trial.broken("the only member of a group got credit")


@law("NeMo-RL#4158", "OpenRLHF#1334", when=outcome_only, tier="property")
def no_credit_lies_beyond_the_spread(trial: Trial) -> None:
    """No credit exceeds both the range of the group's n rewards and √n."""
    batch = trial.reward_batch(families=_HARD, crowds=True)
    if "reward" not in batch and "token_reward" not in batch:
        return
    outcome = batch["reward"] if "reward" in batch else batch["token_reward"].double().sum(1)
    same = batch["group"][:, None] == batch["group"]
    if "valid" in batch:
        same = same & batch["valid"] & batch["valid"][:, None]
    inside = torch.where(same, outcome.double(), torch.nan)
    high = inside.nan_to_num(-torch.inf).amax(1)
    spread = (high - inside.nan_to_num(torch.inf).amin(1)).clamp(min=0)
    together = same.sum(1) > 1
    limit = torch.maximum(spread, same.sum(1).double().sqrt())
    limit = limit * (1 + tolerance("law, float32")[0])
    for part in _rows(trial(batch), together):
        size = part.double().abs()
        if not size.numel():
            continue
        size = size.flatten(1).amax(1) if size.ndim > 1 else size
        if bool((size > limit[together]).any()):
            largest = f"{float(size.max()):.3g}"
            trial.broken(f"a credit of {largest} exceeds the range of the group's rewards and √n")


@law("OpenRLHF#1334", tier="invariance")
def half_precision_is_computed_in_single(trial: Trial) -> None:
    """bfloat16 inputs give the same credit as the same values in float32."""
    batch = trial.batch(dtypes=(torch.bfloat16,), crowds=True, exclude=("offsets",))
    single = {n: x.float() if x.is_floating_point() else x for n, x in batch.items()}
    half, full = trial(batch), trial(single)
    for part in half:
        if part.dtype in (torch.bfloat16, torch.float16):
            sentence = f"bfloat16 inputs get credit in {part.dtype}"
            trial.broken(sentence, because="results_fit_their_inputs")
    if not all(agree(a, b) for a, b in zip(half, full, strict=True)):
        trial.broken("the same values in bfloat16 and in float32 get different credit")


@law("NeMo-RL#4158", "verl#4598", "slime#2235", tier="invariance")
def single_precision_is_enough(trial: Trial) -> None:
    """float32 inputs give the same credit as the same values in float64."""
    batch = trial.batch(dtypes=(torch.float32,), crowds=True, exclude=("offsets",))
    double = {n: x.double() if x.is_floating_point() else x for n, x in batch.items()}
    pairs = zip(trial(batch), trial(double), strict=True)
    if not all(agree(single.float(), wide.float()) for single, wide in pairs):
        trial.broken("the same values in float32 and in float64 get different credit")


@law("verl#2165", when=outcome_only, tier="property")
def different_rewards_get_some_credit(trial: Trial) -> None:
    """A group in which two members have different rewards gets some credit."""
    batch = trial.reward_batch(families=EXACT, crowds=True)
    names = [name for name in batch if name in trial.subject.tensors_with_unit("reward")]
    if not names or not trial.rows(batch):
        return
    value = batch[names[0]]
    value = value.flatten(1).amax(1) if value.ndim > 1 and value.shape[1] else value
    if value.ndim != 1:
        return
    outcome = value.abs()  # a mean that divides is meant for rewards of at least 0
    batch = set_outcome(batch, outcome)
    if "node" in batch:  # of rows that share all turns nobody can tell which was better
        own = torch.arange(trial.rows(batch))[:, None]
        batch["node"] = own.expand_as(batch["node"]).clone()
    member = batch.get("valid", torch.ones(trial.rows(batch), dtype=torch.bool))
    for name in ("turn_count", "length"):  # without turns or tokens there is no place for credit
        member = member & (batch[name] > 0) if name in batch else member
    if "turn" in batch:
        member = member & (last_written(batch["turn"]) >= 0)
    same = (batch["group"][:, None] == batch["group"]) & member[:, None] & member
    told = (same & (outcome[:, None] != outcome)).any(1)
    for part in trial(batch):
        if not part.ndim or len(part) != len(told):
            continue
        paid = (part.flatten(1) != 0).any(1) if part.ndim > 1 else part != 0
        if bool((told & ~(same & paid).any(1)).any()):
            trial.broken("a group with two different rewards got no credit")


LAWS: tuple[Law, ...] = (
    constant_groups_get_nothing,
    different_rewards_get_some_credit,
    lone_members_get_nothing,
    no_credit_lies_beyond_the_spread,
    half_precision_is_computed_in_single,
    single_precision_is_enough,
)
