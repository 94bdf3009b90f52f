"""One example of a law: batches are drawn, the estimator is called, what was called is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from creditlib.testing.changes import last_written, select
from creditlib.testing.draws import Draws, reject
from creditlib.testing.roles import earned
from creditlib.testing.strategies import Source
from creditlib.testing.subject import Batch, InexpressibleError, Subject, values_of
from creditlib.testing.tolerances import agree

# No tensor is as wide as this: where no tensor has an axis, this is its size.
_WIDE = 64

__all__ = ["BrokenError", "Call", "Trial"]

Results = tuple[Tensor, ...]


@dataclass(frozen=True)
class Call:
    """One call of the estimator: what with, and what came back (or what was raised).

    subject: whom, where it is not the one under test.
    """

    batch: Batch
    options: Mapping[str, Any]
    results: Results | str
    subject: Subject | None = None


class BrokenError(AssertionError):
    """A law does not hold; carries the calls that show it."""

    def __init__(
        self, sentence: str, subject: Subject, calls: tuple[Call, ...] = (), code: str = ""
    ) -> None:
        super().__init__(sentence)
        self.sentence = subject.worded(sentence)
        self.subject, self.calls, self.code = subject, calls, code


class Trial:
    """What a law is given: `batch` and `draws` choose, calling the trial calls the estimator."""

    def __init__(self, subject: Subject, source: Source, draws: Draws) -> None:
        self.subject, self.source, self.draws = subject, source, draws
        self.calls: list[Call] = []
        self.heard: set[str] = set()
        self.unfit: set[str] = set()

    def batch(self, **more: Any) -> Batch:
        """A batch for the function; takes what `strategies.batches` takes, without crowds.

        A crowd's members are not drawn one by one: what they break shrinks badly.
        """
        more.setdefault("crowds", False)
        return self.source(self.draws, **more)

    def earning_batch(self, **more: Any) -> Batch:
        """A batch without what is not earned and may be left out; each row can hold a reward."""
        own = [name for name in earned(self.subject, "reward") if name != "token_reward"]
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
        """Some trajectories; what belongs to none of them stays."""
        mine = {name: x for name, x in batch.items() if self.by_row(name, x)}
        return {**batch, **select(mine, rows)}

    def by_row(self, name: str, x: Tensor) -> bool:
        """Whether each trajectory has its own part of a tensor."""
        return self.axes(name, x)[:1] == (("batch", 0),)

    def options(self, batch: Batch) -> dict[str, Any]:
        """The sizes of axes that the function wants to be told."""
        found: dict[str, Any] = {}
        for name, option in self.subject.options.items():
            if option.axis:
                found[name] = self.size(batch, option.axis)
        return found

    def choices(self) -> dict[str, Any]:
        """A value for each option that is one of a few."""
        found: dict[str, Any] = {}
        for name, option in self.subject.options.items():
            if option.choices is not None:
                found[name] = self.draws.one_of(values_of(option))
        return found

    def values_of(self, name: str) -> tuple[Any, ...]:
        """Values that an option may take."""
        return values_of(self.subject.options[name])

    def rows(self, batch: Batch) -> int:
        """How many trajectories there are."""
        if "offsets" in batch:
            return len(batch["offsets"]) - 1
        return self.size(batch, "batch")

    def size(self, batch: Batch, axis: str) -> int:
        """How long an axis is; where no tensor has it, longer than any trajectory."""
        for name, x in batch.items():
            for (each, _), size in zip(self.axes(name, x), x.shape, strict=True):
                if each == axis:
                    return size
        return _WIDE

    def axes(self, name: str, x: Tensor) -> tuple[tuple[str, int], ...]:
        """The axes of an argument as it is in a batch."""
        return self.subject.tensors[name].fitting(x).axes

    def second_axis(self, batch: Batch, name: str) -> str:
        """The axis after `batch`: turn, token, another, or '' for none."""
        axes = [axis for axis, _ in self.axes(name, batch[name])]
        if axes[1:2] in (["turn"], ["token"]) and len(axes) > 2:
            reject()  # whoever makes a turn more cannot know what to put there
        return axes[1] if len(axes) > 1 and axes[0] == "batch" else ""

    def __call__(self, batch: Batch, **options: Any) -> Results:
        """The results on copies of the tensors; a batch that is refused tells nothing here."""
        results = self.attempt(batch, **options)
        # `every_batch_is_taken` and `results_fit_their_inputs` speak of these.
        if isinstance(results, str) or not all(self.fits(batch, part) for part in results):
            reject()
        return results

    def fits(self, batch: Batch, part: Tensor) -> bool:
        """Whether a result has the shape of an input, of its rows, of turns, or of a number."""
        rows = self.rows(batch)
        own = [x for name, x in batch.items() if self.axes(name, x)[0][0] in ("batch", "token")]
        sizes = [[], [rows], [rows, self.size(batch, "turn")], *[list(x.shape) for x in own]]
        return list(part.shape) in sizes

    def attempt(self, batch: Batch, **options: Any) -> Results | str:
        """The same, but an error comes back as its text.

        A batch that the function's convention cannot say is another example's affair.
        """
        mine = {name: x.clone() for name, x in batch.items()}
        every = {**self.options(batch), **options}
        try:
            results: Results | str = self.subject.call(mine, every)
        except InexpressibleError as error:
            self.unfit.add(str(error))
            reject()
        except Exception as error:  # an estimator may raise anything
            results = f"{type(error).__name__}: {error}"
        self.calls.append(Call(batch, every, results))
        return results if isinstance(results, str) else self.subject.read(results, batch)

    def broken(self, sentence: str, code: str = "", calls: int = 2) -> NoReturn:
        """The law does not hold: the last calls show it, or else some lines of code."""
        raise BrokenError(sentence, self.subject, tuple(self.calls[-calls:]), code)

    def must_agree(self, first: Results, second: Results, sentence: str) -> None:
        """Equal but for rounding, part by part; NaN equals NaN, which is another law's affair."""
        same = len(first) == len(second)
        if not same or not all(agree(a, b) for a, b in zip(first, second, strict=True)):
            self.broken(sentence)

    def must_equal(self, first: Results, second: Results, sentence: str, calls: int = 2) -> None:
        """Equal bit for bit."""
        if len(first) != len(second):
            self.broken(sentence, calls=calls)
        for a, b in zip(first, second, strict=True):
            if a.shape != b.shape or not torch.equal(a.nan_to_num(7e37), b.nan_to_num(7e37)):
                self.broken(sentence, calls=calls)
