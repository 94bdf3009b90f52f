import json

import torch

from creditlib.audit.result import SCHEMA, Audit, Tiers
from creditlib.audit.rows import ExactRow, LearningRow, PathRow, QualityRow

KEYS = [
    *("schema", "estimator", "options", "versions", "seconds", "exact", "quality", "path"),
    *("learning", "facts", "not_audited", "against", "tasks", "settings"),
]
TIERS = Tiers(
    exact=(ExactRow("a", 2, None, 0.5, 0.25),),
    quality=(QualityRow("a", "snr", float("nan"), float("-inf"), float("inf")),),
    path=(PathRow("a", 20, None),),
    facts={"cost": torch.tensor(2.0), "heard": {"reward": True}},
    not_audited={"b": ("anchor",)},
)


def audit(**changes):
    return Audit(
        **{
            "estimator": "mine",
            "own": TIERS,
            "against": {"rloo": Tiers()},
            "learning": (LearningRow("a", "mine", 0.5, 0.25, 0.75),),
            "tasks": {"a": {"digest": "d"}},
            "settings": {"groups": 2},
            **changes,
        }
    )


def test_by_hand():
    found = json.loads(
        audit(options={"scale": None, "over": torch.mean}, seconds=1.23456).to_json()
    )
    assert list(found) == KEYS
    assert found["schema"] == SCHEMA == 1
    assert found["options"] == {"scale": None, "over": "mean"}
    assert found["seconds"] == 1.235
    assert found["exact"] == [
        {"task": "a", "n": 2, "cosine": None, "scale": 0.5, "max_error": 0.25}
    ]
    assert found["path"] == [{"task": "a", "update": 20, "cosine": None}]
    assert found["learning"] == [
        {"task": "a", "estimator": "mine", "area": 0.5, "low": 0.25, "high": 0.75}
    ]
    assert found["facts"] == {"cost": 2.0, "heard": {"reward": True}}
    assert found["not_audited"] == {"b": ["anchor"]}
    assert list(found["against"]["rloo"]) == ["exact", "quality", "path", "facts", "not_audited"]


def test_what_is_not_finite_is_null():
    found = audit().to_json()
    assert json.loads(found)["quality"] == [
        {"task": "a", "metric": "snr", "value": None, "low": None, "high": None}
    ]
    assert "NaN" not in found
    assert "Infinity" not in found


def test_the_bounds_of_an_interval_are_finite():
    (row,) = audit().to_dict()["quality"]
    assert (row["low"], row["high"]) == (None, None)


def test_rows_are_found_by_task_and_metric():
    assert TIERS.quality_of("a", "snr").metric == "snr"
    assert TIERS.quality_of("a", "dead") is None
    assert (TIERS.tasks, list(audit().every)) == (["a"], ["mine", "rloo"])
