import json

import pytest

from creditlib import rollouts
from creditlib.vocabulary.messages import ContractError


def dump(path, step, rows):
    """As verl's `_write_generations` does it: columns, then one JSON object per line."""
    base = {key: [row[key] for row in rows] for key in rows[0]}
    base["step"] = [step] * len(rows)
    with (path / f"{step}.jsonl").open("w") as file:
        for i in range(len(rows)):
            entry = {key: values[i] for key, values in base.items()}
            file.write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")


def row(prompt, output, score, **extra):
    return {"input": prompt, "output": output, "gts": "56", "score": score, **extra}


def test_without_a_uid_the_prompt_within_a_step_is_the_group(tmp_path):
    rows = [
        row("user\n7*8?", "56", 1.0, request_id="r1", acc=True),
        row("user\n7*8?", "54", 0.0, request_id="r2", acc=False),
        row("user\n6*6?", "36", 1.0, request_id="r3", acc=True),
    ]
    dump(tmp_path, 2, rows)
    dump(tmp_path, 10, rows[:1])
    found = rollouts.read(tmp_path)
    assert found.groups == {"2/1": [0, 1], "2/2": [2], "10/1": [3]}
    assert found.tensors["reward"].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert found.tensors["turn_reward"].tolist() == [[1.0], [0.0], [1.0], [1.0]]
    assert found.tensors["turn_count"].tolist() == [1, 1, 1, 1]
    assert found.tensors["anchor"][0] == found.tensors["anchor"][1]
    assert found.trajectories[1] == {
        "group": "2/1",
        "outcome": 0.0,
        "turns": [{"observation": "user\n7*8?", "text": "54"}],
        "id": "r2",
    }
    assert found.notes == (
        "group = equal `input` within a step, because the log has no prompt id.",
        "unknown keys are not read: `acc` (4 rows).",
    )


def test_a_plain_uid_is_the_group(tmp_path):
    rows = [row("q", "a", 1.0, uid="u-1"), row("q", "b", 0.0, uid="u-2")]
    dump(tmp_path, 1, rows)
    found = rollouts.read(tmp_path / "1.jsonl")
    assert found.groups == {"1/u-1": [0], "1/u-2": [1]}
    assert found.notes == ("group = `uid` within a step.",)


def test_outputs_of_one_session_are_the_turns_of_one_trajectory(tmp_path):
    rows = [
        row("p0", "first", 0.25, uid="s_0_0"),
        row("p1", "third", 1.0, uid="s_0_2"),
        row("p1", "second", 0.5, uid="s_0_1"),
        row("p0", "only", 0.0, uid="s_1_0"),
        row("z", "other", 2.0, uid="t_u_0_0"),
    ]
    dump(tmp_path, 7, rows)
    found = rollouts.read(tmp_path / "7.jsonl")
    assert found.groups == {"7/s": [0, 1], "7/t_u": [2]}
    assert found.tensors["reward"].tolist() == [1.0, 0.0, 2.0]
    assert found.tensors["turn_count"].tolist() == [3, 1, 1]
    assert [turn["text"] for turn in found.trajectories[0]["turns"]] == ["first", "second", "third"]
    assert found.tensors["turn_reward"][0].tolist() == [0.0, 0.0, 1.0]
    assert [trajectory["id"] for trajectory in found.trajectories] == ["s_0", "s_1", "t_u_0"]
    assert found.notes == (
        "group = sample id of `uid` within a step; the outputs of a session are its turns.",
        "outcome = score of a session's last output, as verl's grpo takes it.",
    )


def test_uids_that_repeat_are_not_taken_for_row_keys(tmp_path):
    rows = [row("q", "a", 1.0, uid="task_1_2"), row("q", "b", 0.0, uid="task_1_2")]
    dump(tmp_path, 1, rows)
    assert rollouts.read(tmp_path).groups == {"1/task_1_2": [0, 1]}


def test_a_bad_score_is_named(tmp_path):
    dump(tmp_path, 1, [row("q", "a", 1.0), row("q", "b", "high")])
    with pytest.raises(ContractError) as caught:
        rollouts.read(tmp_path)
    assert str(caught.value) == (
        "rollouts: `score` must be a finite number, true, false or null, got 'high' in "
        f"{tmp_path / '1.jsonl'} line 2."
    )


def test_a_bad_output_is_named(tmp_path):
    dump(tmp_path, 1, [row("q", "a", 1.0, uid="s_0_0"), row("q", 7, 1.0, uid="s_0_1")])
    with pytest.raises(ContractError) as caught:
        rollouts.read(tmp_path)
    assert str(caught.value) == (
        f"rollouts: `output` must be a text, got 7 in {tmp_path / '1.jsonl'} line 2."
    )


def test_a_missing_key_is_named(tmp_path):
    path = tmp_path / "1.jsonl"
    path.write_text('{"input": "q", "output": "a", "step": 1}')
    with pytest.raises(ContractError) as caught:
        rollouts.read(path, format="verl")
    assert (
        str(caught.value) == f"rollouts: `score` must be in every row, got none in {path} line 1."
    )


def test_rows_without_any_prompt_and_uid_are_refused(tmp_path, refusal):
    dump(tmp_path, 1, [row("q", "a", 1.0), row(None, "b", 0.0)])
    assert refusal(rollouts.read, tmp_path) == (
        "rollouts: `input` must be a text where rows have no `uid`, got None in "
        f"{tmp_path / '1.jsonl'} line 2."
    )


def test_flags_and_missing_scores(tmp_path):
    nan = float("nan")
    dump(tmp_path, 1, [row("q", "a", score) for score in (True, False, None, nan)])
    found = rollouts.read(tmp_path)
    assert found.tensors["reward"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert found.tensors["valid"].tolist() == [True, True, False, False]
