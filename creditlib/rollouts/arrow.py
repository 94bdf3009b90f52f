"""pyarrow, which only this module imports; it hands it to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import ContractError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["arrow_file_systems", "arrow_modules"]


def arrow_modules(files: str = "Parquet files") -> tuple[ModuleType, ModuleType, ModuleType]:
    """pyarrow, its compute functions and its Parquet reader; `files` says what needs them."""
    try:
        import pyarrow  # pyright: ignore[reportMissingTypeStubs]
        import pyarrow.compute  # pyright: ignore[reportMissingTypeStubs]
        import pyarrow.parquet  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError:
        hint = install_hint("parquet")
        raise ContractError(f"rollouts: {files} need pyarrow: {hint}.") from None
    return pyarrow, pyarrow.compute, pyarrow.parquet


def arrow_file_systems() -> ModuleType:
    """The file systems of pyarrow."""
    arrow_modules("Addresses")
    import pyarrow.fs  # pyright: ignore[reportMissingTypeStubs]

    return pyarrow.fs
