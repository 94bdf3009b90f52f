import copy
import json

import pytest
from format_files import ANSWER, RESULTS, USER, lines, sentence, turns_of

from creditlib import rollouts

STEP = {
    "prompt": [USER],
    "completion": [{"role": "assistant", "content": "7*8 ="}],
    "reward": 0.25,
    "tokens": {"completion_ids": [4, 5, 6]},
}
LAST = {
    "prompt": [USER, STEP["completion"][0], {"role": "tool", "content": "so?"}],
    "completion": [ANSWER],
    "reward": 1.0,
    "tokens": {"completion_ids": [7]},
}


def test_each_output_is_a_trajectory():
    path = lines(RESULTS)
    found = rollouts.read(path)
    assert found.format == "verifiers_results"
    assert found.tensors["reward"].tolist() == [1.0, 0.0]
    assert list(found.groups) == [3]
    assert turns_of(found) == turns_of(found, 1) == [("7*8?", "56")]
    assert found.places == [f"{path} line 1 outputs[0]", f"{path} line 1 outputs[1]"]


def test_each_step_of_a_trajectory_is_a_turn():
    """Steps of 3 and 1 tokens with rewards 1/4 and 1; the second sees the answer of the tool."""
    output = {**RESULTS["outputs"][0], "trajectory": [STEP, LAST], "trajectory_id": "t"}
    found = rollouts.read(lines({"outputs": [output]}))
    assert turns_of(found) == [("7*8?", "7*8 ="), ("so?", "56")]
    assert found.tensors["turn_reward"].tolist() == [[0.25, 1.0]]
    assert found.tensors["turn_length"].tolist() == [[3, 1]]
    assert found.trajectories[0]["id"] == "t"


def test_rewards_of_steps_that_some_lack_are_left_out():
    output = {**RESULTS["outputs"][0], "trajectory": [{**STEP, "reward": None}, LAST]}
    found = rollouts.read(lines({"outputs": [output]}))
    assert found.tensors["turn_reward"].tolist() == [[0.0, 1.0]]
    assert found.notes[1] == (
        "reward is left out: 1 of 2 turns has none from `reward` of the steps of `trajectory`."
    )


def test_a_file_over_several_lines(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(RESULTS, indent=2))
    assert rollouts.read(path).tensors["reward"].tolist() == [1.0, 0.0]


def test_outputs_without_an_example_are_grouped_by_prompt():
    outputs = copy.deepcopy(RESULTS["outputs"])
    for output in outputs:
        del output["example_id"]
    assert len(rollouts.read(lines({"outputs": outputs})).groups) == 1
    del outputs[1]["prompt"]
    assert "the task of an output without a prompt must lie under `example_id`" in sentence(
        lines({"outputs": outputs})
    )


@pytest.mark.parametrize(
    ("output", "ending"),
    [
        ({"reward": "x"}, "`reward` must be a finite number, true, false or null, got 'x' in"),
        ({"completion": 7}, "`completion` must be a text or a list of messages, got 7 in"),
        ({"prompt": 7}, "`prompt` must be a text or a list of messages, got 7 in"),
        ({"trajectory": [7]}, "`trajectory` must be a list of objects, got 7 in"),
        ({"trajectory": [{**LAST, "reward": "x"}]}, "`reward` must be a finite number"),
        (
            {"trajectory": [{**LAST, "tokens": {"completion_ids": [0.5]}}]},
            "`completion_ids` must be a flat list of token ids, got [0.5] in",
        ),
        ({"example_id": [1]}, "`example_id` must be a text or an integer, got [1] in"),
    ],
)
def test_a_refusal_names_the_output_and_the_key(output, ending):
    outputs = [RESULTS["outputs"][0], {**RESULTS["outputs"][1], **output}]
    found = sentence(lines({"outputs": outputs}))
    assert ending in found
    assert "FILE line 1 outputs[1]" in found


def test_outputs_without_a_reward_or_messages_say_so():
    assert "the reward of an output must lie under `reward`, got the keys `prompt` in" in sentence(
        lines({"outputs": [{"prompt": [USER]}]})
    )
    assert "the messages of an output must lie under `completion`" in sentence(
        lines({"outputs": [{"prompt": [USER], "reward": 1.0}]})
    )
    assert "must be a list of objects, got 7" in sentence(
        lines({"outputs": [7]}), format="verifiers_results"
    )
