"""How much of a trajectory is a loop at its end."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from creditlib.vocabulary import ArgumentSpec, Offsets, ShapedReward, TokenIds, Turn
from creditlib.vocabulary.contract import checked
from creditlib.vocabulary.conversions import row_of_tokens

__all__ = ["repeated_tail"]

Least = Annotated[int, ArgumentSpec("copies that make a repetition", low=2)]
MostPhrase = Annotated[int, ArgumentSpec("tokens of the longest phrase that is looked for", low=1)]


@checked
def repeated_tail(
    *,
    token_ids: TokenIds,
    turn: Turn,
    least: Least = 2,
    most_phrase: MostPhrase = 128,
    offsets: Offsets | None = None,
) -> ShapedReward:
    """The share of a trajectory that a repeated phrase takes at its end, 0 without one.

        result[i] = copies · n / T;  n = tokens of the longest phrase with copies >= least
        copies = 1 + ⌊m / n⌋;  m = tokens at the end that equal the token n before them, in a run
        T = tokens that the policy wrote in row i;  n = 1 … min(⌊T / least⌋, most_phrase)

    Only tokens that the policy wrote are read, without what lies between them. For a row without a
    turn map give the turn 0 to each of its tokens. Punish rows that were cut off, not those that
    end by repeating themselves: `reward - 0.1 * (truncated & (repeated_tail(...) > 0))`.

    The cost is that of `most_phrase` passes over the tokens.

    Degenerate cases: two equal last tokens are a repetition of least=2; 16 copies are a loop. A row
    of fewer than `least` tokens gets 0.

    Source: CAMPO (MiroMind-M1) 2025, whose function was run.
    Differs from it: the phrase has at most `most_phrase` tokens; there it has no limit, and the
    whole width of the row is T.

    >>> import torch
    >>> repeated_tail(
    ...     token_ids=torch.tensor([[5, 1, 2, 1, 2, 1, 2, 0], [1, 2, 3, 4, 5, 6, 7, 8]]),
    ...     turn=torch.tensor([[0, 0, 0, 0, 0, 0, 0, -1], [0, 0, 0, 0, 0, 0, 0, 0]]),
    ... )
    tensor([0.8571, 0.0000])
    """
    rows = turn.shape[0] if offsets is None else offsets.shape[0] - 1
    if offsets is None:
        row = torch.arange(rows, device=turn.device)[:, None].expand(turn.shape).reshape(-1)
        width = turn.shape[1]
    else:
        row, width = row_of_tokens(offsets, turn.shape[0]), turn.shape[0]
    if not turn.numel():
        return torch.zeros(rows, device=turn.device)
    written = turn.reshape(-1) >= 0
    # Written tokens come first, in order; those of one row adjoin.
    tokens = token_ids.reshape(-1)[torch.argsort(~written, stable=True)]
    size = torch.zeros(rows, dtype=torch.int64, device=turn.device)
    size = size.scatter_add(0, row, written.to(torch.int64))
    end = torch.cumsum(size, 0)
    taken = torch.zeros_like(size)
    for phrase in range(1, min(width // least, most_phrase) + 1):
        run = _run(tokens, size, end, phrase)
        copies = 1 + torch.div(run, phrase, rounding_mode="floor")
        found = (copies >= least) & (phrase * least <= size)
        taken = torch.where(found, copies * phrase, taken)
    return taken / size.clamp(min=1)


def _run(tokens: Tensor, size: Tensor, end: Tensor, phrase: int) -> Tensor:
    """The number of tokens at the end of each row that equal the one `phrase` before, in a run."""
    at = torch.arange(len(tokens) - phrase, device=tokens.device)
    differs = torch.where(tokens[phrase:] != tokens[:-phrase], at, -1)
    last = end - phrase - 1  # the last token of a row that has one `phrase` after it
    before = torch.cummax(differs, 0).values[last.clamp(min=0)]
    return torch.minimum(last - before, size - phrase).clamp(min=0)
