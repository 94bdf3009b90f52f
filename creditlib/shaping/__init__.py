"""Reward to reward, in front of an estimator."""

from creditlib.shaping.milestones import find_milestones
from creditlib.shaping.outcome import outcome_at_last_turn
from creditlib.shaping.overlong import overlong_penalty
from creditlib.shaping.partial_credit import partial_credit
from creditlib.shaping.progress import record_progress

__all__ = [
    "find_milestones",
    "outcome_at_last_turn",
    "overlong_penalty",
    "partial_credit",
    "record_progress",
]
