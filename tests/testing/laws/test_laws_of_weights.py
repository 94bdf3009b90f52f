import pytest
import torch
from law_cases import assert_broken_in_just_this_way, assert_kept_by_ours, breaks, wide

from creditlib import duration_weight
from creditlib.algebra import conserved
from creditlib.vocabulary import (
    Duration,
    Factor,
    Length,
    LogProb,
    Offsets,
    TokenFactor,
    TrajectoryFactor,
    Turn,
    TurnCount,
    Valid,
)

CASES = []
OTHER_UNITS = []


@breaks(CASES, "weights_are_not_negative", "a weight is #", kept_by="duration_weight")
def slow_turns_count_less(*, duration: Duration, turn_count: TurnCount) -> Factor:
    real = torch.arange(duration.shape[1]) < turn_count[:, None]
    return torch.where(real, 2 - duration_weight(duration=duration, turn_count=turn_count), 0)


@breaks(
    CASES,
    "equal_turns_weigh_one",
    "turns with equal values have a weight other than 1",
    kept_by="duration_weight",
)
def late_turns_count_more(*, duration: Duration, turn_count: TurnCount) -> Factor:
    turn = torch.arange(duration.shape[1], dtype=torch.float64)
    rising = 2 * (turn + 1) / (turn_count[:, None] + 1)
    weight = duration_weight(duration=duration, turn_count=turn_count)
    rising = rising.to(weight.dtype)
    return torch.where(turn < turn_count[:, None], (weight + rising) / 2, 0)


@breaks(
    CASES,
    "weights_keep_the_total",
    "the mean weight of the turns is #",
    kept_by="completion_weight",
)
def capped_and_not_given_back(*, duration: Duration, turn_count: TurnCount) -> Factor:
    return duration_weight(duration=duration, turn_count=turn_count).clamp(max=1)


def sure(log_prob, turn):
    return conserved(wide(log_prob.detach()).exp(), where=turn >= 0)


@breaks(OTHER_UNITS, "weights_are_not_negative", "a weight is #", kept_by="duration_weight")
def sure_tokens_count_less(
    *, log_prob: LogProb, turn: Turn, offsets: Offsets | None = None
) -> TokenFactor:
    return torch.where(turn >= 0, 2 - sure(log_prob, turn), 0)


@breaks(
    OTHER_UNITS,
    "equal_turns_weigh_one",
    "tokens with equal values have a weight other than 1",
    kept_by="duration_weight",
)
def early_tokens_count_less(*, log_prob: LogProb, turn: Turn) -> TokenFactor:
    place = torch.where(turn >= 0, 1.0, 0.0).to(wide(log_prob).dtype).cumsum(1)
    return (sure(log_prob, turn) + conserved(place, where=turn >= 0)) / 2


@breaks(
    OTHER_UNITS,
    "weights_keep_the_total",
    "the mean weight of the tokens is #",
    kept_by="duration_weight",
)
def sure_tokens_count_at_most_once(
    *, log_prob: LogProb, turn: Turn, offsets: Offsets | None = None
) -> TokenFactor:
    return sure(log_prob, turn).clamp(max=1)


@breaks(
    OTHER_UNITS,
    "weights_keep_the_total",
    "the mean weight of the trajectories is #",
    kept_by="duration_weight",
)
def long_rows_count_at_most_once(*, length: Length, valid: Valid | None = None) -> TrajectoryFactor:
    where = torch.ones_like(length, dtype=torch.bool) if valid is None else valid
    return conserved(wide(length.detach()), where=where).clamp(max=1)


@pytest.mark.parametrize("case", OTHER_UNITS, ids=lambda case: case.function.__name__)
def test_a_weight_of_tokens_or_trajectories_is_told_so(case):
    assert_broken_in_just_this_way(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_estimator_that_is_broken_in_just_this_way_is_told_so(case):
    assert_broken_in_just_this_way(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_of_ours_keeps_the_law(case):
    assert_kept_by_ours(case)
