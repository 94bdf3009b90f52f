"""Rollout files into the vocabulary: JSON Lines and Parquet, our own schema, verl's and TRL's.

`docs/rollouts.md` says which key fills which tensor.
"""

from creditlib.rollouts.reading import Format, read, write
from creditlib.rollouts.trajectories import Rollouts, from_trajectories

__all__ = ["Format", "Rollouts", "from_trajectories", "read", "write"]
