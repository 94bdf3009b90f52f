import json

import pytest
import torch

import creditlib as cl
from creditlib.report import explain_json
from creditlib.report.explain_json import JSON_VERSION
from creditlib.rollouts import from_trajectories
from creditlib.vocabulary.messages import ContractError

TURN = {"observation": "a door", "text": "open"}


def batch():
    return from_trajectories(
        [
            {"group": 7, "id": "x", "outcome": 1.0, "turns": [TURN, TURN]},
            {"group": 7, "outcome": 0.0, "turns": [TURN]},
            {"group": "b", "outcome": None, "turns": [TURN]},
        ],
        notes=("a note.",),
    )


def test_numbers_are_those_of_apply_to_the_last_digit():
    rollouts = batch()
    found = explain_json(rollouts, ["gigpo"], options={"gigpo": {"gamma": 0.5}})
    credit = cl.apply("gigpo", rollouts.tensors, gamma=0.5)
    rows = [row for group in found["groups"] for row in group["trajectories"]]
    for row in rows:
        values = [turn["credit"]["gigpo"] for turn in row["turns"]]
        assert values == credit[row["row"], : len(values)].tolist()
    assert sorted(row["row"] for row in rows) == [0, 1, 2]


def test_the_keys_of_version_1():
    found = explain_json(batch(), ["rloo", "gae"])
    assert (found["format"], found["version"]) == ("creditlib.explain", JSON_VERSION)
    assert JSON_VERSION == 1
    assert list(found) == ["format", "version", "summary", "estimators", "notes", "groups"]
    assert found["notes"] == ["a note."]
    assert [each["name"] for each in found["estimators"]] == ["rloo", "gae"]
    assert found["estimators"][0]["reason"] == ""
    assert found["estimators"][1]["reason"].startswith("gae works on tokens")
    first = found["groups"][0]
    assert {name: first[name] for name in ("name", "lone", "constant", "informative")} == {
        "name": 7,
        "lone": False,
        "constant": False,
        "informative": True,
    }
    assert first["trajectories"][0] == {
        "row": 0,
        "id": "x",
        "place": "trajectory 1",
        "outcome": 1.0,
        "turns": [
            {"reward": 0.0, "credit": {"rloo": 1.0}},
            {"reward": 1.0, "credit": {"rloo": 1.0}},
        ],
    }
    assert found["summary"]["trajectories"] == 3
    assert "by_group" not in found["summary"]


def test_it_is_json_whatever_the_numbers_are():
    def broken(*, reward):
        return torch.log(reward - 1)

    found = explain_json(batch(), [broken, "rloo"], options={"rloo": {"lone": "zero"}})
    again = json.loads(json.dumps(found, allow_nan=False))
    assert again == found
    assert found["groups"][0]["trajectories"][1]["turns"][0]["credit"]["broken"] is None
    assert found["estimators"][1]["options"] == {"lone": "zero"}


def test_without_credit_there_are_reasons_only():
    found = explain_json(batch(), ["gae"])
    assert found["summary"] is None
    assert found["groups"] == []


def test_groups_asked_for():
    found = explain_json(batch(), ["rloo"], groups=["b"])
    assert [group["name"] for group in found["groups"]] == ["b"]
    with pytest.raises(ContractError, match="`group` must be one of the file's groups"):
        explain_json(batch(), ["rloo"], groups=["c"])
