"""What several test files share: public functions and arguments for them, plain loops, batches."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

import creditlib as cl
from creditlib import ops
from creditlib.ops.backend.lookup import implementation_of
from creditlib.ops.backend.operation import Operation
from creditlib.testing import random_arguments
from creditlib.vocabulary.annotations import options_of, tensors_of
from creditlib.vocabulary.backends import INSTALLED, interpreted

F64 = torch.float64
BACKENDS = ["torch", *(name for name, there in INSTALLED.items() if there)]
# Those that are fast enough for a hundred examples a case; Triton's interpreter is not.
QUICK = [name for name in BACKENDS if name != "triton" or not interpreted()]
TURNS, TOKENS = 5, 24

# What a function needs besides tensors.
NEEDS: dict[str, dict[str, Any]] = {
    "gae": {"gamma": 0.9, "lam": 0.8},
    "two_level_gae": {"gamma": 0.9, "lam": 0.8},
    "discounted_return": {"gamma": 0.9},
    "outcome_at_last_turn": {"turns": TURNS},
    "per_turn": {"turns": TURNS},
    "overlong_penalty": {"limit": 9, "buffer": 6},
    "turn_sum": {"turns": TURNS},
    "importance_weight": {"turns": TURNS},
    "top_fraction": {"fraction": 0.5},
    "suffix_mask": {"drop": 0.25},
}
# Choices that an optional tensor must come with, or that two options make together.
MORE = [
    ("grpo", {"scale": None, "center": "leave_one_out"}),
    ("grpo", {"eps_at": "variance", "scale_over": "batch"}),
    ("gigpo", {"leave_out": "trajectory", "scale": None}),
    ("gigpo", {"leave_out": "turn", "episode_over": "turn"}),
    ("pure", {"baseline": "token", "form": "hard_min"}),
    ("duration_weight", {"over": "group", "cap": 1.5}),
    ("completion_weight", {"cap": 1.5}),
]
# Functions whose result is a mask of tokens.
MASKS = ("top_fraction", "suffix_mask")
# What a choice is made with, where the other options leave it without a meaning.
ALONG: dict[tuple[str, str, str], dict[str, Any]] = {
    ("grpo_process", "ended", "zero"): {"over": "turn"},
    ("hgpo", "lone", "raw"): {"base": "trajectory"},
    ("importance_weight", "reduce", "sum"): {"level": "trajectory"},
}
# Functions that take credit at any level are also run at turn level.
ANY_LEVEL = ("to_tokens", "whiten", "whitening_stats", "effective_sample_size")
# `contrast` gives a mask of the rows or of the turns, and its tensors come in two sets:
# tests/algebra/test_algebra_contrast.py holds it to the laws.
NOT_NUMERICS = {"check_batch", "diagnose", "apply", "resolve", "ids", "anchor_ids", "contrast"}
# Functions that match on the host by design: they need values, and refuse tensors without.
ON_HOST = {"match_reward"}


@dataclass(frozen=True)
class Variant:
    """A public function with options; `level` is the level of credit where a function takes any."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    level: str = "batch"

    def __str__(self) -> str:
        parts = [f"{key}={value}" for key, value in self.options.items()]
        return "-".join([self.name, *([self.level] if self.name in ANY_LEVEL else []), *parts])

    @property
    def function(self):
        return getattr(cl, self.name)

    def __call__(self, tensors, **more):
        needs = NEEDS.get(self.name, {})
        return self.function(**tensors, **{**needs, **self.options, **more})


def turn_map(rows: int, turns: int, tokens: int, draw: torch.Generator | None = None):
    """Random turn ids that never go back along a row, with a third of the tokens unwritten."""
    ids = torch.randint(0, max(turns, 1), (rows, tokens), generator=draw).sort(-1).values
    hole = torch.randint(0, 3, (rows, tokens), generator=draw) == 0
    return ids.masked_fill(hole | (turns == 0), -1)


def numeric_names() -> list[str]:
    """Every public function that takes tensors of the vocabulary."""
    functions = [name for name in cl.__all__ if inspect.isfunction(getattr(cl, name))]
    return [
        name for name in functions if name not in NOT_NUMERICS and tensors_of(getattr(cl, name))
    ]


def along(name: str, option: str, choice: Any) -> dict[str, Any]:
    """The other options that a choice is made with."""
    return ALONG.get((name, option, choice), {})


def variants() -> list[Variant]:
    """Every public function, once with its defaults and once with each choice of each option."""
    result = []
    for name in numeric_names():
        result.append(Variant(name))
        if name in ANY_LEVEL:
            result.append(Variant(name, level="turn"))
        default = inspect.signature(getattr(cl, name)).parameters
        for option in options_of(getattr(cl, name)).values():
            choices = [*(option.choices or ()), *([None] if option.optional else [])]
            if option.choices:
                result += [
                    Variant(name, {option.name: choice, **along(name, option.name, choice)})
                    for choice in choices
                    if choice != default[option.name].default
                ]
    return result + [Variant(name, options) for name, options in MORE]


VARIANTS = variants()


def axes_of(variant: Variant, tensor: str) -> list[str]:
    """The axes of an argument at the level the variant runs at."""
    shapes = tensors_of(variant.function)[tensor].shapes
    if tensor in ("credit", "weight") and variant.level == "turn" and variant.name != "to_tokens":
        shapes = [shape for shape in shapes if len(shape.axes) == 2]
    if tensor == "credit" and variant.level == "turn":
        return ["batch", "turn"]
    return [axis for axis, _ in shapes[0].axes]


def arguments(
    variant: Variant, *, seed=0, dtype=torch.float32, batch=12, turns=TURNS, optional=True
):
    """Random tensors for a variant; padding holds NaN, rewards lie on tool output too."""
    size = {"batch": batch, "turns": turns, "tokens": TOKENS, "seed": seed, "dtype": dtype}
    tensors = random_arguments(variant.function, optional=optional, **size)
    if variant.level == "turn":
        more = random_arguments(cl.pure, optional=True, **size)
        tensors["credit" if "credit" in tensors else "weight"] = more["process_reward"]
        if variant.name in ("whiten", "whitening_stats"):
            tensors["weight"] = more["turn_length"]
        if variant.name == "effective_sample_size":
            tensors["weight"] = more["process_reward"].nan_to_num(0).abs()
    if "token_reward" in tensors:
        mine = tensors["turn"] >= 0
        inside = span(mine)
        tensors["token_reward"] = torch.where(
            inside & ~mine, 0.25, tensors["token_reward"].to(torch.float64)
        ).to(dtype)
        tensors["present"] = inside
    if variant.options.get("how") == "geometric":
        tensors["rewards"] = tensors["rewards"].abs()  # others are refused
    if not optional:
        tensors.pop("present", None)
    return tensors


def span(mine):
    """The tokens from the first to the last one the policy wrote."""
    return (torch.cumsum(mine, 1) > 0) & (torch.cumsum(mine.flip(1), 1).flip(1) > 0)


def implementation(reference, backend):
    """The implementation of a backend, or the reference. Kernels run on the GPU if there is one."""
    if backend == "torch":
        return reference
    found = implementation_of(reference, backend)
    native = backend == "triton" and torch.cuda.is_available()
    return elsewhere(found, "cuda") if native else found


def moved(value, device):
    """A tensor, or a tuple or list of them, on another device; anything else as it is."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, (tuple, list)):
        return type(value)(moved(each, device) for each in value)
    return value


def elsewhere(function, device):
    """A function that computes on another device: tensors go there, results come back to the CPU.

    Tensors to write into are written where they are.
    """

    def call(*args, out=None, **options):
        args, options = moved(args, device), {k: moved(x, device) for k, x in options.items()}
        result = moved(function(*args, **options), "cpu")
        if out is None:
            return result
        for part, each in zip(results(result), results(out), strict=True):
            each.copy_(part)
        return out

    return call


def operators():
    """The names of the operations that are operators of torch.library."""
    packages = [each.name for each in pkgutil.iter_modules(ops.__path__) if each.ispkg]
    found = [vars(importlib.import_module(f"creditlib.ops.{name}")) for name in packages]
    return {
        name
        for names in found
        for name, thing in names.items()
        if isinstance(thing, Operation) and thing.operators
    }


def law_batches(count: int) -> dict[str, int]:
    """Arguments of `run_law`: a fifth of the batches from hypothesis, which prefers odd values.

    The others come from a random generator, which is several times faster and shrinks nothing.
    """
    searched = max(count // 5, 1)
    return {"examples": searched, "random_examples": count - searched}


def results(value):
    """The tensors of a result, one or several."""
    return value if isinstance(value, tuple) else (value,)


def assert_same(actual, expected):
    """Equal bit for bit, NaN nowhere."""
    for ours, theirs in zip(results(actual), results(expected), strict=True):
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours, theirs), (ours, theirs)


# --- plain Python, for oracles -----------------------------------------------------------------


def members(keys, take=None):
    """Rows of each key, in order: the groups of a loop."""
    table: dict[Any, list[int]] = {}
    for row, key in enumerate(keys):
        if take is None or take[row]:
            table.setdefault(key, []).append(row)
    return table


def mean(values):
    return sum(values) / len(values)


def deviation(values, ddof=1):
    """The standard deviation, 0 for equal values and where there are not more than ddof."""
    if len(values) <= ddof or min(values) == max(values):
        return 0.0
    center = mean(values)
    return (sum((x - center) ** 2 for x in values) / (len(values) - ddof)) ** 0.5


def ratio(x, by, eps):
    """x / (by + eps), 0 without spread."""
    return x / (by + eps) if by else 0.0


def suffix(values, gamma=1.0):
    """Discounted sums of what is still to come."""
    total, result = 0.0, []
    for x in reversed(values):
        total = x + gamma * total
        result.append(total)
    return result[::-1]


def table(rows, width):
    """Ragged rows of numbers to float64[batch turn], 0 past their end."""
    result = torch.zeros(len(rows), width, dtype=F64)
    for i, row in enumerate(rows):
        result[i, : len(row)] = torch.tensor(row, dtype=F64)
    return result


def ragged(x, count):
    """float[batch turn] to a list of lists without padding."""
    return [row[: int(n)] for row, n in zip(x.tolist(), count, strict=True)]


class Fields(Mapping):
    """As a TensorDict: keys() may hold tuples, iteration yields rows, `in` is refused."""

    def __init__(self, **fields):
        self.fields = fields

    def __getitem__(self, key):
        return self.fields[key]

    def __iter__(self):
        return iter([{name: x[0] for name, x in self.fields.items()}])

    def __len__(self):
        return 3

    def __contains__(self, key):
        raise NotImplementedError

    def keys(self):
        return [*self.fields, ("nested", "reward")]
