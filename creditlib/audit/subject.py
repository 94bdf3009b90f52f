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
from creditlib.audit.tensors import BatchTensors, first_token, names_of, token_turn, tokens_of
from creditlib.registry import apply, resolve, title
from creditlib.vocabulary.annotations import Result, options_of, result_of, tensors_of
from creditlib.vocabulary.call_names import unknown_argument
from creditlib.vocabulary.messages import ContractError, contract_error, did_you_mean

__all__ = ["Audited", "Estimator", "audited", "by_turn", "found_estimator"]

Estimator = str | Callable[..., Any]

# The tensors in which a shaper's result takes the place of the reward.
_REWARDS = ("reward", "turn_reward", "token_reward")
# Shapers whose result is the whole reward, and nothing to add to it.
_REPLACES = {
    *("combine", "outcome_at_last_turn", "partial_credit", "redistribute"),
    *("sotopia", "spa_rl", "spread_back"),
}


@dataclass(frozen=True, eq=False)
class Audited:
    """An estimator, a weight or a shaper, made to give credit of turns.

    needs: the tensors that it asks for. kind: "advantage" or "returns" are credit; "factor" is a
    weight on the credit of `on`; "reward" changes the reward of `on`, and with `replaces` takes its
    place. stochastic: it has a parameter `generator`, and gets a seeded one. axes: options that are
    the size of an axis of the batch.
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
        """The tensors that it needs and the task lacks, in alphabetical order.

        >>> from creditlib.audit.tasks import recovery
        >>> audited("pure").missing(recovery())
        ['process_reward']
        """
        needs = {*self.needs, *(self.on.needs if self.on is not None else ())}
        if self.on is not None:
            needs.discard("credit")  # that of `on`
        return sorted(needs - names_of(task))

    def credit(self, sample: Sample, generator: torch.Generator | None = None) -> Tensor:
        """The credit of each turn, float64[batch turn]; 0 after the end.

        generator: for a stochastic estimator; without one, it gets one with seed 0.
        """
        return self.credit_of(sample, BatchTensors(sample), generator)

    def credit_of(
        self,
        sample: Sample,
        batch: Mapping[str, Tensor],
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The same from tensors at hand, which may differ from those of the sample."""
        if self.on is None:
            credit = by_turn(self.raw_credit(batch, generator), sample)
        elif self.kind == "reward":
            shaped = self.raw_credit(batch, generator)
            batch = _Changed(batch, self._rewards(shaped, batch, sample))
            return self.on.credit_of(sample, batch, generator)
        else:
            base = self.on.raw_credit(batch, generator)
            given = _Changed(batch, {"credit": base})
            weight = by_turn(self.raw_credit(given, generator), sample)
            credit = weight * by_turn(base, sample)
        return torch.where(sample.real, credit, 0)

    def raw_credit(
        self, batch: Mapping[str, Tensor], generator: torch.Generator | None = None
    ) -> Tensor:
        """The result of the function itself, at its own level, float64."""
        return self.result(batch, generator).detach().double()

    def result(
        self, batch: Mapping[str, Tensor], generator: torch.Generator | None = None
    ) -> Tensor:
        """What the function itself returns, in its own dtype; the first of several tensors."""
        options = {**self.options, **{name: _size(axis, batch) for name, axis in self.axes.items()}}
        if self.stochastic:
            options["generator"] = generator or torch.Generator().manual_seed(0)
        lacking = [name for name in self.needs if name not in batch]
        if lacking:
            fact = f"one without {', '.join(f'`{name}`' for name in lacking)}"
            wanted = f"a batch with the tensors of {self.name}"
            raise contract_error("audit", "task", wanted, fact, "choose a task that has them")
        result = apply(self.function, {name: batch[name] for name in self.needs}, **options)
        if isinstance(result, (tuple, list)) and result:
            result = result[0]
        if not isinstance(result, Tensor):
            wanted = "a function that returns a tensor, or a tuple of tensors"
            fact = f"{type(result).__name__} from {self.name}"
            raise contract_error("audit", "estimator", wanted, fact)
        return result

    def _rewards(
        self, shaped: Tensor, batch: Mapping[str, Tensor], sample: Sample
    ) -> dict[str, Tensor]:
        """The rewards of all levels with the shaper's result added, or in their place.

        A result of trajectories is earned at the last turn, and that of a turn at its last token.
        """
        count = batch["turn_count"]
        turns = shaped
        if shaped.ndim == 1:
            at_end = torch.arange(sample.state.shape[1]) == count[:, None] - 1
            turns = torch.where(at_end, shaped[:, None], 0)
        turns = by_turn(turns, sample)
        kept = 0.0 if self.replaces else 1.0
        none = torch.zeros_like(turns)
        more = {
            "reward": turns.sum(1),
            "turn_reward": turns,
            "token_reward": tokens_of(sample, none, none, turns),
        }
        return {name: kept * batch[name] + more[name] for name in _REWARDS if name in batch}


class _Changed(Mapping[str, Tensor]):
    """A batch in which some tensors are others; the rest is still made on demand."""

    def __init__(self, batch: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> None:
        self._batch, self._others = batch, others

    def __getitem__(self, name: str) -> Tensor:
        return self._others[name] if name in self._others else self._batch[name]

    def __contains__(self, name: object) -> bool:
        return name in self._others or name in self._batch

    def __iter__(self) -> Any:
        return iter({**dict.fromkeys(self._batch), **self._others})

    def __len__(self) -> int:
        return len(list(iter(self)))


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

    Args:
        estimator: a name of the library, of a plug-in or of `references.REFERENCES`, an import path
            "package.module:function", a function, a `functools.partial`, or an `nn.Module`. It gets
            the tensors that its parameters without default name. It returns credit, float[batch],
            [batch turn] or [batch token], or several tensors, the first of which is the credit.
        on: the estimator whose credit a weight multiplies, or whose reward a shaper changes.
        also: optional tensors that the estimator gets too.
        replaces: True: the shaper's result takes the place of the reward. False adds it. None adds
            it unless it is known to replace.
        name: the name in tables; "" is that of the function.
        options: are passed on to the estimator.

    Errors: options without default that are unset, or that the estimator does not know; a
    statistic; a weight or a shaper on another; a shaper on an estimator that reads no reward.

    >>> audited("gigpo", gamma=1.0).needs
    ('reward', 'group', 'turn_reward', 'anchor', 'turn_count')
    >>> audited("duration_weight", on="rloo").on.name
    'rloo'
    """
    if isinstance(estimator, Audited):
        return estimator
    function = found_estimator(estimator)
    body = function.forward if isinstance(function, torch.nn.Module) else function
    parameters, numbers = inspect.signature(body).parameters, options_of(body)
    label = name or title(function)
    _refuse_unknown(label, parameters, options, also)
    required = _required(parameters, options)
    unset = [each for each in required if each in numbers and not numbers[each].axis]
    if unset:
        fact = f"{label} without {', '.join(f'`{each}`' for each in unset)}"
        remedy = f"pass {', '.join(f'{each}=…' for each in unset)}"
        raise contract_error("audit", "estimator", "given all its options", fact, remedy)
    kind = _kind(label, result_of(body)) if tensors_of(body) else "advantage"
    return Audited(
        name=label,
        function=function,
        options=options,
        axes={each: numbers[each].axis for each in required if each in numbers},
        needs=(*(each for each in required if each not in numbers), *also),
        kind=kind,
        on=_base(on, kind) if kind in ("factor", "reward") else None,
        replaces=label in _REPLACES if replaces is None else replaces,
        stochastic="generator" in parameters and "generator" not in options,
    )


def found_estimator(estimator: Estimator) -> Callable[..., Any]:
    """A reference of that name, or what `resolve` gives.

    >>> found_estimator("grpo").__name__
    'grpo'
    """
    if isinstance(estimator, str) and estimator in REFERENCES:
        return REFERENCES[estimator]
    try:
        return resolve(estimator)
    except ContractError as error:
        near = did_you_mean(estimator, REFERENCES) if isinstance(estimator, str) else ""
        if not near or "did you mean" in str(error):
            raise
        raise ContractError(f"{str(error).removesuffix('.')}{near}.") from None


def _required(parameters: Mapping[str, inspect.Parameter], options: Mapping[str, Any]) -> list[str]:
    """The parameters without default that no option sets: tensors, and sizes of axes."""
    return [
        each
        for each, parameter in parameters.items()
        if each not in (*options, "generator")
        and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    ]


def _refuse_unknown(
    label: str,
    parameters: Mapping[str, inspect.Parameter],
    options: Mapping[str, Any],
    also: Iterable[str],
) -> None:
    """Refuse options and tensors that the estimator has no parameter for."""
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    for each, value in options.items():
        if each not in parameters:
            raise unknown_argument(label, each, value, parameters)
    for each in also:
        if each not in parameters:
            fact = f"{each!r}{did_you_mean(each, parameters)}"
            raise contract_error("audit", "also", f"optional tensors of {label}", fact)


def _kind(label: str, result: Result) -> str:
    """What the result is: credit, a factor or a reward; a mask is a factor of 0 and 1."""
    if result.kind == "statistic" and result.contract.startswith("bool"):
        return "factor"
    if result.kind == "statistic":
        wanted = "an estimator, a weight or a shaper"
        raise contract_error("audit", "estimator", wanted, f"{label}, a statistic")
    return result.kind or "advantage"


def _base(on: Estimator | Audited, kind: str) -> Audited:
    """What a weight or a shaper works on."""
    base = audited(on)
    if base.on is not None:
        raise contract_error("audit", "on", "an estimator", f"{base.name}, which is none itself")
    if kind == "reward" and not {*base.needs} & {*_REWARDS}:
        fact = f"{base.name}, which reads {', '.join(f'`{name}`' for name in base.needs)}"
        raise contract_error("audit", "on", "an estimator that reads a reward", fact)
    return base


def _size(axis: str, batch: Mapping[str, Tensor]) -> int:
    """The size of an axis of the batch, for an option that asks for it."""
    return batch["turn_reward"].shape[0 if axis == "batch" else 1]


def by_turn(result: Tensor, sample: Sample) -> Tensor:
    """A result of any level as credit of turns: Σ over the tokens of a turn of credit x score.

    The first token of a turn carries the action's score, and the later ones are certain: so the
    credit of a turn is that of its first token. A trajectory's credit is that of each of its turns.

    Errors: another shape.
    """
    rows, turns = sample.state.shape
    if tuple(result.shape) == (rows,):
        return result[:, None].expand(rows, turns)
    if tuple(result.shape) == (rows, turns):
        return result
    tokens = token_turn(sample)
    if result.shape == tokens.shape:
        return result[:, first_token(turns)]
    sizes = f"{rows}, {turns} and {tokens.shape[1]}"
    wanted = f"one whose result is float[batch], [batch turn] or [batch token], here {sizes}"
    raise contract_error("audit", "estimator", wanted, f"a result of shape {list(result.shape)}")
