"""Conversions between layouts: step rows and turns, masks and turn maps, packed and padded.

A mask is bool, or holds 0 and 1 of any dtype, such as an attention mask. Other values are refused
where they can be read; on a GPU whatever is not 0 counts as 1.
"""

from creditlib.inputs.layouts.masks import rows_of
from creditlib.inputs.layouts.packing import offsets_of, pack, unpack
from creditlib.inputs.layouts.step_rows import (
    RowPositions,
    place_rows,
    rows_from_turns,
    trajectories_from_rows,
    turns_from_rows,
)
from creditlib.inputs.layouts.turn_maps import count_turns, turn_length, turns_from_mask
from creditlib.inputs.layouts.turn_values import turn_ends, turn_values
from creditlib.inputs.macro_actions import macro_actions
from creditlib.inputs.thoughts import thoughts

__all__ = [
    "RowPositions",
    "count_turns",
    "macro_actions",
    "offsets_of",
    "pack",
    "place_rows",
    "rows_from_turns",
    "rows_of",
    "thoughts",
    "trajectories_from_rows",
    "turn_ends",
    "turn_length",
    "turn_values",
    "turns_from_mask",
    "turns_from_rows",
    "unpack",
]
