"""Operations that read tokens: returns, GAE, spreading, summing, whitening."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch

import creditlib as cl
from benchmarks import inputs
from benchmarks.grid.shapes import LARGE, LONG, SHORT, SMALL, TINY, Shape
from benchmarks.work import Batch, Plan, Work

__all__ = ["plan", "plans"]

DTYPES = {"int8": torch.int8, "int64": torch.int64}
Maker = Callable[[Batch, Shape], Work]


def plan(op: str, shape: Shape, variant: str, make: Maker) -> Plan:
    """A row whose input follows from words of its variant.

    int64: its turn map; holes: tool output between turns; full: no padding either; packed: padding
    taken out; one thread: for everybody. Without holes and full, turns adjoin and padding follows.
    """
    threads = 1 if "one thread" in variant else 0

    def build(device: str) -> Work:
        batch = inputs.tokens(
            shape.rows,
            shape.width,
            shape.turns,
            holes="holes" in variant or "packed" in variant,
            full="full" in variant,
            dtype=DTYPES["int64" if "int64" in variant else "int8"],
        )
        if "packed" in variant:
            batch = _packed(batch)
        return make(inputs.to_device(batch, device), shape)

    small = shape is TINY
    return Plan(op, shape.name, variant, shape.why, build, quick=small, threads=threads)


def _packed(batch: dict[str, Any]) -> dict[str, Any]:
    """The rows without their padding, one after the other."""
    inside = torch.arange(batch["turn"].shape[1]) < batch["extent"][:, None]
    names = ("turn", "mask", "token_reward", "outcome_token_reward", "value", "weight")
    packed = {name: batch[name][inside] for name in names}
    return batch | packed | {"offsets": cl.layouts.offsets_of(batch["extent"])}


def _tensors(batch: Batch, *names: str) -> dict[str, Any]:
    more = ("offsets",) if "offsets" in batch else ()
    return {name: batch[name] for name in (*names, *more)}


def _work(batch: Batch, run: Callable[..., Any], given: Mapping[str, Any], into: int) -> Work:
    """`run(**given)`; with `into` results of the shape of the turn map it also takes `out`."""
    turn = batch["turn"]
    made = [torch.empty(turn.shape, device=turn.device) for _ in range(into)]
    out: Any = tuple(made) if into > 1 else (made[0] if made else None)
    return Work(
        batch,
        lambda: run(**given),
        tuple(value for value in given.values() if isinstance(value, torch.Tensor)),
        (lambda: run(**given, out=out)) if into else None,
        turn.numel() * 4,
    )


def _gae(batch: Batch, shape: Shape) -> Work:
    given = _tensors(batch, "token_reward", "value", "turn") | {"gamma": 0.99, "lam": 0.95}
    return _work(batch, cl.gae, given, 2)


def _two_level_gae(batch: Batch, shape: Shape) -> Work:
    given = _tensors(batch, "token_reward", "value", "turn") | {"gamma": 0.99, "lam": 0.95}
    run = functools.partial(cl.two_level_gae, turn_gamma=0.9, turn_lam=0.8)
    return _work(batch, run, given, 2)


def _gae_whitened(batch: Batch, shape: Shape) -> Work:
    """In one call; commits that whiten in a call of its own are timed with both."""
    if "whiten" not in inspect.signature(cl.gae).parameters:
        return _gae_then_whiten(batch, shape)
    given = _tensors(batch, "token_reward", "value", "turn") | {"gamma": 0.99, "lam": 0.95}
    return _work(batch, functools.partial(cl.gae, whiten=True), given, 2)


def _gae_then_whiten(batch: Batch, shape: Shape) -> Work:
    given = _tensors(batch, "token_reward", "value", "turn")

    def run(**given: Any) -> tuple[torch.Tensor, torch.Tensor]:
        advantage, returns = cl.gae(**given, gamma=0.99, lam=0.95)
        return cl.whiten(advantage, given["turn"] >= 0), returns

    return _work(batch, run, given, 0)


def _discounted(batch: Batch, shape: Shape) -> Work:
    given = _tensors(batch, "token_reward", "turn") | {"gamma": 0.99}
    return _work(batch, cl.discounted_return, given, 1)


def _plus_plus(batch: Batch, shape: Shape) -> Work:
    given = _tensors(batch, "token_reward", "turn") | {"gamma": 0.99}
    return _work(batch, cl.reinforce_plus_plus, given, 2)


def _turns_to_tokens(batch: Batch, shape: Shape) -> Work:
    given = {"credit": batch["process_reward"], **_tensors(batch, "turn")}
    return _work(batch, cl.to_tokens, given, 1)


def _rows_to_tokens(batch: Batch, shape: Shape) -> Work:
    given = {"credit": batch["reward"], **_tensors(batch, "turn")}
    return _work(batch, cl.to_tokens, given, 1)


def _weighted_to_tokens(batch: Batch, shape: Shape) -> Work:
    given = {"credit": batch["process_reward"], **_tensors(batch, "turn", "weight")}
    return _work(batch, cl.to_tokens, given, 1)


def _turn_sum(batch: Batch, shape: Shape) -> Work:
    given = {"x": batch["token_reward"], "turns": shape.turns, **_tensors(batch, "turn")}
    return _work(batch, cl.turn_sum, given, 0)


def _whiten(batch: Batch, shape: Shape) -> Work:
    given = {"credit": batch["value"], "weight": batch["turn"] >= 0}
    return _work(batch, cl.whiten, given, int("out" in inspect.signature(cl.whiten).parameters))


def _importance(batch: Batch, shape: Shape) -> Work:
    log_prob = -batch["weight"]
    given = {"log_prob": log_prob, "old_log_prob": 0.9 * log_prob, **_tensors(batch, "turn")}
    return _work(batch, cl.importance_weight, given, 0)


def _importance_of_rows(batch: Batch, shape: Shape) -> Work:
    log_prob = -batch["weight"]
    given = {"log_prob": log_prob, "old_log_prob": 0.9 * log_prob, **_tensors(batch, "turn")}
    return _work(batch, functools.partial(cl.importance_weight, level="trajectory"), given, 0)


def _top_fraction(batch: Batch, shape: Shape) -> Work:
    given = {"token_score": batch["weight"], **_tensors(batch, "turn")}
    return _work(batch, functools.partial(cl.top_fraction, fraction=0.2), given, 0)


def plans() -> list[Plan]:
    """Rows in the order of the report; LARGE and LONG everywhere, variants where they cost."""
    both = (LARGE, LONG)
    rows = [plan("gae", TINY, "int8, holes", _gae), plan("whiten", TINY, "bool", _whiten)]
    for shape in both:
        rows += [plan("gae", shape, f"{dtype}, holes", _gae) for dtype in DTYPES]
        rows += [plan("gae", shape, "int8, full", _gae)]
        rows += [plan("two_level_gae", shape, f"int8, {x}", _two_level_gae) for x in HOLES]
        rows += [plan("gae, whitened", shape, "int8, holes", _gae_whitened)]
        rows += [plan("gae, then whiten", shape, "int8, holes", _gae_then_whiten)]
        rows += [plan("gae", shape, "int8, full, one thread", _gae)]
        rows += [plan("discounted_return", shape, f"int8, {x}", _discounted) for x in HOLES]
        rows += [plan("reinforce_plus_plus", shape, "int8, holes", _plus_plus)]
        rows += [plan("to_tokens", shape, "from turns, int8, holes", _turns_to_tokens)]
        rows += [plan("turn_sum", shape, "int8, holes", _turn_sum)]
        rows += [plan("whiten", shape, "bool", _whiten)]
        rows += [plan("importance_weight", shape, f"int8, {x}", _importance) for x in HOLES]
        rows += [plan("top_fraction", shape, f"int8, {x}", _top_fraction) for x in HOLES]
    rows += [
        plan("two_level_gae", TINY, "int8, holes", _two_level_gae),
        plan("importance_weight", TINY, "int8, holes", _importance),
        plan("top_fraction", TINY, "int8, holes", _top_fraction),
        plan("importance_weight", LARGE, "int64, holes", _importance),
        plan("importance_weight", LARGE, "of rows, int8, holes", _importance_of_rows),
        plan("importance_weight", LARGE, "int8, full, one thread", _importance),
        plan("top_fraction", LARGE, "int8, full, one thread", _top_fraction),
        plan("importance_weight", LONG, "int8, packed", _importance),
        plan("top_fraction", LONG, "int8, packed", _top_fraction),
        plan("gae, whitened", LARGE, "int8, full", _gae_whitened),
        plan("reinforce_plus_plus", LARGE, "int8, full", _plus_plus),
        plan("reinforce_plus_plus", LARGE, "int64, holes", _plus_plus),
        plan("to_tokens", LARGE, "from turns, int64, holes", _turns_to_tokens),
        plan("to_tokens", LARGE, "from rows, int8, holes", _rows_to_tokens),
        plan("to_tokens", LARGE, "from turns, weighted, int8, holes", _weighted_to_tokens),
        plan("turn_sum", LARGE, "int64, holes", _turn_sum),
        plan("to_tokens", LARGE, "from turns, int8, holes, one thread", _turns_to_tokens),
        plan("to_tokens", SHORT, "from short turns, int8, full, one thread", _turns_to_tokens),
        plan("to_tokens", SHORT, "from short turns, int8, holes, one thread", _turns_to_tokens),
        plan("gae", LONG, "int8, packed", _gae),
        plan("to_tokens", LONG, "from turns, int8, packed", _turns_to_tokens),
        plan("turn_sum", LONG, "int8, packed", _turn_sum),
        plan("gae", SMALL, "int8, holes", _gae),
        plan("reinforce_plus_plus", SMALL, "int8, holes", _plus_plus),
        plan("to_tokens", SMALL, "from turns, int8, holes", _turns_to_tokens),
        plan("turn_sum", SMALL, "int8, holes", _turn_sum),
    ]
    return rows


HOLES = ("holes", "full")
