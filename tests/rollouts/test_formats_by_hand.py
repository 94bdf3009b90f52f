"""One case for each format, worked by hand.

The mutants of `tests/mutants/mutants_rollouts_formats.py` must fail here, so no test takes a
fixture.
"""

import copy
import json

from format_files import (
    ANSWER,
    CHAT,
    EPISODE,
    GROUP,
    LOG,
    NEMO,
    TRAJECTORY,
    USER,
    lines,
    sentence,
    turns_of,
)

from creditlib import rollouts
from creditlib.rollouts import FORMATS
from creditlib.rollouts.format_credit import rows_with_credit
from creditlib.rollouts.pieces import PieceFacts
from creditlib.rollouts.whole_keys import with_whole_keys

SYSTEM = {"role": "system", "content": "Be brief."}


def test_chat():
    """The system is heard by nobody, what the user says by the turn behind it."""
    found = rollouts.read(lines({**CHAT, "messages": [SYSTEM, USER, ANSWER, USER, ANSWER]}))
    assert turns_of(found) == [("7*8?", "56"), ("7*8?", "56")]
    assert found.tensors["reward"].tolist() == [1.0]


def test_prompts():
    """Equal messages with their keys in another order are one group."""
    turned = dict(reversed(USER.items()))
    shots = [{"role": "user", "content": "1+1?"}, ANSWER]
    rows = [
        {"prompt": [*shots, each], "completion": [ANSWER], "reward": 1} for each in (USER, turned)
    ]
    found = rollouts.read(lines(*rows))
    assert len(found.groups) == 1
    assert turns_of(found) == [("7*8?", "56")]


def test_keys():
    row = {"task_id": 3, "messages": [USER, ANSWER]}
    unscored = rollouts.read(lines({**row, "reward": None, "score": 7.0}))
    assert unscored.tensors["valid"].tolist() == [False]
    mixed = sentence(lines({**row, "reward": 1.0}, {**row, "score": 7.0}))
    assert "must lie under one key in all rows" in mixed


def test_nemo_gym():
    """Ids end an answer: 2 tokens, 1 token. A message behind a message is an answer of its own."""
    row = copy.deepcopy(NEMO)
    items = row["response"]["output"]
    items[1:1] = [{"type": "function_call", "name": "add", "generation_token_ids": [9, 9, 9]}]
    found = rollouts.read(lines(row))
    assert found.tensors["turn_length"].tolist() == [[2, 3, 1]]
    plain = {"type": "message", "role": "assistant", "content": "56"}
    found = rollouts.read(lines({**NEMO, "response": {"output": [plain, plain]}}))
    assert found.tensors["turn_count"].tolist() == [2]
    turns = [{"tokens": [1]}, {}]
    with_whole_keys(PieceFacts(), [{"turns": turns}], ["tokens"])
    assert turns == [{}, {}]


def test_verifiers():
    """1 * 2 + 0.5 * 1 = 2.5; of three tokens the first is the template's; node 5 sees node 2."""
    row = copy.deepcopy(EPISODE)
    nodes = row["traces"][0]["nodes"]
    nodes.append({**nodes[2], "message": {"role": "tool", "content": "15"}})
    nodes.append({**nodes[3], "parent": 2})
    row["traces"].append({**row["traces"][0], "agent": {"name": "judge", "trainable": False}})
    found = rollouts.read(lines(row))
    assert found.tensors["reward"].tolist() == [2.5]
    assert turns_of(found) == [("7*8?", "multiply(7, 8)"), ("56", "56"), ("56", "56")]
    assert found.tensors["turn_length"].tolist() == [[2, 1, 1]]
    written = next(rows_with_credit(FORMATS["verifiers"], [("x", row)], [[1.0, 2.0, 3.0]]))
    assert [node.get("advantages") for node in written["traces"][0]["nodes"]] == [
        *(None, [1.0, 1.0], None, [2.0], None, [3.0])
    ]


def test_atif():
    """A copied step and one that no model wrote stand before the two turns."""
    row = copy.deepcopy(TRAJECTORY)
    first, *others = row["steps"]
    copied = {"source": "agent", "message": "old", "is_copied_context": True}
    dispatch = {"source": "agent", "message": "look", "llm_call_count": 0}
    row["steps"] = [first, copied, dispatch, *others]
    found = rollouts.read(lines({**row, "won": 1}), keys={"outcome": "won"})
    assert [seen for seen, _ in turns_of(found)] == ["7*8?\nlook", "56"]


def test_harbor():
    """Two trials, of which one has no trajectory."""
    job = lines(TRAJECTORY, name="x.json").parent
    for name, reward in (("a", 1.0), ("b", 0.0)):
        (job / name / "agent").mkdir(parents=True)
        result = {"task_name": "sum", "verifier_result": {"rewards": {"reward": reward}}}
        (job / name / "result.json").write_text(json.dumps(result))
    (job / "a" / "agent" / "trajectory.json").write_text(json.dumps(TRAJECTORY))
    found = rollouts.read(job)
    assert found.tensors["reward"].tolist() == [1.0, 0.0]
    assert found.tensors["turn_count"].tolist() == [2, 0]


def test_atropos():
    """Runs of 2 and 1 tokens; only the last message is trained in the second trajectory."""
    messages = [*GROUP["messages"][0]]
    row = {**GROUP, "scores": [None, 0.0], "messages": [messages, messages]}
    found = rollouts.read(lines(row))
    assert found.tensors["turn_length"].tolist() == [[2, 1], [1, 0]]
    assert turns_of(found, 1) == [("7*8?", "56")]
    written = next(rows_with_credit(FORMATS["atropos"], [("x", row)], [None, [0.5]]))
    assert written["advantages"] == [[0.0] * 6, [0.0, 0.0, 0.5]]


def test_inspect():
    assert rollouts.read(lines(LOG)).tensors["reward"].tolist() == [1.0, 0.0]
