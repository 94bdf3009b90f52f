"""prime-rl: traces of nodes, credit on sampled tokens in compact order."""

import asyncio
from types import SimpleNamespace

import pytest
from stand_in import placed

from creditlib.integrations import prime_rl as ours
from creditlib.integrations.patching import HookError
from creditlib.integrations.prime_rl import credit_traces
from creditlib.rows.settings import credit_settings


def trace(reward, *masks, agent="solver", error=False):
    nodes = [SimpleNamespace(mask=list(mask), advantages=None) for mask in masks]
    return SimpleNamespace(
        nodes=nodes, reward=reward, has_error=error, agent=SimpleNamespace(name=agent)
    )


def credit(traces, settings=None, **more):
    resolved = credit_settings(settings, estimator="grpo", defaults={"scale": None})
    return credit_traces([(None, each) for each in traces], resolved, **more)[0]


# A prompt node, an answer with a template token in its middle, a tool's node, another answer.
TWO_TURNS = ([False, False], [True, False, True], [False], [True])


def test_a_number_for_each_sampled_token():
    found = credit([trace(2.0, *TWO_TURNS), trace(1.0, [True, True]), trace(0.0, [True])])
    assert found == [[1.0] * 3, [0.0, 0.0], [-1.0]]


def test_neighbouring_answers_are_two_turns_and_an_answer_is_one():
    """A branch's answers lie side by side in the graph; a template token splits no turn."""
    traces = [trace(1.0, [True, False, True], [True]), trace(0.0, [True])]
    words = {id(traces[0]): [3.0, 4.0], id(traces[1]): [2.0]}
    found = credit(
        traces,
        {"estimator": "grpo_process"},
        columns=lambda each: {"turn_reward": words[id(each)]},
    )
    # 3, 4, 2 about 3: 0, 1, -1. Still to come: 1 and 1; -1.
    assert found == [[1.0, 1.0, 1.0], [-1.0]]
    # Without them the outcome is the last turn's: 0, 1, 0 about 1/3.
    first, second = credit(traces, {"estimator": "grpo_process"})
    assert first == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert second == pytest.approx([-1 / 3])


def test_a_template_token_is_no_step():
    """gamma 1/2, outcome 4: the sampled tokens of two answers hold 1, 2 and 4."""
    settings = {"estimator": "discounted_return", "gamma": 0.5}
    assert credit([trace(4.0, *TWO_TURNS)], settings) == [[1.0, 2.0, 4.0]]


def test_equal_rewards_are_exactly_zero():
    """What is exactly 0 is pruned afterwards; a residue of float32 would be trained on."""
    found = credit([trace(0.1, [True] * 3) for _ in range(7)], {"scale": "std"})
    assert found == [[0.0] * 3] * 7


def test_lone_members_and_traces_without_a_reward():
    assert credit([trace(0.7, [True])]) == [[0.0]]
    assert credit([trace(None, [True]), trace(3.0, [True]), trace(1.0, [True])]) == [
        [0.0],
        [1.0],
        [-1.0],
    ]
    assert credit([]) == []


def test_roles_of_one_cohort_are_groups_if_asked():
    traces = [trace(1.0, [True], agent="a"), trace(3.0, [True], agent="b")]
    traces += [trace(3.0, [True], agent="a"), trace(9.0, [True], agent="b")]
    found = credit(traces, role=lambda episode, each: each.agent.name)
    assert found == [[-1.0], [-3.0], [1.0], [3.0]]


def stand_in(monkeypatch):
    class Algorithm:
        action_loss_type = "rl"

        def __init__(self, config, policy_pool):
            self.policy_pool = policy_pool

        async def score_group(self, episodes):
            raise AssertionError

    def iter_trainable_traces(episodes):
        for episode in episodes:
            for each in episode.traces:
                if not each.has_error and any(any(node.mask) for node in each.nodes):
                    yield episode, each

    def assign_advantages(trace, values):
        own = [node for node in trace.nodes if any(node.mask)]
        assert len(values) == sum(sum(node.mask) for node in own)
        for node in own:
            node.advantages, values = values[: sum(node.mask)], values[sum(node.mask) :]

    classes = {"grpo": Algorithm, "rae": Algorithm}
    base = {"Algorithm": Algorithm, "iter_trainable_traces": iter_trainable_traces}
    return placed(
        monkeypatch,
        {
            ours._ALGO: {"ALGORITHM_CLASSES": classes},
            f"{ours._ALGO}.base": base,
            f"{ours._ALGO}.routing": {"assign_advantages": assign_advantages},
        },
    )


def test_a_group_is_scored_through_the_class_put_in_place(monkeypatch):
    package, *_ = stand_in(monkeypatch)
    before = package.ALGORITHM_CLASSES["grpo"]
    undo = ours.install({"estimator": "rloo"})
    algorithm = package.ALGORITHM_CLASSES["grpo"](SimpleNamespace(length_penalty=None), "pool")
    assert algorithm.policy_pool == "pool"
    assert algorithm.action_loss_type == "rl"
    # prime-rl #600: rollouts in any order, one with an error, one without sampled tokens.
    solved, failed = trace(1.0, *TWO_TURNS), trace(0.0, [True, True])
    broken, empty = trace(50.0, [True], error=True), trace(50.0, [False])
    episodes = [SimpleNamespace(traces=each) for each in ([broken, failed], [empty, solved])]
    asyncio.run(algorithm.score_group(episodes))
    assert [node.advantages for node in solved.nodes] == [None, [1.0, 1.0], None, [1.0]]
    assert [node.advantages for node in failed.nodes] == [[-1.0, -1.0]]
    assert broken.nodes[0].advantages is None
    assert algorithm.metrics["creditlib/rows/excluded"] == 0.0
    asyncio.run(algorithm.score_group([]))
    undo()
    assert package.ALGORITHM_CLASSES["grpo"] is before


def test_settings_that_would_be_lost_are_refused(monkeypatch, refusal):
    package, *_ = stand_in(monkeypatch)
    ours.install()
    assert "length_penalty" in refusal(
        package.ALGORITHM_CLASSES["grpo"], SimpleNamespace(length_penalty=object()), None
    )
    assert refusal(ours.install, instead_of="ppo") == (
        "prime-rl: `instead_of` must be one of grpo, rae, got 'ppo'."
    )


def test_a_function_that_has_moved_is_refused(monkeypatch):
    stand_in(monkeypatch)[2].assign_advantages = lambda trace: None
    with pytest.raises(HookError, match=r"prime-rl: .* as in 559b447, got \(trace\)"):
        ours.install()
