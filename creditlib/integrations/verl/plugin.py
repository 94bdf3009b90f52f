"""The entry point that verl's plug-in loader imports: the import registers every estimator."""

from creditlib.integrations.verl.registry import register

__all__ = ["register"]

register()
