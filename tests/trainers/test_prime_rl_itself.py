"""The adapter inside prime-rl's source: its algorithms, its trace graphs' advantages.

CREDITLIB_SOURCE names a checkout. Its configuration and `verifiers` are empty stand-ins; traces are
plain objects with the attributes it reads.
"""

import asyncio
from types import SimpleNamespace

import pytest
import torch
from trainer_sources import found, from_source, recorded

ALGO = "prime_rl.orchestrator.algo"
OWN = (f"{ALGO}.routing", f"{ALGO}.base", f"{ALGO}.grpo", ALGO)
routing, base, grpo, algo = from_source(OWN, missing=("verifiers", "renderers"), within="src")

import creditlib as cl  # noqa: E402
from creditlib.integrations import prime_rl  # noqa: E402
from creditlib.testing import assert_close  # noqa: E402
from creditlib.vocabulary.messages import ContractError  # noqa: E402


def trace(reward, *masks, error=False, trainable=True, name="solver"):
    nodes = [
        SimpleNamespace(mask=list(mask), token_ids=[0] * len(mask), advantages=None)
        for mask in masks
    ]
    agent = SimpleNamespace(trainable=trainable, name=name)
    return SimpleNamespace(id="x", reward=reward, has_error=error, agent=agent, nodes=nodes)


def scored(*traces, install=True, config=None, **more):
    """Through prime-rl's `build_algorithm` and `finalize_group`; an episode for each trace."""
    undo = prime_rl.install(**more) if install else lambda: None
    try:
        config = config or SimpleNamespace(
            type="grpo", action_loss_type=algo.ALGORITHM_CLASSES["grpo"].action_loss_type
        )
        config.length_penalty = getattr(config, "length_penalty", None)
        algorithm = algo.build_algorithm(config, "pool")
        assert algorithm.policy_pool == "pool"
        episodes = [SimpleNamespace(traces=[each]) for each in traces]
        asyncio.run(algorithm.finalize_group(episodes))
    finally:
        undo()
    return [[node.advantages for node in each.nodes] for each in traces]


# A prompt's node, an answer with a template token in it, a tool's node, another answer.
TURNS = [False, False], [True, False, True], [False], [True]


def rewarded(*rewards):
    masks = (TURNS, ([True, True],), ([True],), ([False], [True, True, True]))
    return [trace(reward, *mask) for reward, mask in zip(rewards, masks, strict=False)]


def test_every_hook_is_as_it_was_recorded():
    assert found(prime_rl.TRAINER) == recorded("prime_rl")


@pytest.mark.parametrize("settings", [None, {"preset": "PRIME_RL_GRPO"}])
def test_grpo_is_prime_rls_own(settings):
    rewards = 1.0, 0.0, 0.25, 0.5
    ours, theirs = rewarded(*rewards), rewarded(*rewards)
    numbers = scored(*ours, settings=settings), scored(*theirs, install=False)
    flat = [torch.tensor([x for t in each for n in t for x in n or []]) for each in numbers]
    assert_close(*flat)
    assert len(flat[0]) == 9
    assert [routing.is_trainable(each) for each in ours] == [True] * 4


def test_only_sampled_tokens_of_clean_traces_are_credited():
    first, second = trace(1.0, *TURNS), trace(0.0, [True, True])
    broken, frozen = trace(9.0, [True], error=True), trace(9.0, [True], trainable=False)
    credit = scored(first, broken, second, frozen, trace(None, [True]))
    assert credit[0] == [None, [0.5, 0.5], None, [0.5]]
    assert credit[2] == [[-0.5, -0.5]]
    assert credit[1] == credit[3] == [None]
    assert credit[4] == [[0.0]]  # without a reward; prime-rl itself stops there


def test_equal_rewards_and_a_lone_trace_are_pruned():
    equal = [trace(0.1, [True] * 3) for _ in range(7)]
    scored(*equal, settings={"scale": "std"})
    assert not any(routing.is_trainable(each) for each in equal)
    lone = trace(0.7, *TURNS)
    assert scored(lone) == [[None, [0.0, 0.0], None, [0.0]]]
    assert not routing.is_trainable(lone)


def test_the_credit_of_turns_is_that_of_the_estimator():
    first, second = trace(1.0, *TURNS), trace(0.0, [True, True])
    words = {id(first): {"anchor": ["hall", "attic"]}, id(second): {"anchor": ["hall"]}}
    settings = {"estimator": "gigpo", "gamma": 1.0, "scale": None}
    credit = scored(first, second, settings=settings, columns=lambda each: words[id(each)])
    # Episodes ±0.5; in the hall 1 and 0 are to come, ±0.5 again; the attic is seen once.
    assert credit == [[None, [1.0, 1.0], None, [0.5]], [[-1.0, -1.0]]]
    alone = cl.gigpo(
        reward=torch.tensor([1.0, 0.0]),
        group=torch.tensor([0, 0]),
        anchor=cl.anchor_ids([["hall", "attic"], ["hall"]]),
        turn_reward=torch.tensor([[0.0, 1.0], [0.0, 0.0]]),
        turn_count=torch.tensor([2, 1]),
        gamma=1.0,
        scale=None,
    )
    assert alone[0].tolist() == [1.0, 0.5]
    assert float(alone[1, 0]) == -1.0


def test_roles_of_a_cohort_are_groups():
    traces = [trace(1.0, [True], name="a"), trace(3.0, [True], name="b")]
    traces += [trace(3.0, [True], name="a"), trace(9.0, [True], name="b")]
    credit = scored(*traces, role=lambda episode, each: each.agent.name)
    assert credit == [[[-1.0]], [[-3.0]], [[1.0]], [[3.0]]]


def test_a_length_penalty_is_refused_and_the_class_goes_back():
    config = SimpleNamespace(type="grpo", action_loss_type="rl", length_penalty=object())
    with pytest.raises(ContractError, match="length_penalty"):
        scored(trace(1.0, [True]), config=config)
    assert algo.ALGORITHM_CLASSES["grpo"] is grpo.GRPOAlgorithm
