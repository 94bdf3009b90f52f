"""Trinity-RFT: unpadded experiences with ids, a class in its registry."""

from abc import ABC, abstractmethod
from types import SimpleNamespace

import pytest
import torch
from stand_in import placed

from creditlib.cli.doctor import examine_trainer
from creditlib.integrations import trinity as ours
from creditlib.integrations.patching import HookError, Trainer
from creditlib.rows.settings import credit_settings


def experience(task, run, step, reward, mask, tokens=None, **info):
    eid = SimpleNamespace(batch=0, task=task, run=run, step=step, suffix=object())
    return SimpleNamespace(
        eid=eid,
        reward=reward,
        action_mask=torch.tensor(mask, dtype=torch.bool),
        tokens=torch.tensor([task, run, step] if tokens is None else tokens),
        info=info,
        advantages=None,
        returns=None,
    )


def batch():
    """Two tasks with the same states; a tool's output in the first, no token in the last."""
    return [
        experience(0, 0, 0, 0.0, [1, 0, 1], env_state_hash="h", step_reward=0.0),
        experience(0, 0, 1, 1.0, [1], env_state_hash="k", step_reward=1.0),
        experience(0, 1, 0, 0.0, [1, 1], env_state_hash="h", step_reward=0.0),
        experience(1, 0, 0, 4.0, [1], env_state_hash="h", step_reward=4.0),
        experience(1, 1, 0, 2.0, [1], env_state_hash="h", step_reward=2.0),
        experience(1, 2, 0, 99.0, [0, 0], env_state_hash="h", step_reward=99.0),
    ]


PLAIN = {"estimator": "grpo", "scale": None}
TURNS = {"estimator": "gigpo", "gamma": 1.0, "scale": None}


def credit(exps, settings):
    ours.credit_experiences(exps, credit_settings(settings))
    assert all(len(each.advantages) == len(each.action_mask) for each in exps)
    return [each.advantages.tolist() for each in exps]


def one_step():
    """Every row a turn: the tool's output of the first is not there."""
    exps = batch()
    exps[0].action_mask = torch.tensor([True])
    return exps


def test_the_last_step_of_a_run_has_its_outcome():
    """A run counts once however many steps it has (agent-lightning #444)."""
    found = credit(batch(), PLAIN)
    # Task 0: 1 and 0. Task 1: 4 and 2; the run without a token changes no baseline.
    assert found == [[0.5, 0.0, 0.5], [0.5], [-0.5, -0.5], [1.0], [-1.0], [0.0, 0.0]]


def test_equal_states_of_two_tasks_are_two_anchors():
    """Trinity buckets equal hashes over the whole batch; here they are compared inside a task."""
    # To come: 1, 1 | 0 and 4 | 2. At h of task 0 1 and 0: ±0.5, of task 1 4 and 2: ±1.
    expected = [[1.0], [0.5], [-1.0, -1.0], [2.0], [-2.0], [0.0, 0.0]]
    assert credit(one_step(), TURNS) == expected
    order = [3, 1, 5, 4, 0, 2]
    exps = one_step()
    assert credit([exps[i] for i in order], TURNS) == [expected[i] for i in order]


def test_copies_are_credited_as_their_original_and_count_once():
    exps = [*one_step(), one_step()[0]]
    assert credit(exps, TURNS)[:2] == [[1.0], [0.5]]
    assert credit(exps, TURNS)[-1] == [1.0]


def test_runs_without_numbers_are_refused(refusal):
    exps = [experience(3, 0, 0, 1.0, [1], tokens=[5]), experience(3, 0, 0, 0.0, [1], tokens=[6])]
    assert refusal(ours.credit_experiences, exps, credit_settings(PLAIN)) == (
        "Trinity-RFT: `eid.run` must be set by the workflow for each run, got two answers of task "
        "3 with run 0 and step 0."
    )
    exps[0].action_mask = None
    assert "action_mask" in refusal(ours.credit_experiences, exps, credit_settings(PLAIN))


def test_unscored_runs_take_no_part():
    exps = [experience(0, run, 0, reward, [1]) for run, reward in enumerate((None, 3.0, 1.0))]
    assert credit(exps, PLAIN) == [[0.0], [1.0], [-1.0]]


def stand_in(monkeypatch):
    """Trinity's names where Trinity has them: `ADVANTAGE_FN` lies in the package."""

    class AdvantageFn(ABC):
        @abstractmethod
        def __call__(self, exps, **kwargs): ...

        @classmethod
        @abstractmethod
        def default_args(cls): ...

        @classmethod
        def compute_in_trainer(cls):
            return True

    class ExperienceOperator(ABC):
        @abstractmethod
        def process(self, exps): ...

        def close(self):
            return None

    class Registry:
        def __init__(self):
            self.modules = {}

        def register_module(self, module_name, module_cls=None, force=False, lazy=False):
            self.modules[module_name] = module_cls

    functions = {"AdvantageFn": AdvantageFn, "ADVANTAGE_FN": Registry()}
    return placed(
        monkeypatch,
        {
            "trinity.algorithm.advantage_fn": functions,
            "trinity.buffer.operators": {"ExperienceOperator": ExperienceOperator},
        },
    )


def test_registered_made_by_its_settings_and_run_as_an_operator(monkeypatch):
    functions, *_ = stand_in(monkeypatch)
    ours.register()
    made = functions.ADVANTAGE_FN.modules["creditlib"]
    assert not made.compute_in_trainer()
    assert made(**made.default_args()).settings.name == "grpo"
    operator = made(**PLAIN)
    exps = batch()
    same, metrics = operator.process(exps)
    assert same is exps
    assert exps[3].advantages.tolist() == exps[3].returns.tolist() == [1.0]
    assert metrics["creditlib/rows/excluded"] == pytest.approx(1 / 6)
    assert operator([]) == ([], {})
    operator.close()


def test_a_registry_that_has_moved_is_refused(monkeypatch):
    functions, _ = stand_in(monkeypatch)
    functions.ADVANTAGE_FN.register_module = lambda cls: None
    with pytest.raises(HookError, match=r"Trinity-RFT: .* as in 0.6.0, got \(cls\)"):
        ours.register()
    del functions.ADVANTAGE_FN
    with pytest.raises(HookError, match=r"ADVANTAGE_FN\.register_module` must be"):
        ours.register()


def test_the_doctor_examines_the_registry(monkeypatch):
    """A doctor that sees fewer hooks than the adapter uses calls a broken installation fine."""
    functions, _ = stand_in(monkeypatch)
    monkeypatch.setattr(Trainer, "version", "0.6.0")
    assert {each.state for each in examine_trainer("trinity")} == {"ok"}
    functions.ADVANTAGE_FN.modules = []
    failed = [each for each in examine_trainer("trinity") if each.state == "failed"]
    assert [each.fact for each in failed] == ["is list, tested with dict"]
    del functions.ADVANTAGE_FN
    failed = [each for each in examine_trainer("trinity") if each.state == "failed"]
    assert [each.name.partition(":")[2] for each in failed] == [
        "ADVANTAGE_FN.register_module",
        "ADVANTAGE_FN.modules",
    ]


def test_undo_removes_the_class_from_the_registry(monkeypatch):
    functions, _ = stand_in(monkeypatch)
    undo = ours.install(PLAIN)
    assert list(functions.ADVANTAGE_FN.modules) == ["creditlib"]
    undo()
    assert functions.ADVANTAGE_FN.modules == {}
