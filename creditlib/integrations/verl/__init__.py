"""verl: estimators in its registry, and patches of both its drivers.

`settings` reads verl's configuration, `registry` registers the estimators, `driver` patches the two
drivers, `batch` reads their batches, `plugin` is what verl loads, `doctor` reports health.
"""

from creditlib.integrations.verl.registry import estimator, install, register
from creditlib.integrations.verl.settings import TRAINER

__all__ = ["TRAINER", "estimator", "install", "register"]
