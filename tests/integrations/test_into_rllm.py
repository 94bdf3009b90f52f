"""rLLM: groups of trajectories of steps, its registry, its collector."""

from types import SimpleNamespace

import numpy as np
import pytest
from stand_in import placed

from creditlib.integrations import rllm as ours
from creditlib.integrations.patching import HookError
from creditlib.integrations.rllm import rllm_estimator, write_step_advantages


def step(tokens, reward=0.0, anchor=None):
    return SimpleNamespace(
        response_ids=list(range(tokens)), reward=reward, metadata={"anchor": anchor}, advantage=None
    )


def trajectory(reward, *steps, **metadata):
    return SimpleNamespace(
        steps=list(steps), reward=reward, metadata=metadata or None, uid=object()
    )


def group(*trajectories):
    return SimpleNamespace(trajectories=list(trajectories), group_role="solver")


def written(groups):
    return [[step.advantage for step in t.steps] for each in groups for t in each.trajectories]


PLAIN = SimpleNamespace(norm_adv_by_std_in_grpo=False)


def test_a_number_for_each_trajectory_of_each_group():
    """rLLM #924: the group is the list a trajectory is in, never an id of its own."""
    found, returns = rllm_estimator([np.array([2.0, 1.0, 0.0]), np.array([5.0])], PLAIN)
    assert [each.tolist() for each in found] == [[1.0, 0.0, -1.0], [0.0]]
    assert [each.tolist() for each in returns] == [[1.0, 0.0, -1.0], [0.0]]


def test_trajectories_without_tokens_change_no_baseline():
    groups = [group(trajectory(2.0, step(2), step(1)), trajectory(9.0), trajectory(0.0, step(3)))]
    found, _ = rllm_estimator([np.array([2.0, 9.0, 0.0])], PLAIN, traj_groups=groups)
    assert found[0].tolist() == [1.0, 0.0, -1.0]
    # Where no step has tokens, they are not known: everybody takes part.
    bare = [group(trajectory(2.0), trajectory(0.0))]
    assert rllm_estimator([np.array([2.0, 0.0])], PLAIN, traj_groups=bare)[0][0].tolist() == [1, -1]


def test_lengths_and_metadata_reach_the_estimator():
    groups = [
        group(trajectory(1.0, step(3), baseline=0.25), trajectory(0.0, step(1), baseline=0.5))
    ]
    rewards = [np.array([1.0, 0.0])]
    # opo: the mean weighted by tokens, (3 * 1 + 1 * 0) / 4 = 0.75. remax: less the baseline.
    found, _ = rllm_estimator(rewards, None, traj_groups=groups, settings={"estimator": "opo"})
    assert found[0].tolist() == [0.25, -0.75]
    found, _ = rllm_estimator(rewards, None, traj_groups=groups, settings={"estimator": "remax"})
    assert found[0].tolist() == [0.75, -0.5]


def test_credit_of_turns_has_no_place_in_the_registry(refusal):
    steps = (step(1, anchor="h"), step(1, anchor="k"))
    groups = [group(trajectory(1.0, *steps), trajectory(0.0, step(1, anchor="k")))]
    for each, words in zip(groups[0].trajectories, (["h", "k"], ["k"]), strict=True):
        each.metadata = {"anchor": words}
    said = refusal(
        rllm_estimator,
        [np.array([1.0, 0.0])],
        None,
        traj_groups=groups,
        settings={"estimator": "gigpo"},
    )
    assert said == (
        "rllm_estimator: `estimator` must be one that credits trajectories (for turns: "
        "write_step_advantages), got gigpo."
    )


def test_turns_are_credited_on_their_steps():
    """Group statistics run over trajectories (agent-lightning #444), anchors inside a group."""
    first = trajectory(1.0, step(2, anchor="h"), step(1, 1.0, anchor="k"))
    groups = [
        group(first, trajectory(0.0, step(3, anchor="h"))),
        group(trajectory(4.0, step(1, 4.0, anchor="h")), trajectory(2.0, step(0), step(1, 2.0))),
    ]
    settings = {"estimator": "gigpo", "gamma": 1.0, "scale": None}
    metrics = write_step_advantages(groups, settings)
    # First group: episodes ±0.5; at h 1 and 0 are to come, ±0.5; k is seen once.
    # Second group: episodes ±1; h is seen once there. Lists are as long as the answers.
    assert written(groups) == [[[1.0, 1.0], [0.5]], [[-1.0] * 3], [[1.0]], [[], [-1.0]]]
    assert metrics["creditlib/rows/copies"] == 0.0


def test_trajectories_without_a_reward_get_lists_of_zeros():
    groups = [group(trajectory(None, step(2)), trajectory(3.0, step(1)), trajectory(1.0, step(1)))]
    write_step_advantages(groups, {"scale": None})
    assert written(groups) == [[[0.0, 0.0]], [[1.0]], [[-1.0]]]


class rLLMAdvantageEstimator(str):  # noqa: N801 - rLLM's own name
    """A name of rLLM's configuration, marked as one."""

    def __new__(cls, name):
        return super().__new__(cls, f"<{name}>")


rLLMAdvantageEstimator.OTHER = rLLMAdvantageEstimator("other")


def stand_in(monkeypatch):
    registry = {}

    def register_rllm_adv_estimator(name):
        return lambda function: registry.setdefault(name, function)

    def collector():
        def collect(groups, algorithm_config, collect_advantage=True):
            return {"advantage/steps": sum(len(t.steps) for g in groups for t in g.trajectories)}

        return collect

    paths = [hook.path.partition(":") for hook in ours._COLLECTS]
    modules = {module: {name: collector()} for module, _, name in paths}
    advantage = modules["rllm.trainer.algorithms.advantage"]
    advantage["register_rllm_adv_estimator"] = register_rllm_adv_estimator
    advantage["rLLMAdvantageEstimator"] = rLLMAdvantageEstimator
    return registry, placed(monkeypatch, modules)


def test_registered_with_settings(monkeypatch):
    registry, _ = stand_in(monkeypatch)
    ours.register({"estimator": "rloo"})
    found, _ = registry["<other>"](rewards=[np.array([1.0, 0.0])], algorithm_config=None)
    assert found[0].tolist() == [1.0, -1.0]


def test_the_collector_finds_steps_written(monkeypatch, refusal):
    _, modules = stand_in(monkeypatch)
    undo = ours.install({"scale": None})
    groups = [group(trajectory(1.0, step(1)), trajectory(0.0, step(1)))]
    for module in modules:
        collect = getattr(module, ours._COLLECT)
        found = collect(groups, SimpleNamespace(use_precomputed_advantage=True))
        assert written(groups) == [[[0.5]], [[-0.5]]]
        assert found["advantage/steps"] == 2
        assert found["creditlib/rows/excluded"] == 0.0
        assert collect(groups, None, False) == {"advantage/steps": 2}
    said = refusal(collect, groups, SimpleNamespace(use_precomputed_advantage=False))
    assert said == "rLLM: `use_precomputed_advantage` must be True, got False."
    assert "a second call" in refusal(ours.install)
    undo()
    assert not hasattr(getattr(modules[0], ours._COLLECT), "creditlib_original")


def test_a_registry_that_has_moved_is_refused(monkeypatch):
    _, modules = stand_in(monkeypatch)
    modules[0].register_rllm_adv_estimator = lambda name, version: None
    with pytest.raises(HookError, match=r"rLLM: .* as in 9beb6e0, got \(name, version\)"):
        ours.register()
