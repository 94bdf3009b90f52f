import pytest
from format_files import GROUP, USER, lines, sentence, turns_of

from creditlib import apply, rollouts
from creditlib.rollouts.atropos import ATROPOS


def test_each_score_is_a_trajectory_and_each_run_of_its_mask_a_turn():
    """Runs of 2 and 1 tokens, then of 1; the texts are the last messages of the assistant."""
    path = lines(GROUP, {**GROUP, "messages": None})
    found = rollouts.read(path)
    assert found.format == "atropos"
    assert found.tensors["reward"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert [len(rows) for rows in found.groups.values()] == [2, 2]
    assert found.tensors["turn_length"].tolist() == [[2, 1], [1, 0], [2, 1], [1, 0]]
    assert [turn["tokens"] for turn in found.trajectories[0]["turns"]] == [[4, 5], [6]]
    assert turns_of(found) == [("7*8?", "7*8 ="), ("7*8?", "56")]
    assert turns_of(found, 2) == [(None, None), (None, None)]
    assert found.places[1] == f"{path} line 1 scores[1]"


def test_only_the_last_messages_may_be_trained():
    last = {**GROUP, "masks": [[-100] * 5 + [6], [-100] * 3]}
    found = rollouts.read(lines(last))
    assert turns_of(found) == [("7*8?", "56")]
    assert turns_of(found, 1) == []
    silent = {**GROUP, "messages": [[USER], [USER]]}
    assert turns_of(rollouts.read(lines(silent))) == [(None, None), (None, None)]


def test_credit_is_written_as_advantages_of_the_tokens():
    """Grpo without scale of 1 and 0 is +1/2 and -1/2."""
    found = rollouts.read(lines(GROUP))
    up, down = apply("grpo", found.tensors, scale=None).tolist()
    written = ATROPOS.with_credit(GROUP, "x", [[up, 2 * up], [down]])
    assert written["advantages"] == [[0.0, 0.0, 0.5, 0.5, 0.0, 1.0], [0.0, 0.0, -0.5]]
    assert "advantages" not in GROUP
    assert {**written, "advantages": None} == {**GROUP, "advantages": None}
    assert rollouts.read(lines(written)).tensors["reward"].tolist() == [1.0, 0.0]


def test_credit_of_another_size_is_refused(refusal):
    assert refusal(ATROPOS.with_credit, GROUP, "x", [[1.0]]) == (
        "with_credit: `credit` must have one list for each of 2 scores, got 1 in x."
    )
    assert refusal(ATROPOS.with_credit, GROUP, "x", [[1.0], [1.0]]) == (
        "with_credit: `credit` must have one number for each of 2 turns, got 1 in x scores[0]."
    )


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({"scores": 7}, "`scores` must be a list, got 7 in FILE line 2."),
        ({"scores": [1.0]}, "`tokens` must be as long as `scores`, 1, got 2 items in FILE line 2."),
        ({"messages": 7}, "`messages` must be as long as `scores`, 2, got no list in FILE line 2."),
        ({"scores": ["x", 1]}, "got 'x' in FILE line 2 scores[0]."),
        ({"tokens": [[1.5], [1]]}, "lists of token ids, got [1.5] in FILE line 2 scores[0]."),
        ({"masks": [[1], [1]]}, "as long as `tokens`, 6, got 1 in FILE line 2 scores[0]."),
        ({"masks": [[-1] * 6, [1]]}, "token ids and -100, got -1 in FILE line 2 scores[0]."),
    ],
)
def test_a_refusal_names_the_group_and_the_key(changes, ending):
    assert sentence(lines(GROUP, {**GROUP, **changes})).endswith(ending)
