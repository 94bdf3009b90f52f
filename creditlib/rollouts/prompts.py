"""Groups for logs that name no prompt: equal text within a step."""

from __future__ import annotations

import json
from typing import Any, ClassVar

__all__ = ["PromptNumbers"]


class PromptNumbers:
    """Numbers the distinct prompts of each step in order of appearance, from 1.

    A prompt drawn twice in one step cannot be told apart by its text; that is why a log with ids
    is better.

    >>> numbers = PromptNumbers()
    >>> [numbers.of(step, prompt) for step, prompt in [(1, "a"), (1, "b"), (1, "a"), (2, "b")]]
    [1, 2, 1, 1]
    """

    NOTE: ClassVar[str] = "group = equal `{key}` within a step, for want of a prompt id"

    def __init__(self) -> None:
        self._numbers: dict[Any, dict[str, int]] = {}

    def of(self, step: Any, prompt: object) -> int:
        """The number of the prompt in its step; a prompt may be text or any JSON value."""
        seen = self._numbers.setdefault(step, {})
        text = prompt if isinstance(prompt, str) else json.dumps(prompt, sort_keys=True)
        return seen.setdefault(text, len(seen) + 1)
