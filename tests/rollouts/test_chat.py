import json

import pyarrow
import pyarrow.parquet
import pytest
from format_files import ANSWER, CHAT, USER, lines, sentence, turns_of

from creditlib import rollouts

SYSTEM = {"role": "system", "content": "Be brief."}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"function": {"name": "multiply", "arguments": '{"a": 7}'}}],
}
TOOL = {"role": "tool", "content": "56"}


def test_every_message_of_the_assistant_is_a_turn_that_observes_what_precedes_it():
    """tau-bench's form: two trials of a task; the second turn sees the tool and the user."""
    dialogue = [SYSTEM, USER, CALL, TOOL, {"role": "user", "content": "So?"}, ANSWER, USER]
    found = rollouts.read(
        lines(
            {"task_id": 3, "trial": 0, "reward": 1.0, "traj": dialogue},
            {"task_id": 3, "trial": 1, "reward": 0.0, "traj": [SYSTEM, USER, ANSWER]},
        )
    )
    assert found.format == "chat"
    assert found.tensors["reward"].tolist() == [1.0, 0.0]
    assert list(found.groups) == [3]
    assert turns_of(found) == [("7*8?", 'multiply({"a": 7})'), ("56\nSo?", "56")]
    assert turns_of(found, 1) == [("7*8?", "56")]
    (first, second), (other, none) = found.tensors["anchor"].tolist()
    assert first == other != second
    assert none == -1
    assert found.notes == (
        "outcome = `reward`, messages = `traj`, group = `task_id`.",
        "unknown keys are not read: `trial` (2 rows).",
    )


def test_sharegpt_conversations():
    talk = [
        {"from": "human", "value": "7*8?"},
        {"from": "function_call", "value": "multiply(7, 8)"},
        {"from": "observation", "value": "56"},
        {"from": "gpt", "value": "It is 56."},
    ]
    found = rollouts.read(lines({"conversations": talk, "score": 0.5}))
    assert turns_of(found) == [("7*8?", "multiply(7, 8)"), ("56", "It is 56.")]


def test_a_prompt_is_read_where_the_policy_speaks_first():
    """TRL's and verifiers' rows; the few-shot answer of a prompt is no turn."""
    prompt = [SYSTEM, {"role": "user", "content": "1+1?"}, ANSWER, USER]
    found = rollouts.read(
        lines(
            {"prompt": prompt, "completion": [CALL, TOOL, ANSWER], "reward": 1.0},
            {"prompt": prompt, "completion": "56", "reward": 0.0},
        )
    )
    assert turns_of(found) == [("7*8?", 'multiply({"a": 7})'), ("56", "56")]
    assert turns_of(found, 1) == [("7*8?", "56")]
    assert len(found.groups) == 1
    assert found.notes[1] == ("group = equal prompt, because the rows have no id of a task.")


def test_equal_prompts_are_a_group_in_every_file_and_order():
    first = rollouts.read(lines({"messages": [USER, ANSWER], "reward": 1}))
    second = rollouts.read(
        lines({"messages": [SYSTEM, ANSWER], "reward": 1}, {"messages": [USER, CALL], "reward": 0})
    )
    assert list(first.groups) == [list(second.groups)[1]]


def test_a_user_names_the_keys():
    row = {"q": {"id": "a"}, "score": 0.0, "info": {"won": True}, "log": [USER, ANSWER], "n": 7}
    keys = {"group": "q.id", "outcome": "info.won", "messages": "log", "id": "n"}
    found = rollouts.read(lines(row), keys=keys)
    assert (list(found.groups), found.tensors["reward"].tolist()) == (["a"], [1.0])
    assert turns_of(found) == [("7*8?", "56")]
    assert found.trajectories[0]["id"] == 7
    assert found.notes[1] == "unknown keys are not read: `score` (1 row)."


def test_flags_are_outcomes_and_rows_without_messages_have_no_turns():
    found = rollouts.read(
        lines({"name": "env_0", "is_success": True}, {"name": "env_0", "is_success": False})
    )
    assert found.tensors["reward"].tolist() == [1.0, 0.0]
    assert found.tensors["turn_count"].tolist() == [0, 0]
    assert "the rows have no messages, so the trajectories have no turns." in found.notes


def test_a_text_is_one_turn():
    rows = {"name": "p", "prompt": "def f():", "solution": "return 1", "is_solved": False}
    assert turns_of(rollouts.read(lines(rows))) == [("def f():", "return 1")]


def test_what_has_no_reward_says_so():
    found = sentence(lines({"id": 1, "messages": [USER, ANSWER]}))
    assert found == (
        "rollouts: the reward of a row must lie under one of `outcome`, `reward`, `score`, "
        "`correct`, `is_correct`, `success`, `is_success`, `is_solved`, `resolved`, `passed`, got "
        "the keys `id`, `messages` in FILE line 1; name its key by `keys={'outcome': KEY}` or "
        "`--key outcome=KEY`."
    )


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({"reward": "1"}, "`reward` must be a finite number, true, false or null, got '1' in"),
        ({"task_id": 1.5}, "`task_id` must be a text or an integer, got 1.5 in FILE line 2"),
        ({"task_id": True}, "`task_id` must be a text or an integer, got True in FILE line 2"),
        ({"messages": 7}, "`messages` must be a text or a list of messages, got 7 in FILE line 2"),
        ({"messages": [7]}, "got 7 in FILE line 2 messages message 0."),
        ({"messages": [{"role": "user", "content": 7}]}, "got 7 in FILE line 2 messages message 0"),
    ],
)
def test_a_refusal_names_the_row_and_the_key_of_the_file(changes, ending):
    found = sentence(lines(CHAT, {**CHAT, **changes}))
    assert ending in found
    assert found.startswith("rollouts: `")


def test_a_reward_under_another_key_in_another_row_is_refused():
    other = {"task_id": 3, "score": 1.0, "messages": [USER, ANSWER]}
    assert "got `reward` in FILE line 1 and `score` in FILE line 2" in sentence(lines(CHAT, other))


def test_a_named_key_that_a_row_lacks_is_refused():
    assert "must lie under `log`, got the keys" in sentence(lines(CHAT), keys={"messages": "log"})
    assert "the reward of a row must lie under `won`" in sentence(
        lines(CHAT), keys={"outcome": "won"}
    )
    assert sentence(lines(CHAT), keys={"turns": "x"}).startswith("read: `keys` must be named by")


def test_a_row_without_task_and_prompt_is_refused():
    found = sentence(lines({"messages": [ANSWER], "reward": 1.0}))
    assert "the task of a row without a prompt must lie under one of `group`, `group_id`" in found


def test_a_null_reward_takes_no_part_and_a_null_group_is_the_prompt():
    found = rollouts.read(lines({**CHAT, "reward": None, "task_id": None}, CHAT))
    assert found.tensors["valid"].tolist() == [False, True]
    assert len(found.groups) == 2


def test_parquet_and_arrays_give_the_same(tmp_path):
    rows = [CHAT, {**CHAT, "reward": 0.0, "messages": [SYSTEM, USER, CALL, TOOL, ANSWER]}]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "x.parquet")
    (tmp_path / "y.json").write_text(json.dumps(rows, indent=1))
    table, array = (rollouts.read(tmp_path / name) for name in ("x.parquet", "y.json"))
    assert [turns_of(table, n) for n in (0, 1)] == [turns_of(array, n) for n in (0, 1)]
    assert table.tensors["anchor"].tolist() == array.tensors["anchor"].tolist()


def test_messages_with_images_are_noted():
    seen = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}
    found = rollouts.read(lines({"task_id": 1, "reward": 1, "messages": [seen, ANSWER]}))
    assert turns_of(found) == [("[image]\nWhat?", "56")]
    assert any("differ only in an image" in note for note in found.notes)
