"""What each public function launches on a GPU, found without one: real launchers, no run.

    PYTHONPATH=.:tests python -m kernels.launches [--json] [--only PART_OF_NAME]

A stand-in for Triton's driver lets the launchers specialise and compile their kernels for an H100.
The tensors have shapes and no memory, so a call that looks at values fails as it would wait on a
GPU. Run it without TRITON_INTERPRET.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

import torch
import triton

import creditlib as cl
from benchmarks.gpu import stand_in_driver

ROWS, WIDTH, TURNS = 64, 512, 10


def empty(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(*shape, dtype=dtype, device="meta")


def calls() -> dict[str, Callable[[], Any]]:
    """The functions that launch kernels, on 64 rows of 512 tokens in 10 turns."""
    values, credit, score = empty(ROWS, WIDTH), empty(ROWS, TURNS), empty(ROWS, TURNS)
    turn, count = empty(ROWS, WIDTH, dtype=torch.int16), empty(ROWS, dtype=torch.int64)
    reward, group = empty(ROWS), empty(ROWS, dtype=torch.int64)
    anchor, mask = empty(ROWS, TURNS, dtype=torch.int64), empty(ROWS, WIDTH, dtype=torch.bool)
    tokens: dict[str, Any] = {"token_reward": values, "turn": turn, "gamma": 0.99}
    few: dict[str, Any] = {name: each[:8] for name, each in tokens.items() if name != "gamma"}
    many = {name: empty(600, WIDTH, dtype=each.dtype) for name, each in few.items()}
    critic = {"gamma": 0.99, "lam": 0.95}
    ratios = {"log_prob": values, "old_log_prob": values, "turn": turn}
    outcome = {"reward": reward, "group": group}

    def to_tokens(turn_credit: torch.Tensor) -> torch.Tensor:
        return cl.to_tokens(turn_credit, turn)

    def gigpo() -> torch.Tensor:
        return cl.gigpo(**outcome, turn_reward=score, anchor=anchor, turn_count=count)

    def igpo() -> torch.Tensor:
        return cl.igpo(**outcome, information_gain=score, turn_count=count)

    def pure() -> torch.Tensor:
        return cl.pure(process_reward=score, group=group, turn_count=count)

    offsets = empty(ROWS + 1, dtype=torch.int64)
    packed = {"token_reward": empty(9999), "turn": empty(9999, dtype=torch.int16)}
    return {
        "gae few rows": lambda: cl.gae(**few, value=few["token_reward"], **critic),
        "gae few long rows": lambda: cl.gae(
            **{k: x.repeat(1, 9) for k, x in few.items()}, value=values[:8].repeat(1, 9), **critic
        ),
        "gae many rows": lambda: cl.gae(**many, value=many["token_reward"], **critic),
        "gae packed": lambda: cl.gae(
            **packed, value=packed["token_reward"], offsets=offsets, **critic
        ),
        "two_level_gae": lambda: cl.two_level_gae(**tokens, value=values, lam=0.95, turn_lam=0.9),
        "two_level_gae packed": lambda: cl.two_level_gae(
            **packed, value=packed["token_reward"], offsets=offsets, **critic
        ),
        "discounted_return": lambda: cl.discounted_return(**tokens),
        "reinforce_plus_plus": lambda: cl.reinforce_plus_plus(**tokens),
        "whiten": lambda: cl.whiten(values, mask),
        "whiten few": lambda: cl.whiten(values[:2], mask[:2]),
        "to_tokens turns": lambda: to_tokens(credit),
        "to_tokens rows": lambda: to_tokens(reward),
        "importance_weight": lambda: cl.importance_weight(**ratios),
        "importance_weight of turns": lambda: cl.importance_weight(
            **ratios, turns=TURNS, level="turn"
        ),
        "top_fraction": lambda: cl.top_fraction(token_score=values, turn=turn, fraction=0.2),
        "turn_sum": lambda: cl.turn_sum(values, turn, TURNS),
        "grpo": lambda: cl.grpo(**outcome),
        "grpo to tokens": lambda: to_tokens(cl.grpo(**outcome)),
        "gigpo to tokens": lambda: to_tokens(gigpo()),
        "igpo to tokens": lambda: to_tokens(igpo()),
        "pure to tokens": lambda: to_tokens(pure()),
    }


def found(only: str = "") -> list[dict[str, Any]]:
    """The kernels of each call with their programs, torch's operations beside them, any error."""
    rows: list[dict[str, Any]] = []
    for name, call in calls().items():
        if only not in name:
            continue
        row: dict[str, Any] = {"call": name, "kernels": [], "torch": [], "error": ""}
        try:
            launched = stand_in_driver.launches(call)
            row["kernels"] = [(each.kernel, list(each.grid)) for each in launched.kernels]
            row["torch"] = launched.torch_operations
        except Exception as error:  # a compiler fails in many ways
            row["error"] = f"{type(error).__name__}: {str(error).strip()[-300:]}"
        rows.append(row)
    return rows


def main() -> int:
    """Print what is launched; 1 if a call fails."""
    parser = argparse.ArgumentParser(description="What each function launches on a GPU.")
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    driver = stand_in_driver.install()
    rows = found(options.only)
    if options.json:
        print(json.dumps({"triton": triton.__version__, "calls": rows}))
    else:
        for row in rows:
            kernels = ", ".join(f"{name} x {grid[0]}" for name, grid in row["kernels"])
            print(f"{row['call']:20} {kernels}; torch: {' '.join(row['torch'])} {row['error']}")
        seconds = sum(each.seconds for each in driver.compiles)
        print(f"{len(driver.compiles)} forms, {seconds:.1f} s of compiling, {triton.__version__}")
    return int(any(row["error"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
