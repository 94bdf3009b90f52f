"""One example of a law: it draws a batch, calls the estimator and records the calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch
from torch import Tensor

from creditlib.testing.generate.choices import ChoiceSource, reject
from creditlib.testing.generate.strategies import BatchSource
from creditlib.testing.generate.transforms import last_written, select
from creditlib.testing.subject import Batch, InexpressibleError, Subject, values_of
from creditlib.testing.tolerances import agree

# The size of an axis that no tensor has: no tensor is as wide.
_WIDE = 64

# The law that reports NaN and infinity, wherever they appear first.
NOT_FINITE = "credit_is_finite"

__all__ = ["NOT_FINITE", "BrokenError", "Call", "Notes", "Results", "Trial"]

Results = tuple[Tensor, ...]


@dataclass(frozen=True)
class Call:
    """One call of the estimator: its inputs, and its results or the text of its error.

    error: the error that the call raised. subject: the function, where it is not the one under
    test. written: the arguments that the call
    changed, with their values after it.
    """

    batch: Batch
    options: Mapping[str, Any]
    results: Results | str
    subject: Subject | None = None
    error: Exception | None = None
    written: Mapping[str, Any] = field(default_factory=dict)

    def makes_nan(self) -> bool:
        """Whether finite numbers gave a result that is NaN or infinite."""
        if isinstance(self.results, str) or all(_finite(part) for part in self.results):
            return False
        return all(_finite(x) for x in self.batch.values())


def _finite(x: object) -> bool:
    return not isinstance(x, Tensor) or bool(x.isfinite().all())


class BrokenError(AssertionError):
    """A law is broken; `calls` show it.

    because: the law whose break is the root cause. by_an_example: whether one example breaks the
    law, and not that no example has shown it.
    """

    def __init__(
        self,
        sentence: str,
        subject: Subject,
        calls: tuple[Call, ...] = (),
        code: str = "",
        because: str = "",
        by_an_example: bool = True,
    ) -> None:
        super().__init__(sentence)
        self.sentence = subject.rename_arguments(sentence)
        self.subject, self.calls, self.code = subject, calls, code
        self.because = because or (NOT_FINITE if any(call.makes_nan() for call in calls) else "")
        self.by_an_example = by_an_example


@dataclass
class Notes:
    """What the examples of a run share.

    with_effect: names that a law of kind "some" collects. without_effect: for each other name, two
    calls that show no effect. inexpressible: why batches were discarded.
    """

    with_effect: set[str] = field(default_factory=set)
    without_effect: dict[str, tuple[Call, ...]] = field(default_factory=dict)
    inexpressible: set[str] = field(default_factory=set)


class Trial:
    """What the check of a law gets. Calling the trial calls the estimator.

    subject: the function under test, with `tensors` and `options`. draws: random choices
    (`boolean()`, `integer(low, high)`, `one_of(values)`). calls: the calls so far.
    with_effect: names that a law of kind "some" collects; all examples of a run share the set.
    finite_only: an example in which finite numbers give NaN is discarded.

        batch = trial.batch()          # random tensors that fit the function's signature
        credit = trial(batch)          # a tuple of tensors
        trial.must_agree(credit, trial(other), "the sentence of a counterexample")
    """

    def __init__(
        self,
        subject: Subject,
        source: BatchSource,
        draws: ChoiceSource,
        notes: Notes | None = None,
    ) -> None:
        self.subject, self.source, self.draws = subject, source, draws
        self.calls: list[Call] = []
        self.notes = Notes() if notes is None else notes
        self.finite_only = False

    @property
    def with_effect(self) -> set[str]:
        """Names that have changed a result so far."""
        return self.notes.with_effect

    def has_effect(self, name: str) -> None:
        """Note that a name has changed a result."""
        self.notes.with_effect.add(name)
        self.notes.without_effect.pop(name, None)

    def has_no_effect(self, name: str, first: Call, second: Call) -> None:
        """Note two calls that differ in one argument only and have the same results."""
        known = self.notes.without_effect.get(name)
        if name not in self.with_effect and (known is None or _size(first) < _size(known[0])):
            self.notes.without_effect[name] = (first, second)

    def batch(self, **more: Any) -> Batch:
        """A batch for the function. It takes the options of `creditlib.testing.batches`.

        Large groups (`crowds`) are off by default, because they shrink badly.
        """
        more.setdefault("crowds", False)
        return self.source(self.draws, **more)

    def reward_batch(self, **more: Any) -> Batch:
        """A batch in which each row can hold a reward, without optional tensors but rewards."""
        own = self.subject.tensors_with_unit("reward")
        own = [name for name in own if name != "token_reward"]
        include = ("valid", "turn", *own)
        batch = self.batch(include=include, optional=False, exclude=("offsets",), **more)
        if "token_reward" in batch:
            if "turn" not in batch:
                reject()
            written = (last_written(batch["turn"]) >= 0).nonzero()[:, 0]
            if not len(written):
                reject()
            batch = self.select(batch, written)
        return batch

    def select(self, batch: Batch, rows: Tensor) -> Batch:
        """Some trajectories; tensors without a batch axis stay as they are."""
        mine = {name: x for name, x in batch.items() if self.by_row(name, x)}
        return {**batch, **select(mine, rows)}

    def by_row(self, name: str, x: Tensor) -> bool:
        """Whether the first axis of a tensor is the batch."""
        return self.axes(name, x)[:1] == (("batch", 0),)

    def options(self, batch: Batch) -> dict[str, Any]:
        """The options that are sizes of axes, such as `turns`."""
        found: dict[str, Any] = {}
        for name, option in self.subject.options.items():
            if option.axis:
                found[name] = self.size(batch, option.axis)
        return found

    def choices(self) -> dict[str, Any]:
        """A random value for each option with a list of choices."""
        found: dict[str, Any] = {}
        for name, option in self.subject.options.items():
            if option.choices is not None:
                found[name] = self.draws.one_of(values_of(option))
        return found

    def values_of(self, name: str) -> tuple[Any, ...]:
        """Values that an option can take."""
        return values_of(self.subject.options[name])

    def rows(self, batch: Batch) -> int:
        """The number of trajectories."""
        if "offsets" in batch:
            return len(batch["offsets"]) - 1
        return self.size(batch, "batch")

    def size(self, batch: Batch, axis: str) -> int:
        """The size of an axis; if no tensor has it, a size above that of any trajectory."""
        for name, x in batch.items():
            for (each, _), size in zip(self.axes(name, x), x.shape, strict=True):
                if each == axis:
                    return size
        return _WIDE

    def axes(self, name: str, x: Tensor) -> tuple[tuple[str, int], ...]:
        """The axes of an argument in this batch."""
        return self.subject.tensors[name].fitting(x).axes

    def second_axis(self, batch: Batch, name: str, *, padding: bool = False) -> str:
        """The axis after `batch`: "turn", "token", another one, or "" for none.

        An example in which several values belong to a turn or token is discarded, because those of
        a further one are not known; `padding` may hold any.
        """
        axes = [axis for axis, _ in self.axes(name, batch[name])]
        if not padding and axes[1:2] in (["turn"], ["token"]) and len(axes) > 2:
            reject()
        return axes[1] if len(axes) > 1 and axes[0] == "batch" else ""

    def __call__(self, batch: Batch, **options: Any) -> Results:
        """The results on copies of the tensors. An example whose call raises is discarded."""
        results = self.attempt(batch, **options)
        # The laws `every_batch_is_taken` and `results_fit_their_inputs` report these.
        if isinstance(results, str) or not all(self.fits(batch, part) for part in results):
            reject()
        if self.finite_only and self.calls[-1].makes_nan():
            reject()
        return results

    def fits(self, batch: Batch, part: Tensor) -> bool:
        """Whether a result is a scalar, [batch], [batch turn], or has first axes of an input."""
        rows = self.rows(batch)
        own = [x for name, x in batch.items() if self.axes(name, x)[0][0] in ("batch", "token")]
        sizes = [[], [rows], [rows, self.size(batch, "turn")], *[list(x.shape) for x in own]]
        sizes += [list(x.shape[:2]) for x in own]
        return list(part.shape) in sizes

    def attempt(self, batch: Batch, **options: Any) -> Results | str:
        """The results, or the text of the error that the call raised.

        An example that the trainer's signature cannot express is discarded.
        """
        mine = {name: x.clone() for name, x in batch.items()}
        every = {**self.options(batch), **options}
        raised: Exception | None = None
        try:
            results: Results | str = self.subject.call(mine, every)
        except InexpressibleError as error:
            self.notes.inexpressible.add(str(error))
            reject()
        except Exception as error:  # an estimator can raise anything
            results, raised = f"{type(error).__name__}: {error}", error
        self.calls.append(Call(batch, every, results, error=raised))
        return results if isinstance(results, str) else self.subject.read(results, batch)

    def broken(self, sentence: str, code: str = "", calls: int = 2, because: str = "") -> NoReturn:
        """Break the law. The counterexample is the last `calls` calls, or `code` if given.

        because: the law whose break is the root cause, if that law is broken too.
        """
        raise BrokenError(sentence, self.subject, tuple(self.calls[-calls:]), code, because)

    def must_agree(self, first: Results, second: Results, sentence: str) -> None:
        """Break the law unless the results are equal up to rounding. NaN equals NaN here.

        The law `credit_is_finite` reports NaN.
        """
        same = len(first) == len(second)
        if not same or not all(agree(a, b) for a, b in zip(first, second, strict=True)):
            self.broken(sentence)

    def must_equal(self, first: Results, second: Results, sentence: str, calls: int = 2) -> None:
        """Break the law unless the results are equal bit for bit."""
        if len(first) != len(second):
            self.broken(sentence, calls=calls)
        for a, b in zip(first, second, strict=True):
            if a.shape != b.shape or not torch.equal(a.nan_to_num(7e37), b.nan_to_num(7e37)):
                self.broken(sentence, calls=calls)


def _size(call: Call) -> tuple[bool, int]:
    """Small calls first; a single trajectory shows little."""
    tensors = [x for x in call.batch.values() if isinstance(x, Tensor)]
    rows = max((x.shape[0] for x in tensors if x.ndim), default=0)
    return rows < 2, sum(x.numel() for x in tensors)
