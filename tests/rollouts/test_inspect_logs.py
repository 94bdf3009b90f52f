import copy

import pytest
from format_files import ANSWER, LOG, USER, lines, sentence, turns_of

from creditlib import rollouts


def log(**changes):
    """The log; its second sample has the changes."""
    first, second = copy.deepcopy(LOG["samples"])
    return {**LOG, "samples": [first, {**second, **changes}]}


def test_each_epoch_of_a_sample_is_a_trajectory():
    path = lines(LOG)
    found = rollouts.read(path)
    assert found.format == "inspect"
    assert found.tensors["reward"].tolist() == [1.0, 0.0]
    assert (list(found.groups), turns_of(found)) == (["s"], [("7*8?", "56")])
    assert found.places[1] == f"{path} line 1 samples[1]"
    assert found.notes[0] == "outcome = `scores.exact.value`, group = `id`, messages = `messages`."


def test_calls_of_tools_and_grades():
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": "f", "arguments": {}}]}
    row = log(messages=[USER, call, {"role": "tool", "content": "56"}, ANSWER])
    row["samples"][0]["scores"] = {"exact": {"value": "P"}}
    found = rollouts.read(lines(row))
    assert found.tensors["reward"].tolist() == [0.5, 0.0]
    assert turns_of(found, 1) == [("7*8?", "f({})"), ("56", "56")]


def test_one_of_several_scores_is_named():
    scores = {"exact": {"value": 0.25}, "judge": {"value": True}}
    row = {**LOG, "samples": [{**LOG["samples"][0], "scores": scores}]}
    assert "got the keys `scores.exact.value, scores.judge.value` in FILE line 1 samples[0]" in (
        sentence(lines(row))
    )
    found = rollouts.read(lines(row), keys={"outcome": "scores.judge.value"})
    assert found.tensors["reward"].tolist() == [1.0]
    assert found.tensors["rewards"].tolist() == [[0.25, 1.0]]


def test_a_sample_without_a_score_takes_no_part():
    found = rollouts.read(lines(log(scores=None)))
    assert found.tensors["valid"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({"scores": 7}, "`scores` must be an object of scores, got 7 in"),
        ({"scores": {"exact": {"value": "x"}}}, "`scores.exact.value` must be a finite number"),
        ({"id": 1.5}, "`id` must be a text or an integer, got 1.5 in"),
        ({"messages": 7}, "`messages` must be a text or a list of messages, got 7 in"),
    ],
)
def test_a_refusal_names_the_sample_and_the_key(changes, ending):
    found = sentence(lines(log(**changes)))
    assert ending in found
    assert "FILE line 1 samples[1]" in found
