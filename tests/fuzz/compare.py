"""One function, many random calls: the largest error, or the first call that is wrong."""

import torch

import creditlib as cl
from creditlib.testing.tolerances import tolerance
from fuzz import exact, exact_tokens, exact_turns
from fuzz.draw import Draw
from fuzz.generator import MAKERS
from fuzz.token_generator import TOKEN_MAKERS

__all__ = ["FUNCTIONS", "call_of", "worst_error"]

FUNCTIONS = [*MAKERS, *TOKEN_MAKERS]


def call_of(name, seed):
    """The random call of a function with this seed."""
    draw = Draw(f"{name} {seed}")
    call = {**MAKERS, **TOKEN_MAKERS}[name](draw)
    call.tensors = {key: draw.laid_out(x) for key, x in call.tensors.items()}
    call.x = {"valid": None, **call.x}
    return call


def expected(name, call):
    """The exact results, a list of nested lists."""
    module = next(each for each in (exact, exact_turns, exact_tokens) if name in each.__all__)
    found = getattr(module, name)(call.x, call.options)
    return list(found) if isinstance(found, tuple) else [found]


def computed(name, call, backend):
    """What the library computes; what it writes into `out` is what it returns."""
    options = {**call.options, "backend": backend}
    if call.out:
        options["out"] = tuple(call.out) if len(call.out) > 1 else call.out[0]
    found = getattr(cl, name)(**call.tensors, **options)
    parts = list(found) if isinstance(found, tuple) else [found]
    if call.out and not all(a is b for a, b in zip(parts, call.out, strict=True)):
        raise AssertionError("the result is not `out`")
    return parts


def flat(value):
    if not isinstance(value, list):
        return [float(value)]
    return [each for inner in value for each in flat(inner)]


def error_of(found, wanted, size):
    """The largest error, in units of the largest value that it may come from."""
    values = torch.tensor(flat(wanted), dtype=torch.float64)
    if not values.numel():
        return float(found.numel())
    errors = (found.double().flatten() - values).abs()
    largest = max(size, float(values.abs().max()))
    if not largest:
        return float(errors.max())
    return float((errors / largest).nan_to_num(torch.inf).max())


def is_wide(call):
    """Whether the result is float64: one of the values is."""
    read = ("valid", "group", "turn", "length", "weight", "offsets")
    return any(x.dtype == torch.float64 for key, x in call.tensors.items() if key not in read)


def worst_error(name, backend, seeds):
    """(the largest error of a call, the first wrong call or "")."""
    worst = 0.0
    for seed in seeds:
        call = call_of(name, seed)
        place = f"call_of({name!r}, {seed}), {backend}: {call.options}"
        try:
            parts = computed(name, call, backend)
        except Exception as error:
            return worst, f"{place}: {type(error).__name__}: {error}"
        wanted = expected(name, call)
        for number, (found, values) in enumerate(zip(parts, wanted, strict=True)):
            if found.dtype != (torch.float64 if is_wide(call) else torch.float32):
                return worst, f"{place}: result {number} is {found.dtype}"
            error = error_of(found, values, call.size)
            worst = max(worst, error)
            if error > tolerance(found.dtype)[0]:
                return worst, f"{place}: error {error:.1e}: {found.tolist()}, not {flat(values)}"
    return worst, ""
