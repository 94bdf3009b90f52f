"""What pass one returns for a part of a file, and how the facts of several parts are reduced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from creditlib.rollouts.pieces import PieceFacts, merge_piece_facts
from creditlib.rollouts.schema import keys_of_tensor
from creditlib.rollouts.values import schema_error
from creditlib.rollouts.whole_keys import partial_tensors
from creditlib.vocabulary.messages import ContractError

__all__ = ["Facts", "Lack", "Part", "check_complete", "merge_facts"]

_SENTENCES = 5  # refusals that a summary shows
# Tensors that exist only if every turn, or every trajectory, has their key.
STRICT = (
    *("turn_reward", "duration", "process_reward", "gold_log_prob", "turn_length"),
    *("length", "rewards"),
)
_OF_TRAJECTORY = frozenset(("length", "rewards"))


@dataclass(frozen=True)
class Lack:
    """How many trajectories lack a key, and the place of the first one."""

    count: int
    place: str


@dataclass(frozen=True)
class Facts:
    """What a part of the files says about the whole; `merge_facts` reduces them in any order.

    has: the tensors that some trajectory fills. lacks: those that some trajectory does not fill.
    objectives: the length of `rewards`. names: the kinds of the names of groups and trajectories.
    rows, trajectories, turns, excluded: counts. bad: rows that were skipped, with the first
    sentences. nan: outcomes that are NaN, with the first place. spread: whether the rows of the
    output are not those of the file. converted: what pieces of a format that is converted say about
    all rows.
    """

    has: frozenset[str] = frozenset()
    lacks: Mapping[str, Lack] = field(default_factory=dict[str, Lack])
    objectives: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    rows: int = 0
    trajectories: int = 0
    turns: int = 0
    excluded: int = 0
    bad: int = 0
    sentences: tuple[str, ...] = ()
    nan: Lack | None = None
    spread: bool = False
    converted: PieceFacts | None = None


@dataclass(frozen=True)
class Part:
    """Pass one of a part of a file.

    labels: a pyarrow table with a row for each row of the output: `row`, `group`, `trajectory`.
    columns: a pyarrow table with a row for each trajectory: what the estimators read, and `index`,
    the row of `labels` that it belongs to.
    """

    labels: Any
    columns: Any
    facts: Facts


def merge_facts(facts: Iterable[Facts]) -> Facts:
    """The facts of all parts, given in the order of the rows.

    >>> a = Facts(has=frozenset({"length"}), rows=2, bad=1, sentences=("broken.",))
    >>> b = Facts(lacks={"length": Lack(3, "b.jsonl line 1")}, rows=3)
    >>> found = merge_facts([a, b])
    >>> found.rows, found.bad, found.lacks["length"].place
    (5, 1, 'b.jsonl line 1')
    """
    every = list(facts)
    lacks: dict[str, Lack] = {}
    nan: Lack | None = None
    for each in every:
        for name, lack in each.lacks.items():
            lacks[name] = _joined(lacks.get(name), lack)
        nan = nan if each.nan is None else _joined(nan, each.nan)
    return Facts(
        has=frozenset[str]().union(*(each.has for each in every)),
        lacks=lacks,
        objectives=frozenset[int]().union(*(each.objectives for each in every)),
        names=frozenset[str]().union(*(each.names for each in every)),
        rows=sum(each.rows for each in every),
        trajectories=sum(each.trajectories for each in every),
        turns=sum(each.turns for each in every),
        excluded=sum(each.excluded for each in every),
        bad=sum(each.bad for each in every),
        sentences=_first(each.sentences for each in every),
        nan=nan,
        spread=any(each.spread for each in every),
        converted=_pieces(each.converted for each in every),
    )


def _pieces(every: Iterable[PieceFacts | None]) -> PieceFacts | None:
    found = [each for each in every if each is not None]
    return merge_piece_facts(found) if found else None


def _joined(first: Lack | None, second: Lack) -> Lack:
    return second if first is None else Lack(first.count + second.count, first.place)


def _first(sentences: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(text for each in sentences for text in each)[:_SENTENCES]


def check_complete(facts: Facts, skip_bad: bool) -> frozenset[str]:
    """The tensors that the files fill; a key that some rows have and others lack is refused.

    With `skip_bad` the trajectories that lack it take no part. A key that a format writes for some
    turns only is left out for all.
    """
    partial = frozenset[str]() if facts.converted is None else partial_tensors(facts.converted)
    has = facts.has - partial
    if not skip_bad:
        for name in STRICT:
            if name in has and name in facts.lacks:
                raise _lacking(name, facts)
        if len(facts.objectives) > 1 and "rewards" not in partial:
            few, many = min(facts.objectives), max(facts.objectives)
            raise ContractError(
                "rollouts: `rewards` must be equally many in every trajectory, got lists of "
                f"{few} and of {many}."
            )
    return has


def _lacking(name: str, facts: Facts) -> ContractError:
    key, place = keys_of_tensor(name)[0], facts.lacks[name].place
    if name == "rewards":
        return schema_error(key, "a list of numbers", None, place)
    what = "trajectory" if name in _OF_TRAJECTORY else "turn"
    where = place if name in _OF_TRAJECTORY else f"{place} turn 0"
    return ContractError(
        f"rollouts: `{key}` must be in every {what} or in none, got none in {where}."
    )
