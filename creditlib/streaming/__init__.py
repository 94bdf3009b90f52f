"""Credit over time: baselines of earlier batches, groups that finish late, moments that add up.

Nothing is remembered outside. A state is a small object of plain values that the caller keeps, so
that it lies in a checkpoint beside the optimizer's.
"""

from creditlib.streaming.groups import Groups
from creditlib.streaming.moments import Moments
from creditlib.streaming.role_baselines import RoleBaselines, role_baseline

__all__ = ["Groups", "Moments", "RoleBaselines", "role_baseline"]
