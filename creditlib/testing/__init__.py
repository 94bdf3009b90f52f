"""Tools to test estimators: laws, batches, tolerances, random arguments.

Names that need hypothesis are loaded at their first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from creditlib.audit.expected_gradient import enumerate_groups
from creditlib.testing.generate.random_arguments import random_arguments
from creditlib.testing.tolerances import agree, assert_close, tolerance

if TYPE_CHECKING:
    from creditlib.testing.check import LawError, check_estimator, parametrize_with_laws
    from creditlib.testing.conformance.report import check_agreement, conformance_report
    from creditlib.testing.engine.law import Law, law
    from creditlib.testing.engine.runner import Report, Verdict
    from creditlib.testing.engine.trial import Trial
    from creditlib.testing.generate.strategies import batches
    from creditlib.testing.laws import LAWS

__all__ = [
    "LAWS",
    "Law",
    "LawError",
    "Report",
    "Trial",
    "Verdict",
    "agree",
    "assert_close",
    "batches",
    "check_agreement",
    "check_estimator",
    "conformance_report",
    "enumerate_groups",
    "law",
    "parametrize_with_laws",
    "random_arguments",
    "tolerance",
]

_NEED_HYPOTHESIS = {
    "LAWS": "laws",
    "Law": "engine.law",
    "LawError": "check",
    "Report": "engine.runner",
    "Trial": "engine.trial",
    "Verdict": "engine.runner",
    "batches": "generate.strategies",
    "check_agreement": "conformance.report",
    "check_estimator": "check",
    "conformance_report": "conformance.report",
    "law": "engine.law",
    "parametrize_with_laws": "check",
}


def __getattr__(name: str) -> Any:
    """Import a name from a module that needs hypothesis."""
    if name not in _NEED_HYPOTHESIS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_NEED_HYPOTHESIS[name]}"), name)
