"""The tensors of sampled trajectories, in the names of the vocabulary, each made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from creditlib.audit.sample import Sample, sample
from creditlib.audit.task import Task

__all__ = ["BatchTensors", "first_token", "names_of", "token_turn", "tokens_of"]

MOST_TOKENS = 4


class BatchTensors(Mapping[str, Tensor]):
    """A mapping from names to tensors, as every `apply` takes it; tensors are made on demand.

    It holds what every task has, the signals of the task, and what its `derive` makes; the last
    wins over the first.
    """

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._found: dict[str, Tensor] = {}
        if sample.task.derive is not None:
            self._found.update(sample.task.derive(sample))

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._found:
            signals = self._sample.task.signals
            if name in signals:
                self._found[name] = self._sample.at_outcome(signals[name])
            else:
                self._found[name] = _EVERY_TASK[name](self._sample)
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**_EVERY_TASK, **self._sample.task.signals, **self._found})

    def __len__(self) -> int:
        return len(list(iter(self)))


def _turn_reward(of: Sample) -> Tensor:
    return of.at_outcome(of.task.reward)


def _reward(of: Sample) -> Tensor:
    return _turn_reward(of).sum(1)


def _solved(of: Sample) -> Tensor:
    return (of.at_outcome(of.task.success) > 0).any(1)


def _node(of: Sample) -> Tensor:
    return torch.where(of.real, of.state * of.task.actions + of.action, -1)


def _turn_value(of: Sample) -> Tensor:
    return of.at_state(of.oracle.value)


def _action_value(of: Sample) -> Tensor:
    return of.at_action(of.oracle.action_value)


def _turn_entropy(of: Sample) -> Tensor:
    chance = of.policy.clamp(min=1e-300)
    return torch.where(of.real, -(chance * chance.log()).sum(-1), 0)


# Tokens. An action is written as 1 to 4 tokens, and the first of them decides it: the later ones
# are certain, so their log-probability is 0 and their score is 0. A token that the environment
# wrote precedes each turn.


def token_count(of: Sample) -> Tensor:
    """The tokens of each turn, 1 to 4 by observation and action; 0 after the end."""
    return torch.where(of.real, 1 + (of.observation + of.action) % MOST_TOKENS, 0)


def token_turn(of: Sample) -> Tensor:
    """`turn`: the turn that wrote each token, int[batch token]; -1 for the environment's."""
    blocks = torch.arange(MOST_TOKENS) < token_count(of)[..., None]
    turn = torch.where(blocks, torch.arange(of.task.turns)[:, None], -1)
    return torch.nn.functional.pad(turn, (1, 0), value=-1).flatten(1)


def first_token(turns: int) -> slice:
    """The columns of the first tokens of the turns."""
    return slice(1, turns * (MOST_TOKENS + 1), MOST_TOKENS + 1)


def tokens_of(of: Sample, first: Tensor, later: Tensor, last: Tensor | None = None) -> Tensor:
    """float[batch token] from numbers of turns: at a turn's first token, the later ones, its last.

    `last`, where given, is added at the last token of the turn.
    """
    place = torch.arange(MOST_TOKENS)
    count = token_count(of)[..., None]
    block = torch.where(place == 0, first[..., None], later[..., None])
    if last is not None:
        block = block + torch.where(place == count - 1, last[..., None], 0)
    block = torch.where(place < count, block, 0)
    return torch.nn.functional.pad(block, (1, 0)).flatten(1)


def _token_reward(of: Sample) -> Tensor:
    none = torch.zeros_like(_turn_reward(of))
    return tokens_of(of, none, none, _turn_reward(of))


def _value(of: Sample) -> Tensor:
    return tokens_of(of, _turn_value(of), _action_value(of))


def _log_prob(of: Sample) -> Tensor:
    taken = of.policy.gather(-1, of.action.clamp(min=0)[..., None]).squeeze(-1)
    logs = torch.where(of.real, taken.log(), 0)
    return tokens_of(of, logs, torch.zeros_like(logs))


def _energy(of: Sample) -> Tensor:
    taken = of.policy.gather(-1, of.action.clamp(min=0)[..., None]).squeeze(-1)
    norm = 1 - 2 * taken + of.policy.square().sum(-1)
    return tokens_of(of, norm, torch.zeros_like(norm))


Made: TypeAlias = Callable[[Sample], Tensor]

_EVERY_TASK: dict[str, Made] = {
    "reward": _reward,
    "group": lambda of: of.group,
    "turn_reward": _turn_reward,
    "anchor": lambda of: of.observation,
    "turn_count": lambda of: of.turn_count,
    "action": lambda of: of.action,
    "node": _node,
    "solved": _solved,
    "turn_value": _turn_value,
    "turn_entropy": _turn_entropy,
    "turn": token_turn,
    "turn_length": token_count,
    "length": lambda of: token_count(of).sum(1),
    "oracle_advantage": lambda of: of.advantage,
    "token_reward": _token_reward,
    "value": _value,
    "log_prob": _log_prob,
    "energy": _energy,
}


def names_of(task: Task) -> set[str]:
    """The names of all tensors that trajectories of a task have."""
    return set(BatchTensors(sample(task, task.uniform(), groups=1, size=2)))
