"""Estimators of turns: GiGPO in verl-agent's layout, information gain, process rewards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

import creditlib as cl
from benchmarks import inputs
from benchmarks.grid.shapes import FEW, LARGE, LONG, SMALL, STEPS, TINY, Shape
from benchmarks.grid.tokens import plan
from benchmarks.work import Batch, Plan, Work

__all__ = ["plans"]

GIGPO = ("reward", "group", "turn_reward", "anchor", "turn_count")


def _given(batch: Batch, *names: str) -> dict[str, Any]:
    return {name: batch[name] for name in names}


# --- GiGPO, one row a step ----------------------------------------------------------------------
def _steps_plan(op: str, shape: Shape, variant: str, make: Callable[[Batch], Work]) -> Plan:
    def build(device: str) -> Work:
        batch = inputs.steps(shape.rows, shape.turns, shape.width)
        return make(inputs.to_device(batch, device))

    name = f"{shape.rows * shape.turns}x{shape.width}"
    return Plan(op, name, variant, shape.why, build, quick=shape is TINY)


def _turns_plan(op: str, make: Callable[[Batch], Work]) -> Plan:
    def build(device: str) -> Work:
        return make(inputs.to_device(inputs.turns(STEPS.rows, STEPS.turns), device))

    why = "the same trajectories, one number a turn"
    return Plan(op, f"{STEPS.rows}x{STEPS.turns}", "turns only", why, build)


def _gigpo_text(batch: Batch) -> Work:
    """From what an environment hands over: texts and uids; the conventions of verl-agent."""
    device = batch["turn"].device

    def run() -> Tensor:
        credit = cl.gigpo(
            **_given(batch, "reward", "turn_reward", "turn_count"),
            group=cl.ids(batch["uid"]).to(device),
            anchor=cl.anchor_ids(batch["texts"]).to(device),
            **cl.presets.VERL_AGENT_GIGPO,
        )
        return cl.to_tokens(credit.reshape(-1), batch["turn"])

    read = (batch["reward"], batch["turn_reward"], batch["turn_count"], batch["turn"])
    return Work(batch, run, read, None, batch["turn"].numel() * 4)


def _gigpo_fresh_texts(batch: Batch) -> Work:
    """As above, with texts that no call has seen: Python keeps the hash of a text once it is known.

    The copies are made off the clock.
    """
    texts = batch["texts"]
    mine = dict(batch)

    @contextlib.contextmanager
    def before() -> Generator[None]:
        mine["texts"] = [[text[:1] + text[1:] for text in row] for row in texts]
        yield

    return replace(_gigpo_text(mine), before=before)


def _gigpo_ids(batch: Batch) -> Work:
    given = _given(batch, *GIGPO)
    out = torch.empty(batch["turn"].shape, device=batch["turn"].device)

    def run(out: Tensor | None = None) -> Tensor:
        return cl.to_tokens(cl.gigpo(**given).reshape(-1), batch["turn"], out=out)

    read = (*given.values(), batch["turn"])
    return Work(batch, run, read, lambda: run(out), batch["turn"].numel() * 4)


def _turn_level(function: Callable[..., Tensor], *names: str, **more: Any) -> Callable[..., Work]:
    """Credit of turns only: no token is touched."""

    def make(batch: Batch, *_: object) -> Work:
        given = _given(batch, *names)
        first = next(iter(given.values()))
        size = batch["turn"].numel() * 4 if "turn" in batch else first.numel() * 4
        return Work(batch, lambda: function(**given, **more), tuple(given.values()), None, size)

    return make


# --- turn credit to tokens ----------------------------------------------------------------------
def _to_tokens(function: Callable[..., Tensor], *names: str, **more: Any) -> Callable[..., Work]:
    def make(batch: Batch, *_: object) -> Work:
        given, turn = _given(batch, *names), batch["turn"]
        out = torch.empty(turn.shape, device=turn.device)

        def run(out: Tensor | None = None) -> Tensor:
            return cl.to_tokens(function(**given, **more), turn, out=out)

        return Work(batch, run, (*given.values(), turn), lambda: run(out), turn.numel() * 4)

    return make


def _grpo_and_turn_scores(**given: Any) -> Tensor:
    """GRPO plus a z-score per turn index, halved: GiGPO whose state is the turn's number."""
    score = given.pop("process_reward")
    anchor = torch.arange(score.shape[1], device=score.device).expand(score.shape)
    return 0.5 * cl.gigpo(**given, reward=score.sum(1), turn_reward=score, anchor=anchor, gamma=0.9)


GAINS = ("reward", "group", "information_gain", "turn_count")
PROCESS = ("process_reward", "turn_count")


def plans() -> list[Plan]:
    """Rows in the order of the report."""
    gigpo = _turn_level(cl.gigpo, *GIGPO)
    pure = _to_tokens(cl.pure, "group", *PROCESS)
    scores = _to_tokens(_grpo_and_turn_scores, "group", *PROCESS)
    solid, holes = "int8, adjoining", "int8, holes"
    rows = [
        _steps_plan("gigpo from text", TINY, "to tokens, int8", _gigpo_text),
        _steps_plan("gigpo from text", STEPS, "to tokens, int8", _gigpo_text),
        _steps_plan("gigpo from fresh texts", STEPS, "to tokens, int8", _gigpo_fresh_texts),
        _steps_plan("gigpo from ids", STEPS, "to tokens, int8", _gigpo_ids),
        _turns_plan("gigpo from ids", gigpo),
        plan("gigpo from ids", SMALL, "turns only", gigpo),
        plan("gigpo from ids", SMALL, "turns only, one thread", gigpo),
        plan("pure", SMALL, "turns only, one thread", _turn_level(cl.pure, "group", *PROCESS)),
        plan("igpo to tokens", TINY, solid, _to_tokens(cl.igpo, *GAINS)),
        plan("igpo to tokens", FEW, solid, _to_tokens(cl.igpo, *GAINS)),
        plan("igpo to tokens", LONG, solid, _to_tokens(cl.igpo, *GAINS)),
        plan("a2tgpo to tokens", LONG, solid, _to_tokens(cl.a2tgpo, *GAINS)),
        plan("grpo + turn z-score to tokens", SMALL, holes, scores),
        plan("grpo + turn z-score to tokens", LONG, holes, scores),
        plan("pure to tokens", TINY, solid, pure),
        plan("pure to tokens", LARGE, solid, pure),
    ]
    for form in ("hard_min", "suffix_min"):
        formed = _to_tokens(cl.pure, "group", *PROCESS, form=form)
        rows.append(plan(f"pure {form} to tokens", LARGE, solid, formed))
    for function in (cl.softmin_returns, cl.hard_min_returns, cl.suffix_min_returns):
        made = _turn_level(function, *PROCESS)
        rows.append(_turns_plan(function.__name__, made))
    weights = _turn_level(cl.duration_weight, "duration", "turn_count")
    rows.append(_turns_plan("duration_weight", weights))
    return rows
