"""TRL: a GRPOTrainer with the advantages of any estimator.

`trainer` holds `CreditGRPOTrainer`, `credit_trainer` and `install`; `rows` reads the columns.
"""

from typing import Any

from creditlib.integrations.trl.trainer import TRAINER, credit_trainer, install

# CreditGRPOTrainer needs TRL. It is left out, so that a star import works without TRL.
__all__ = ["TRAINER", "credit_trainer", "install"]


def __getattr__(name: str) -> Any:
    if name != "CreditGRPOTrainer":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from creditlib.integrations.trl import trainer

    return trainer.CreditGRPOTrainer
