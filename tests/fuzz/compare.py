"""One function, many random calls: the largest error, or the first call that is wrong."""

from dataclasses import dataclass, field

import torch

import creditlib as cl
from creditlib.testing.tolerances import tolerance
from fuzz import exact, exact_tokens, exact_turns
from fuzz.draw import Draw
from fuzz.generator import MAKERS
from fuzz.token_generator import TOKEN_MAKERS
from fuzz.turn_generator import TURN_MAKERS

__all__ = ["FUNCTIONS", "Finding", "call_of", "computed", "error_of", "expected", "fuzz"]

EVERY = {**MAKERS, **TURN_MAKERS, **TOKEN_MAKERS}
FUNCTIONS = list(EVERY)
COUNTS = ("length", "turn_length", "weight")  # their dtype does not decide that of the result


@dataclass
class Finding:
    """The largest error of a function for each dtype of results, and the first wrong call."""

    errors: dict[torch.dtype, float] = field(default_factory=dict)
    wrong: str = ""


def call_of(name, seed):
    """The random call of a function with this seed."""
    draw = Draw(f"{name} {seed}")
    call = EVERY[name](draw)
    call.tensors = {key: draw.laid_out(x) for key, x in call.tensors.items()}
    return call


def expected(name, call):
    """The exact results, a list of nested lists."""
    module = next(each for each in (exact, exact_turns, exact_tokens) if name in each.__all__)
    found = getattr(module, name)(call.x, call.options)
    return list(found) if isinstance(found, tuple) else [found]


def computed(name, call, backend):
    """What the library computes: a list of tensors, each in its `out` if there is one."""
    options = {**call.options, "backend": backend}
    if call.out:
        options["out"] = tuple(call.out) if len(call.out) > 1 else call.out[0]
    found = getattr(cl, name)(**call.tensors, **options)
    parts = list(found) if isinstance(found, tuple) else [found]
    assert not call.out or all(a is b for a, b in zip(parts, call.out, strict=True)), "not in `out`"
    return parts


def flat(value):
    """The numbers of nested lists."""
    if not isinstance(value, list):
        return [float(value)]
    return [each for inner in value for each in flat(inner)]


def error_of(found, wanted, call):
    """The largest error, in units of the largest value that it may come from."""
    values = torch.tensor(flat(wanted), dtype=torch.float64)
    assert found.numel() == len(values), f"{tuple(found.shape)} for {len(values)} values"
    if not len(values):
        return 0.0
    assert call.zero is None or not bool(found[call.zero].any()), "not 0 where nothing counts"
    largest = max(call.size, float(values.abs().max()))
    errors = (found.double().flatten() - values).abs() / (largest or 1.0)
    return float(errors.nan_to_num(torch.inf, torch.inf).max())


def fuzz(name, backend, seeds):
    """Call a function with the batches of these seeds, up to the first that is wrong."""
    finding = Finding()
    for seed in seeds:
        call = call_of(name, seed)
        try:
            _compare(name, call, backend, finding.errors)
        except Exception as error:  # a crash is a finding too
            text = f"{type(error).__name__}: {error}"
            finding.wrong = f"call_of({name!r}, {seed}), {backend}, {call.options}: {text}"
            break
    return finding


def _compare(name, call, backend, errors):
    tensors = [x for key, x in call.tensors.items() if key not in COUNTS]
    wide = any(x.dtype == torch.float64 for x in tensors)
    parts = computed(name, call, backend)
    for number, (found, wanted) in enumerate(zip(parts, expected(name, call), strict=True)):
        dtype = torch.float64 if wide else torch.float32
        assert found.dtype == dtype, f"result {number} is {found.dtype}"
        error = error_of(found, wanted, call)
        errors[dtype] = max(error, errors.get(dtype, 0.0))
        limit = tolerance(dtype)[0]
        assert error <= limit, f"error {error:.1e}: {found.tolist()}, not {flat(wanted)}"
