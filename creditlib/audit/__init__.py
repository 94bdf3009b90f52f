"""What an estimator is worth: its credit against exact truth, on finite tasks.

`creditlib.audit` judges any function of tensors. The laws of `creditlib.testing` say whether an
estimator is right. The audit says in which direction its gradient points, how much of it is noise,
what becomes of it along its own training, and how fast a policy learns from it.
"""

from creditlib.audit.credit_quality import quality
from creditlib.audit.expected_gradient import exact, why_not_exact
from creditlib.audit.fact_sheet import facts, one_more_rollout
from creditlib.audit.learning_curves import learn
from creditlib.audit.miniatures import claims
from creditlib.audit.oracle import Oracle, oracle
from creditlib.audit.policies import default_policy, perturbed
from creditlib.audit.result import Audit
from creditlib.audit.run import audit
from creditlib.audit.sample import Sample, every_group, sample
from creditlib.audit.subject import Audited, audited
from creditlib.audit.task import Outcome, Task
from creditlib.audit.training_path import path

__all__ = [
    "Audit",
    "Audited",
    "Oracle",
    "Outcome",
    "Sample",
    "Task",
    "audit",
    "audited",
    "claims",
    "default_policy",
    "every_group",
    "exact",
    "facts",
    "learn",
    "one_more_rollout",
    "oracle",
    "path",
    "perturbed",
    "quality",
    "sample",
    "why_not_exact",
]
