from creditlib.rollouts import Converted, RolloutFormat
from creditlib.rollouts.rollout_format import check_keys, check_steps


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


def test_a_key_that_looks_like_the_missing_one_is_named(refusal):
    assert refusal(check_keys, [{"scor": 1}], ["x"], frozenset({"score"})) == (
        "rollouts: `score` must be in every row, got none in x; it has `scor`."
    )


def test_a_step_is_a_number_or_a_text(refusal):
    check_steps([{"step": 1}, {"step": "2"}, {"step": 2.0}], ["x", "y", "z"])
    for step in (None, True, [1], {"n": 1}):
        assert refusal(check_steps, [{"step": 1}, {"step": step}], ["x", "y"]) == (
            f"rollouts: `step` must be a number or a text, got {step!r} in y."
        )
