"""Turn maps of rows of tokens: which turn wrote a token, how many there are, how long they are."""

from creditlib.ops.backend.operation import Operation
from creditlib.ops.turn_maps import reference
from creditlib.ops.turn_maps.reference import TurnMap, smallest_dtype

__all__ = [
    "TurnMap",
    "keep_trained",
    "map_ids",
    "map_runs",
    "place_turns",
    "rewards_of_turns",
    "row_sums",
    "smallest_dtype",
]

map_runs = Operation(reference.map_runs)
map_ids = Operation(reference.map_ids)
keep_trained = Operation(reference.keep_trained)
place_turns = Operation(reference.place_turns)
rewards_of_turns = Operation(reference.rewards_of_turns)
row_sums = Operation(reference.row_sums)
