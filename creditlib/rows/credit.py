"""Credit on every token of a trainer's rows, by an estimator with its settings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from creditlib.algebra import to_tokens, whiten
from creditlib.diagnostics import diagnose
from creditlib.distributed import gathered
from creditlib.ops.turn_maps import row_sums
from creditlib.registry import apply
from creditlib.rows.normalize import whiten_then_weight
from creditlib.rows.read import Rows
from creditlib.rows.row_index import RowIndex
from creditlib.rows.row_sums import row_count
from creditlib.rows.settings import CreditSettings
from creditlib.vocabulary.annotations import options_of
from creditlib.vocabulary.messages import contract_error

__all__ = ["RowCredit", "credit_rows"]


@dataclass(frozen=True)
class RowCredit:
    """Credit on the tokens of the rows, and numbers for the trainer's logger.

    advantage: float32[row token], exactly 0 where a token is not trained. returns: what a critic
    learns from, never whitened; without a critic it is `advantage`, the same tensor.
    """

    advantage: Tensor
    returns: Tensor
    compute_metrics: Callable[[], dict[str, float]] = field(repr=False, compare=False)

    @functools.cached_property
    def metrics(self) -> dict[str, float]:
        """Numbers for a logger: `diagnose` of the credit, the shares of excluded rows and copies.

        They are computed at the first read: an adapter reads them where its trainer logs. Read them
        before you change `advantage` in place.
        """
        return self.compute_metrics()


def credit_rows(rows: Rows, settings: CreditSettings, *, gather: bool = False) -> RowCredit:
    """The credit of every token of the rows, in float32; 0 where a token is not trained.

    The order is: the estimator, whitening over trained tokens, the weight, then tokens
    (`whiten_then_weight`). Token estimators see every token that the policy wrote, trained or not,
    as a step; only trained tokens are whitened and get credit.

    Args:
        rows: the result of `read_rows`.
        settings: the result of `credit_settings`.
        gather: True takes statistics over the rows of all ranks (`distributed.gathered`). Most
            token estimators compute each row by itself. Those that compare rows of a group, and
            normalisation over tokens, cover one rank only, so they are refused with several ranks.

    >>> from creditlib.rows import credit_settings, read_rows
    >>> mask = torch.tensor([[1, 0, 1], [1, 1, 0]])
    >>> rows = read_rows(mask=mask, group=["a", "a"], reward=[1.0, 0.0])
    >>> credit_rows(rows, credit_settings({"scale": None}, estimator="grpo")).advantage
    tensor([[ 0.5000,  0.0000,  0.5000],
            [-0.5000, -0.5000,  0.0000]])
    """
    ranks = _ranks() if gather else 1
    if settings.credits_tokens:
        _refuse_several_ranks(settings, ranks)
    if ranks == 1 and not len(rows.index.first):  # no trajectory takes part: nothing to compute
        return _no_credit(rows)
    if settings.credits_tokens:
        return _credit_tokens(rows, settings)
    found = _call(settings.estimator, rows.batch, settings.options, gather)
    credit, returns = found if isinstance(found, tuple) else (found, None)
    of = "length" if credit.ndim == 1 else "turn_length"
    credit = whiten_then_weight(
        credit,
        length=rows.batch[of] if settings.whiten else None,
        weight=_call(settings.weight, rows.batch, {}, gather) if settings.weight else None,
        gather=gather,
    )
    if not len(credit):
        return _no_credit(rows)
    advantage = _turns_on_rows(credit, rows)
    returns = advantage if returns is None else _turns_on_rows(returns, rows)
    metrics = functools.partial(_metrics, credit, rows.batch, rows.index)
    return RowCredit(advantage, returns, metrics)


def _turns_on_rows(credit: Tensor, rows: Rows) -> Tensor:
    """Credit of trajectories or of their turns on the trained tokens of all rows."""
    of_rows = credit.to(torch.float32)
    if not rows.index.every_row_is_one:
        of_rows = of_rows[rows.index.trajectory.clamp(min=0).to(credit.device)]
    return to_tokens(of_rows, rows.turn)


def _no_credit(rows: Rows) -> RowCredit:
    zeros = torch.zeros(rows.turn.shape, device=rows.turn.device)
    metrics = functools.partial(_metrics, zeros.new_zeros(0), rows.batch, rows.index)
    return RowCredit(zeros, zeros, metrics)


def _call(
    function: Any, batch: Mapping[str, Tensor], options: Mapping[str, Any], gather: bool
) -> Any:
    return apply(gathered(function) if gather else function, batch, **options)


def _credit_tokens(rows: Rows, settings: CreditSettings) -> RowCredit:
    """The credit of a token estimator. It computes each row by itself: one row per trajectory."""
    if settings.weight is not None:
        wanted = "none: the estimator credits tokens"
        raise contract_error(settings.name, "weight", wanted, settings.weight.__name__)
    index = rows.index
    whole = index.every_row_is_one
    originals = len(index.first) if whole else int(index.original.sum())
    if originals != len(index.first):
        fact = f"{originals} rows of {len(index.first)} trajectories"
        raise contract_error(settings.name, "turn", "of one row for each trajectory", fact)
    first = index.first.to(rows.turn.device)
    tokens = {name: x if whole else x[first] for name, x in rows.tokens.items()}
    left_out = rows.turn is not rows.tokens["turn"]  # some written tokens are not trained
    itself = settings.whiten and not left_out and _can_whiten(settings)
    options = {**settings.options, **({"whiten": True} if itself else {})}
    result = apply(settings.estimator, {**rows.batch, **tokens}, **options)
    advantage, returns = result if isinstance(result, tuple) else (result, result)
    turn = rows.turn if whole else rows.turn[first]
    if (settings.whiten and not itself) or (left_out and settings.normalizes_over_tokens):
        advantage = _whitened(advantage, turn >= 0, settings)
    metrics = functools.partial(_token_metrics, advantage, turn, rows.batch, index)
    same = advantage is returns
    advantage = _on_rows(advantage, rows)
    return RowCredit(advantage, advantage if same else _on_rows(returns, rows), metrics)


def _whitened(advantage: Tensor, trained: Tensor, settings: CreditSettings) -> Tensor:
    """Whitened over the trained tokens; of an estimator that whitens by itself with its own eps.

    Whitening what is whitened over more tokens changes only the tokens that count.
    """
    other = settings.whiten and not _can_whiten(settings)  # its eps is not that of whitening
    if other or "eps" not in settings.options:
        return whiten(advantage, trained)
    return whiten(advantage, trained, eps=float(settings.options["eps"]))


def _can_whiten(settings: CreditSettings) -> bool:
    """Whether the estimator whitens by itself if it is told to."""
    return "whiten" in options_of(settings.estimator)


def _ranks() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _refuse_several_ranks(settings: CreditSettings, ranks: int) -> None:
    if ranks == 1:
        return
    if settings.normalizes_over_tokens:
        wanted = "False: normalisation over tokens covers one rank only"
        raise contract_error(settings.name, "gather", wanted, f"True on {ranks} ranks")
    if "group" in settings.required:
        wanted = "False: its groups are compared on one rank only"
        raise contract_error(settings.name, "gather", wanted, f"True on {ranks} ranks")


def _on_rows(x: Tensor, rows: Rows) -> Tensor:
    """From one row for each trajectory that takes part to all rows of the trainer's batch."""
    x = x.to(torch.float32)
    index = rows.index
    if index.every_row_is_one:
        return x if rows.turn is rows.tokens["turn"] else x.where(rows.turn >= 0, 0.0)
    if not len(x):
        return torch.zeros(rows.turn.shape, device=rows.turn.device)
    back = index.trajectory.clamp(min=0).to(x.device)
    return torch.where(rows.turn >= 0, x[back], 0.0)


def _token_metrics(
    advantage: Tensor, turn: Tensor, batch: Mapping[str, Tensor], index: RowIndex
) -> dict[str, float]:
    """The metrics of token credit: of its mean over the trained tokens of each trajectory."""
    trained = turn >= 0
    total = row_sums(torch.where(trained, advantage, 0.0))
    return _metrics(total / row_count(trained).clamp(min=1), batch, index)


def _metrics(credit: Tensor, batch: Mapping[str, Tensor], index: RowIndex) -> dict[str, float]:
    found = diagnose(
        credit,
        reward=batch["reward"],
        group=batch["group"],
        turn_reward=batch.get("turn_reward"),
        turn_count=batch.get("turn_count"),
        anchor=batch.get("anchor"),
    )
    row = len(index.trajectory)
    found["rows/excluded"] = int((index.trajectory < 0).sum()) / row if row else 0.0
    copies = (index.trajectory >= 0) & ~index.original
    found["rows/copies"] = int(copies.sum()) / row if row else 0.0
    return {f"creditlib/{name}": number for name, number in found.items()}
