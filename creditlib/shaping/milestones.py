"""Milestones read off a program's output."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch

from creditlib.contract import refuse
from creditlib.vocabulary import Reached

__all__ = ["find_milestones"]


def find_milestones(outputs: Sequence[str], patterns: Sequence[str]) -> Reached:
    r"""Which milestones each program's output shows: one column per regular expression.

        result[i,j] = patterns[j] is found somewhere in outputs[i]  (re.MULTILINE)

    A pattern that matches many times is one milestone. Runs on the host.

    Degenerate cases: an empty output reaches nothing.

    >>> find_milestones(["loaded data\nloaded data", ""], ["^loaded data$", r"loss: \d+"])
    tensor([[ True, False],
            [False, False]])
    """
    for name, texts in (("outputs", outputs), ("patterns", patterns)):
        if isinstance(texts, (str, bytes)) or not all(isinstance(text, str) for text in texts):
            raise refuse("find_milestones", name, "a list of texts", type(texts).__name__)
    compiled: list[re.Pattern[str]] = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern, re.MULTILINE))
        except re.error as error:
            wanted = "valid regular expressions"
            raise refuse("find_milestones", "patterns", wanted, f"{pattern!r} ({error})") from None
    found = [[pattern.search(output) is not None for pattern in compiled] for output in outputs]
    return torch.tensor(found, dtype=torch.bool).reshape(len(outputs), len(compiled))
