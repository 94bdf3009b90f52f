"""A default device that is not that of the tensors, as frameworks set it around their set-up."""

import pytest
import torch
from helpers import VARIANTS, arguments, results

import creditlib as cl
from creditlib import rollouts
from creditlib.rows import credit_rows, credit_settings, read_rows


@pytest.mark.parametrize("backend", ["torch", "numba"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_default_device_changes_nothing(variant, backend, monkeypatch):
    if backend == "numba":
        pytest.importorskip("numba")
    monkeypatch.setattr("creditlib.ops.backend.dispatch.default_backend", lambda device: backend)
    tensors = arguments(variant)
    expected = results(variant(tensors))
    with torch.device("meta"):
        found = results(variant(tensors))
    for ours, alone in zip(found, expected, strict=True):
        assert ours.device.type == "cpu"
        assert torch.equal(ours, alone)


def test_rows_of_a_trainer_are_credited_on_their_own_device():
    """Lists and tensors of the CPU, with every kind of column, copies and rows left out."""
    given = {
        "mask": [[1, 0, 1], [1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 1, 1]],
        "group": ["a", "a", "a", "a", "a"],
        "reward": [1.0, 0.0, 0.0, None, 0.5],
        "trajectory": [0, 1, 1, 2, 3],
        "step": [0, 0, 0, 0, 0],
        "keep": [True, True, True, True, False],
        "columns": {
            "anchor": [["hall", "attic"], ["hall"], ["hall"], ["hall"], ["hall"]],
            "duration": [[1.0, 2.0], [3.0], [3.0], [1.0], [1.0]],
        },
    }
    for name in ("grpo", "gigpo", "discounted_return"):
        options = {"gamma": 0.5} if name == "discounted_return" else {}
        settings = credit_settings(options, estimator=name)

        def credit(settings=settings):
            found = credit_rows(read_rows(**given, settings=settings), settings)
            return found.advantage, found.metrics

        advantage, metrics = credit()
        with torch.device("meta"):
            ours, numbers = credit()
        assert ours.device.type == "cpu"
        assert torch.equal(ours, advantage)
        assert numbers == metrics


def test_what_the_host_makes_lies_on_the_cpu(tmp_path):
    turns = [{"observation": "a", "text": "b", "reward": 0.5, "tokens": [1, 2]}]
    rows = [{"group": "g", "outcome": float(n), "turns": turns} for n in range(2)]
    path = tmp_path / "rollouts.jsonl"
    with torch.device("meta"):
        rollouts.write(path, rows)
        made = {
            **rollouts.read(path).tensors,
            "ids": cl.ids(["a", 1]),
            "anchors": cl.anchor_ids([["a"], []]),
            "milestones": cl.find_milestones(["a b"], ["a"]),
            **cl.tensors({"reward": [1, 0], "group": ["a", "a"], "turn_reward": [[1], [0, 1]]}),
        }
    assert {name for name, x in made.items() if x.device.type != "cpu"} == set()
