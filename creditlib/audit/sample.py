"""Groups of trajectories of a task: sampled, or every one that is possible."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from creditlib.audit.oracle import Oracle, oracle
from creditlib.audit.task import Task
from creditlib.vocabulary.messages import contract_error

__all__ = ["Sample", "every_group", "first_states", "sample", "walk"]


@dataclass(frozen=True, eq=False)
class Sample:
    """Groups of trajectories of one task; a row is a trajectory, rows of a group are adjacent.

    logits: float[run observation action], the policies. size: trajectories in a group. run:
    int[batch], the policy that wrote the row. state, action, outcome: int[batch turn], -1 after the
    end of the episode. turn_count: int[batch]. weight: float[batch], the probability of the row's
    group, where all groups are enumerated; None where groups are sampled.
    """

    task: Task
    logits: Tensor
    size: int
    run: Tensor
    state: Tensor
    action: Tensor
    outcome: Tensor
    turn_count: Tensor
    weight: Tensor | None = None

    @functools.cached_property
    def real(self) -> Tensor:
        """The turns that exist, bool[batch turn]."""
        return self.state >= 0

    @functools.cached_property
    def group(self) -> Tensor:
        """The number of the group of a row, int[batch]."""
        return torch.arange(len(self.state)) // self.size

    @functools.cached_property
    def observation(self) -> Tensor:
        """What the policy saw, int[batch turn]; -1 after the end."""
        return torch.where(self.real, self.task.observation[self.state.clamp(min=0)], -1)

    @functools.cached_property
    def oracle(self) -> Oracle:
        """The exact values of each run's policy."""
        return oracle(self.task, self.logits)

    @functools.cached_property
    def advantage(self) -> Tensor:
        """The exact advantage of each action taken, float[batch turn]; 0 after the end."""
        return self.at_action(self.oracle.advantage)

    @functools.cached_property
    def policy(self) -> Tensor:
        """The probabilities of all actions at each turn, float[batch turn action].

        At a forced turn action 0 is certain.
        """
        chances = self.logits.softmax(-1)[self.run[:, None], self.observation.clamp(min=0)]
        if self.task.forced.any():
            chances[self.task.forced[self.state.clamp(min=0)] & self.real] = _certain(chances)
        return chances

    def of_runs(self, first: int, last: int) -> Sample:
        """The trajectories of the runs first, …, last - 1, as a sample of their own."""
        rows = len(self.state) // len(self.logits)
        own = slice(first * rows, last * rows)
        return Sample(
            self.task,
            self.logits[first:last],
            self.size,
            self.run[own] - first,
            self.state[own],
            self.action[own],
            self.outcome[own],
            self.turn_count[own],
        )

    def at_state(self, values: Tensor) -> Tensor:
        """Of float[run state], the numbers of the states met, [batch turn]; 0 after the end."""
        return torch.where(self.real, values[self.run[:, None], self.state.clamp(min=0)], 0)

    def at_action(self, values: Tensor) -> Tensor:
        """Of float[run state action], those of the actions taken, [batch turn]; 0 after the end."""
        index = (self.run[:, None], self.state.clamp(min=0), self.action.clamp(min=0))
        return torch.where(self.real, values[index], 0)

    def at_outcome(self, values: Tensor) -> Tensor:
        """Of an array of the task, what happened, [batch turn]; 0 after the end."""
        index = (each.clamp(min=0) for each in (self.state, self.action, self.outcome))
        found = values[tuple(index)]
        return torch.where(self.real, found, torch.zeros((), dtype=found.dtype))

    def gradients(self, credit: Tensor) -> Tensor:
        """Σ_i Σ_k credit[i,k] ∇ log π(action) / size of each group, [group observation action].

        credit: float[batch turn]. The gradient is that of the logits: 1 at the action taken, minus
        the probability of each action; at a forced turn it is 0.
        """
        seen, actions = len(self.task.observations), self.task.actions
        groups = len(self.state) // self.size
        weight = torch.where(self.real, credit.double(), 0)[..., None]
        push = weight * -self.policy
        push.scatter_add_(-1, self.action.clamp(min=0)[..., None], weight)
        place = self.group[:, None] * seen + self.observation.clamp(min=0)
        result = push.new_zeros(groups * seen, actions)
        result.index_add_(0, place.flatten(), push.flatten(0, 1))
        return result.view(groups, seen, actions) / self.size


def sample(
    task: Task, logits: Tensor, groups: int = 1000, size: int = 8, seed: int | torch.Generator = 0
) -> Sample:
    """Groups of trajectories that a softmax policy writes.

    The numbers drawn do not depend on the policy, so that two policies can be compared on equal
    luck. At a forced turn the action is 0.

    Args:
        task: the task that the policy acts in.
        logits: float[observation action] or float[run observation action]; one policy, or several
            that write `groups` groups each.
        groups: the number of groups, at least 1.
        size: trajectories in a group, at least 1.
        seed: a number, or a generator that goes on.

    Errors: logits of another shape, or not finite; fewer than one group or trajectory.

    >>> from creditlib.audit.tasks import recovery
    >>> task = recovery()
    >>> sample(task, torch.zeros(len(task.observations), task.actions), groups=2).group.tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    policies = _checked("sample", task, logits if logits.ndim == 3 else logits[None])
    for name, number in {"groups": groups, "size": size}.items():
        if number < 1:
            raise contract_error("sample", name, "at least 1", str(number))
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    rows = len(policies) * groups * size
    luck = torch.rand(2, task.turns, rows, dtype=torch.float64, generator=generator)
    start = None
    if task.levels[0].stop > 1:
        start = first_states(task, torch.rand(rows, dtype=torch.float64, generator=generator))
    return walk(task, policies, luck, size, start)


def _checked(function: str, task: Task, policies: Tensor) -> Tensor:
    """Policies, float64[run observation action], of the sizes of a task."""
    seen = (len(task.observations), task.actions)
    if policies.shape[1:] != seen:
        wanted = f"float[… observation action] with sizes {list(seen)} for {task.name}"
        raise contract_error(function, "logits", wanted, f"shape {list(policies.shape)}")
    if not policies.isfinite().all():
        raise contract_error(function, "logits", "finite", "NaN or infinity")
    return policies.double()


def _certain(chances: Tensor) -> Tensor:
    """The probabilities [action] of a policy that always takes action 0."""
    return torch.eye(chances.shape[-1], dtype=chances.dtype)[0]


def walk(
    task: Task, policies: Tensor, luck: Tensor, size: int, start: Tensor | None = None
) -> Sample:
    """The trajectories that numbers in [0, 1) decide.

    policies: float64[run observation action]; each writes the same number of rows. luck:
    float64[2 turn batch], the first for the actions and the second for what the environment does.
    size: trajectories in a group. start: int[batch], the states before the first turn; None where
    there is only one.
    """
    runs, seen, actions = policies.shape
    rows = luck.shape[2]
    run = torch.arange(runs).repeat_interleave(rows // runs)
    choice = _cumulative(policies.softmax(-1)).flatten(0, 1)
    chance = _cumulative(task.probability).flatten(0, 1)
    following = task.next.flatten(0, 1)
    state = torch.zeros(rows, dtype=torch.int64) if start is None else start
    any_forced = bool(task.forced.any())
    walked = torch.full((3, task.turns, rows), -1)
    for turn in range(task.turns):
        alive, here = state >= 0, state.clamp(min=0)
        action = _draw(choice, run * seen + task.observation[here], luck[0, turn])
        if any_forced:
            action = torch.where(task.forced[here], 0, action)
        branch = here * actions + action
        outcome = _draw(chance, branch, luck[1, turn])
        for kept, value in zip(walked, (state, action, outcome), strict=True):
            kept[turn] = torch.where(alive, value, -1)
        state = torch.where(alive, following[branch, outcome], -1)
    states, actions_taken, outcomes = walked.transpose(1, 2).contiguous()
    count = (states >= 0).sum(1)
    return Sample(task, policies, size, run, states, actions_taken, outcomes, count)


def _cumulative(chance: Tensor) -> Tensor:
    """Running sums of probabilities; from the last possible one on, they are exactly 1."""
    total = chance.cumsum(-1)
    return total / total[..., -1:]


def first_states(task: Task, luck: Tensor) -> Tensor:
    """The states before the first turn that numbers in [0, 1) decide, int[batch]."""
    chance = _cumulative(task.start)[None]
    return _draw(chance, torch.zeros(len(luck), dtype=torch.int64), luck)


def _draw(cumulative: Tensor, row: Tensor, luck: Tensor) -> Tensor:
    """The first index whose cumulative probability exceeds the number drawn, in each given row."""
    if cumulative.shape[-1] == 1:
        return torch.zeros_like(row)
    return (cumulative.index_select(0, row) <= luck[:, None]).sum(-1)


def every_group(task: Task, logits: Tensor, size: int, most: int = 200_000) -> Sample:
    """All groups of `size` trajectories, in every order, with their probabilities.

    The number of groups is (number of trajectories) ** size.

    Args:
        task: a task that is small enough.
        logits: float[observation action]; one policy.
        size: trajectories in a group, at least 1.
        most: the largest number of rows, so of groups times size.

    Errors: logits of another shape, or not finite; fewer than one trajectory in a group; a task
    with so many trajectories that the groups would have more than `most` rows.

    >>> from creditlib.audit.tasks import recovery
    >>> task = recovery(distractors=1)
    >>> groups = every_group(task, torch.zeros(len(task.observations), task.actions), size=2)
    >>> len(groups.state), float(groups.weight[::2].sum())
    (128, 1.0)
    """
    policies = _checked("every_group", task, logits[None])
    if size < 1:
        raise contract_error("every_group", "size", "at least 1", str(size))
    steps, chance = _trajectories(task, policies[0].softmax(-1), most)
    count = len(chance)
    if size * count**size > most:
        fact = f"{task.name} with {count} trajectories, {count**size} groups"
        wanted = f"a task whose groups of {size} have at most {most} rows"
        raise contract_error("every_group", "task", wanted, fact, "make the task smaller")
    groups = torch.tensor(list(itertools.product(range(count), repeat=size)))
    states, actions, outcomes = steps[:, groups.flatten()]
    weight = chance[groups].prod(1).repeat_interleave(size)
    turns = (states >= 0).sum(1)
    run = torch.zeros(len(states), dtype=torch.int64)
    return Sample(task, policies, size, run, states, actions, outcomes, turns, weight)


def _trajectories(task: Task, policy: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """All trajectories: int[3 trajectory turn] of states, actions and outcomes; probabilities."""
    open_ends: list[tuple[list[tuple[int, int, int]], int, float]] = [
        ([], state, p) for state, p in enumerate(task.start.tolist()) if p > 0
    ]
    done: list[tuple[list[tuple[int, int, int]], float]] = []
    while open_ends:
        steps, state, chance = open_ends.pop()
        forced = bool(task.forced[state])
        for action in range(1 if forced else task.actions):
            taken = 1.0 if forced else float(policy[task.observation[state], action])
            for outcome, p in enumerate(task.probability[state, action].tolist()):
                if p == 0:
                    continue
                walked = [*steps, (state, action, outcome)]
                following = int(task.next[state, action, outcome])
                if following < 0:
                    done.append((walked, chance * taken * p))
                else:
                    open_ends.append((walked, following, chance * taken * p))
        if len(done) + len(open_ends) > most:
            wanted = f"a task with at most {most} trajectories"
            raise contract_error("every_group", "task", wanted, f"{task.name} with more")
    steps_of = torch.full((3, len(done), task.turns), -1)
    for i, (walked, _) in enumerate(done):
        steps_of[:, i, : len(walked)] = torch.tensor(walked).T
    return steps_of, torch.tensor([p for _, p in done], dtype=torch.float64)
