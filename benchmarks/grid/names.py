"""Uids and texts to integers, on the host: distinct ones, repeated ones, nearly equal ones."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Generator, Sequence
from typing import Any

from torch import Tensor

import creditlib as cl
from benchmarks.grid.scaling import DECADES
from benchmarks.work import Plan, Work

__all__ = ["fresh_rows", "plans", "uids", "unlike_texts"]

GROUP = 8  # rollouts of a prompt
TURNS = 25  # texts of a trajectory
STATES = 240  # distinct texts of a batch
CHARACTERS = 700  # a text
SIMILAR = 0.95  # the threshold of verl-agent
KEYS = [1000 * factor for factor in DECADES]  # 1,000 to 1,000,000 uids
TEXTS = [100 * factor for factor in DECADES]  # 100 to 100,000 texts
MILLION = 1_000_000

Build = Callable[[str], Work]


def uids(count: int) -> list[str]:
    """Texts of 36 characters, like UUIDs; all distinct."""
    numbers = (number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128 for number in range(count))
    digits = (f"{number:032x}" for number in numbers)
    return [f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:]}" for d in digits]


def unlike_texts(count: int) -> list[str]:
    """Sentences of words in random order: two texts have about half of their characters in common.

    >>> len(set(unlike_texts(3)))
    3
    """
    rng = random.Random(0)
    words = ["".join(rng.choices("etaoinshrdlucmwfgypb", k=rng.randint(2, 9))) for _ in range(3000)]
    return [" ".join(rng.choices(words, k=CHARACTERS // 3))[:CHARACTERS] for _ in range(count)]


def _near_texts(count: int) -> list[str]:
    """One of sixty texts each, with up to four of its characters changed."""
    rng = random.Random(1)
    base, found = unlike_texts(60), list[str]()
    for _ in range(count):
        letters = list(rng.choice(base))
        for _ in range(rng.randrange(5)):
            letters[rng.randrange(CHARACTERS)] = rng.choice("0123456789")
        found.append("".join(letters))
    return found


def _of_keys(keys: Sequence[Any]) -> Work:
    return Work({}, lambda: cl.ids(keys), ())


def fresh_rows(count: int) -> Work:
    """`count` texts in trajectories; new strings each time, as an environment returns them.

    Python keeps the hash of a string that it has looked up: only new ones cost what they cost.
    """
    kept = unlike_texts(min(count, STATES))
    chosen = random.Random(2).choices(range(len(kept)), k=count)
    rows: list[list[str]] = []

    def renew() -> None:
        texts = ["".join((kept[at][:1], kept[at][1:])) for at in chosen]
        rows[:] = [texts[start : start + TURNS] for start in range(0, count, TURNS)]

    @contextlib.contextmanager
    def before() -> Generator[None]:
        renew()
        yield

    renew()
    return Work({"texts": rows}, lambda: cl.anchor_ids(rows), (), before=before)


def _similar(texts: list[str]) -> Work:
    """All texts in one group: each is compared with all others."""
    rows = [texts[start : start + TURNS] for start in range(0, len(texts), TURNS)]

    def run() -> Tensor:
        return cl.anchor_ids(rows, similarity=SIMILAR)

    return Work({}, run, ())


def _key_rows() -> list[Plan]:
    why = "uids of a large data set"
    made: dict[str, tuple[str, Callable[[], list[Any]]]] = {
        "distinct uids": ("1000000", lambda: uids(MILLION)),
        "uids in groups": (
            "1000000",
            lambda: [u for u in uids(MILLION // GROUP) for _ in range(GROUP)],
        ),
        "distinct tuples": ("1000000", lambda: [(u, n) for n, u in enumerate(uids(MILLION))]),
    }
    rows = [
        Plan("ids", size, name, why, lambda device, keys=keys: _of_keys(keys()))
        for name, (size, keys) in made.items()
    ]
    small = Plan("ids", "64", "distinct uids", why, lambda device: _of_keys(uids(64)), quick=True)
    return [small, *rows]


def _text_rows() -> list[Plan]:
    seen, one = "observations of a batch of agents", "nearly equal observations, one group"
    op, near = "anchor_ids", f"similarity {SIMILAR}"
    return [
        Plan(op, "50", "fresh texts", seen, lambda device: fresh_rows(50), quick=True),
        Plan(op, "25600", "fresh texts", seen, lambda device: fresh_rows(25600)),
        Plan(op, "5000", f"unlike, {near}", one, lambda device: _similar(unlike_texts(5000))),
        Plan(op, "5000", f"of 60 kinds, {near}", one, lambda device: _similar(_near_texts(5000))),
    ]


def _series() -> list[Plan]:
    why = "scaling: {} {}"

    def plan(op: str, count: int, axis: str, build: Build) -> Plan:
        name, text = f"{count} {axis}", why.format(count, axis)
        return Plan(op, name, "scaling", text, build, x=float(count), axis=axis)

    keys = [plan("ids", n, "keys", lambda device, n=n: _of_keys(uids(n))) for n in KEYS]
    texts = [plan("anchor_ids", n, "texts", lambda device, n=n: fresh_rows(n)) for n in TEXTS]
    return [*keys, *texts]


def plans() -> list[Plan]:
    """Rows in the order of the report, the scaling series last."""
    return [*_key_rows(), *_text_rows(), *_series()]
