"""Claims of the literature in miniature, each with its controls and a criterion fixed beforehand.

a: an anchor baseline removes early luck. b: the sum of process rewards is hacked, and their minimum
is not. c: quick rollouts are over-represented by some schedulers. d: partial credit finds rare
success. e: information gain avoids groups without a gradient. f: a baseline for each turn cuts the
variance. What does not reproduce is listed by `not_reproduced`, and the limits of all of it are
`LIMITS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from creditlib.audit.miniatures.asynchronous_workers import asynchronous_workers
from creditlib.audit.miniatures.early_luck import early_luck
from creditlib.audit.miniatures.information_gain import information_gain
from creditlib.audit.miniatures.not_reproduced import LIMITS, not_reproduced
from creditlib.audit.miniatures.partial_progress import partial_progress
from creditlib.audit.miniatures.result import ClaimResult, Limit, Runs
from creditlib.audit.miniatures.reward_hacking import reward_hacking
from creditlib.audit.miniatures.turn_baselines import turn_baselines
from creditlib.vocabulary.messages import contract_error

__all__ = ["CLAIMS", "LIMITS", "ClaimResult", "Limit", "Runs", "claims", "not_reproduced"]

# The claims by their letters.
CLAIMS: dict[str, Callable[[Runs], list[ClaimResult]]] = {
    "a": early_luck,
    "b": reward_hacking,
    "c": asynchronous_workers,
    "d": partial_progress,
    "e": information_gain,
    "f": turn_baselines,
}


def claims(
    which: Iterable[str] = "abcdef",
    seeds: int = 20,
    base: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[ClaimResult]:
    """The claims with their controls, measured anew.

    Every criterion is the same for all numbers of seeds.

    Args:
        which: letters of `CLAIMS`.
        seeds: runs of each claim, at least 2; c, d and e take twice as many, and the sparse loops
            of a four times as many.
        base: the seeds of base b are b·10000, b·10000 + 1, …; another base is another set of fresh
            seeds.
        progress: is called with the letter of each claim before it is run.

    Errors: an unknown letter; fewer than 2 seeds, which have no interval.

    >>> [result.passed for result in claims("c", seeds=2)]
    [True, True]
    """
    letters = list(which)
    unknown = next((letter for letter in letters if letter not in CLAIMS), None)
    if unknown is not None:
        raise contract_error("claims", "which", f"letters of {''.join(CLAIMS)}", repr(unknown))
    if seeds < 2:
        raise contract_error("claims", "seeds", "at least 2", str(seeds))
    found: list[ClaimResult] = []
    for letter in letters:
        if progress is not None:
            progress(letter)
        found.extend(CLAIMS[letter](Runs(seeds, base)))
    return found
