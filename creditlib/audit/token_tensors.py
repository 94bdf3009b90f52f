"""The tensors of tokens: how the turns of a finite task are written down as tokens.

An action is written as 1 to 4 tokens, and the first of them decides it: the later ones are certain,
so their log-probability is 0 and their score is 0. A token that the environment wrote precedes each
turn.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from creditlib.audit.sample import Sample
from creditlib.audit.task_tensors import turn_entropy

__all__ = ["TOKEN_TENSORS", "first_token", "token_count", "token_turn", "tokens_of"]

MOST_TOKENS = 4


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


def _at_first(of: Sample, value: Tensor) -> Tensor:
    return tokens_of(of, value, torch.zeros_like(value))


def _token_reward(of: Sample) -> Tensor:
    """What the turn earned, at its last token."""
    earned = of.at_outcome(of.task.reward)
    none = torch.zeros_like(earned)
    return tokens_of(of, none, none, earned)


def _value(of: Sample) -> Tensor:
    """V at the first token of a turn, and Q of the action at the later ones; both exact."""
    return tokens_of(of, of.at_state(of.oracle.value), of.at_action(of.oracle.action_value))


def _taken(of: Sample) -> Tensor:
    """The probability of each action taken, float[batch turn]; 1 where it was forced."""
    return of.policy.gather(-1, of.action.clamp(min=0)[..., None]).squeeze(-1)


def _log_prob(of: Sample) -> Tensor:
    """The log-probability of the action at the first token, 0 at the later ones."""
    return _at_first(of, _taken(of).log())


def _teacher_log_prob(of: Sample) -> Tensor:
    """That of a teacher that is better by one step: the policy times exp(exact advantage)."""
    advantage = of.oracle.advantage[of.run[:, None], of.state.clamp(min=0)]
    total = (of.policy * advantage.exp()).sum(-1)
    log = _taken(of).log() + of.advantage - total.log()
    return _at_first(of, log.clamp(max=0))


def _energy(of: Sample) -> Tensor:
    """1 − 2 π(action) + Σ π² at the first token; 0 at the later ones, whose score is 0."""
    return _at_first(of, 1 - 2 * _taken(of) + of.policy.square().sum(-1))


def _token_score(of: Sample) -> Tensor:
    """The entropy of the policy at each token: that of the action, and 0 at the later ones."""
    return _at_first(of, turn_entropy(of))


def _token_ids(of: Sample) -> Tensor:
    """A word for each action and place in it; 0 is the word of the environment."""
    place = torch.arange(MOST_TOKENS)
    word = 1 + of.action.clamp(min=0)[..., None] * MOST_TOKENS + place
    block = torch.where(place < token_count(of)[..., None], word, 0)
    return torch.nn.functional.pad(block, (1, 0)).flatten(1)


def _hidden(of: Sample) -> Tensor:
    """The observation, one-hot, at the first token: the input of the tabular policy's logits."""
    seen = len(of.task.observations)
    place = torch.where(of.real, of.observation, seen)
    first = torch.nn.functional.one_hot(place, seen + 1)[..., :-1].double()
    hidden = first.new_zeros(*first.shape[:2], MOST_TOKENS + 1, seen)
    hidden[:, :, 1] = first
    return hidden.flatten(1, 2)


TOKEN_TENSORS: dict[str, Callable[[Sample], Tensor]] = {
    "turn": token_turn,
    "present": lambda of: token_turn(of) >= 0,
    "turn_length": token_count,
    "length": lambda of: token_count(of).sum(1),
    "token_reward": _token_reward,
    "value": _value,
    "log_prob": _log_prob,
    "old_log_prob": _log_prob,  # the policy that is trained wrote the batch
    "teacher_log_prob": _teacher_log_prob,
    "energy": _energy,
    "token_score": _token_score,
    "token_ids": _token_ids,
    "hidden": _hidden,
}
