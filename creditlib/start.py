"""The import path of `python -m creditlib`: its import takes the current folder off that path.

`python -m` puts the current folder before the standard library and the installed packages. A file
`numba.py` in a folder of downloaded rollouts would run. `creditlib/__init__.py` imports this module
before anything else; it needs `sys` only, which is built into Python.
"""

import sys

__all__ = ["runs_as_command"]


def runs_as_command(given: list[str], original: list[str]) -> bool:
    """Whether Python is at the start of `python -m creditlib`; `sys.argv` and `sys.orig_argv` tell.

    While `python -m` looks for its module, `sys.argv[0]` is "-m".

    >>> runs_as_command(["-m", "doctor"], ["python", "-m", "creditlib", "doctor"])
    True
    >>> runs_as_command(["-m"], ["python", "-m", "mypkg.train"])
    False
    """
    if given[:1] != ["-m"] or len(original) < len(given):
        return False
    name = original[len(original) - len(given)]
    return name == "creditlib" or (name.startswith("-") and name.endswith("mcreditlib"))


_safe = bool(getattr(sys.flags, "safe_path", False) or sys.flags.isolated)
if runs_as_command(sys.argv, sys.orig_argv) and not _safe:
    del sys.path[0]
