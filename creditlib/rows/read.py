"""Read the rows of a trainer's batch: tensors of trajectories and turns under vocabulary names.

A row is a line of the trainer's batch: a whole trajectory, whose turns are the runs of its mask, or
one step of a trajectory, whose turns follow those of the steps before it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from creditlib.algebra import turn_sum
from creditlib.inputs.ids import ids
from creditlib.inputs.layouts import count_turns, turns_from_mask
from creditlib.ops.precision import wide
from creditlib.rows.columns import columns_as_tensors
from creditlib.rows.row_index import RowIndex, index_rows
from creditlib.rows.row_sums import row_any, row_count, row_sum
from creditlib.rows.settings import CreditSettings
from creditlib.shaping import outcome_at_last_turn
from creditlib.vocabulary.messages import contract_error, describe_value

__all__ = ["Rows", "outcome_of", "read_rows"]


@dataclass(frozen=True)
class Rows:
    """A trainer's batch as tensors; it holds only trajectories that take part.

    batch: tensors of trajectories and turns by name. tokens: tensors of [row token] by name. turn:
    int[row token], the turn of the row's trajectory that wrote a token; -1 where the policy wrote
    nothing or the row takes no part. index: the trajectory and the turns of each row.
    """

    batch: dict[str, Tensor]
    tokens: dict[str, Tensor]
    turn: Tensor
    index: RowIndex


def outcome_of(token_reward: Tensor, mask: Tensor) -> Tensor:
    """The reward of each row, float64[row]: the sum over all its tokens, written or not.

    Trainers may put a reward on a token that the mask leaves out; it counts too. NaN on a token
    that the policy did not write is padding; NaN on a written token makes the row unscored.

    >>> outcome_of(torch.tensor([[0.5, 0.25, torch.nan]]), torch.tensor([[1, 0, 0]]))
    tensor([0.7500], dtype=torch.float64)
    """
    total = row_sum(token_reward)
    return row_sum(_clean(token_reward, mask != 0)) if bool(total.isnan().any()) else total


def _clean(token_reward: Tensor, written: Tensor) -> Tensor:
    return torch.where(token_reward.isnan() & ~written, 0.0, token_reward)


def read_rows(
    *,
    mask: Tensor,
    group: Sequence[Hashable] | Tensor,
    reward: Tensor | Sequence[float | None],
    shaping: Tensor | None = None,
    trajectory: Sequence[Hashable] | None = None,
    step: Sequence[int] | None = None,
    keep: Tensor | Sequence[bool] | None = None,
    token_reward: Tensor | None = None,
    value: Tensor | None = None,
    turn_mask: Tensor | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    settings: CreditSettings | None = None,
) -> Rows:
    """Rows of a trainer's batch as tensors of trajectories and turns.

    mask: [row token], not 0 on tokens that the policy wrote and that are trained; each run of
    such tokens in a row is a turn. group: id of the prompt of each row. reward: outcome of each
    row; None or NaN means unscored. trajectory: id of the trajectory of each row; without it every
    row is a trajectory of its own. The outcome of a trajectory is the reward of its last row, plus
    the `shaping` (float[row], such as a KL penalty) of all its rows. step: number of the row in its
    trajectory; without it rows are numbered in order of appearance. A second row with the same
    number is a copy. keep: False for rows that are padding. token_reward, value: [row token]. The
    reward of each token and the critic's value. turn_mask: [row token], the mask whose runs are the
    turns, if tokens were removed from `mask` afterwards. columns: further values of each row by
    their name in the vocabulary: a list with one value for each turn, or a single value if the row
    has one turn; `anchor` may hold observations instead of ids. settings: only the columns that
    they need are read; without settings all are.

    Three kinds of rows take no part: rows that `keep` leaves out, unscored trajectories, and
    trajectories without a written token (rejected ones). The result is as if they were deleted:
    their credit is exactly 0, and they enter no statistics. A copy counts once, and receives the
    credit of its original.

    >>> rows = read_rows(
    ...     mask=torch.tensor([[1, 0, 1], [1, 1, 0], [0, 0, 0]]),
    ...     group=["a", "a", "a"],
    ...     reward=[1.0, 0.0, 5.0],
    ...     columns={"anchor": [["hall", "attic"], ["hall"], []]},
    ... )
    >>> rows.turn.tolist(), rows.batch["reward"].tolist(), rows.batch["turn_count"].tolist()
    ([[0, -1, 1], [0, 0, -1], [-1, -1, -1]], [1.0, 0.0], [2, 1])
    """
    if mask.ndim != 2:
        raise contract_error("read_rows", "mask", "[row token]", describe_value(mask))
    _check_shapes(mask, token_reward=token_reward, turn_mask=turn_mask)
    written = mask != 0
    several = settings is None or settings.uses_turns
    run = _runs(written if turn_mask is None else turn_mask != 0, several)
    outcome = _outcomes(reward, mask)
    any_written = row_any(written).tolist()
    index = index_rows(
        runs=count_turns(run).tolist() if several else any_written,
        written=any_written,
        scored=(~outcome.isnan()).tolist(),
        trajectory=trajectory,
        step=step,
        keep=_flags(keep, len(mask)),
    )
    device = mask.device
    turn = _turns(run, written, index, turn_mask is not None)
    total = outcome[index.last.to(device)]
    if shaping is not None:
        shaped = _shaping(shaping, index, _ignores_outcome(settings, columns or {}))
        total = total.index_add(0, *_of_originals(index, shaped))
    batch = {"reward": total, "group": _groups(group, index).to(device)}
    if several:
        count, turns = index.turn_count.to(device), index.turns
        batch |= {"turn_count": count, **_lengths(turn, index, turns)}
        end = outcome_at_last_turn(reward=total, turn_count=count, turns=turns)
        batch["turn_reward"] = end
    elif settings is not None and settings.uses_lengths:
        rows, own = _of_originals(index, row_count(written))
        batch["length"] = torch.zeros_like(total, dtype=torch.int64).index_add(0, rows, own)
    batch |= columns_as_tensors(columns or {}, index, settings, device)
    tokens = {"turn": turn}
    if settings is None or settings.credits_tokens:
        tokens |= _token_reward(token_reward, turn, written, total, index)
    if value is not None:
        tokens["value"] = value
    return Rows(batch, tokens, turn, index)


def _check_shapes(mask: Tensor, **others: Tensor | None) -> None:
    for name, other in others.items():
        if other is not None and other.shape != mask.shape:
            raise contract_error(
                "read_rows", name, f"{tuple(mask.shape)} like `mask`", describe_value(other)
            )


def _runs(written: Tensor, several: bool) -> Tensor:
    """The number of the run of each token, -1 outside; 0 for all runs if turns do not matter."""
    return turns_from_mask(written) if several else written.to(torch.int8) - 1


def _turns(run: Tensor, written: Tensor, index: RowIndex, has_turn_mask: bool) -> Tensor:
    """The turn that wrote each token; -1 if none did or the row takes no part."""
    if bool(index.base.any()):
        base = index.base.to(run.device)[:, None]
        run = torch.where(run >= 0, run + base, -1)
    if has_turn_mask:
        run = torch.where(written, run, -1)
    out = index.trajectory < 0
    return run.masked_fill(out.to(run.device)[:, None], -1) if bool(out.any()) else run


def _outcomes(reward: Tensor | Sequence[float | None], mask: Tensor) -> Tensor:
    """float64[row] on the device of the mask; NaN for an unscored row."""
    if not isinstance(reward, Tensor):
        numbers = [torch.nan if each is None else float(each) for each in reward]
        reward = torch.tensor(numbers, dtype=torch.float64)
    if reward.shape != mask.shape[:1]:
        raise contract_error(
            "read_rows", "reward", f"float[row] of {len(mask)} rows", describe_value(reward)
        )
    found = wide(reward.detach().to(mask.device))
    if bool(found.isinf().any()):
        row = int(found.isinf().nonzero()[0])
        raise contract_error(
            "read_rows", "reward", "finite, or None or NaN", f"{found[row]} in row {row}"
        )
    return found


def _flags(keep: Tensor | Sequence[bool] | None, rows: int) -> list[bool]:
    flags = [True] * rows if keep is None else [bool(each) for each in keep]
    if len(flags) != rows:
        raise contract_error(
            "read_rows", "keep", f"one flag for each of {rows} rows", str(len(flags))
        )
    return flags


def _ignores_outcome(settings: CreditSettings | None, columns: Mapping[str, Any]) -> str | None:
    """The estimator's name if it does not read the outcome, else None: a penalty would be lost."""
    if settings is None or settings.credits_tokens or "reward" in settings.needs:
        return None
    at_end = "turn_reward" in settings.needs and columns.get("turn_reward") is None
    return None if at_end else settings.name


def _shaping(given: Tensor, index: RowIndex, ignored_by: str | None) -> Tensor:
    """float64[row], checked: one NaN would make the credit of the whole group NaN."""
    if given.shape != index.trajectory.shape:
        wanted = f"float[row] of {len(index.trajectory)} rows"
        raise contract_error("read_rows", "shaping", wanted, describe_value(given))
    found = wide(given.detach())
    wanted = "0: this estimator does not read `reward`, so the penalty would be lost"
    wanted = wanted if ignored_by else "finite"
    wrong = (found != 0 if ignored_by else ~found.isfinite()) & index.original.to(found.device)
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise contract_error(
            ignored_by or "read_rows", "shaping", wanted, f"{found[row]:g} in row {row}"
        )
    return found


def _of_originals(index: RowIndex, x: Tensor) -> tuple[Tensor, Tensor]:
    """Trajectory and value of the rows that are not copies, for sums over trajectories."""
    own = index.original.to(x.device)
    return index.trajectory.to(x.device)[own], x[own]


def _groups(group: Sequence[Hashable] | Tensor, index: RowIndex) -> Tensor:
    number = group if isinstance(group, Tensor) else ids(list(group))
    rows = index.trajectory >= 0
    if number.shape != rows.shape or number.is_floating_point():
        raise contract_error(
            "read_rows", "group", f"one id for each of {len(rows)} rows", describe_value(number)
        )
    number = number.detach().to("cpu", torch.int64)
    found = number[index.first]
    if not bool((found[index.trajectory[rows]] == number[rows]).all()):
        raise contract_error(
            "read_rows", "group", "the same in all rows of a trajectory", "several"
        )
    return found


def _lengths(turn: Tensor, index: RowIndex, turns: int) -> dict[str, Tensor]:
    """Tokens written in each turn and trajectory; copies count once."""
    trajectory, own = _of_originals(index, turn)
    each = turn_sum((own >= 0).to(torch.int64), own, turns=turns).to(torch.int64)
    length = each.new_zeros((len(index.first), turns)).index_add(0, trajectory, each)
    return {"turn_length": length, "length": length.sum(1)}


def _token_reward(
    given: Tensor | None, turn: Tensor, written: Tensor, outcome: Tensor, index: RowIndex
) -> dict[str, Tensor]:
    """Rewards of tokens; without any, the outcome lies on the last token that the policy wrote.

    A token with a reward is present even if the policy did not write it: no reward is lost.
    """
    if given is not None:
        clean = given.detach()
        clean = _clean(clean, written) if bool(clean.sum().isnan()) else clean
        return {"token_reward": clean, "present": written | (clean != 0)}
    position = torch.arange(turn.shape[1], device=turn.device)
    last = torch.where(written, position, -1).amax(1, keepdim=True) if turn.shape[1] else 0
    ends = (position == last) & written
    if not len(outcome):
        return {"token_reward": ends * 0.0, "present": written}
    own = outcome[index.trajectory.clamp(min=0).to(turn.device)].to(torch.float32)
    return {"token_reward": torch.where(ends, own[:, None], 0.0), "present": written}
