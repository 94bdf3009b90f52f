"""What an estimator is worth: its credit against exact truth, on finite tasks.

`creditlib.audit` judges any function of tensors. The laws of `creditlib.testing` say whether an
estimator is right; the audit says how good its credit is, in which direction its gradient points,
how much of it is noise, and how fast a policy learns from it.
"""

from creditlib.audit.oracle import Oracle, oracle
from creditlib.audit.policies import perturbed
from creditlib.audit.sample import Sample, every_group, sample
from creditlib.audit.subject import Audited, audited
from creditlib.audit.task import Outcome, Task

__all__ = [
    "Audited",
    "Oracle",
    "Outcome",
    "Sample",
    "Task",
    "audited",
    "every_group",
    "oracle",
    "perturbed",
    "sample",
]
