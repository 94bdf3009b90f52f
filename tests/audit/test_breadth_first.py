"""Breadth-first search, and every refusal of a `step` function as one sentence."""

import pytest
import torch

from creditlib.audit.task import Outcome, Task
from creditlib.vocabulary.messages import ContractError


def of(*outcomes, **options):
    """A task of one turn whose every action has these outcomes."""
    return Task.from_step(lambda *_: outcomes, 0, name="mine", **options)


def refusal(*outcomes, **options):
    with pytest.raises(ContractError) as error:
        of(*outcomes, **options)
    text = str(error.value)
    assert text.startswith("Task.from_step: `")
    assert text.endswith(".")
    assert "\n" not in text
    return text


PLACE = "for state 0, turn 0, action 0 of mine."


def test_probabilities():
    assert refusal(Outcome(0.5, None)) == (
        "Task.from_step: `step` must be a function whose outcomes have probabilities that sum to "
        f"1, got 0.5 {PLACE}"
    )
    assert refusal(Outcome(1.5, None), Outcome(-0.5, None)).endswith(f"got -0.5 {PLACE}")
    assert refusal(Outcome(float("nan"), None)).endswith(f"got nan {PLACE}")


def test_an_outcome_of_probability_zero_is_left_out():
    task = of(Outcome(0.0, "never"), Outcome(1.0, None, reward=2.0))
    assert task.probability.tolist() == [[[1.0], [1.0]]]
    assert len(task.states) == 1


def test_no_outcomes():
    assert refusal().endswith(f"must be a function that returns outcomes, got none {PLACE}")
    with pytest.raises(ContractError, match="returns outcomes, got NoneType for state 0"):
        Task.from_step(lambda *_: None, 0, name="mine")
    with pytest.raises(ContractError, match="returns outcomes, got Outcome for state 0"):
        Task.from_step(lambda *_: Outcome(1.0, None), 0, name="mine")


@pytest.mark.parametrize("given", [1.0, (1.0,), (1.0, None, 0.0, False, {}, 6)])
def test_an_outcome_that_is_none(given):
    assert f"each of them (probability, next_state, …), got {given!r}" in refusal(given)


def test_a_state_or_an_observation_that_is_not_hashable():
    assert "of hashable states, got list" in refusal(Outcome(1.0, ["room"]))
    assert "of hashable states, got tuple" in refusal(Outcome(1.0, ("room", [])))
    text = refusal(Outcome(1.0, None), observe=lambda state, turn: [state])
    assert text == (
        "Task.from_step: `observe` must be a function that returns a hashable observation, got "
        "list for state 0, turn 0 of mine."
    )
    with pytest.raises(ContractError, match="`start` must be hashable, got list"):
        Task.from_step(lambda *_: [Outcome(1.0, None)], [], name="mine")


def test_numbers_that_are_not_finite():
    assert f"got reward = inf {PLACE}" in refusal(Outcome(1.0, None, reward=float("inf")))
    assert f"got gain = nan {PLACE}" in refusal(Outcome(1.0, None, signals={"gain": float("nan")}))


def test_a_signal_that_some_outcomes_lack():
    first, second = Outcome(0.5, None, signals={"gain": 1.0}), Outcome(0.5, None)
    assert "whose every outcome has the signal 'gain', got one of mine" in refusal(first, second)


def test_the_dtype_of_a_signal_is_that_of_all_its_values():
    def dtype(*values):
        share = 1 / len(values)
        task = of(*(Outcome(share, None, signals={"x": value}) for value in values))
        return task.signals["x"].dtype

    assert dtype(1, 2) == torch.int64
    assert dtype(True, False) == torch.bool
    assert dtype(1, 0.5) == dtype(1, True) == torch.float64


def test_episodes_that_never_end():
    with pytest.raises(ContractError, match="more than 50 states after 50 turns; end every"):
        Task.from_step(lambda *_: [Outcome(1.0, 0)], 0, most_states=50)
    task = Task.from_step(
        lambda s, turn, a: [Outcome(1.0, 0 if turn < 49 else None)], 0, most_states=50
    )
    assert task.turns == 50


def test_no_actions():
    assert refusal(Outcome(1.0, None), actions=0).endswith("`actions` must be at least 1, got 0.")


def test_first_states():
    task = Task.from_step(
        lambda *_: [Outcome(1.0, None)], {"sun": 0.25, "never": 0.0, "rain": 0.75}
    )
    assert task.states == (("sun", 0), ("rain", 0))
    assert task.start.tolist() == [0.25, 0.75]
    for start in ({"sun": 0.5}, {"sun": 1.5, "rain": -0.5}, {}):
        with pytest.raises(ContractError, match="`start` must be a state, or states with"):
            Task.from_step(lambda *_: [Outcome(1.0, None)], start)


def test_a_forced_turn_has_one_set_of_outcomes():
    task = of(Outcome(1.0, None), forced=lambda state, turn: turn == 0)
    assert task.forced.tolist() == [True]
    with pytest.raises(ContractError, match="`forced` must be true only where all actions have"):
        Task.from_step(
            lambda s, t, action: [Outcome(1.0, None, reward=float(action))],
            0,
            forced=lambda state, turn: True,
        )
