"""Random ragged batches of rows, how they are credit, and what an adapter passes for them."""

import copy
import random
from dataclasses import dataclass, field
from typing import Any

import torch

from creditlib.rows import credit_settings, outcome_of
from creditlib.rows.names import estimator_names
from creditlib.vocabulary.annotations import tensors_of

NAN = float("nan")
ESTIMATORS = {n: f for n, f in estimator_names().items() if f.__module__.startswith("creditlib.")}
OURS = sorted(ESTIMATORS)
TOKENS = [name for name in OURS if "turn" in tensors_of(ESTIMATORS[name])]
TURNS = [name for name in OURS if name not in TOKENS]
# They do not read the outcome that a penalty shapes.
IGNORES_OUTCOME = [name for name in TURNS if "reward" not in tensors_of(ESTIMATORS[name])]
# Options an estimator must have, may have, and presets made for it.
GAE = {"gamma": 0.9, "lam": 0.8}
NEEDS = {"gae": GAE, "two_level_gae": GAE, "discounted_return": {"gamma": 0.9}}
MAY = {
    "grpo": [{"scale_over": "batch"}, {"center": "leave_one_out", "scale": None}],
    "gdpo": [{"weights": [1.0, 0.5]}],
    "gigpo": [{"leave_out": "turn", "episode_over": "turn"}, {"scale": None}],
    "igpo": [{"pool": "separate", "gamma": 0.5}],
    "pure": [{"form": "hard_min", "baseline": "token"}],
}
PRESETS = {
    "grpo": ["TRL_GRPO", "DR_GRPO", "RLLM_GRPO", "TORCHRL_GRPO"],
    "rloo": ["VERL_RLOO"],
    "gigpo": ["VERL_AGENT_GIGPO"],
    "igpo": ["IGPO_OFFICIAL_JOINT"],
    "a2tgpo": ["A2TGPO_OFFICIAL"],
}
WEIGHTS = ["completion_weight", "duration_weight"]


@dataclass
class Row:
    """A line of a trainer's batch; `whole` is its mask before tokens were rejected."""

    trajectory: str
    step: int
    group: str
    whole: list[int]
    mask: list[int]
    earned: list[float]  # rewards of tokens
    value: list[float]
    shaping: float
    keep: bool = True
    unscored: bool = False
    turns: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def reward(self):
        clean = [0.0 if number != number and not wrote else number
                 for number, wrote in zip(self.earned, self.mask, strict=True)]  # fmt: skip
        return None if self.unscored else sum(clean)


@dataclass
class Plan:
    """How a batch is credited: the settings, and in which of its forms the batch is passed."""

    settings: Any
    by_token: bool  # rewards as a tensor of tokens, else as a list with None
    named: bool  # trajectory and step are passed
    thinned: bool  # turn_mask is passed
    shaped: bool
    outcome: str = "last"  # how several rewards of a trajectory become one
    padding: float = NAN  # the reward of tokens that are none


def runs_of(mask):
    """(start, end) of each run of ones."""
    edges = [0, *mask, 0]
    starts = [i for i in range(len(mask)) if edges[i + 1] and not edges[i]]
    ends = [i + 1 for i in range(len(mask)) if edges[i + 1] and not edges[i + 2]]
    return list(zip(starts, ends, strict=True))


# --- random batches ---------------------------------------------------------------------------
def a_mask(rng, turns):
    mask = [0] * rng.randint(0, 2)
    for turn in range(turns):
        mask += [1] * rng.randint(1, 3) + [0] * (rng.randint(1, 2) if turn < turns - 1 else 0)
    return mask + [0] * rng.randint(0, 2)


def notes(rng, turns):
    def each(draw):
        values = [draw() for _ in range(turns)]
        alone = turns == 1 and values[0] is not None and rng.random() < 0.3
        return values[0] if alone else values

    eighth = lambda: rng.randint(-8, 8) / 8  # noqa: E731
    second = lambda: rng.randint(1, 16) / 4  # noqa: E731
    return {
        "action": each(lambda: rng.choice(["open", "go", "go", None])),
        "anchor": each(lambda: rng.choice(["hall", "attic", "attic", None])),
        "cluster": [[rng.randint(-1, 2), rng.randint(0, 1)] for _ in range(turns)],
        "duration": each(second),
        "finished": each(lambda: 20.0 + second()),
        "information_gain": each(eighth),
        "invalid_action": each(lambda: rng.random() < 0.3),
        "node": each(lambda: rng.randint(0, 2)),
        "potential": each(eighth),
        "process_reward": each(eighth),
        "ratio": each(second),
        "solved_turn": each(lambda: rng.random() < 0.6),
        "started": each(second),
        "turn_entropy": each(second),
        "turn_reward": each(eighth),
        "turn_value": each(eighth),
    }


def a_row(rng, trajectory, step, group, *, fate="whole", thin=False):
    """fate: whole, rejected, unscored or padding."""
    whole = a_mask(rng, rng.choice([1, 1, 2, 3]) if rng.random() < 0.9 else 0)
    mask = [one * (rng.random() < 0.7) for one in whole] if thin else list(whole)
    mask = [0] * len(mask) if fate == "rejected" else [int(one) for one in mask]
    earned = [0.0] * len(mask)
    for _ in range(2):
        if mask:
            earned[rng.randrange(len(mask))] += rng.randint(-4, 8) / 4
    if mask and 0 in mask and rng.random() < 0.3:
        earned[mask.index(0)] = NAN  # nothing was written there: no reward
    out = fate != "whole"
    return Row(
        trajectory, step, group, whole, mask, earned,
        value=[rng.randint(-4, 4) / 4 for _ in mask],
        shaping=rng.randint(-4, 0) / 8,
        keep=fate != "padding",
        unscored=fate == "unscored",
        turns=notes(rng, max(len(runs_of(whole)), 1)),
        facts={
            "baseline": rng.randint(-4, 4) / 4,
            "rewards": [rng.randint(0, 3) / 4, 0.5 * out],
            "final": rng.randint(-4, 4) / 4,
            "support": rng.randint(0, 4) / 4,
            "solved": rng.random() < 0.5,
            "row_lam": rng.randint(0, 4) / 4,
            "agent": rng.randint(0, 1),
            "boundary": rng.randint(-1, 1),
            "cost": [rng.randint(0, 4) / 2, rng.randint(0, 4) / 2],
            "reference_cost": [1.0, 2.0],
            "tree": rng.randint(0, 1),
            # Only rollouts from the start: a branch is made of another row.
            "rollout": rng.randrange(2**40),
            "branch_of": -1,
            "branch_at": 0,
        },
    )  # fmt: skip


def a_batch(seed, size, name, *, copies=True, steps=True):
    """At most `size` rows, and a plan to credit them with an estimator."""
    rng = random.Random(seed)
    thin = rng.random() < 0.3
    rows = []
    several = steps and name not in TOKENS and rng.random() < 0.7
    while len(rows) < size:
        trajectory, group = f"t{len(rows)}", rng.choice(["a", "a", "b", "c"])
        fate = rng.choice(["whole"] * 5 + ["rejected", "unscored", "padding"])
        for step in range(rng.randint(1, 3) if several else 1):
            rows.append(a_row(rng, trajectory, step, group, fate=fate, thin=thin))
            if several and fate == "whole" and rng.random() < 0.1:  # a step may lack its score
                rows[-1].unscored = True
    rows = rows[:size]
    if copies and rng.random() < 0.5:
        again = copy.deepcopy(rng.choice(rows))
        rows.insert(rng.randint(0, len(rows)), again)
    rng.shuffle(rows)
    by_token = rng.random() < 0.5
    for row in rows:
        if by_token and row.unscored and 1 in row.mask:
            row.earned[row.mask.index(1)] = NAN  # what a written token earned is not known
    named = several or copies or rng.random() < 0.5
    shaped = name not in IGNORES_OUTCOME and rng.random() < 0.5
    padding = rng.choice([0.0, NAN])
    rule = rng.choice(["last", "sum", "mean"])
    return rows, Plan(some_settings(rng, name), by_token, named, thin, shaped, rule, padding)


def some_settings(rng, name):
    wanted = dict(NEEDS.get(name, {}))
    if rng.random() < 0.4:
        wanted |= rng.choice(MAY.get(name, [{}]))
    elif rng.random() < 0.4 and name in PRESETS:
        wanted["preset"] = rng.choice(PRESETS[name])
    if name not in TOKENS and rng.random() < 0.3:
        wanted["weight"] = rng.choice(WEIGHTS)
    return credit_settings({**wanted, "whiten": rng.random() < 0.3}, estimator=name)


# --- through the frame ------------------------------------------------------------------------
def arguments(rows, plan, left=0, right=0):
    """What an adapter passes to read_rows; padding holds values that must have no effect."""
    width = max((len(row.mask) for row in rows), default=0) + right

    def plane(name, fill, dtype):
        table = [
            [fill] * left + getattr(row, name) + [fill] * (width - len(row.mask)) for row in rows
        ]
        return torch.tensor(table, dtype=dtype).reshape(len(rows), left + width)

    mask, earned = plane("mask", 0, torch.int64), plane("earned", plan.padding, torch.float32)
    given = {
        "mask": mask,
        "group": [row.group for row in rows],
        "reward": outcome_of(earned.clone(), mask)
        if plan.by_token
        else [row.reward for row in rows],
        "keep": [row.keep for row in rows],
        "value": plane("value", 77.0, torch.float32),
        "settings": plan.settings,
        "outcome": plan.outcome,
        "columns": {
            name: [{**row.turns, **row.facts}[name] for row in rows]
            for name in ({**rows[0].turns, **rows[0].facts} if rows else {})
        },
    }
    if plan.by_token:
        given["token_reward"] = earned
        unscored = [row.unscored for row in rows]  # a row that wrote nothing has no place for NaN
        given["reward"][torch.tensor(unscored, dtype=torch.bool)] = NAN
    if plan.named:
        given["trajectory"] = [row.trajectory for row in rows]
        given["step"] = [row.step for row in rows]
    if plan.thinned:
        given["turn_mask"] = plane("whole", 0, torch.int64)
    if plan.shaped:
        given["shaping"] = torch.tensor([row.shaping for row in rows], dtype=torch.float64)
    return given
