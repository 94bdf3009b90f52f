"""What the laws of weights take for a unit: a trajectory, a turn or a token."""

import pytest
import torch

from creditlib.testing.engine.trial import Trial
from creditlib.testing.laws.weights import unit_of, units
from creditlib.testing.subject import subject_of
from creditlib.vocabulary import (
    Level,
    LogProb,
    Offsets,
    Solved,
    TokenFactor,
    TrajectoryFactor,
    Turn,
    TurnCount,
    Valid,
)


def test_a_unit_is_what_the_result_or_the_level_says():
    def by_level(*, log_prob: LogProb, turn: Turn, level: Level = "turn") -> TokenFactor:
        """Never called."""

    def by_result(*, solved: Solved, turn_count: TurnCount) -> TrajectoryFactor:
        """Never called."""

    assert unit_of(subject_of(by_level, {})) == "turn"
    assert unit_of(subject_of(by_level, {"level": "trajectory"})) == "trajectory"
    assert unit_of(subject_of(by_result, {})) == "trajectory"
    assert unit_of(subject_of("future_weight", {})) == "token"


@pytest.mark.parametrize("packed", [False, True])
def test_units_are_those_that_the_policy_wrote_and_that_take_part(packed):
    def every_level(
        *, log_prob: LogProb, turn: Turn, valid: Valid, offsets: Offsets, level: Level
    ) -> TokenFactor:
        """Never called."""

    turn = torch.tensor([[-1, 0, 2], [-1, -1, -1], [0, 0, 1]])
    batch = {"turn": turn, "log_prob": turn.float(), "valid": torch.tensor([True, True, False])}
    if packed:
        batch |= {"turn": turn.flatten(), "log_prob": turn.float().flatten()}
        batch["offsets"] = torch.tensor([0, 3, 6, 9])

    def existing(level, part):
        subject = subject_of(every_level, {"level": level})
        return units(Trial(subject, None, None), batch, part).tolist()

    tokens = torch.tensor([[False, True, True], [False] * 3, [False] * 3])
    expected = tokens.flatten() if packed else tokens
    assert existing("token", batch["turn"]) == expected.tolist()
    assert existing("trajectory", torch.ones(3)) == [True, False, False]
    assert existing("turn", torch.ones(3, 3)) == [[True, False, True], [False] * 3, [False] * 3]
