"""REINFORCE on the games with creditlib's credit; every seed is an independent run.

Both estimators have equal initial weights, equal random numbers, equal games and equal rewards: 1
for a game won in time, else 0. For `gigpo` that reward lies at the last turn. Each estimator has
its own learning rate and entropy bonus, see `examples.textworld.tune`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

import creditlib as cl
from examples.textworld.policy import Policy
from examples.textworld.world import World

__all__ = [
    "CREDIT",
    "SETTINGS",
    "Episodes",
    "Settings",
    "gigpo_credit",
    "grpo_credit",
    "roll_out",
    "share_won",
    "train",
]


@dataclass(frozen=True)
class Settings:
    """How a policy is trained; `entropy` is the weight of the entropy bonus."""

    learning_rate: float
    entropy: float
    updates: int = 100
    rollouts: int = 8
    turns: int = 25


SETTINGS = {
    "grpo": Settings(learning_rate=0.03, entropy=0.03),
    "gigpo": Settings(learning_rate=0.1, entropy=0.3),
}


@dataclass(frozen=True)
class Episodes:
    """Trajectories of all runs; axis batch is run, game, rollout, flattened.

    state, command: int[batch turn], -1 past the end.        turn_reward: float[batch turn].
    group: int[batch], one number for each run and game.     turn_count: int[batch].
    reward: float[batch], 1 for a game won.                  anchor: int[batch turn].
    """

    state: Tensor
    command: Tensor
    group: Tensor
    turn_count: Tensor
    reward: Tensor
    turn_reward: Tensor
    anchor: Tensor


def grpo_credit(episodes: Episodes) -> Tensor:
    """GRPO: the outcome compared with the group, the same for every turn: [batch turn]."""
    credit = cl.grpo(reward=episodes.reward, group=episodes.group)
    return cl.per_turn(credit, episodes.turn_count, episodes.state.shape[1])


def gigpo_credit(episodes: Episodes) -> Tensor:
    """GRPO's credit plus each turn compared with turns from the same text: [batch turn]."""
    return cl.gigpo(
        reward=episodes.reward,
        group=episodes.group,
        turn_reward=episodes.turn_reward,
        anchor=episodes.anchor,
        turn_count=episodes.turn_count,
    )


CREDIT: dict[str, Callable[[Episodes], Tensor]] = {"grpo": grpo_credit, "gigpo": gigpo_credit}


def roll_out(world: World, probability: Tensor, chance: Tensor, rollouts: int) -> Episodes:
    """Play every game `rollouts` times with every run's policy.

    probability: float[run state command]. chance: float[run row turn], uniform numbers that choose
    the commands, where row is game and rollout.
    """
    runs, rows, turns = chance.shape
    run = torch.arange(runs).repeat_interleave(rows)
    game = torch.arange(len(world.start)).repeat_interleave(rollouts).repeat(runs)
    now = world.start[game]
    states = torch.full((runs * rows, turns), -1)
    commands = torch.full((runs * rows, turns), -1)
    ladder = probability.double().cumsum(dim=-1)
    ladder = ladder / ladder[..., -1:]
    for turn in range(turns):
        playing = ~world.ended[now]
        draw = chance[:, :, turn].reshape(-1, 1).double()
        command = torch.searchsorted(ladder[run, now], draw, right=True).squeeze(1)
        states[playing, turn] = now[playing]
        commands[playing, turn] = command[playing]
        now = torch.where(playing, world.following[now, command], now)
    reward = world.won[now].float()
    turn_count = (states >= 0).sum(dim=1)
    return Episodes(
        state=states,
        command=commands,
        group=run * len(world.start) + game,
        turn_count=turn_count,
        reward=reward,
        turn_reward=cl.outcome_at_last_turn(reward=reward, turn_count=turn_count, turns=turns),
        anchor=torch.where(states >= 0, world.seen[states], -1),
    )


def share_won(episodes: Episodes, seeds: int) -> Tensor:
    """Share of its games that each seed won: [seed]."""
    return episodes.reward.view(seeds, -1).mean(dim=1)


def train(
    world: World, estimator: str, seeds: Sequence[int], settings: Settings
) -> Iterator[Episodes]:
    """Train one policy per seed; yield the episodes of each update as they are played."""
    policy = Policy(world, seeds)
    optimizer = torch.optim.Adam(policy.weights, lr=settings.learning_rate)
    dice = [
        torch.Generator().manual_seed(2**31 + seed) for seed in seeds
    ]  # other numbers than the weights'
    shape = (len(world.start) * settings.rollouts, settings.turns)
    run = torch.arange(len(seeds)).repeat_interleave(shape[0])
    for _ in range(settings.updates):
        chance = torch.stack([torch.rand(shape, generator=each) for each in dice])
        log_probability = policy.log_probability()
        episodes = roll_out(world, log_probability.detach().exp(), chance, settings.rollouts)
        yield episodes
        real = episodes.state >= 0
        advantage = CREDIT[estimator](episodes)[real]
        offered = log_probability[run[:, None].expand(real.shape)[real], episodes.state[real]]
        chosen = offered.gather(1, episodes.command[real][:, None]).squeeze(1)
        decided = (offered.exp() * offered.clamp(min=-1e4)).sum(dim=1)
        loss = -(advantage * chosen - settings.entropy * decided).sum() / shape[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
