"""The adapter inside rLLM's source: its registry, its collector, its types.

CREDITLIB_SOURCE names a checkout. Its algorithms and types are imported whole; engines, workflows
and omegaconf are empty stand-ins.
"""

import numpy as np
import pytest
import torch
from trainer_sources import found, from_source, recorded

ALGORITHMS = "rllm.trainer.algorithms"
OWN = (
    "rllm.types",
    f"{ALGORITHMS}.config",
    f"{ALGORITHMS}.rl_algo",
    f"{ALGORITHMS}.advantage",
    ALGORITHMS,
    "rllm.trainer.backend_protocol",
    "rllm.trainer.buffer",
)
types, config, _, advantage, _, backend, buffer = from_source(OWN, missing=("omegaconf",))

from creditlib.integrations import rllm  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402
from creditlib.vocabulary.messages import ContractError  # noqa: E402

Name = config.rLLMAdvantageEstimator
MODULES = advantage, backend, buffer
COLLECT = "collect_reward_and_advantage_from_trajectory_groups"


def trajectory(reward, *lengths, anchors=(), rewards=()):
    steps = [
        types.Step(
            response_ids=[1] * length,
            metadata={"anchor": anchors[place]} if anchors else None,
            reward=rewards[place] if rewards else 0.0,
        )
        for place, length in enumerate(lengths)
    ]
    return types.Trajectory(reward=reward, steps=steps)


def group(*trajectories, name="task:solver"):
    return types.TrajectoryGroup(trajectories=list(trajectories), group_id=name)


def collected(groups, module=advantage, **settings):
    """Advantages of steps, after rLLM's collector; and what it logs."""
    logged = getattr(module, COLLECT)(groups, config.AlgorithmConfig(**settings))
    return [[[s.advantage for s in t.steps] for t in each.trajectories] for each in groups], logged


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(
        advantage, "RLLM_ADV_ESTIMATOR_REGISTRY", dict(advantage.RLLM_ADV_ESTIMATOR_REGISTRY)
    )


def ragged():
    """Two groups of trajectories with one to three steps, and a lone trajectory."""
    return [
        group(trajectory(1.0, 2, 1, 3), trajectory(0.0, 3), trajectory(0.25, 1, 1)),
        group(trajectory(0.5, 4), trajectory(2.0, 1, 2)),
        group(trajectory(0.7, 2)),
    ]


def test_every_hook_is_as_it_was_recorded():
    assert found(rllm.TRAINER) == recorded("rllm")


@pytest.mark.parametrize("scaled", [True, False])
def test_the_registry_with_the_preset_is_rllms_own(scaled):
    if scaled:
        rllm.register({"preset": "RLLM_GRPO"})
    else:
        rllm.register({"lone": "raw"})
    ours, logged = collected(ragged(), estimator=Name("other"), norm_adv_by_std_in_grpo=scaled)
    own, theirs = collected(ragged(), estimator=Name.GRPO, norm_adv_by_std_in_grpo=scaled)
    flat = [[x for g in each for t in g for x in t] for each in (ours, own)]
    assert_close(*(torch.tensor(each) for each in flat))
    assert logged.keys() == theirs.keys()


def test_leave_one_out_is_rllms_own_and_a_lone_trajectory_gets_nothing():
    rllm.register({"estimator": "rloo"})
    ours, _ = collected(ragged(), estimator=Name("other"))
    own, _ = collected(ragged(), estimator=Name.RLOO)
    flat = [[x for g in each[:2] for t in g for x in t] for each in (ours, own)]
    assert_close(*(torch.tensor(each) for each in flat))
    # 1 - (0 + 0.25) / 2, on each of three steps.
    assert ours[0][0] == [0.875] * 3
    assert ours[2] == [[0.0]]
    assert own[2] == [[0.7]]


def turns():
    first = trajectory(1.0, 2, 1, anchors=["hall", "attic"], rewards=[0.0, 1.0])
    return [
        group(first, trajectory(0.0, 3, anchors=["hall"])),
        group(
            trajectory(4.0, 1, anchors=["hall"], rewards=[4.0]),
            trajectory(2.0, 2, 1, anchors=["cave", "hall"], rewards=[0.0, 2.0]),
            name="task:judge",
        ),
    ]


GIGPO = {"estimator": "gigpo", "gamma": 1.0, "scale": None}
# First group: episodes ±0.5; in the hall 1 and 0 are to come, ±0.5; the attic is seen once.
# Second group: episodes ±1; in its hall 4 and 2 are to come, ±1; the cave is seen once.
EXPECTED = [[[[1.0, 1.0], [0.5]], [[-1.0] * 3]], [[[2.0]], [[-1.0, -1.0], [-2.0]]]]


@pytest.mark.parametrize("module", MODULES)
def test_turns_go_through_each_collector(module):
    undo = rllm.install(GIGPO)
    try:
        credit, logged = collected(turns(), module, use_precomputed_advantage=True)
        with pytest.raises(ContractError, match="use_precomputed_advantage"):
            collected(turns(), module)
    finally:
        undo()
    assert credit == EXPECTED
    # rLLM's own means over tokens of a role: (1 + 1 + 0.5 - 3) / 6 and (2 - 2 - 2) / 4.
    assert logged["advantage/solver/mean"] == pytest.approx(-0.5 / 6)
    assert logged["advantage/judge/mean"] == -0.5
    assert logged["creditlib/rows/excluded"] == 0.0


def test_steps_written_by_hand_are_collected_as_they_are():
    groups = turns()
    rllm.write_step_advantages(groups, GIGPO)
    credit, _ = collected(groups, use_precomputed_advantage=True)
    assert credit == EXPECTED


def test_trajectories_without_a_reward_or_tokens_change_no_baseline():
    groups = [group(trajectory(None, 2), trajectory(3.0, 1), trajectory(1.0, 1), trajectory(9.0))]
    undo = rllm.install({"scale": None})
    try:
        credit, _ = collected(groups, use_precomputed_advantage=True)
    finally:
        undo()
    assert credit == [[[[0.0, 0.0]], [[1.0]], [[-1.0]], []]]


def test_credit_of_turns_has_no_place_in_the_registry():
    rllm.register(GIGPO)
    groups = turns()
    for each in groups:
        for member in each.trajectories:
            member.metadata = {"anchor": [step.metadata["anchor"] for step in member.steps]}
    with pytest.raises(ContractError, match="write_step_advantages"):
        collected(groups, estimator=Name("other"))


def test_a_role_keeps_an_estimator_of_its_own():
    rllm.register({"scale": None})
    credit, _ = collected(turns(), estimator=Name("other"), estimator_map={"judge": Name.REINFORCE})
    assert credit == [[[0.5, 0.5], [-0.5]], [[4.0], [2.0, 2.0]]]
    assert isinstance(credit[0][0][0], float)
    assert not isinstance(credit[0][0][0], np.floating)
