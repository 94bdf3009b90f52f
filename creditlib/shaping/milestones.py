"""Milestones found in the output of a program."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch

from creditlib.vocabulary import Reached
from creditlib.vocabulary.contract import contract_error

__all__ = ["find_milestones"]


def find_milestones(outputs: Sequence[str], patterns: Sequence[str]) -> Reached:
    r"""The milestones that each of the `outputs` shows: one column for each of the `patterns`.

        result[i,j] = patterns[j] is found somewhere in outputs[i]  (re.MULTILINE)

    A pattern that matches many times is one milestone. The function runs on the host.

    Args:
        outputs: one text for each trajectory.
        patterns: regular expressions, one for each milestone.

    Degenerate cases: an empty output reaches nothing.

    Source: the milestones of Yang, He-Yueya and Liang 2025, arXiv:2509.01684. Their patterns are
    not public, so the caller gives his own.

    >>> find_milestones(["loaded data\nloaded data", ""], ["^loaded data$", r"loss: \d+"])
    tensor([[ True, False],
            [False, False]])
    """
    for name, texts in (("outputs", outputs), ("patterns", patterns)):
        if isinstance(texts, (str, bytes)) or not all(isinstance(text, str) for text in texts):
            raise contract_error("find_milestones", name, "a list of texts", type(texts).__name__)
    compiled: list[re.Pattern[str]] = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern, re.MULTILINE))
        except re.error as error:
            wanted = "valid regular expressions"
            raise contract_error(
                "find_milestones", "patterns", wanted, f"{pattern!r} ({error})"
            ) from None
    found = [[pattern.search(output) is not None for pattern in compiled] for output in outputs]
    return torch.tensor(found, dtype=torch.bool, device="cpu").reshape(len(outputs), len(compiled))
