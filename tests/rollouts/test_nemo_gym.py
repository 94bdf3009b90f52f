import copy

import pytest
from format_files import NEMO, USER, lines, sentence, turns_of

from creditlib import rollouts
from creditlib.report.credit_columns import credit_columns


def test_each_answer_of_the_model_is_a_turn():
    """Two answers of 2 and 1 tokens; the second one sees the result of the call."""
    found = rollouts.read(lines(NEMO, {**NEMO, "reward": 0.0, "_ng_rollout_index": 1}))
    assert found.format == "nemo_gym"
    assert turns_of(found) == [("7*8?", "multiply(7, 8)"), ("56", "56")]
    assert found.tensors["turn_length"].tolist() == [[2, 1], [2, 1]]
    assert found.tensors["length"].tolist() == [3, 3]
    assert (list(found.groups), found.tensors["reward"].tolist()) == ([3], [1.0, 0.0])
    assert found.notes == ("outcome = `reward`, group = `_ng_task_index`.",)
    named = rollouts.read(lines(NEMO), keys={"id": "_ng_rollout_index"})
    assert named.trajectories[0]["id"] == 0


def test_rows_without_the_number_of_a_task_are_grouped_by_another_key_or_the_prompt():
    plain = {key: NEMO[key] for key in ("responses_create_params", "response", "reward")}
    assert list(rollouts.read(lines({**plain, "instance_id": "a"})).groups) == ["a"]
    found = rollouts.read(lines(plain, {**plain, "responses_create_params": {"input": "6*6?"}}))
    assert len(found.groups) == 2
    assert "group = equal prompt, because the rows have no id of a task." in found.notes
    assert list(rollouts.read(lines({**plain, "q": 7}), keys={"group": "q"}).groups) == [7]


def test_a_prompt_may_hold_answers_that_the_policy_did_not_write():
    row = copy.deepcopy(NEMO)
    row["responses_create_params"]["input"] = [
        {"role": "user", "content": "1+1?"},
        {"role": "assistant", "content": "2"},
        USER,
    ]
    assert turns_of(rollouts.read(lines(row)))[0] == ("7*8?", "multiply(7, 8)")


def test_a_response_of_null_has_no_turns():
    found = rollouts.read(lines({**NEMO, "response": None}))
    assert found.tensors["turn_count"].tolist() == [0]


def test_lengths_that_some_answers_lack_are_left_out_and_the_key_is_named():
    row = copy.deepcopy(NEMO)
    del row["response"]["output"][0]["generation_token_ids"]
    found = rollouts.read(lines(row))
    words = "`generation_token_ids` of the items of `response.output`"
    assert f"tokens are left out: 1 of 2 turns has none from {words}." in found.notes
    assert credit_columns(found, ["opo"])[0].reason == (
        f"opo needs `length`, which is read from {words}; these rollouts have no such key."
    )
    assert credit_columns(found, ["pure"])[0].reason == (
        "pure needs `process_reward`, which no key of a file of the format nemo_gym fills."
    )


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({"reward": "1"}, "`reward` must be a finite number, true, false or null, got '1' in"),
        ({"response": 7}, "`response` must be an object with the key `output`, or null, got 7 in"),
        ({"response": {"output": 7}}, "`response.output` must be a list of items, got 7 in"),
        ({"responses_create_params": {"input": 7}}, "`responses_create_params.input` must be a"),
        (
            {"response": {"output": [{"type": "function_call", "generation_token_ids": "abc"}]}},
            "`generation_token_ids` must be a flat list of token ids, got 'abc' in",
        ),
        ({"_ng_task_index": 0.5}, "`_ng_task_index` must be a text or an integer, got 0.5 in"),
    ],
)
def test_a_refusal_names_the_row_and_the_key_of_the_file(changes, ending):
    found = sentence(lines(NEMO, {**NEMO, **changes}))
    assert ending in found
    assert "FILE line 2" in found


def test_inputs_that_no_model_has_answered_have_no_reward():
    row = {key: value for key, value in NEMO.items() if key != "reward"}
    assert sentence(lines(row)).startswith(
        "rollouts: the reward of a row must lie under `reward`, got the keys"
    )
