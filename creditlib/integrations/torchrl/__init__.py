"""TorchRL: a transform that writes credit when trajectories enter a replay buffer.

`transform` holds `CreditTransform` and `install`; `tensordict` credits a TensorDict.
"""

from typing import Any

from creditlib.integrations.torchrl.tensordict import Keys, credit_tensordict
from creditlib.integrations.torchrl.transform import TRAINER, install

# CreditTransform needs TorchRL. It is left out, so that a star import works without TorchRL.
__all__ = ["TRAINER", "Keys", "credit_tensordict", "install"]


def __getattr__(name: str) -> Any:
    if name != "CreditTransform":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from creditlib.integrations.torchrl import transform

    return transform.CreditTransform
