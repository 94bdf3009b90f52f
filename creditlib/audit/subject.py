"""The estimator under audit: which tensors it asks for, and its credit of turns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from creditlib.audit.references import REFERENCES
from creditlib.audit.sample import Sample
from creditlib.audit.task import Task
from creditlib.audit.tensors import BatchTensors, first_token, names_of, token_turn
from creditlib.registry import apply, resolve, title
from creditlib.vocabulary.annotations import options_of, result_of, tensors_of
from creditlib.vocabulary.messages import contract_error

__all__ = ["Audited", "audited"]

Estimator = str | Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Audited:
    """An estimator, a weight or a shaper, made to give credit of turns.

    needs: the tensors that it asks for. kind: "advantage" or "returns" are credit; "factor" is a
    weight on the credit of `on`; "reward" replaces the reward of `on`. stochastic: it has a
    parameter `generator`, and gets a seeded one.
    """

    name: str
    function: Callable[..., Any]
    options: Mapping[str, Any]
    needs: tuple[str, ...]
    kind: str = "advantage"
    on: Audited | None = None
    stochastic: bool = False
    replaces: bool = False
    axes: Mapping[str, str] = field(default_factory=dict)

    def missing(self, task: Task) -> list[str]:
        """The tensors that it needs and the task lacks."""
        have = names_of(task)
        needs = {*self.needs, *(self.on.needs if self.on is not None else ())}
        return sorted(needs - have)

    def credit(self, sample: Sample, generator: torch.Generator | None = None) -> Tensor:
        """The credit of each turn, float64[batch turn]; 0 after the end."""
        return self.credit_of(sample, BatchTensors(sample), generator)

    def credit_of(
        self,
        sample: Sample,
        batch: Mapping[str, Tensor],
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The same from tensors at hand, which may differ from those of the sample."""
        if self.on is None:
            return torch.where(sample.real, by_turn(self._call(batch, generator), sample), 0)
        if self.kind == "reward":
            shaped = self._call(batch, generator)
            return self.on.credit_of(sample, self._with_reward(shaped, batch), generator)
        base = self.on.raw_credit(batch, generator)
        given = {**self._chosen(batch), "credit": base} if "credit" in self.needs else batch
        weight = by_turn(self._call(given, generator), sample)
        return torch.where(sample.real, weight * by_turn(base, sample), 0)

    def raw_credit(
        self, batch: Mapping[str, Tensor], generator: torch.Generator | None = None
    ) -> Tensor:
        """The result of the function itself, at its own level."""
        return self._call(batch, generator)

    def _chosen(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: batch[name] for name in self.needs if name in batch}

    def _with_reward(self, shaped: Tensor, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of `on`, with the shaped reward in the place of the reward, or added to it."""
        assert self.on is not None
        found = {name: batch[name] for name in self.on.needs}
        if shaped.ndim == 1:
            at_end = torch.arange(batch["turn_reward"].shape[1]) == batch["turn_count"][:, None] - 1
            turns = torch.where(at_end, shaped[:, None], 0)
        else:
            turns = shaped
        kept = 0.0 if self.replaces else 1.0
        rewards = {
            "reward": kept * batch["reward"] + turns.sum(1),
            "turn_reward": kept * batch["turn_reward"] + turns,
        }
        return {**found, **{name: value for name, value in rewards.items() if name in found}}

    def _call(self, batch: Mapping[str, Tensor], generator: torch.Generator | None) -> Tensor:
        options = {**self.options, **{name: _size(axis, batch) for name, axis in self.axes.items()}}
        if self.stochastic:
            options["generator"] = generator or torch.Generator().manual_seed(0)
        result = apply(self.function, {name: batch[name] for name in self.needs}, **options)
        if isinstance(result, (tuple, list)):
            result = result[0]
        if not isinstance(result, Tensor):
            wanted = "a function that returns a tensor, or a tuple of tensors"
            raise contract_error(
                "audit", "estimator", wanted, f"{type(result).__name__} from {self.name}"
            )
        return result.detach().double()


def audited(
    estimator: Estimator | Audited,
    *,
    on: Estimator | Audited = "grpo",
    also: Iterable[str] = (),
    replaces: bool | None = None,
    name: str = "",
    **options: Any,
) -> Audited:
    """An estimator, ready to be audited.

    estimator: a name, one of `references.REFERENCES`, an import path, a function or a `functools.partial`. It gets the tensors that
    its parameters without default name, and `also` those optional ones. on: the estimator whose
    credit a weight multiplies, or whose reward a shaper changes. replaces: the shaper's result
    takes the place of the reward; False adds it; None adds it unless it is known to replace.
    options: are passed on.

    Errors: a weight or a shaper on a weight or a shaper; a statistic.

    >>> audited("gigpo", gamma=1.0).needs
    ('reward', 'group', 'turn_reward', 'anchor', 'turn_count')
    >>> audited("duration_weight", on="rloo").on.name
    'rloo'
    """
    if isinstance(estimator, Audited):
        return estimator
    known = REFERENCES.get(estimator) if isinstance(estimator, str) else None
    function = known or resolve(estimator)
    body = function.forward if isinstance(function, torch.nn.Module) else function
    tensors = tensors_of(body)
    parameters = inspect.signature(body).parameters
    needs = [
        each
        for each, parameter in parameters.items()
        if each not in options
        and each not in ("generator", "out")
        and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    ]
    numbers = options_of(body)
    unset = [each for each in needs if each in numbers and not numbers[each].axis]
    if unset:
        fact = f"{title(function)} without {', '.join(f'`{each}`' for each in unset)}"
        raise contract_error(
            "audit", "estimator", "given all its options", fact, f"pass {unset[0]}=…"
        )
    axes = {each: numbers[each].axis for each in needs if each in numbers}
    needs = [each for each in needs if each not in numbers]
    kind = str(result_of(body).kind) if tensors else "advantage"
    if kind == "statistic":
        wanted = "an estimator, a weight or a shaper"
        raise contract_error("audit", "estimator", wanted, f"{title(function)}, a statistic")
    composed = kind in ("factor", "reward")
    base = audited(on) if composed else None
    if base is not None and base.on is not None:
        raise contract_error("audit", "on", "an estimator", f"{base.name}, which is none itself")
    label = name or title(function)
    return Audited(
        name=label,
        function=function,
        options=options,
        axes=axes,
        needs=(*needs, *also),
        kind=kind,
        on=base,
        replaces=label in _REPLACES if replaces is None else replaces,
        stochastic="generator" in parameters,
    )


def _size(axis: str, batch: Mapping[str, Tensor]) -> int:
    """The size of an axis of the batch, for an option that asks for it."""
    return len(batch["reward"]) if axis == "batch" else batch["turn_reward"].shape[1]


# Shapers whose result is the whole reward, and nothing to add to it.
_REPLACES = {
    *("combine", "outcome_at_last_turn", "partial_credit", "redistribute"),
    *("sotopia", "spa_rl", "spread_back"),
}


def by_turn(result: Tensor, sample: Sample) -> Tensor:
    """A result of any level as credit of turns: Σ over the tokens of a turn of credit x score.

    The first token of a turn carries the action's score, and the later ones are certain.
    """
    rows, turns = sample.state.shape
    if result.ndim == 1 and len(result) == rows:
        return result[:, None].expand(rows, turns)
    if tuple(result.shape) == (rows, turns):
        return result
    tokens = token_turn(sample)
    if result.shape == tokens.shape:
        return result[:, first_token(turns)]
    wanted = (
        f"float[batch], [batch turn] or [batch token], here {rows}, {turns} and {tokens.shape[1]}"
    )
    raise contract_error("audit", "estimator", wanted, f"a result of shape {list(result.shape)}")
