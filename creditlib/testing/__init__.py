"""Tools to test estimators with: laws, strategies, tolerances, random arguments.

What needs hypothesis is loaded when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from creditlib.testing.arguments import random_arguments
from creditlib.testing.tolerances import agree, assert_close, tolerance
from creditlib.testing.world import world

if TYPE_CHECKING:
    from creditlib.testing.checking import LawError, check_estimator, parametrize_with_laws
    from creditlib.testing.conforming import check_agreement, conformance
    from creditlib.testing.laws import LAWS
    from creditlib.testing.running import Report, Verdict

__all__ = [
    "LAWS",
    "LawError",
    "Report",
    "Verdict",
    "agree",
    "assert_close",
    "check_agreement",
    "check_estimator",
    "conformance",
    "parametrize_with_laws",
    "random_arguments",
    "tolerance",
    "world",
]

_LATER = {
    "LAWS": "laws",
    "LawError": "checking",
    "Report": "running",
    "Verdict": "running",
    "check_agreement": "conforming",
    "check_estimator": "checking",
    "conformance": "conforming",
    "parametrize_with_laws": "checking",
}


def __getattr__(name: str) -> Any:
    """What is defined in a module that imports hypothesis."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
