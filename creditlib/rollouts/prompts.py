"""Groups for logs without prompt ids: equal text within a step."""

from __future__ import annotations

import json
from typing import Any, ClassVar

__all__ = ["PromptNumbers"]


class PromptNumbers:
    """Numbers the distinct prompts of each step in order of appearance, from 1.

    A prompt that was drawn twice in one step has the same text twice, so it gets one number.

    >>> numbers = PromptNumbers()
    >>> [numbers.of(step, prompt) for step, prompt in [(1, "a"), (1, "b"), (1, "a"), (2, "b")]]
    [1, 2, 1, 1]
    """

    NOTE: ClassVar[str] = "group = equal `{key}` within a step, because the log has no prompt id"

    def __init__(self) -> None:
        self._numbers: dict[Any, dict[str, int]] = {}

    def of(self, step: Any, prompt: object) -> int:
        """The number of the prompt in its step; a prompt may be text or any JSON value."""
        seen = self._numbers.setdefault(step, {})
        text = (
            prompt if isinstance(prompt, str) else json.dumps(prompt, sort_keys=True, default=repr)
        )
        return seen.setdefault(text, len(seen) + 1)
