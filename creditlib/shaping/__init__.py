"""Functions that change rewards before an estimator reads them."""

import inspect
from typing import TYPE_CHECKING

from creditlib.shaping.agreement import agreement as agreement
from creditlib.shaping.combine import combine as combine
from creditlib.shaping.consecutive import consecutive as consecutive
from creditlib.shaping.efficiency_bonus import efficiency_bonus as efficiency_bonus
from creditlib.shaping.match_reward import match_reward as match_reward
from creditlib.shaping.milestones import find_milestones as find_milestones
from creditlib.shaping.outcome import outcome_at_last_turn as outcome_at_last_turn
from creditlib.shaping.overlong import overlong_penalty as overlong_penalty
from creditlib.shaping.partial_credit import partial_credit as partial_credit
from creditlib.shaping.potential import potential_shaping as potential_shaping
from creditlib.shaping.progress import record_progress as record_progress
from creditlib.shaping.redistribute import redistribute as redistribute
from creditlib.shaping.repetition import repeated_tail as repeated_tail
from creditlib.shaping.shapley import shapley as shapley
from creditlib.shaping.spread_back import spread_back as spread_back

if not TYPE_CHECKING:  # a type checker reads the lines above
    __all__ = sorted(name for name, thing in vars().items() if inspect.isfunction(thing))
