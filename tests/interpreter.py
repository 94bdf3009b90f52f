"""Triton's interpreter, without the time it spends on every function that a kernel calls.

The interpreter replaces the functions of `triton.language` for the length of a launch. Triton
searches for them again at each call of a function in the kernel, although all are replaced by then,
and this search takes half the time of a test. `replace_once` skips it. It changes no computation.
"""

import functools
import os


def replace_once():
    """Let the interpreter search only modules whose functions are not replaced yet."""
    if os.environ.get("TRITON_INTERPRET") != "1":
        return
    try:
        import triton.language as tl
        from triton.runtime import interpreter
    except ImportError:
        return
    replace, scope = (getattr(interpreter, x, None) for x in ("_patch_lang", "_LangPatchScope"))
    if replace is None or scope is None:  # another version of Triton
        return

    @functools.cache
    def languages(fn):
        known = [id(each) for each in fn.__globals__.values()]
        return [module for module in (tl, tl.core) if id(module) in known]

    def replace_new(fn):
        if any(tl.core.is_builtin(module.load) for module in languages(fn)):
            return replace(fn)
        return scope()

    interpreter._patch_lang = replace_new
