"""Every format in pieces of one row: the credit, names and notes are those of one conversion."""

import copy
import json
import math

import numpy as np
import pytest
from credit_cases import refusal, written
from format_files import ANSWER, CHAT, EPISODE, GROUP, LOG, NEMO, RESULTS, TRAJECTORY, USER

import creditlib as cl
from creditlib import rollouts
from creditlib.rollouts.crediting import conversion
from creditlib.rollouts.formats import FORMATS

# Estimators that read, one by one, every tensor that a format fills.
ESTIMATORS = ("rloo", "gigpo", "opo", "duration_weight", "gdpo", "overlong_penalty")
LIMITS = {"overlong_penalty": {"limit": 8, "buffer": 4}}
OTHER = {"role": "user", "content": "6*6?"}


def changed(value, *path, to):
    """A copy of a value of JSON with another item at a path; `...` takes it out."""
    found = copy.deepcopy(value)
    place = found
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return found


def chat(mixed):
    rows = [
        {**CHAT, "reward": reward, "trajectory_id": n} for n, reward in enumerate([1.0, 0, 0.5])
    ]
    other = {"task_id": 4, "reward": None, "messages": [OTHER, ANSWER], "n": 1}
    image = [{"type": "image"}, {"type": "text", "text": "?"}]
    seen = {**CHAT, "messages": [{"role": "user", "content": image}, ANSWER], "reward": True}
    return [[*rows, other], [seen, {**other, "reward": 1.0, "messages": []}] if mixed else rows[:0]]


def nemo(mixed):
    lost = {**NEMO, "reward": 0.0, "tool": 3}
    bare = changed(NEMO, "response", "output", 0, "generation_token_ids", to=...)
    prompt = {**lost, "_ng_task_index": None}
    return [[NEMO, lost, {**NEMO, "_ng_task_index": 9}], [lost, *([bare, prompt] * mixed)]]


def results(mixed):
    steps = [{"prompt": [USER], "completion": [ANSWER], "reward": 0.5, "tokens": {
        "completion_ids": [4, 5]}}]  # fmt: skip
    stepped = {**RESULTS["outputs"][0], "trajectory": steps}
    first = {**RESULTS, "outputs": [stepped, {**stepped, "reward": 0.25}]}
    return [[first, first], [RESULTS if mixed else first]]


def episodes(mixed):
    def episode(score, **more):
        trace = {**EPISODE["traces"][0], "rewards": {"right": {"score": score}}, **more}
        return {**EPISODE, "traces": [trace]}

    nobody = episode(1.0, agent={"trainable": False})
    named = changed(EPISODE, "traces", 0, "id", to="t9")
    counted = changed(episode(0.5), "traces", 0, "nodes", 1, "token_ids", to=None)
    late = changed(counted, "traces", 0, "nodes", 3, "timestamp", to=None)
    late["traces"] = [late["traces"][0], {**late["traces"][0], "id": "t8"}]
    first = [episode(1.0, id="a"), episode(0.0, id="b"), nobody]
    return [first, [episode(0.5, id="c"), *([named, nobody, late] * mixed)]]


def atif(mixed):
    def document(score, **more):
        rewards = {"verifier_result": {"rewards": score}, "task_name": "7*8"}
        return {**TRAJECTORY, **rewards, **more}

    rows = [document({"reward": 1.0, "brief": 0.5}), document({"reward": 0.0, "brief": 1.0})]
    untimed = changed(document({"reward": 0.5}), "steps", 1, "timestamp", to=None)
    uncounted = changed(untimed, "steps", 2, "metrics", to=None)
    more = [untimed, {**uncounted, "task_name": None, "subagent_trajectories": [{}]}]
    return [rows, [document({"reward": 0.5, "brief": 0.0}), *(more * mixed)]]


def scored(mixed):
    more = [{**GROUP, "scores": [None, 0.5], "overrides": 1}, GROUP]
    return [[GROUP, {**GROUP, "scores": [0.0, 1.0]}], more if mixed else [GROUP]]


def logs(mixed):
    two = changed(LOG, "samples", 0, "scores", to={"exact": {"value": "C"}, "brief": {"value": 1}})
    keys = {"outcome": "scores.exact.value"}
    return [[LOG, LOG], [two if mixed else LOG]], {"keys": keys}


def trl(mixed):
    def row(step, prompt, right, brief, **more):
        values = {"right": right, "brief": brief}
        return {"step": step, "prompt": prompt, "completion": "x", **values, "advantage": 0, **more}

    first = [row(1, "a", 1.0, 0), row(1, "b", 0.0, 1), row(1, "a", None, 0), row(2, "a", 0.5, 1)]
    second = [row(3, "b", 1, 0.5, n=1), row(3, "b", 0, math.nan), row(4, "a", 1, 1)]
    return [first, second if mixed else [row(3, "b", 1, 0), row(3, "b", 0, 1)]]


def verl(mixed):
    def row(step, uid, score, **more):
        found = {"input": "q", "output": "x", "score": score, "step": step, **more}
        return found if uid is None else {**found, "uid": uid}

    first = [row(1, "s_0_0", 0.0), row(1, "s_1_0", 0.5), row(1, "s_0_1", 1.0), row(2, "s_0_0", 0)]
    last = [row(3, "t_0_0", 1.0), row(3, "t_1_0", 0.0)]
    other = [row(3, None, 1.0, n=1), row(3, "t", 0.0), row(3, "t", 0.5, input="p"), row(4, "u", 1)]
    return [first, other if mixed else last]


MAKERS = {
    "chat": chat,
    "nemo_gym": nemo,
    "verifiers_results": results,
    "verifiers": episodes,
    "atif": atif,
    "atropos": scored,
    "inspect": logs,
    "trl": trl,
    "verl": verl,
}


def made(folder, name, mixed):
    """The files of a format, and the options of `read` for them."""
    found = MAKERS[name](mixed)
    files, options = found if isinstance(found, tuple) else (found, {})
    paths = []
    for number, rows in enumerate(each for each in files if each):
        paths.append(folder / f"{number}.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows))
    return paths, options


def in_order(batch):
    """The rows of a batch in the order of their places: the outputs have that of the files."""
    order = {path: at for at, path in enumerate(dict.fromkeys(p.split()[0] for p in batch.places))}

    def key(row):
        path, *words = batch.places[row].split()
        return order[path], [int("".join(filter(str.isdigit, word)) or 0) for word in words]

    return sorted(range(len(batch.places)), key=key)


@pytest.mark.parametrize("mixed", [False, True], ids=["alike", "mixed"])
@pytest.mark.parametrize("name", MAKERS)
def test_a_format_in_pieces_is_one_conversion(name, mixed, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "_ROWS", 1)
    monkeypatch.setattr(conversion, "scan_together", None)  # never all rows together
    paths, options = made(tmp_path, name, mixed)
    batch = rollouts.read(paths, **options)
    assert batch.format == name
    rows = in_order(batch)
    credited = 0
    for estimator in ESTIMATORS:
        own = {key: value for key, value in LIMITS.items() if key == estimator}
        out = tmp_path / estimator
        try:
            wanted = cl.apply(estimator, batch.tensors, **own.get(estimator, {})).numpy()
        except cl.ContractError:
            assert f"{estimator}, which needs" in refusal(paths, estimator, options=own, **options)
            continue
        credited += 1
        found = rollouts.credit(paths, estimator, out=out, options=own, memory="1MB", **options)
        table = written(found)
        table = table.filter(table["group"].is_valid())
        names = [str(batch.trajectories[row]["group"]) for row in rows]
        assert list(map(str, table["group"].to_pylist())) == names
        for row, mine in zip(rows, table[estimator].to_pylist(), strict=True):
            count = len(batch.trajectories[row]["turns"])
            whole = wanted[row] if wanted.ndim == 1 else wanted[row, :count]
            assert np.asarray(mine, dtype=np.float32).tolist() == whole.tolist()
        assert set(batch.notes) - set(found.notes) == set()
    assert credited >= 2


def test_every_format_is_tried():
    assert FORMATS.keys() - MAKERS.keys() == {"creditlib"}


def test_rows_of_a_step_that_lie_in_two_files_need_all_rows_together(tmp_path):
    rows = [{"input": "q", "output": "x", "score": score, "step": 1} for score in (1.0, 0.0)]
    for number, row in enumerate(rows):
        (tmp_path / f"{number}.jsonl").write_text(json.dumps(row) + "\n")
    table = written(rollouts.credit(tmp_path, "rloo"))
    assert table["rloo"].to_pylist() == [1.0, -1.0]
    text = refusal(tmp_path, "rloo", overwrite=True, memory="20B")
    assert text.startswith(
        "credit: `memory` must be at least the size of files of the format verl where rows of one "
        "step do not follow each other in one file, got 20 bytes for "
    )


def test_files_larger_than_the_budget_are_converted_in_pieces(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [{**CHAT, "task_id": n // 2, "reward": n % 2} for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = rollouts.credit(path, "rloo", memory="1KB")
    assert written(found)["rloo"].to_pylist() == [-1.0, 1.0] * 20


def test_a_continued_document_is_no_trajectory_wherever_it_lies(tmp_path):
    rewards = {"verifier_result": {"rewards": {"reward": 1.0}}, "task_name": "7*8"}
    row = {**TRAJECTORY, **rewards}
    for name, document in (
        ("1.json", row),  # what 2.json continues in
        ("2.json", {**row, "continued_trajectory_ref": "1.json"}),
        ("3.json", {**row, "verifier_result": {"rewards": {"reward": 0.0}}}),
    ):
        (tmp_path / name).write_text(json.dumps(document, indent=1))
    found = rollouts.credit(tmp_path, ["rloo", "gigpo"])
    table = written(found)
    assert table["rloo"].to_pylist() == [None, 1.0, -1.0]
    assert [credit and len(credit) for credit in table["gigpo"].to_pylist()] == [None, 4, 2]
    assert (found.rows, found.trajectories) == (3, 2)
