"""Read rollout files into the vocabulary: JSON Lines and Parquet, in any of the `FORMATS`.

`docs/rollouts.md` says which key fills which tensor.
"""

from creditlib.rollouts.crediting import credit
from creditlib.rollouts.formats import FORMATS
from creditlib.rollouts.reading import read, write
from creditlib.rollouts.rollout_format import Converted, RolloutFormat
from creditlib.rollouts.trajectories import Rollouts, from_trajectories

__all__ = [
    "FORMATS",
    "Converted",
    "RolloutFormat",
    "Rollouts",
    "credit",
    "from_trajectories",
    "read",
    "write",
]
