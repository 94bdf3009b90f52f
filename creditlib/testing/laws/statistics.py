"""Laws of the baseline and the spread: constants, lone members, size, precision."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.testing.changes import members, place_outcome
from creditlib.testing.law import Law, law
from creditlib.testing.roles import OUTCOMES, compares, earned, judges_only
from creditlib.testing.subject import Batch
from creditlib.testing.tolerances import agree, tolerance
from creditlib.testing.trial import Results, Trial

__all__ = ["LAWS"]

_HARD = ("offset", "drawn", "non-dyadic", "constant")
_EVERY_DTYPE = (torch.float32, torch.bfloat16, torch.float64)


def _rows(results: Results, where: Tensor) -> Results:
    return tuple(part[where] for part in results if part.ndim and len(part) == len(where))


@law("verl#4598", "NeMo-RL#4158", "NeMo-RL#4161", when=compares)
def constant_groups_get_nothing(trial: Trial) -> None:
    """Who did exactly as well as everybody in the group gets exactly 0, whatever the number."""
    batch = trial.earning_batch(families=("constant", "drawn"), dtypes=_EVERY_DTYPE, crowds=True)
    if trial.draws.flag():  # numbers add up to rounding where there are many
        batch["group"] = torch.zeros_like(batch["group"])
    by_turn = [name for name in batch if name in earned(trial.subject, "reward")]
    by_turn = [name for name in by_turn if name not in OUTCOMES]
    if by_turn:
        batch = _same_for_all(trial, batch, by_turn)
    first = (batch["group"][:, None] == batch["group"]).to(torch.int8).argmax(1)
    rewards = [name for name in batch if name in earned(trial.subject, "reward")]
    if not rewards:
        return
    value = batch[rewards[0]]
    value = value.flatten(1).amax(1) if value.ndim > 1 and value.shape[1] else value
    if value.ndim == 1:
        batch = place_outcome(batch, value[first])
    together = members(batch) > 1
    if any(bool((part != 0).any()) for part in _rows(trial(batch), together)):
        trial.broken("a group in which everybody earned the same got credit")


def _same_for_all(trial: Trial, batch: Batch, by_turn: list[str]) -> Batch:
    """Each trajectory a copy of the first one of its group, which earns one number at each turn."""
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
    if "anchor" in batch:  # states that differ turn by turn
        batch["anchor"] = torch.arange(batch["anchor"].shape[1]).expand_as(batch["anchor"]).clone()
    batch["group"] = group
    if valid is not None:
        batch["valid"] = valid
    return batch


@law("verl#7581", "TRL#5773", when=compares)
def lone_members_get_nothing(trial: Trial) -> None:
    """Who has nobody to be compared with gets exactly 0: no raw reward, no NaN."""
    batch = trial.earning_batch()
    batch["group"] = torch.arange(trial.rows(batch))
    if "turn_count" in batch:
        batch["turn_count"] = batch["turn_count"].clamp(max=1)
    if any(bool((part != 0).any()) for part in trial(batch)):
        trial.broken("the only member of a group got credit")


@law("NeMo-RL#4158", "OpenRLHF#1334", when=judges_only)
def no_credit_lies_beyond_the_spread(trial: Trial) -> None:
    """No credit is larger than the rewards of the group lie apart, or √n deviations."""
    batch = trial.earning_batch(families=_HARD, crowds=True)
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
        size = size.flatten(1).amax(1) if size.ndim > 1 else size
        if bool((size > limit[together]).any()):
            trial.broken(f"a credit of {float(size.max()):.3g} lies beyond what the group earned")


@law("OpenRLHF#1334")
def half_precision_is_computed_in_single(trial: Trial) -> None:
    """bfloat16 inputs give what the same numbers in float32 give: they are no dtype to add in."""
    batch = trial.batch(dtypes=(torch.bfloat16,), crowds=True, exclude=("offsets",))
    single = {n: x.float() if x.is_floating_point() else x for n, x in batch.items()}
    half, full = trial(batch), trial(single)
    for part in half:
        if part.dtype in (torch.bfloat16, torch.float16):
            trial.broken(f"bfloat16 inputs get credit that is rounded to {part.dtype}")
    if not all(agree(a, b) for a, b in zip(half, full, strict=True)):
        trial.broken("the same numbers in bfloat16 and in float32 get different credit")


@law("NeMo-RL#4158", "verl#4598", "slime#2235")
def single_precision_is_enough(trial: Trial) -> None:
    """float32 inputs give what the same numbers in float64 give, large offsets included."""
    batch = trial.batch(dtypes=(torch.float32,), crowds=True, exclude=("offsets",))
    double = {n: x.double() if x.is_floating_point() else x for n, x in batch.items()}
    pairs = zip(trial(batch), trial(double), strict=True)
    if not all(agree(single.float(), wide.float()) for single, wide in pairs):
        trial.broken("the same numbers in float32 and in float64 get different credit")


LAWS: tuple[Law, ...] = (
    constant_groups_get_nothing,
    lone_members_get_nothing,
    no_credit_lies_beyond_the_spread,
    half_precision_is_computed_in_single,
    single_precision_is_enough,
)
