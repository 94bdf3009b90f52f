"""Laws of rewards: shifted, scaled, summed and raised."""

from __future__ import annotations

import torch
from torch import Tensor

from creditlib.testing.engine.law import Law, law
from creditlib.testing.engine.trial import Results, Trial
from creditlib.testing.generate.reward_values import EXACT
from creditlib.testing.generate.transforms import group_sizes, last_written
from creditlib.testing.laws.conditions import OUTCOMES, compares_outcomes, outcome_only
from creditlib.testing.subject import Batch, Subject
from creditlib.testing.tolerances import agree, tolerance

__all__ = ["LAWS"]


def _has_baseline(subject: Subject) -> bool:
    """The function compares outcomes with those of the group or with a prediction."""
    return compares_outcomes(subject) or (subject.has("baseline") and subject.has_any(*OUTCOMES))


def _has_units(subject: Subject) -> bool:
    return not subject.factor and bool(subject.tensors_with_unit("reward", "prediction"))


@law("NeMo-RL#4158", when=_has_baseline, tier="invariance")
def shifting_rewards_changes_nothing(trial: Trial) -> None:
    """The same number added to all outcomes changes no credit."""
    batch = trial.reward_batch(families=EXACT)
    step = trial.draws.one_of((1.0, -2.0, 64.0))
    other = dict(batch)
    for name in ("reward", "rewards", "baseline"):
        if name in batch:
            other[name] = batch[name] + step
    if "token_reward" in batch:
        at = torch.arange(batch["turn"].shape[1]) == last_written(batch["turn"])[:, None]
        other["token_reward"] = batch["token_reward"] + step * at.to(batch["token_reward"].dtype)
    first, second = trial(batch), trial(other)
    trial.must_agree(
        _compared(first, batch),
        _compared(second, batch),
        f"{step:g} added to every outcome changed the credit",
    )


def _compared(results: Results, batch: Batch) -> Results:
    """The credit in groups of two and more; `lone_members_get_nothing` covers the others."""
    if "group" not in batch:
        return results
    several = group_sizes(batch) > 1
    return tuple(part[several] for part in results if part.ndim and len(part) == len(several))


@law("NeMo-RL#4158", when=_has_units, tier="invariance")
def scaling_rewards_scales_or_changes_nothing(trial: Trial) -> None:
    """A factor on all rewards scales all credit by the factor, or changes no credit."""
    batch = trial.reward_batch(families=EXACT)
    factor = trial.draws.one_of((4.0, 64.0))
    names = [
        name for name in batch if name in trial.subject.tensors_with_unit("reward", "prediction")
    ]
    large = {name: x * 16 if name in names else x for name, x in batch.items()}
    larger = {name: x * factor if name in names else x for name, x in large.items()}
    first_all, second_all = trial(large), trial(larger)
    pairs = zip(_compared(first_all, batch), _compared(second_all, batch), strict=True)
    for first, second in pairs:
        same = agree(first, second, "law, scale")
        if not same and not agree(first * factor, second, "law, scale"):
            trial.broken(f"rewards times {factor:g} scaled only some of the credit")


@law("NeMo-RL#4158", "verl-agent#264", when=outcome_only, tier="property")
def credit_sums_to_zero(trial: Trial) -> None:
    """The credit of the trajectories of a group sums to zero."""
    batch = trial.reward_batch(families=EXACT, crowds=True)
    for part in trial(batch):
        credit = part.double()
        if part.ndim == 2:
            written = (
                batch["turn"] >= 0
                if "turn" in batch and batch["turn"].shape == part.shape
                else torch.ones_like(part, dtype=torch.bool)
            )
            credit = (credit * written).sum(1) / written.sum(1).clamp(min=1)
        several = batch["group"][group_sizes(batch) > 1].unique()
        if not len(several):
            continue
        total = torch.stack([credit[batch["group"] == group].sum() for group in several])
        if not agree(total.to(part.dtype), torch.zeros_like(total).to(part.dtype)):
            trial.broken(f"the credit of a group sums to {float(total.abs().max()):.3g}")


def _takes_rewards(subject: Subject) -> bool:
    return not subject.factor and bool(subject.tensors_with_unit("reward"))


@law("prime-rl#2265", "OpenRLHF#1334", when=_takes_rewards, tier="property")
def better_is_never_worse(trial: Trial) -> None:
    """A higher reward does not lower the credit of its trajectory."""
    batch = trial.reward_batch(families=EXACT)
    names = [name for name in batch if name in trial.subject.tensors_with_unit("reward")]
    if not names:
        return
    name = trial.draws.one_of(names) if len(names) > 1 else names[0]
    row = trial.draws.integer(0, max(trial.rows(batch) - 1, 0))
    if not trial.rows(batch):
        return
    where = torch.zeros(batch[name].shape, dtype=torch.bool)
    spots = _spots(batch, name)[row].nonzero()
    if not len(spots):
        return
    where[(row, *spots[trial.draws.integer(0, len(spots) - 1)].tolist())] = True
    if "anchor" in batch:
        # A baseline over several visits of one trajectory contains its own reward.
        batch["anchor"] = _visited_once(batch["anchor"])
    other = dict(batch)
    other[name] = torch.where(where, batch[name] + 1, batch[name])
    for before, after in zip(trial(batch), trial(other), strict=True):
        if before.ndim == 0:
            continue
        lost = (before[row] - after[row]).double()
        lost = lost[where[row]] if where[row].shape == lost.shape else lost
        limit = tolerance("law, float32")[0] * max(
            [1.0, *before[row].double().abs().flatten().tolist()]
        )
        if bool((lost > limit).any()):
            trial.broken(f"a `{name}` higher by 1 lowered the credit of its trajectory")


def _visited_once(anchor: Tensor) -> Tensor:
    """Anchors, with -1 at each repeated visit of a trajectory."""
    same = anchor[:, :, None] == anchor[:, None, :]
    again = same.tril(-1).any(2)
    return torch.where(again, -1, anchor)


def _spots(batch: Batch, name: str) -> Tensor:
    """Where a tensor holds values: no padding and no tool output."""
    x = batch[name]
    if name == "token_reward":
        return batch["turn"] >= 0
    if x.ndim == 2 and "turn_count" in batch:
        return torch.arange(x.shape[1]) < batch["turn_count"][:, None]
    return torch.ones(x.shape, dtype=torch.bool)


LAWS: tuple[Law, ...] = (
    shifting_rewards_changes_nothing,
    scaling_rewards_scales_or_changes_nothing,
    credit_sums_to_zero,
    better_is_never_worse,
)
