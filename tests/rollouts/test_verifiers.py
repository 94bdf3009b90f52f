import copy
import json

import pytest
from format_files import ANSWER, EPISODE, USER, lines, sentence, turns_of

from creditlib import apply, rollouts
from creditlib.rollouts.verifiers import VERIFIERS


def episode(trace=None, **changes):
    """The episode with changes, and its trace with changes."""
    row = {**copy.deepcopy(EPISODE), **changes}
    row["traces"][0].update(trace or {})
    return row


def nodes(**changes):
    """The nodes of the episode; node 3 has the changes."""
    found = copy.deepcopy(EPISODE["traces"][0]["nodes"])
    found[3].update(changes)
    return found


def test_each_sampled_node_is_a_turn():
    """Outcome 1 * 2 + 0.5 * 1; turns of 2 and 1 tokens; 3 seconds from 100 to 103, then 5."""
    other = episode({"rewards": {"right": {"score": 0.0}, "brief": None}})
    path = lines(EPISODE, other)
    found = rollouts.read(path)
    assert found.format == "verifiers"
    assert found.tensors["reward"].tolist() == [2.5, 0.0]
    assert found.tensors["rewards"][0].tolist() == [1.0, 0.5]
    assert found.tensors["rewards"].isnan().tolist() == [[False, False], [False, True]]
    assert turns_of(found) == [("7*8?", "multiply(7, 8)"), ("56", "56")]
    assert [turn["tokens"] for turn in found.trajectories[0]["turns"]] == [[4, 5], [6]]
    assert found.tensors["turn_length"].tolist() == [[2, 1], [2, 1]]
    assert found.tensors["duration"].tolist() == [[3.0, 5.0], [3.0, 5.0]]
    assert (list(found.groups), found.trajectories[0]["id"]) == (["3"], "t0")
    assert found.places[1] == f"{path} line 2 traces[0]"
    assert found.notes[-1] == "rewards = right, brief."


def test_a_branch_sees_the_nodes_above_it():
    """Node 4 continues from node 1, so it sees its own tool result and not that of node 2."""
    tool = {"parent": 1, "message": {"role": "tool", "content": "15"}, "sampled": False}
    last = {"parent": 4, "message": ANSWER, "sampled": True, "timestamp": 109.0}
    found = rollouts.read(lines(episode({"nodes": [*nodes(), tool, last]})))
    assert turns_of(found)[2] == ("15", "56")
    assert "tokens are left out: 1 of 3 turns has none from" in found.notes[1]


def test_an_answer_that_no_model_gave_is_no_turn():
    shot = [{"message": USER}, {"parent": 0, "message": ANSWER}, {"parent": 1, "message": USER}]
    last = {"parent": 2, "message": ANSWER, "sampled": True}
    assert turns_of(rollouts.read(lines(episode({"nodes": [*shot, last]})))) == [("7*8?", "56")]


@pytest.mark.parametrize(
    ("changes", "group"),
    [
        ({"group": {"id": "g"}}, "g"),
        ({"task": {"key": "k", "hash": "h"}}, "k"),
        ({"task": {"data": {"id": "row 7"}}, "run": {"work": {"step": 4}}}, "4/row 7"),
        ({"group": {"id": "g"}, "run": {"work": {"step": 4}}}, "g"),
    ],
)
def test_the_group_is_that_of_the_episode_or_the_task(changes, group):
    assert list(rollouts.read(lines(episode(**changes))).groups) == [group]


def test_agents_of_one_name_are_peers_and_those_that_do_not_train_are_left_out():
    row = episode({"agent": {"name": "solver"}})
    judge = {**row["traces"][0], "agent": {"name": "judge", "trainable": False}}
    row["traces"] = [judge, row["traces"][0]]
    found = rollouts.read(lines(row))
    assert list(found.groups) == ["3/solver"]
    assert found.places[0].endswith("traces[1]")
    assert "1 of 2 traces do not train the policy: left out." in found.notes


def test_without_token_ids_the_usage_of_the_calls_counts():
    bare = [{**node, "token_ids": [], "mask": []} for node in nodes()]
    calls = [{"node": n, "usage": {"completion_tokens": count}} for n, count in ((1, 7), (3, 2))]
    found = rollouts.read(lines(episode({"nodes": bare, "calls": calls})))
    assert found.tensors["turn_length"].tolist() == [[7, 2]]


def test_what_was_not_scored_takes_no_part():
    for rewards in ({}, {"right": None}):
        found = rollouts.read(lines(episode({"rewards": rewards})))
        assert found.tensors["valid"].tolist() == [False]


def test_credit_is_written_as_the_advantages_of_the_sampled_tokens():
    """Grpo without scale of the outcomes 2.5 and 0 is +1.25 and -1.25."""
    rows = [EPISODE, episode({"rewards": {"right": {"score": 0.0}}})]
    found = rollouts.read(lines(*rows))
    credit = apply("grpo", found.tensors, scale=None).tolist()
    written = [
        VERIFIERS.with_credit(row, "x", [[value, 2 * value]])
        for row, value in zip(rows, credit, strict=True)
    ]
    advantages = [[node.get("advantages") for node in row["traces"][0]["nodes"]] for row in written]
    assert advantages == [[None, [1.25, 1.25], None, [2.5]], [None, [-1.25, -1.25], None, [-2.5]]]
    assert "advantages" not in json.dumps(rows)
    assert rollouts.read(lines(*written)).tensors.keys() == found.tensors.keys()


def test_credit_of_another_size_is_refused(refusal):
    assert refusal(VERIFIERS.with_credit, EPISODE, "x", [[1.0]]) == (
        "with_credit: `credit` must have one number for each of 2 turns, got 1 in x traces[0]."
    )
    assert refusal(VERIFIERS.with_credit, EPISODE, "x", []) == (
        "with_credit: `credit` must have one list for each of 1 traces, got 0 in x."
    )


@pytest.mark.parametrize(
    ("trace", "ending"),
    [
        ({"rewards": {"right": {"score": "x"}}}, "`score` must be a finite number, true, false or"),
        ({"rewards": {"right": 1.0}}, "`rewards` must be an object, got 1.0 in"),
        ({"nodes": 7}, "`nodes` must be a list of objects, got 7 in"),
        ({"nodes": nodes(parent=9)}, "`parent` must be the number of a node above, got 9 in"),
        ({"nodes": nodes(parent=3)}, "`parent` must be the number of a node above, got 3 in"),
        ({"nodes": nodes(mask=[True])}, "`mask` must be as long as `token_ids`, 2, got 1 in"),
        ({"nodes": nodes(token_ids=[1.5, 2])}, "`token_ids` must be a flat list of token ids"),
        ({"nodes": nodes(message=7)}, "`message` must be an object, got 7 in"),
        ({"nodes": nodes(timestamp="x")}, "`timestamp` must be a number of seconds, got 'x' in"),
        (
            {"calls": [{"node": 3, "usage": {"completion_tokens": "x"}}]},
            "`completion_tokens` must be a whole number, at least 0, got 'x' in",
        ),
        ({"agent": 7}, "`agent` must be an object, got 7 in"),
    ],
)
def test_a_refusal_names_the_trace_and_the_key(trace, ending):
    found = sentence(lines(EPISODE, episode(trace)))
    assert ending in found
    assert "FILE line 2 traces[0]" in found
