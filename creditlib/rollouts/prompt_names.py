"""The name of the group of a row that states none: a digest of its prompt."""

from __future__ import annotations

import hashlib
import json

__all__ = ["PROMPT_NOTE", "prompt_name"]

PROMPT_NOTE = "group = equal prompt, because the rows have no id of a task"


def prompt_name(prompt: object) -> str:
    """A name that equal prompts share, in every file and in every order of the rows.

    >>> prompt_name("7*8?") == prompt_name("7*8?"), prompt_name("7*8?") == prompt_name("6*6?")
    (True, False)
    """
    text = json.dumps(prompt, sort_keys=True, default=repr)
    return f"prompt {hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
