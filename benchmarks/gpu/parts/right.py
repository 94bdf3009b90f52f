"""Every operation against the reference on the CPU, over odd shapes; twice, for the same bits."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch

from benchmarks import inputs
from benchmarks.gpu.context import Context
from benchmarks.gpu.measuring import kept_inputs
from benchmarks.gpu.operations import OPERATIONS, PACKED, batch_of
from benchmarks.work import forced, outputs

__all__ = ["Question", "prepare", "questions", "run"]

DTYPES = {"int8": torch.int8, "int64": torch.int64}


@dataclass(frozen=True)
class Question:
    """An operation on one batch."""

    operation: str
    shape: tuple[int, int, int]
    dtype: str
    layout: str

    @property
    def name(self) -> str:
        """What is said if the answer is wrong.

        >>> Question("gae", (37, 515, 5), "int8", "holes").name
        'gae 37x515, 5 turns, int8, holes'
        """
        rows, width, turns = self.shape
        return f"{self.operation} {rows}x{width}, {turns} turns, {self.dtype}, {self.layout}"


def questions(context: Context) -> list[Question]:
    """Every operation on every batch; packed batches where the layout of tokens matters."""
    scale = context.scale
    batches = list(itertools.product(scale.odd, scale.dtypes, scale.layouts))
    return [
        Question(operation, *batch)
        for batch in batches
        for operation in scale.operations
        if batch[2] != "packed" or operation in PACKED
    ]


def run(context: Context) -> None:
    """Ask every question; a wrong answer and different bits are problems, not errors."""
    good = 0

    def ask(question: Question) -> None:
        nonlocal good
        wrong = answer(context, question)
        if wrong:
            context.problem(question.name, wrong)
        good += not wrong

    with kept_inputs():
        context.each(questions(context), lambda question: question.name, ask)
    context.say(f"right: {good} good, {context.problems} wrong")


prepare = run


def answer(context: Context, question: Question) -> str:
    """What is wrong with an operation on a batch, "" if nothing is."""
    operation, device = OPERATIONS[question.operation], context.device
    batch = batch_of(question.shape, DTYPES[question.dtype], question.layout)
    placed = inputs.to_device(batch, device.tensors)
    once, again = outputs(operation(placed)), outputs(operation(placed))
    if not device.same_bits(once, again):
        return "two runs do not give the same bits"

    def truth() -> tuple[torch.Tensor, ...]:
        with forced("torch"):
            return outputs(operation(batch))

    return device.refusal(once, truth)
