"""What the check of a call costs: `python -m benchmarks.contract_cost`.

Each function's signature is put on a body that does nothing, and the call is timed.
"""

from __future__ import annotations

import inspect
import timeit
from collections.abc import Callable
from typing import Any

import torch

import creditlib as cl
from creditlib.testing import random_arguments
from creditlib.vocabulary.contract import checked

__all__ = ["check_only", "microseconds"]

FUNCTIONS = (cl.grpo, cl.gigpo, cl.igpo, cl.pure, cl.duration_weight, cl.gae, cl.to_tokens)
OPTIONS: dict[str, dict[str, Any]] = {"gae": {"gamma": 0.9, "lam": 0.9}}


def check_only(function: Callable[..., Any]) -> Callable[..., Any]:
    """The check of a function's calls, around a body that returns its first tensor."""
    own = inspect.unwrap(function)

    def body(*places: Any, **names: Any) -> Any:
        return (*places, *names.values())[0]

    for name in ("__name__", "__doc__", "__module__", "__annotations__"):
        setattr(body, name, getattr(own, name))
    body.__signature__ = inspect.signature(own)  # type: ignore[attr-defined]
    body.__globals__.update({name: own.__globals__[name] for name in _words(own)})
    return checked(body)


def _words(function: Callable[..., Any]) -> list[str]:
    """The names that the annotations of a function are made of."""
    text = " ".join(map(str, function.__annotations__.values()))
    return [name for name in function.__globals__ if name in text and name not in globals()]


def microseconds(function: Callable[..., Any], *, padding: float, calls: int = 2000) -> float:
    """The best time of a call's check, in microseconds; `padding` fills turns that do not exist."""
    drawn = random_arguments(function, batch=64, turns=8, tokens=64)
    given = {
        name: x.nan_to_num(padding) if x.is_floating_point() else x for name, x in drawn.items()
    }
    call, options = check_only(function), OPTIONS.get(function.__name__, {})
    times = timeit.repeat(lambda: call(**given, **options), number=calls, repeat=7)
    return min(times) / calls * 1e6


def main() -> None:
    """Print a line for each function: padding of 0, and padding that is not finite."""
    torch.set_num_threads(1)
    for function in FUNCTIONS:
        plain, masked = (microseconds(function, padding=x) for x in (0.0, float("nan")))
        print(f"{function.__name__:16} {plain:5.1f} µs; NaN in padding {masked:5.1f} µs")


if __name__ == "__main__":
    main()
