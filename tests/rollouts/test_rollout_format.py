from creditlib.rollouts import Converted, RolloutFormat
from creditlib.rollouts.rollout_format import check_keys


def test_a_row_matches_if_it_has_every_key():
    quiz = RolloutFormat("quiz", frozenset({"question", "answer"}), Converted)
    assert quiz.matches({"question": 1, "answer": 2, "more": 3})
    assert not quiz.matches({"question": 1})


def test_the_first_row_without_a_key_is_named(refusal):
    rows = [{"a": 1, "b": 2}, {"b": 2}, {}]
    check_keys(rows[:1], ["x"], frozenset({"a", "b"}))
    assert refusal(check_keys, rows, ["x", "y", "z"], frozenset({"a", "b"})) == (
        "rollouts: `a` must be in every row, got none in y."
    )
