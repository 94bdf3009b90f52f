"""What an estimator's tensors cost beside the trajectories themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from creditlib.audit.sample import Sample

__all__ = ["SOURCES", "Source", "costs"]


class Source(NamedTuple):
    """What makes a tensor, and for what it makes a number: "token", "turn" or "trajectory"."""

    what: str
    per: str


CRITIC = "critic"
ROLLOUT = "rollout"
PROCESS_REWARD = "process reward model"
POLICY = "policy"
TEACHER = "teacher"
ENVIRONMENT = "environment"

SIMULATED = "simulated_value_"

# A tensor that is not here comes with the trajectories, or is of the caller's own.
SOURCES: dict[str, Source] = {
    "value": Source(CRITIC, "token"),
    "values": Source(CRITIC, "token"),
    "turn_value": Source(CRITIC, "turn"),
    "segment_value": Source(CRITIC, "turn"),
    "steps_to_go": Source(CRITIC, "turn"),
    "steps_to_go_after": Source(CRITIC, "turn"),
    "viability": Source(CRITIC, "turn"),
    "viability_after": Source(CRITIC, "turn"),
    "potential": Source(CRITIC, "turn"),
    "bootstrap": Source(CRITIC, "trajectory"),
    "bootstraps": Source(CRITIC, "trajectory"),
    "final": Source(CRITIC, "trajectory"),
    "baseline": Source(ROLLOUT, "trajectory"),
    "coalition_value": Source(ROLLOUT, "turn"),
    "process_reward": Source(PROCESS_REWARD, "turn"),
    "information_gain": Source(POLICY, "turn"),
    "gold_log_prob": Source(POLICY, "turn"),
    "teacher_log_prob": Source(TEACHER, "token"),
    "progress": Source(ENVIRONMENT, "turn"),
    "progress_record": Source(ENVIRONMENT, "turn"),
    "progress_print": Source(ENVIRONMENT, "turn"),
    "oracle_advantage": Source("oracle", "turn"),
}


def costs(needs: Iterable[str], sample: Sample) -> dict[str, Any]:
    """What the tensors of an estimator cost for each trajectory, the mean over those of a sample.

    The result: `extra_rollouts`, `critic_calls`, `process_reward_calls` and `policy_calls` for each
    trajectory, and `sources`, the tensors that something has to make. What makes a number for each
    token runs once for all tokens of a trajectory. `simulated_value_K` is K rollouts of each turn.

    >>> from creditlib.audit import perturbed, sample
    >>> from creditlib.audit.tasks import recovery
    >>> drawn = sample(task := recovery(), perturbed(task), groups=2)
    >>> costs(["turn_reward", "turn_value"], drawn)["critic_calls"]
    4.0
    """
    turns = float(sample.turn_count.double().mean())
    counted = dict.fromkeys((CRITIC, ROLLOUT, PROCESS_REWARD, POLICY), 0.0)
    sources: dict[str, dict[str, str]] = {}
    for name in needs:
        simulated = name.startswith(SIMULATED)
        source = Source(ROLLOUT, "turn") if simulated else SOURCES.get(name)
        if source is None:
            continue
        sources[name] = source._asdict()
        if source.what in counted:
            each = int(name.removeprefix(SIMULATED)) if simulated else 1
            counted[source.what] += each * (turns if source.per == "turn" else 1.0)
    return {
        "extra_rollouts": counted[ROLLOUT],
        "critic_calls": counted[CRITIC],
        "process_reward_calls": counted[PROCESS_REWARD],
        "policy_calls": counted[POLICY],
        "sources": sources,
    }
