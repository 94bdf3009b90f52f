"""Random ragged batches through our functions and presets, against what published code returned."""

from pathlib import Path

import numpy as np
import pytest
import torch

import creditlib as cl
from creditlib import presets
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")

DATA = Path(__file__).parent / "data"
BATCHES = {name: dict(np.load(DATA / f"{name}.npz")) for name in ("official_11", "official_12")}


def load(name, dtype):
    batch = {key: torch.from_numpy(value) for key, value in BATCHES[name].items()}
    inputs = {
        "reward",
        "token_reward",
        "value",
        "turn_reward",
        "information_gain",
        "process_reward",
    }
    return {key: x.to(dtype) if key in inputs else x for key, x in batch.items()}


def pick(batch, *names):
    return {name: batch[name] for name in names}


def gae(batch, gamma, lam, whitened):
    tensors = pick(batch, "token_reward", "value", "turn")
    advantage, _ = cl.gae(**tensors, gamma=gamma, lam=lam)
    return cl.whiten(advantage, batch["turn"] >= 0) if whitened else advantage


def gigpo(batch, scale, gamma, part):
    over = "turn" if part == "episode_over_steps" else "first_turn"
    options = {"gamma": gamma, "scale": scale, "episode_over": over, "lone": "raw"}
    tensors = pick(batch, "reward", "group", "turn_reward", "anchor", "turn_count")
    # Their episode score is the sum of the step rewards; without it only the step term is left.
    total = tensors["turn_reward"].sum(1)
    tensors["reward"] = torch.zeros_like(total) if part == "step" else total
    return cl.gigpo(**tensors, step_weight=float(part == "step"), **options)


def igpo(batch, preset, gamma):
    tensors = pick(batch, "reward", "group", "information_gain", "turn_count")
    return cl.igpo(**tensors, gamma=gamma, **preset)


def softmin_steps(batch, temperature):
    returns = cl.softmin_returns(
        **pick(batch, "process_reward", "turn_count"), temperature=temperature
    )
    return returns - torch.nn.functional.pad(returns, (0, 1))[:, 1:]


def rfpp(batch, part):
    return cl.reinforce_plus_plus(**pick(batch, "token_reward", "turn"), gamma=0.97)[part]


def runs():
    pair = ("reward", "group")
    table = {
        "grpo_std": lambda b: cl.grpo(**pick(b, *pair), **presets.VERL_GRPO),
        "grpo_mean": lambda b: cl.grpo(**pick(b, *pair), **presets.VERL_DR_GRPO),
        "rloo": lambda b: cl.rloo(**pick(b, *pair), **presets.VERL_RLOO),
        "opo": lambda b: cl.opo(**pick(b, *pair, "length"), **presets.VERL_OPO),
        "rfpp_adv": lambda b: rfpp(b, 0),
        "rfpp_ret": lambda b: rfpp(b, 1),
        "pure_softmin_0.1": lambda b: softmin_steps(b, 0.1),
        "pure_softmin_1.0": lambda b: softmin_steps(b, 1.0),
    }
    for gamma, lam in ((0.99, 0.95), (1.0, 1.0), (0.9, 0.5)):
        for form in ("raw", "whitened"):
            table[f"gae_{gamma}_{lam}_{form}"] = lambda b, g=gamma, m=lam, w=form == "whitened": (
                gae(b, g, m, w)
            )
    for norm, scale in (("mean_norm", None), ("mean_std_norm", "std")):
        for gamma in (0.95, 1.0):
            for part in ("step", "episode", "episode_over_steps"):
                table[f"gigpo_{norm}_{gamma}_{part}"] = lambda b, s=scale, g=gamma, p=part: gigpo(
                    b, s, g, p
                )
    for pool, preset in (
        ("joint", presets.IGPO_OFFICIAL_JOINT),
        ("separate", presets.IGPO_OFFICIAL_SEPARATE),
    ):
        for gamma in (1.0, 0.9):
            table[f"igpo_{pool}_{gamma}"] = lambda b, p=preset, g=gamma: igpo(b, p, g)
    return table


RUNS = runs()


def expected(batch, name):
    """Published results on tokens hold carried values on masked ones; ours are 0 there."""
    x = batch[name]
    if x.shape == batch["turn"].shape:
        return torch.where(batch["turn"] >= 0, x, 0)
    return x


def test_every_published_output_is_compared():
    for batch in BATCHES.values():
        inputs = {"group", "reward", "turn", "turn_count", "length", "token_reward", "value"}
        inputs |= {"turn_reward", "anchor", "information_gain", "process_reward"}
        assert set(batch) - inputs == set(RUNS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("source", BATCHES)
def test_output_agrees_with_published_code(source, name, dtype):
    batch = load(source, dtype)
    result = RUNS[name](batch)
    assert result.dtype == dtype
    # GiGPO and IGPO ran in float32 in their authors' code; the others in float64.
    float32 = dtype == torch.float32 or name.startswith(("gigpo", "igpo"))
    assert_close(result, expected(batch, name), "golden" if float32 else None)
