"""Load the compiled loops before the first call needs them, in a thread of their own.

numba loads a loop from its cache, or compiles it, when it is called first. That costs a process
some tenths of a second. The adapters of trainers start this when they are installed, so that it is
done before the first batch comes.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch

from creditlib.vocabulary.backends import default_backend

__all__ = ["ENVIRONMENT", "warm_up"]

# Set to 0, this variable leaves every loop to its first call.
ENVIRONMENT = "CREDITLIB_WARM_UP"
# Seconds that a fork or the end of the process waits for the loop that is being loaded. It is not
# for ever: the thread may wait for a lock of the thread that forks.
PATIENCE = 30.0

_lock, _stop = threading.Lock(), threading.Event()
_threads: list[threading.Thread] = []


def warm_up() -> bool:
    """Start to load the compiled loops, once for each process; returns whether this call started.

    Nothing starts where numba does not compute, or where the variable CREDITLIB_WARM_UP is 0. The
    thread never raises. A fork waits until it has ended, because a child would inherit its locks.

    >>> import os; os.environ["CREDITLIB_WARM_UP"] = "0"
    >>> warm_up()
    False
    """
    if os.environ.get(ENVIRONMENT) == "0" or default_backend("cpu") != "numba":
        return False
    with _lock:
        if _threads:
            return False
        thread = threading.Thread(target=_load, name="creditlib-warm-up", daemon=True)
        _threads.append(thread)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_finish)
    atexit.register(_finish)
    thread.start()
    return True


def _finish() -> None:
    """Let the thread end after the loop that it is loading."""
    _stop.set()
    for thread in _threads:
        if thread.is_alive() and thread is not threading.current_thread():
            thread.join(PATIENCE)


def _load() -> None:
    try:
        for call in _calls():
            if _stop.is_set():
                return
            call()
    except Exception:  # the first call of a user says what is wrong
        return


def _calls() -> Iterator[Callable[[], Any]]:
    """Calls of a few values, the commonest first; an operation is imported when it is its turn."""
    from creditlib.ops import fused, groups, min_form, returns, tokens, whiten

    value = torch.zeros(2, 2, device="cpu")
    index = torch.zeros(2, 2, dtype=torch.int64, device="cpu")
    row, ids, count = value[:, 0].clone(), index[:, 0].clone(), index[:, 0] + 2
    maps = [index.to(dtype) for dtype in (torch.int64, torch.int8, torch.int16)]
    yield lambda: groups.relative(row, [ids], None, scale="std", backend="numba")
    for turn in maps:
        yield lambda turn=turn: tokens.to_tokens(row, turn, backend="numba")
        yield lambda turn=turn: tokens.to_tokens(value, turn, backend="numba")
    options = {"gamma": 1.0, "ddof": 1, "eps": 1e-6}
    loop = fused.fused_loop("gigpo", "numba", row)
    if loop is not None:
        pair = {"episode_weight": 1.0, "step_weight": 1.0, "center": "mean", "lone": None}
        yield lambda: loop(row, ids, value, index, count, None, scale="std", **options, **pair)
    other = fused.fused_loop("igpo", "numba", row)
    if other is not None:
        given = {"pool": "joint", "variance_eps": 0.0, **options}
        yield lambda: other(row, ids, value, count, None, **given)
    least = {"form": "softmin", "temperature": 0.1, "baseline": "step", "reward_weight": 1.0}
    yield lambda: min_form.min_form_credit(value, ids, count, **least, lone="zero", backend="numba")
    yield lambda: returns.gae(value, value, index, gamma=1.0, lam=1.0, backend="numba")
    yield lambda: whiten.standardize(value, index >= 0, 1e-8, backend="numba")
