"""Every estimator as plain loops over one batch, for any combination of its options.

Means, medians and squares are fractions: what is 0 is exactly 0 here, and not rounding. The loops
are written from the docstrings and take what the functions take, with tensors as lists.
"""

import math
from fractions import Fraction
from itertools import pairwise


def rows_of(x):
    """The rows that take part."""
    return [i for i, takes in enumerate(x.get("valid") or [True] * len(x["group"])) if takes]


def groups_of(x):
    """The rows of each group."""
    found = {}
    for i in rows_of(x):
        found.setdefault(x["group"][i], []).append(i)
    return list(found.values())


def exact(values):
    return [Fraction(v) for v in values]


def mean(values):
    return sum(values, Fraction(0)) / len(values)


def median(values):
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def scale_of(pool, scale, ddof, floor=None):
    if scale == "mean":
        return mean(pool) if pool else Fraction(0)
    if scale == "mad":
        gaps = [abs(v - median(pool)) for v in pool]
        if floor is not None:
            return max(median(gaps), floor)
        return median(gaps) or mean(gaps)  # where more than half agree, the mean distance
    if len(pool) <= ddof:
        return Fraction(0)
    square = sum((v - mean(pool)) ** 2 for v in pool) / (len(pool) - ddof)
    return math.sqrt(square) if square else Fraction(0)


def over(value, unit, o):
    """A value over a scale, 0 where the scale or the divisor is 0."""
    if unit == 0:
        return 0.0
    eps, eps_at = Fraction(o["eps"]), o.get("eps_at", "std")
    if o.get("variance_eps"):
        unit = math.sqrt(float(unit) ** 2 + o["variance_eps"])
    if eps_at == "variance":
        divisor = math.sqrt(float(unit) ** 2 + eps)
    else:
        divisor = max(unit, eps) if eps_at == "floor" else unit + eps
    return float(value) / float(divisor) if divisor else 0.0


def z_score(value, pool, o, scale="std"):
    """A value among a pool that it is part of; a pool of one or of equal values gives 0."""
    unit = scale_of(pool, scale, o["ddof"])
    if o.get("variance_eps") and scale == "std":  # it regularizes a deviation of 0 as well
        gap = float(value - mean(pool))
        return gap / (math.sqrt(float(unit) ** 2 + o["variance_eps"]) + o["eps"])
    return over(value - mean(pool), unit, o)


def centered(values, own, center, lone):
    """What remains of each value of a group without its center."""
    if len(own) == 1:
        return {own[0]: values[own[0]] if lone == "raw" else Fraction(0)}
    result = {}
    for i in own:
        others = [values[j] for j in own if j != i]
        every = [values[j] for j in own]
        center_of = {"mean": mean(every), "median": median(every), "leave_one_out": mean(others)}
        result[i] = values[i] - (center_of[center] if center else 0)
    return result


def whitened(sums, weight, eps):
    """Each sum among the sums of all rows, each counted `weight` times."""
    mass = sum(weight)
    middle = sum(w * s for w, s in zip(weight, sums, strict=True)) / mass if mass else 0
    square = sum(w * (s - middle) ** 2 for w, s in zip(weight, sums, strict=True))
    variance = square / (mass - 1) if mass > 1 else 0
    rstd = (variance + eps) ** -0.5 if variance + eps > 0 else 0.0
    return [float(s - middle) * rstd if w else 0.0 for w, s in zip(weight, sums, strict=True)]


# --- trajectories ---------------------------------------------------------------------------------


def grpo(x, o):
    values, result = exact(x["reward"]), [0.0] * len(x["reward"])
    gaps = {}
    for own in groups_of(x):
        gaps |= centered(values, own, o["center"], o["lone"])
    for own in groups_of(x):
        pool = [values[i] for i in own]
        if o["scale_over"] != "group":
            pool = [values[i] if o["scale_over"] == "batch" else gaps[i] for i in rows_of(x)]
        for i in own:
            alone = len(own) == 1 and o["scale_over"] == "group"
            if o["scale"] is None:
                result[i] = float(gaps[i])
            else:
                floor = Fraction(o["eps"]) if o.get("eps_at") == "floor" else None
                unit = Fraction(1) if alone else scale_of(pool, o["scale"], o["ddof"], floor)
                result[i] = over(gaps[i], unit, o)
    return result


def rloo(x, o):
    return grpo(x, {**o, "center": "leave_one_out", "scale": None, "scale_over": "group"})


def opo(x, o):
    values, result = exact(x["reward"]), [0.0] * len(x["reward"])
    for own in groups_of(x):
        tokens = sum(x["length"][i] for i in own)
        baseline = sum(x["length"][i] * values[i] for i in own) / tokens if tokens else None
        for i in own:
            gap = 0 if baseline is None else values[i] - baseline
            if len(own) == 1:
                gap = values[i] if o["lone"] == "raw" else 0
            result[i] = float(gap)
    return result


def maxrl(x, o):
    more = {"center": "mean", "scale": "mean", "scale_over": "group", "lone": "zero", "ddof": 1}
    return grpo(x, {**o, **more})


def gpg(x, o):
    plain = {"center": "mean", "scale": None, "scale_over": "group"}
    rewarded = [i for i in rows_of(x) if x["reward"][i]]
    alpha = len(rows_of(x)) / max(len(rewarded), 1)
    return [alpha * a / o["normalizer"] for a in grpo(x, {**o, **plain})]


def pass_at_k(x, o):
    values, result = exact(x["reward"]), [0.0] * len(x["reward"])
    for own in groups_of(x):
        best = max(values[i] for i in own)
        first = [i for i in own if values[i] == best]
        lower = [values[i] for i in own if values[i] < best]
        if not lower or (len(first) > 1 and o["ties"] == "zero"):
            continue
        margin = (best - max(lower)) / len(first)
        unit = scale_of([values[i] for i in own], "std", o["ddof"])
        for i in first:
            result[i] = float(margin) if o["scale"] is None else over(margin, unit, o)
    return result


def gdpo(x, o):
    count = len(x["rewards"])
    sums, scored = [0.0] * count, [False] * count
    for k in range(len(x["rewards"][0])):
        column = [row[k] for row in x["rewards"]]
        known = [not math.isnan(v) for v in column]
        valid = [i in rows_of(x) and known[i] for i in range(count)]
        filled = [v if there else 0.0 for v, there in zip(column, known, strict=True)]
        part = grpo(
            {"reward": filled, "group": x["group"], "valid": valid},
            {**o, "center": "mean", "scale": "std", "scale_over": "group"},
        )
        sums = [s + a for s, a in zip(sums, part, strict=True)]
        scored = [a or b for a, b in zip(scored, valid, strict=True)]
    tokens = x.get("length") or [1] * count
    weight = [n if there else 0 for n, there in zip(tokens, scored, strict=True)]
    return whitened(sums, weight, o["whiten_eps"])


def reinforce_plus_plus_baseline(x, o):
    gaps = grpo(x, {**o, "center": "mean", "scale": None, "scale_over": "group"})
    weight = [n if i in rows_of(x) else 0 for i, n in enumerate(x["length"])]
    return whitened(gaps, weight, o["eps"])


def remax(x, o):
    takes = x.get("valid") or [True] * len(x["reward"])
    pairs = zip(x["reward"], x["baseline"], takes, strict=True)
    return [r - b if there else 0.0 for r, b, there in pairs]


# --- turns ----------------------------------------------------------------------------------------


def table(x, width, cells):
    """[batch turn] of the values of some (row, turn), 0 elsewhere."""
    rows = len(x["turn_count"])
    return [[float(cells.get((i, k), 0.0)) for k in range(width)] for i in range(rows)]


def discounted(values, gamma):
    total, result = 0, []
    for v in reversed(values):
        total = v + gamma * total
        result.append(total)
    return result[::-1]


def turns_of(x, own):
    return [(i, k) for i in own for k in range(x["turn_count"][i])]


def gigpo(x, o):
    width, cells = len(x["turn_reward"][0]), {}
    price = Fraction(o["invalid_penalty"]) if x.get("invalid_action") else Fraction(0)
    invalid = x.get("invalid_action") or [[False] * width for _ in x["group"]]
    penalty = [[price * bad for bad in row] for row in invalid]
    returns = {}
    for i in rows_of(x):
        earned = exact(x["turn_reward"][i][: x["turn_count"][i]])
        for k, g in enumerate(discounted(earned, Fraction(o["gamma"]))):
            returns[i, k] = g - penalty[i][k]
    for own in groups_of(x):
        turns = turns_of(x, own)
        for cell in turns:
            episode = o["episode_weight"] * _episode(cell, own, turns, x, penalty, o)
            cells[cell] = episode + o["step_weight"] * _step(cell, turns, returns, x, o)
    return table(x, width, cells)


def _compared(mine, others, pool, o):
    gap = mine - mean(others) if others else Fraction(0)
    return over(gap, scale_of(pool, "std", o["ddof"]), o) if o["scale"] else float(gap)


def _episode(cell, own, turns, x, penalty, o):
    (i, k), reward = cell, exact(x["reward"])
    mine = reward[i] - penalty[i][k]
    if o["episode_over"] == "turn":
        pool = [(j, reward[j] - penalty[j][m]) for j, m in turns]
        alone, single = len({j for j, _ in turns}) == 1, len(turns) == 1
    else:
        lost = {j: penalty[j][: x["turn_count"][j]] or [Fraction(0)] for j in own}
        if o["episode_over"] == "first_turn":
            lost = {j: each[:1] for j, each in lost.items()}
        pool = [(j, reward[j] - mean(lost[j])) for j in own]
        alone = single = len(own) == 1
    if single and o["lone"] == "raw":
        return over(mine, Fraction(1), o) if o["scale"] else float(mine)
    if alone and o["lone"] == "zero":
        return 0.0
    others = [s for j, s in pool if o["leave_out"] is None or j != i]
    return _compared(mine, others, [s for _, s in pool], o)


def _step(cell, turns, returns, x, o):
    anchor = x["anchor"][cell[0]][cell[1]]
    peers = [(j, m) for j, m in turns if x["anchor"][j][m] == anchor and anchor >= 0]
    left = {
        None: peers,
        "turn": [t for t in peers if t != cell],
        "trajectory": [t for t in peers if t[0] != cell[0]],
    }[o["leave_out"]]
    if o["leave_out"] and not left:
        peers, left = turns, [t for t in turns if t[0] != cell[0]]
    values = [[returns[t] for t in each] for each in (left, peers)]
    return _compared(returns[cell], values[0], values[1], o)


def _gains(x, i):
    return exact(x["information_gain"][i][: max(x["turn_count"][i] - 1, 0)])


def igpo(x, o):
    cells = {}
    for own in groups_of(x):
        gained, outcome = [g for i in own for g in _gains(x, i)], exact(x["reward"])
        outcomes = [outcome[i] for i in own]
        joint = o["pool"] == "joint"
        pools = (gained + outcomes,) * 2 if joint else (gained, outcomes)
        for i in own:
            z = [z_score(g, pools[0], o) for g in _gains(x, i)]
            z.append(z_score(outcome[i], pools[1], o))
            if x["turn_count"][i]:
                cells |= {(i, k): a for k, a in enumerate(discounted(z, o["gamma"]))}
    return table(x, len(x["information_gain"][0]), cells)


def _gain_scores(x, own, o):
    found = {}
    for i in own:
        for k, g in enumerate(_gains(x, i)):
            found[i, k] = z_score(g, [_gains(x, j)[k] for j in own if len(_gains(x, j)) > k], o)
    return found


def a2tgpo(x, o):
    cells = {}
    for own in groups_of(x):
        z, outcome = _gain_scores(x, own, o), exact(x["reward"])
        for i in own:
            last = z_score(outcome[i], [outcome[j] for j in own], o)
            n = max(x["turn_count"][i] - 1, 0)
            ahead = discounted([z[i, k] for k in range(n)], o["gamma"])
            for k in range(x["turn_count"][i]):
                part = o["alpha"] * ahead[k] / math.sqrt(n - k) if k < n else 0.0
                cells[i, k] = part + last
    return table(x, len(x["information_gain"][0]), cells)


def a2tgpo_clip_scale(x, o):
    cells = {}
    for own in groups_of(x):
        z = _gain_scores(x, own, o)
        for cell in turns_of(x, own):
            cells[cell] = 1 + o["width"] * (2 / (1 + math.exp(-z.get(cell, 0.0))) - 1)
    return table(x, len(x["information_gain"][0]), cells)


def information_gain(x, o):
    cells = {}
    for i in rows_of({**x, "group": x["turn_count"]}):
        belief = x["gold_log_prob"][i][: x["turn_count"][i]]
        belief = [math.exp(v) if o["difference"] == "prob" else v for v in belief]
        cells |= {(i, k): b - a for k, (a, b) in enumerate(pairwise(belief))}
    return table(x, len(x["gold_log_prob"][0]), cells)
