"""Random calls of the functions of turns; see generator.py."""

import torch

from fuzz.generator import EPS, Batch

__all__ = ["TURN_MAKERS"]

GAMMAS = [0.0, 0.5, 0.75, 1.0]  # sums of quarters stay exact, so equal returns are equal


def _turns(draw, *, outcome=True):
    b = Batch(draw)
    if outcome:
        b.reward()
    b.group()
    turns, exist = b.turns()
    return b, turns, exist


def grpo_process(draw):
    b, turns, exist = _turns(draw, outcome=False)
    b.add("turn_reward", draw.floats(b.rows, turns), exist, linear=True)
    scale = draw.choice(["std", "std", "mad", "mean", None])
    options = {"scale": scale, "ddof": draw.choice([0, 1]), "eps": draw.choice(EPS)}
    return b.call(options, linear=scale is None)


def _gains(draw):
    """A batch with gains; that of the last turn is not read."""
    b, turns, exist = _turns(draw)
    counts = b.tensors["turn_count"].to(torch.int64)[:, None]
    b.add(
        "information_gain", draw.floats(b.rows, turns), exist & (torch.arange(turns) < counts - 1)
    )
    options = {
        "gamma": draw.choice([0.0, 0.5, 0.95, 1.0]),
        "ddof": draw.choice([0, 1]),
        "eps": draw.choice(EPS),
        "variance_eps": draw.choice([0.0, 1e-8, 0.25]),
    }
    return b, options


def igpo(draw):
    b, options = _gains(draw)
    return b.call({**options, "pool": draw.choice(["joint", "separate"])}, linear=False)


def a2tgpo(draw):
    b, options = _gains(draw)
    return b.call({**options, "alpha": draw.choice([0.0, 0.3, 2.0])}, linear=False)


def gigpo(draw):
    b, turns, exist = _turns(draw)
    b.add("turn_reward", draw.floats(b.rows, turns), exist, linear=True)
    anchor = draw.ids(b.rows * turns, draw.choice([2, 4, 8])).view(b.rows, turns)
    b.add("anchor", anchor, exist)
    b.add("invalid_action", draw.mask(b.rows, turns, chance=0.3) if draw.likely() else None, exist)
    scale = draw.choice(["std", None])
    options = {
        "gamma": draw.choice(GAMMAS),
        "episode_weight": draw.choice([0.0, 0.5, 1.0]),
        "step_weight": draw.choice([0.0, 0.5, 2.0]),
        "scale": scale,
        "episode_over": draw.choice(["trajectory", "turn", "first_turn"]),
        "leave_out": draw.choice([None, "turn", "trajectory"]),
        "invalid_penalty": draw.choice([0.0, 0.25, 1.0]),
        "ddof": draw.choice([0, 1]),
        "eps": draw.choice(EPS),
        "lone": draw.choice(["zero", "raw"]),
    }
    call = b.call(options, linear=scale is None)
    call.size = max(call.size, options["invalid_penalty"])
    return call


def pure(draw):
    b, turns, exist = _turns(draw, outcome=False)
    b.add("process_reward", draw.floats(b.rows, turns), exist, linear=True)
    token = draw.likely()
    b.add("turn_length", b.length(b.rows, turns) if token else None, exist)
    b.add("length", b.length(b.rows) if token and draw.likely() else None)
    b.add("reward", draw.floats(b.rows) if draw.likely() else None, linear=True)
    options = {
        "form": draw.choice(["softmin", "hard_min", "suffix_min"]),
        "temperature": draw.choice([0.1, 0.5, 4.0]),
        "baseline": "token" if token else "step",
        "reward_weight": draw.choice([0.0, 1.0, 2.5]),
        "lone": draw.choice(["zero", "raw"]),
    }
    return b.call(options)


def duration_weight(draw):
    b, turns, exist = _turns(draw, outcome=False)
    kind = "positive" if draw.kind != "wide" else "wide"
    b.add("duration", draw.floats(b.rows, turns, kind=kind), exist)
    options = {"over": draw.choice(["batch", "group"]), "cap": draw.choice([None, 0.5, 1.5])}
    return b.call(options, linear=False)


TURN_MAKERS = {
    "grpo_process": grpo_process,
    "igpo": igpo,
    "a2tgpo": a2tgpo,
    "gigpo": gigpo,
    "pure": pure,
    "duration_weight": duration_weight,
}
