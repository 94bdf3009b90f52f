"""What came of a branch is credited to the tokens that led there."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from creditlib.algebra import relative, to_tokens, valid_rows, wide
from creditlib.ops.groups.reference import dense
from creditlib.ops.returns import token_returns
from creditlib.ops.tokens.reference import check_layout
from creditlib.vocabulary import (
    Advantage,
    ArgumentSpec,
    Backend,
    BranchAt,
    BranchOf,
    Ddof,
    Eps,
    Group,
    Lone,
    Offsets,
    Reward,
    Rollout,
    Turn,
    Valid,
    breaks,
)
from creditlib.vocabulary.contract import checked

__all__ = ["branch_credit"]

StdOrNone = Annotated[
    Literal["std"], ArgumentSpec("the divisor: the deviation of the members, or none")
]


@checked
@breaks(
    "different_rewards_get_some_credit",
    because="rollouts from the start and branches are compared apart.",
)
@breaks(
    "credit_sums_to_zero",
    because="branches give credit to a prefix and get none themselves.",
)
@breaks(
    "lone_members_get_nothing",
    "constant_groups_get_nothing",
    "no_credit_lies_beyond_the_spread",
    "shifting_rewards_changes_nothing",
    "scaling_rewards_scales_or_changes_nothing",
    because="the only row of its kind gets its reward as it is.",
    lone="raw",
)
def branch_credit(
    *,
    reward: Reward,
    group: Group,
    turn: Turn,
    rollout: Rollout,
    branch_of: BranchOf,
    branch_at: BranchAt,
    valid: Valid | None = None,
    scale: StdOrNone | None = "std",
    ddof: Ddof = 0,
    eps: Eps = 1e-6,
    lone: Lone = "zero",
    offsets: Offsets | None = None,
    backend: Backend = "auto",
) -> Advantage:
    """Credit of rollouts from the start among each other, plus that of the branches at a token.

        A[i,t] = a[i] + mean of a[j] over the branches j of i that share token t;  branches get 0
        a[i] = (reward[i] − mean) / (std + eps)  over the rows of group(i) of the same kind
        j shares token t of i where t is one of the first branch_at[j] tokens that the policy wrote

    Two kinds are compared apart: rollouts from the start (branch_of < 0) and branches. A token
    after the last branch gets a[i] alone. `branch_at` counts tokens of the policy, so that padding
    and tool output do not move it; `(turn[source][: place + 1] >= 0).sum()` counts them from a
    place.

    Degenerate cases: the only row of its kind has a = 0 (lone="raw": its reward), and so has a
    constant kind. A branch of a row that is not in the batch, of another group, not valid, or
    itself a branch is ignored. A row that wrote no token has none to share. Tokens with turn -1
    get 0.

    Source: APPO 2026, arXiv:2606.12384; the authors' code was run.
    Differs from it: rows are named by ids, not by their place in the batch.

    >>> import torch
    >>> branch_credit(
    ...     reward=torch.tensor([1.0, 0.0, 1.0, 0.0]),
    ...     group=torch.tensor([0, 0, 0, 0]),
    ...     turn=torch.tensor([[0, 0, 0]] * 4),
    ...     rollout=torch.tensor([10, 11, 12, 13]),
    ...     branch_of=torch.tensor([-1, -1, 10, 10]),
    ...     branch_at=torch.tensor([0, 0, 2, 1]),
    ...     scale=None,
    ... )
    tensor([[ 0.5000,  1.0000,  0.5000],
            [-0.5000, -0.5000, -0.5000],
            [ 0.0000,  0.0000,  0.0000],
            [ 0.0000,  0.0000,  0.0000]])
    """
    check_layout("branch_credit", turn, offsets)
    rows = valid_rows(valid, reward)
    branch = branch_of >= 0
    own = relative(
        wide(reward), group, branch.to(torch.int64), where=rows, scale=scale, ddof=ddof, eps=eps,
        lone=lone, backend=backend,
    )  # fmt: skip
    shares = rows & branch & (branch_at > 0)
    source = _source(rollout, torch.where(shares, branch_of, -1), rows & ~branch)
    source = torch.where(group[source.clamp(min=0)] == group, source, -1)
    place = _places(turn, offsets, source, branch_at)
    # One place more than there are tokens: that of the branches that share none.
    of_branches = own.new_zeros(turn.numel() + 1, dtype=torch.float64)
    sums, counts = (
        token_returns(
            of_branches.index_add(0, place, x.to(torch.float64))[:-1].view(turn.shape),
            turn, gamma=1.0, offsets=offsets, backend=backend,
        )
        for x in (own, torch.ones_like(own))
    )  # fmt: skip
    root = torch.where(rows & ~branch, own, 0.0)
    credit = to_tokens(root, turn, offsets=offsets, backend=backend)
    return credit + torch.where(counts > 0, sums / counts, 0.0)


def _source(rollout: Tensor, branch_of: Tensor, root: Tensor) -> Tensor:
    """The row that each row was branched from, -1 for none; int64[batch]."""
    rows = len(rollout)
    ids = dense(torch.cat([rollout, branch_of]))
    row = torch.arange(rows, device=rollout.device)
    table = torch.full_like(ids, -1).scatter(0, ids[:rows], torch.where(root, row, -1))
    return torch.where(branch_of >= 0, table[ids[rows:]], -1)


def _places(turn: Tensor, offsets: Tensor | None, source: Tensor, shared: Tensor) -> Tensor:
    """The place, over all tokens, of the last token that a branch shares; past all for none."""
    written = torch.nn.functional.pad((turn >= 0).reshape(-1).cumsum(0), (1, 0))
    if offsets is None:
        bounds = torch.arange(len(source) + 1, device=turn.device) * turn.shape[1]
    else:
        bounds = offsets.to(torch.int64)
    before = written[bounds]
    row = source.clamp(min=0)
    last = torch.minimum(before[row] + shared, before[row + 1])
    place = torch.searchsorted(written, last) - 1
    return torch.where((source >= 0) & (last > before[row]), place, turn.numel())
