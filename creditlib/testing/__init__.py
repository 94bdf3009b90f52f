"""Tools to test estimators with: tolerances, and random arguments read off a signature."""

from creditlib.testing.arguments import random_arguments
from creditlib.testing.tolerances import assert_close, tolerance

__all__ = ["assert_close", "random_arguments", "tolerance"]
