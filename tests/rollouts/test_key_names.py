import pytest

from creditlib.rollouts.key_names import Found, KeyNames, read_keys, used_keys, value_at
from creditlib.rollouts.pieces import PieceFacts

KEYS = {"group": ("group", "task_id"), "outcome": ("reward", "score")}


@pytest.mark.parametrize(
    ("row", "key", "wanted"),
    [
        ({"a": 1}, "a", Found("a", 1)),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", Found("a.b", 1)),
        ({"a": {"b": {"c": None}}}, "a.b.c", Found("a.b.c", None)),
        ({"a": None}, "a.b", Found("a.b", None)),
        ({"a": {"c": 1}}, "a.b", None),
        ({"a": [1]}, "a.b", None),
        ({}, "a", None),
    ],
)
def test_a_dot_leads_into_an_object(row, key, wanted):
    assert value_at(row, key) == wanted


def test_the_first_key_that_a_row_has_counts_even_if_it_is_null():
    names = KeyNames(KEYS, None)
    assert names.find({"score": 1.0, "reward": None}, "outcome", "x") == Found("reward", None)
    assert names.find({"n": 1}, "group", "x") is None
    assert used_keys(PieceFacts(names.used)) == ["outcome = `reward`."]


def test_rows_of_one_file_are_not_scored_by_two_keys(refusal):
    names = KeyNames(KEYS, None)
    names.find({"reward": 1.0}, "outcome", "x line 1")
    assert refusal(names.find, {"score": 7.0}, "outcome", "x line 2") == (
        "rollouts: the outcome must lie under one key in all rows, got `reward` in x line 1 and "
        "`score` in x line 2; name it by `keys={'outcome': KEY}` or `--key outcome=KEY`."
    )


def test_a_key_that_the_user_names_replaces_the_others(refusal):
    names = KeyNames(KEYS, {"outcome": "info.reward"})
    row = {"reward": 0.0, "info": {"reward": 1.0}}
    assert names.find(row, "outcome", "x") == Found("info.reward", 1.0)
    assert names.is_given("outcome")
    assert not names.is_given("group")
    assert read_keys(PieceFacts(names.used)) == {"info.reward", "info"}
    sentence = str(names.missing({"reward": 0.0}, "outcome", "the reward of a row", "x line 2"))
    assert sentence == (
        "rollouts: the reward of a row must lie under `info.reward`, got the keys `reward` in x "
        "line 2; name its key by `keys={'outcome': KEY}` or `--key outcome=KEY`."
    )


def test_a_sentence_lists_the_keys_that_are_looked_for_and_the_first_twenty_there():
    found = str(KeyNames(KEYS, None).missing(dict.fromkeys(range(22), 0), "group", "a task", "x"))
    assert "a task must lie under one of `group`, `task_id`, got the keys `0`, `1`, " in found
    assert "`19` and 2 more in x; " in found
    assert "got the keys none in x" in str(KeyNames(KEYS, None).missing({}, "group", "a", "x"))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"grup": "x"}, "named by 'group', 'outcome', got 'grup' (did you mean 'group'?)."),
        ({"group": ""}, "the name of a key for group, got ''."),
        ({"group": 7}, "the name of a key for group, got 7."),
        ([("group", "x")], "a mapping such as {'group': 'task_id'}, got list."),
    ],
)
def test_wrong_keys_are_refused(given, sentence, refusal):
    assert refusal(KeyNames, KEYS, given) == f"read: `keys` must be {sentence}"
