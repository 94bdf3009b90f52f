import copy
import json

import pytest
from format_files import TRAJECTORY, lines, sentence, turns_of

from creditlib import rollouts
from creditlib.report.credit_columns import credit_columns

WON = {"extra": {"won": True}}
KEYS = {"outcome": "extra.won"}


def document(*changes, **more):
    """The trajectory with a reward of its own; the step after a number has the changes."""
    found = {**copy.deepcopy(TRAJECTORY), **WON, **more}
    for number, change in changes:
        found["steps"][number - 1].update(change)
    return found


def read(*rows):
    return rollouts.read(lines(*rows), keys=KEYS)


def test_each_step_of_the_agent_is_a_turn_that_observes_what_came_before():
    """The result 56 belongs to step 2 in the file; step 3 sees it. 3 seconds, then 5.5."""
    found = read(document(), document(extra={"won": False}))
    assert found.format == "atif"
    assert turns_of(found) == [("7*8?", 'I multiply.\nmultiply({"a": 7, "b": 8})'), ("56", "56")]
    assert found.tensors["turn_length"].tolist() == [[2, 1], [2, 1]]
    assert found.tensors["duration"].tolist() == [[3.0, 5.5], [3.0, 5.5]]
    assert found.tensors["reward"].tolist() == [1.0, 0.0]
    assert len(found.groups) == 1
    assert found.notes == (
        "outcome = `extra.won`.",
        "group = equal prompt, because the rows have no id of a task.",
    )


def test_a_copied_step_and_a_step_without_a_model_are_no_turns():
    """A dispatch without a model is seen with its result, a copied step is not seen at all."""
    dispatch = {
        "source": "agent",
        "message": "run tests",
        "llm_call_count": 0,
        "observation": {"results": [{"content": "1 failed"}]},
    }
    steps = copy.deepcopy(TRAJECTORY["steps"])
    copied = [{**step, "is_copied_context": True} for step in steps]
    found = read(document(steps=[*copied, steps[0], dispatch, steps[2]]))
    assert turns_of(found) == [("7*8?\nrun tests\n1 failed", "56")]


def test_sub_agents_are_told_apart():
    child = {**TRAJECTORY, "trajectory_id": "child"}
    reference = [{"trajectory_id": "child"}]
    answer = {"observation": {"results": [{"subagent_trajectory_ref": reference}]}}
    found = read(document((2, answer), subagent_trajectories=[child]))
    assert found.tensors["turn_count"].tolist() == [2]
    assert turns_of(found)[1] == ("", "56")
    assert found.notes[-1] == "trajectories of sub-agents are not read as turns: 1."


def test_lengths_come_from_the_counts_where_no_ids_are():
    counts = [(n, {"metrics": {"completion_tokens": n}}) for n in (2, 3)]
    assert read(document(*counts)).tensors["turn_length"].tolist() == [[2, 3]]


def test_times_that_some_steps_lack_are_left_out_and_the_key_is_named():
    found = read(document((3, {"timestamp": None})))
    assert "seconds are left out: 1 of 2 turns has none from the steps' `timestamp`." in found.notes
    assert credit_columns(found, ["duration_weight"])[0].reason == (
        "duration_weight needs `duration`, which is read from the steps' `timestamp`; these "
        "rollouts have no such key."
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-01T00:00:04Z", 4.0),
        ("2026-01-01T00:00:04", 4.0),
        ("2026-01-01T01:00:04+01:00", 4.0),
        ("2026-01-01T00:00:04.25Z", 4.25),
        ("2026-01-01T00:00:04.123456789Z", 4.123456),
        ("2025-12-31T23:59:00Z", 0.0),
    ],
)
def test_times_in_every_form_of_iso_8601(text, seconds):
    found = read(document((2, {"timestamp": text})))
    assert found.trajectories[0]["turns"][0]["seconds"] == seconds


def test_the_trajectories_of_these_tests_are_valid_atif():
    """Read by the models of the package `atif`, which are written for version 1.8."""
    atif = pytest.importorskip("atif")
    for version in ("ATIF-v1.7", "ATIF-v1.8"):
        whole = atif.Trajectory.model_validate(document(schema_version=version))
        found = read(json.loads(json.dumps(whole.to_json_dict())))
        assert turns_of(found) == turns_of(read(document()))
        assert found.tensors["duration"].tolist() == [[3.0, 5.5]]


@pytest.mark.parametrize(
    ("change", "ending"),
    [
        ({"source": "robot"}, "`source` must be system, user or agent, got 'robot' in"),
        ({"timestamp": "noon"}, "`timestamp` must be a time in ISO 8601, got 'noon' in"),
        ({"timestamp": 7}, "`timestamp` must be a time in ISO 8601, got 7 in"),
        ({"message": 7}, "`content` must be a text, null or a list of parts, got 7 in"),
        ({"tool_calls": [7]}, "`tool_calls` must be a list of objects, got [7] in"),
        ({"observation": 7}, "`observation` must be an object with `results`, got 7 in"),
        ({"observation": {"results": [7]}}, "`results` must be a list of objects, got [7] in"),
        ({"metrics": 7}, "`metrics` must be an object, got 7 in"),
        (
            {"metrics": {"completion_token_ids": ["a"]}},
            "`completion_token_ids` must be a flat list of token ids, got ['a'] in",
        ),
        (
            {"metrics": {"completion_tokens": 0.5}},
            "`completion_tokens` must be a whole number, at least 0, got 0.5 in",
        ),
    ],
)
def test_a_refusal_names_the_step_and_the_key(change, ending):
    found = sentence(lines(document(), document((2, change))), keys=KEYS)
    assert ending in found
    assert "FILE line 2 step 2" in found


def test_a_trajectory_without_a_reward_says_so():
    assert sentence(lines(TRAJECTORY)) == (
        "rollouts: a trajectory in ATIF must have its reward in Harbor's `result.json`, got no "
        "such file for FILE line 1; name a key of its own by `keys={'outcome': KEY}` or `--key "
        "outcome=KEY`."
    )
    assert "the reward of a trajectory must lie under `extra.lost`" in sentence(
        lines(document()), keys={"outcome": "extra.lost"}
    )
