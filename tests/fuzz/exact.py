"""Credit of trajectories in exact fractions, written from the docstrings.

A batch is a dictionary of lists of fractions. Square roots and exponentials have 50 digits.
Everything else is exact, so what is 0 is exactly 0.
"""

from decimal import Context, Decimal
from fractions import Fraction

__all__ = [
    "centered",
    "divided",
    "exponential",
    "gdpo",
    "groups_of",
    "grpo",
    "maxrl",
    "mean",
    "opo",
    "rloo",
    "root",
    "rows_of",
    "score",
    "spread",
    "whiten",
    "whitened",
]

DIGITS = Context(prec=50)
ZERO = Fraction(0)
NOTHING = Fraction(1, 10**35)  # what a cancellation of numbers of 50 digits leaves


def _decimal(value):
    return DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))


def root(value):
    return Fraction(DIGITS.sqrt(_decimal(value)))


def exponential(value):
    """The exponential of a number up to 0; what has no digit beside 1 is 0."""
    if value < -200:
        return ZERO
    return Fraction(DIGITS.exp(_decimal(value)))


def mean(values, weights=None):
    """The weighted mean, 0 without weight."""
    weights = [1] * len(values) if weights is None else weights
    total = sum(weights)
    products = (w * v for w, v in zip(weights, values, strict=True))
    return sum(products, ZERO) / total if total else ZERO


def median(values):
    ordered, last = sorted(values), len(values) - 1
    return (ordered[last // 2] + ordered[(last + 1) // 2]) / 2


def spread(values, scale, o):
    """What differences are divided by."""
    ddof = o["ddof"]
    if not values:
        return ZERO
    if scale == "mean":
        return mean(values)
    if scale == "mad":
        middle = median(values)
        gaps = [abs(v - middle) for v in values]
        # Where more than half agree the median is 0: the floor divides, or the mean distance.
        floor = Fraction(o["eps"]) if o.get("eps_at", "std") == "floor" else mean(gaps)
        return median(gaps) or floor
    middle, freedom = mean(values), len(values) - ddof
    return root(sum((v - middle) ** 2 for v in values) / freedom) if freedom > 0 else ZERO


def divided(value, unit, o):
    """A value over its scale; 0 where the scale or the divisor is 0."""
    if unit == 0:
        return ZERO
    eps, place = Fraction(o["eps"]), o.get("eps_at", "std")
    if o.get("variance_eps"):
        unit = root(unit**2 + Fraction(o["variance_eps"]))
    if place == "variance":
        unit = root(unit**2 + eps)
    else:
        unit = max(unit, eps) if place == "floor" else unit + eps
    return value / unit if unit else ZERO


def score(value, pool, o, scale="std"):
    """How many deviations a value lies above the mean of a pool that it belongs to."""
    return divided(value - mean(pool), spread(pool, scale, o), o)


def rows_of(x):
    """The numbers of the rows that take part."""
    return [i for i in range(x["rows"]) if x["valid"] is None or x["valid"][i]]


def groups_of(x):
    """The members of each group."""
    members = {}
    for i in rows_of(x):
        members.setdefault(x["group"][i], []).append(i)
    return members.values()


def centered(values, center, lone):
    """Each value of a group without the center of the group."""
    if len(values) == 1:
        return values if lone == "raw" else [ZERO]
    if center == "leave_one_out":
        total, others = sum(values), len(values) - 1
        return [v - (total - v) / others for v in values]
    middle = {None: lambda v: ZERO, "mean": mean, "median": median}[center](values)
    return [v - middle for v in values]


def grpo(x, o):
    result = [ZERO] * x["rows"]
    for own in groups_of(x):
        gaps = centered([x["reward"][i] for i in own], o["center"], o["lone"])
        for i, gap in zip(own, gaps, strict=True):
            result[i] = gap
    if o["scale"] is None:
        return result
    shared = None
    if o["scale_over"] != "group":
        from_batch = x["reward"] if o["scale_over"] == "batch" else result
        shared = spread([from_batch[i] for i in rows_of(x)], o["scale"], o)
    for own in groups_of(x):
        unit = shared
        if shared is None:
            pool = [x["reward"][i] for i in own]
            unit = Fraction(1) if len(own) == 1 else spread(pool, o["scale"], o)
        for i in own:
            result[i] = divided(result[i], unit, o)
    return result


GRPO = {"center": "mean", "scale": "std", "scale_over": "group", "lone": "zero", "ddof": 1}


def rloo(x, o):
    return grpo(x, {**GRPO, "center": "leave_one_out", "scale": None, **o})


def maxrl(x, o):
    return grpo(x, {**GRPO, "scale": "mean", **o})


def opo(x, o):
    result = [ZERO] * x["rows"]
    for own in groups_of(x):
        tokens = [x["length"][i] for i in own]
        baseline = mean([x["reward"][i] for i in own], tokens)
        for i in own:
            if len(own) == 1:
                result[i] = x["reward"][i] if o["lone"] == "raw" else ZERO
            elif sum(tokens):
                result[i] = x["reward"][i] - baseline
    return result


def gdpo(x, o):
    """A reward of None is no score."""
    sums, sizes, scored = ([start] * x["rows"] for start in (ZERO, ZERO, False))
    for k in range(x["objectives"]):
        there = [i in rows_of(x) and x["rewards"][i][k] is not None for i in range(x["rows"])]
        column = {**x, "valid": there, "reward": [row[k] for row in x["rewards"]]}
        factor = Fraction(1 if o["weights"] is None else o["weights"][k])
        for i, credit in enumerate(grpo(column, {**GRPO, **o})):
            sums[i] += factor * credit
            sizes[i] += abs(factor * credit)
            scored[i] = scored[i] or there[i]
    sums = [ZERO if abs(v) <= NOTHING * size else v for v, size in zip(sums, sizes, strict=True)]
    counts = [1] * x["rows"] if x["length"] is None else x["length"]
    return whitened(
        sums, [n if there else 0 for n, there in zip(counts, scored, strict=True)], o["whiten_eps"]
    )


def whitened(values, weights, eps):
    """Each value above the mean, over the deviation; a value counts as often as it weighs."""
    middle, mass = mean(values, weights), sum(weights)
    squares = sum(w * (v - middle) ** 2 for v, w in zip(values, weights, strict=True))
    variance = (squares / (mass - 1) if mass > 1 else ZERO) + Fraction(eps)
    if not variance:
        return [ZERO] * len(values)
    pairs, deviation = zip(values, weights, strict=True), root(variance)
    return [(v - middle) / deviation if w > 0 else ZERO for v, w in pairs]


def whiten(x, o):
    return whitened(x["credit"], x["weight"], o["eps"])
