"""Read the rows of a trainer's batch: tensors of trajectories and turns under vocabulary names.

A row is a line of the trainer's batch: a whole trajectory, whose turns are the runs of its mask, or
one step of a trajectory, whose turns follow those of the steps before it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor

from creditlib.inputs.layouts import turn_values
from creditlib.ops.turn_maps import place_turns
from creditlib.rows.column_values import columns_as_tensors, listed_columns, turns_listed
from creditlib.rows.columns import check_column_names, column_names, column_shapes
from creditlib.rows.copies import check_copies, check_rewards_of_copies
from creditlib.rows.keys import flags_of_rows, group_numbers, step_numbers, trajectory_keys
from creditlib.rows.masks import Planes, as_plane, read_planes
from creditlib.rows.outcomes import check_rule, row_rewards, trajectory_outcomes
from creditlib.rows.row_index import RowIndex, index_rows, index_trajectories, trajectories_of_rows
from creditlib.rows.settings import CreditSettings
from creditlib.rows.token_rewards import outcome_of, rewards_of_tokens, without_padding
from creditlib.rows.totals import lengths_of_turns, shaping_of_rows, sum_over_rows
from creditlib.vocabulary.messages import contract_error

__all__ = ["Rows", "outcome_of", "read_rows"]

Plane: TypeAlias = "Tensor | np.ndarray[Any, Any] | Sequence[Sequence[float]]"


@dataclass(frozen=True)
class Rows:
    """A trainer's batch as tensors; it holds only trajectories that take part.

    batch: tensors of trajectories and turns by name. turn: [row token], the turn of the row's
    trajectory that wrote a token that is trained; -1 where a token is not trained or its row takes
    no part; in the smallest integer dtype that holds the turns. tokens: tensors of [row token] by
    name. Its `turn` also numbers the tokens that the policy wrote and that are not trained: they
    are steps of a return. index: the trajectory and the turns of each row.
    """

    batch: dict[str, Tensor]
    tokens: dict[str, Tensor]
    turn: Tensor
    index: RowIndex


def read_rows(
    *,
    mask: Plane,
    group: Sequence[Hashable] | Tensor,
    reward: Tensor | Sequence[float | None],
    shaping: Tensor | Sequence[float] | None = None,
    trajectory: Sequence[Hashable] | None = None,
    step: Sequence[int] | None = None,
    keep: Tensor | Sequence[bool] | None = None,
    outcome: str | None = None,
    token_reward: Plane | None = None,
    value: Plane | None = None,
    turn_mask: Plane | None = None,
    turn: Plane | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    settings: CreditSettings | None = None,
) -> Rows:
    """Rows of a trainer's batch as tensors of trajectories and turns.

    A [row token] argument may be a tensor, a numpy array or nested lists of one length.

    With outcome="last" and None a trajectory whose last row is unscored is unscored; with the
    others one without any scored row is.

    Leaving out one row of several takes credit from its tokens and nothing from its trajectory: a
    reward on it other than 0 counts as if it were kept. By default it is the outcome if the kept
    rows earned 0, and is refused if it differs from what they earned. If no kept row is scored, the
    rows left out decide.

    Two kept rows with one trajectory and step are copies, and must be equal in `mask`, `turn_mask`,
    `turn`, `reward`, `token_reward`, `columns` and, for a critic, `value`; else the call is
    refused. A copy counts once, and receives the credit of its original.

    Three kinds of rows take no part: rows that `keep` leaves out, unscored trajectories, and
    trajectories without a trained token (rejected ones). The result is as if they were deleted:
    their credit is exactly 0, and they enter no statistics.

    Args:
        mask: [row token]; bool or numbers in [0, 1]: not 0 on tokens that are trained. Each run of
            such tokens in a row is a turn.
        group: id of the prompt of each row.
        reward: outcome of each row; None or NaN means unscored.
        shaping: float[row]; a further reward of each row, such as a KL penalty. The outcome gets
            that of all rows of the trajectory.
        trajectory: id of the trajectory of each row; without it every row is a trajectory of its
            own.
        step: number of the row in its trajectory; without it rows are numbered in order of
            appearance.
        keep: False for rows that are left out, such as padding.
        outcome: how the rewards of several rows of a trajectory become one. "last": that of the
            last row. "sum", "mean": over scored rows. "same": all scored rows hold it, others are
            refused. None takes a reward that all scored rows share, or that of the last row if all
            earlier ones are 0, and refuses anything else. `outcome` of the settings counts if the
            argument is None.
        token_reward: [row token]; the reward of each token. A reward on a token that is not trained
            counts.
        value: [row token]; the critic's value. An estimator that needs `turn_value` gets the values
            at the tokens that `value_at` of the settings names.
        turn_mask: [row token]; the tokens that the policy wrote, if some of them are not trained.
            Its runs are the turns, and each of its tokens is a step of gamma, lambda and bootstrap.
            Lengths and whitening count trained tokens.
        turn: int[row token]; the turn of its row that wrote each token, -1 where the policy wrote
            nothing. It is given instead of `turn_mask` where the runs of a mask are not the turns:
            a turn wrote no token, or two turns adjoin. Ids never go back along a row. A row then
            has as many turns as its last id says, or more if its columns list values for more
            turns.
        columns: further values of each row by their name in the vocabulary: a list or array with
            one value for each turn, or a single value if the row has one turn; an array of numbers
            may be padded. `anchor` may hold observations instead of ids; an array of numbers is one
            observation if the row has one turn. Unknown names are refused.
        settings: only the columns that they need are read; without settings all are.

    >>> rows = read_rows(
    ...     mask=[[1, 0, 1], [1, 1, 0], [0, 0, 0]],
    ...     group=["a", "a", "a"],
    ...     reward=[1.0, 0.0, 5.0],
    ...     columns={"anchor": [["hall", "attic"], ["hall"], []]},
    ... )
    >>> rows.turn.tolist(), rows.batch["reward"].tolist(), rows.batch["turn_count"].tolist()
    ([[0, -1, 1], [0, 0, -1], [-1, -1, -1]], [1.0, 0.0], [2, 1])
    """
    several = settings is None or settings.uses_turns
    planes = read_planes(mask, turn_mask, turn, several=several)
    rows, device = len(planes.trained.turn), planes.trained.turn.device
    by_token = settings is None or settings.credits_tokens
    on_tokens = _token_planes(planes, token_reward, value, read=by_token or step is not None)
    listed, needed = _columns(columns, rows, settings) if columns else ({}, {})
    found = _FoundRows(
        _turn_counts(planes, needed, settings, by_ids=turn is not None),
        planes.trained.tokens > 0,
        row_rewards(reward, rows, device),
        flags_of_rows(keep, rows),
        trajectory_keys(trajectory, rows),
        step_numbers(step, rows),
    )
    rule = check_rule("read_rows", outcome) or (None if settings is None else settings.outcome)
    compared = {"mask": planes.trained.turn, "turn_mask": planes.written.turn, **on_tokens}
    index, total = _index(found, rule, compared, listed, settings)
    batch = {"reward": total, "group": group_numbers(group, index).to(device)}
    if shaping is not None:
        shaped = shaping_of_rows(shaping, index, _ignores_outcome(settings, listed)).to(device)
        batch["reward"] = total = total + sum_over_rows(shaped, index)
    written = _turns(planes.written.turn, index)
    same = planes.written is planes.trained
    turns = written if same else _turns(planes.trained.turn, index)
    if several:
        count = index.turn_count.to(device)
        batch |= {"turn_count": count, **lengths_of_turns(planes.trained.length, index)}
        end = total.new_zeros(len(total), index.turns)  # every trajectory has a turn
        batch["turn_reward"] = end.scatter_(1, count[:, None] - 1, total[:, None])
    elif settings is not None and settings.uses_lengths:
        batch["length"] = sum_over_rows(planes.trained.tokens, index)
    if needed:
        batch |= columns_as_tensors(needed, column_shapes(settings), index, device)
    tokens = {"turn": written}
    if by_token:
        tokens |= rewards_of_tokens(on_tokens.get("token_reward"), planes, total, index)
    if "value" in on_tokens:
        tokens["value"] = on_tokens["value"]
        if settings is not None and "turn_value" in settings.needs and "turn_value" not in batch:
            batch["turn_value"] = _values_of_turns(tokens, index, settings.value_at)
    return Rows(batch, tokens, turns, index)


def _values_of_turns(tokens: Mapping[str, Tensor], index: RowIndex, at: str) -> Tensor:
    """[batch turn]: the critic's value of each turn; a turn lies in one row."""
    found = turn_values(tokens["value"], tokens["turn"], index.turns, at=cast("Any", at))
    return sum_over_rows(found, index)


class _FoundRows(NamedTuple):
    """What is known of each row: its turns, whether a token is trained, its reward, its place."""

    turns: Tensor
    trained: Tensor
    reward: Tensor
    keep: list[bool] | None
    trajectory: list[Hashable] | None
    step: list[int] | None


def _token_planes(
    planes: Planes, token_reward: Any, value: Any, *, read: bool
) -> dict[str, Tensor]:
    """The planes of numbers; rewards of tokens only if anything reads them."""
    found: dict[str, Tensor] = {}
    trained = planes.trained.turn
    if token_reward is not None:
        given = as_plane("read_rows", "token_reward", token_reward, like=trained)
        if read:
            found["token_reward"] = without_padding(given, trained)
    if value is not None:
        found["value"] = as_plane("read_rows", "value", value, like=trained)
    return found


def _columns(
    columns: Mapping[str, Any], rows: int, settings: CreditSettings | None
) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """All columns, listed by row, and those of them that the settings need."""
    check_column_names("read_rows", columns, settings)
    listed = listed_columns(columns, rows)
    names = listed if settings is None else column_names(settings)
    return listed, {name: listed[name] for name in names if name in listed}


def _turn_counts(
    planes: Planes,
    needed: Mapping[str, list[Any]],
    settings: CreditSettings | None,
    *,
    by_ids: bool,
) -> Tensor:
    """The turns of each row; columns may list values for turns after the last written one."""
    count = planes.written.turns
    if not by_ids or not (settings is None or settings.uses_turns):
        return count
    listed = turns_listed(needed, column_shapes(settings), len(count))
    return torch.maximum(count, count.new_tensor(listed))


def _index(
    found: _FoundRows,
    rule: str | None,
    planes: Mapping[str, Tensor],
    columns: Mapping[str, list[Any]],
    settings: CreditSettings | None,
) -> tuple[RowIndex, Tensor]:
    """The index of the rows, and float64[batch], the outcome of each trajectory."""
    if found.trajectory is None:
        if found.step is not None:
            raise contract_error("read_rows", "step", "given with `trajectory`", "`step` alone")
        index = index_rows(
            runs=found.turns, written=found.trained, scored=~found.reward.isnan(), keep=found.keep
        )
        if len(index.first) == len(found.reward):  # all rows, in their order
            return index, found.reward
        return index, found.reward[index.first.to(found.reward.device)]
    keep = [True] * len(found.reward) if found.keep is None else found.keep
    every = trajectories_of_rows(found.trajectory, found.step, keep)
    reward: list[float] = found.reward.tolist()
    if found.step is not None:
        check_rewards_of_copies(every, reward)
    outcomes = trajectory_outcomes(every, reward, rule)
    trained: list[bool] = found.trained.tolist()
    part = [
        (own, outcome)
        for own, outcome in zip(every, outcomes, strict=True)
        if outcome == outcome and own.has_any(trained)  # not NaN
    ]
    own = [each for each, _ in part]
    if found.step is not None:
        if settings is not None and "value" not in settings.needs:
            planes = {name: plane for name, plane in planes.items() if name != "value"}
        check_copies(own, planes, columns)
    index = index_trajectories(own, runs=found.turns.tolist())
    return index, found.reward.new_tensor([outcome for _, outcome in part])


def _turns(turn: Tensor, index: RowIndex) -> Tensor:
    """The turn of the trajectory that wrote each token; -1 if none did or the row takes no part."""
    if index.every_row_is_one:
        return turn
    base, taken = index.base.to(turn.device), (index.trajectory >= 0).to(turn.device)
    return place_turns(turn, base, taken, index.turns)


def _ignores_outcome(settings: CreditSettings | None, columns: Mapping[str, Any]) -> str | None:
    """The estimator's name if it does not read the outcome, else None: a penalty would be lost."""
    if settings is None or settings.credits_tokens or "reward" in settings.needs:
        return None
    at_end = "turn_reward" in settings.needs and columns.get("turn_reward") is None
    return None if at_end else settings.name
