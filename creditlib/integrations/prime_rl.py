"""prime-rl: an `Algorithm` that writes credit onto the sampled tokens of traces."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from creditlib.integrations.patching import Hook, Trainer, verify
from creditlib.rows.columns import columns_from
from creditlib.rows.credit import credit_rows
from creditlib.rows.padding import padded
from creditlib.rows.read import read_rows
from creditlib.rows.settings import CreditSettings, credit_settings, setting
from creditlib.vocabulary.messages import contract_error

__all__ = ["TRAINER", "credit_algorithm", "credit_traces", "install"]

_ALGO = "prime_rl.orchestrator.algo"

TRAINER = Trainer(
    "prime-rl",
    "prime-rl",
    ("559b447",),
    (
        Hook(f"{_ALGO}.base:Algorithm", ("config", "policy_pool")),
        Hook(f"{_ALGO}.base:Algorithm.score_group", ("self", "episodes")),
        Hook(f"{_ALGO}.base:iter_trainable_traces", ("episodes",)),
        Hook(f"{_ALGO}.routing:assign_advantages", ("trace", "values")),
        Hook(f"{_ALGO}:ALGORITHM_CLASSES", value_type="dict"),
    ),
)

Role = Callable[[Any, Any], Hashable]


def credit_traces(
    pairs: Sequence[tuple[Any, Any]],
    settings: CreditSettings,
    *,
    role: Role | None = None,
    columns: Callable[[Any], Mapping[str, Any]] | None = None,
) -> tuple[list[list[float]], dict[str, float]]:
    """(credit, metrics): for each trace a list with the credit of its sampled tokens, node by node.

    pairs: (episode, trace) of one cohort. The cohort is one group, or several groups with equal
    `role(episode, trace)`. A node with sampled tokens is a turn. columns: a function that returns
    the columns of a trace by name. prime-rl drops tokens whose credit is exactly 0.
    """
    if not pairs:
        return [], {}
    turns = [_turn_ids(trace) for _, trace in pairs]
    rows = read_rows(
        mask=padded([each >= 0 for each in turns]),
        turn=padded(turns, fill=-1),
        group=["" if role is None else role(*pair) for pair in pairs],
        reward=[trace.reward for _, trace in pairs],
        columns=columns_from([columns(trace) for _, trace in pairs] if columns else [], settings),
        settings=settings,
    )
    credit = credit_rows(rows, settings)
    lists = [
        row[: len(turn)][turn >= 0].tolist()
        for row, turn in zip(credit.advantage, turns, strict=True)
    ]
    return lists, credit.metrics


def _turn_ids(trace: Any) -> Tensor:
    """int[token] of the nodes with sampled tokens: the node that sampled a token, else -1."""
    masks = [torch.tensor([bool(each) for each in node.mask], device="cpu") for node in trace.nodes]
    sampled = [mask for mask in masks if bool(mask.any())] or [
        torch.zeros(1, dtype=torch.bool, device="cpu")
    ]
    return torch.cat([torch.where(mask, turn, -1) for turn, mask in enumerate(sampled)])


def credit_algorithm(
    base: type[Any],
    iter_trainable_traces: Callable[[Any], Any],
    assign_advantages: Callable[[Any, Any], None],
    settings: Mapping[str, Any] | None = None,
    *,
    role: Role | None = None,
    columns: Callable[[Any], Mapping[str, Any]] | None = None,
) -> type[Any]:
    """A subclass of prime-rl's Algorithm that scores groups by `settings`."""
    resolved = credit_settings(settings, estimator="grpo", defaults={"scale": None})

    class CreditAlgorithm(base):
        def __init__(self, config: Any, *args: Any, **more: Any) -> None:
            super().__init__(config, *args, **more)
            if setting(config, "length_penalty") is not None:
                raise contract_error(
                    "prime-rl", "length_penalty", "None: creditlib does not use it", "a penalty"
                )
            self.metrics: dict[str, float] = {}

        async def score_group(self, episodes: Any) -> None:
            pairs = list(iter_trainable_traces(episodes))
            lists, self.metrics = credit_traces(pairs, resolved, role=role, columns=columns)
            for (_, trace), values in zip(pairs, lists, strict=True):
                assign_advantages(trace, values)

    return CreditAlgorithm


def install(
    settings: Mapping[str, Any] | None = None,
    *,
    instead_of: str = "grpo",
    role: Role | None = None,
    columns: Callable[[Any], Mapping[str, Any]] | None = None,
) -> Callable[[], None]:
    """Use creditlib where `algo.type` is `instead_of`; the returned function undoes it.

    The configuration accepts a closed list of types, so creditlib replaces one of them.
    """
    base, _, traces, assign, classes = (verify(TRAINER, hook) for hook in TRAINER.hooks)
    if instead_of not in classes:
        raise contract_error(
            "prime-rl", "instead_of", f"one of {', '.join(classes)}", repr(instead_of)
        )
    before = classes[instead_of]
    classes[instead_of] = credit_algorithm(
        base, traces, assign, settings, role=role, columns=columns
    )

    def undo() -> None:
        classes[instead_of] = before

    return undo
