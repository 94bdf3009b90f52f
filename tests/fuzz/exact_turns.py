"""Credit of turns in exact fractions, written from the docstrings; see exact.py.

A result is a list of rows. Turns that do not exist have 0.
"""

from fractions import Fraction

from fuzz import exact
from fuzz.exact import ZERO, centered, divided, exponential, groups_of, mean, root, rows_of

__all__ = ["a2tgpo", "duration_weight", "gigpo", "grpo_process", "igpo", "pure"]


def discounted(values, gamma=1):
    """The sum of each value and those after it."""
    total, result = ZERO, []
    for v in reversed(values):
        total = v + Fraction(gamma) * total
        result.append(total)
    return result[::-1]


def table(x, rows):
    """The rows that were computed, with 0 elsewhere."""
    found = [rows.get(i, []) for i in range(x["rows"])]
    return [row + [ZERO] * (x["turns"] - len(row)) for row in found]


def existing(x, name, i, short=0):
    """The values of a row up to its number of turns, or to `short` less."""
    return x[name][i][: max(x["turn_count"][i] - short, 0)]


def grpo_process(x, o):
    rows = {}
    for own in groups_of(x):
        pool = [v for i in own for v in existing(x, "turn_reward", i)]
        for i in own:
            earned = existing(x, "turn_reward", i)
            if o["scale"] is None:
                rows[i] = discounted([v - mean(pool) for v in earned])
            else:
                rows[i] = discounted([exact.score(v, pool, o, o["scale"]) for v in earned])
    return table(x, rows)


def igpo(x, o):
    rows = {}
    for own in groups_of(x):
        gains = {i: existing(x, "information_gain", i, short=1) for i in own}
        gained = [v for i in own for v in gains[i]]
        outcomes = [x["reward"][i] for i in own]
        if o["pool"] == "joint":
            gained = outcomes = gained + outcomes
        for i in own:
            if x["turn_count"][i]:
                z = [exact.score(v, gained, o) for v in gains[i]]
                rows[i] = discounted([*z, exact.score(x["reward"][i], outcomes, o)], o["gamma"])
    return table(x, rows)


def a2tgpo(x, o):
    rows = {}
    for own in groups_of(x):
        gains = {i: existing(x, "information_gain", i, short=1) for i in own}
        at_turn = [[g[k] for g in gains.values() if len(g) > k] for k in range(x["turns"])]
        outcomes = [x["reward"][i] for i in own]
        for i in own:
            ahead = discounted(
                [exact.score(v, at_turn[k], o) for k, v in enumerate(gains[i])], o["gamma"]
            )
            last, left = exact.score(x["reward"][i], outcomes, o), len(ahead)
            parts = [v / root(Fraction(left - k)) for k, v in enumerate(ahead)]
            parts = [Fraction(o["alpha"]) * v + last for v in parts]
            rows[i] = [*parts, last] if x["turn_count"][i] else []
    return table(x, rows)


def duration_weight(x, o):
    rows, turns = {}, [(i, k) for i in rows_of(x) for k in range(x["turn_count"][i])]
    key = x["group"] if o["over"] == "group" else [0] * x["rows"]
    for i in rows_of(x):
        pool = [x["duration"][j][k] for j, k in turns if key[j] == key[i]]
        row, limit = existing(x, "duration", i), mean(pool)
        if o["cap"] is not None:
            limit *= Fraction(o["cap"])
            row, pool = ([min(v, limit) for v in each] for each in (row, pool))
        rows[i] = [v / mean(pool) if mean(pool) > 0 else Fraction(1) for v in row]
    return table(x, rows)


# --- GiGPO ----------------------------------------------------------------------------------------


def gigpo(x, o):
    rows, price = {}, Fraction(o["invalid_penalty"])
    penalty, returns = {}, {}
    for i in rows_of(x):
        bad = [False] * x["turns"] if x["invalid_action"] is None else x["invalid_action"][i]
        for k, total in enumerate(discounted(existing(x, "turn_reward", i), o["gamma"])):
            penalty[i, k] = price * bad[k]
            returns[i, k] = total - penalty[i, k]
    for own in groups_of(x):
        cells = [(i, k) for i in own for k in range(x["turn_count"][i])]
        for i, k in cells:
            above = Fraction(o["episode_weight"]) * _episode((i, k), own, cells, penalty, x, o)
            above += Fraction(o["step_weight"]) * _step((i, k), cells, returns, x, o)
            rows.setdefault(i, []).append(above)
    return table(x, rows)


def _against(value, others, pool, o):
    """A value above the mean of others, over the deviation of a pool; 0 without others."""
    if not others:
        return ZERO
    gap = value - mean(others)
    return gap if o["scale"] is None else divided(gap, exact.spread(pool, "std", o), o)


def _episode(cell, own, cells, penalty, x, o):
    value = x["reward"][cell[0]] - penalty[cell]
    if o["episode_over"] == "turn":
        members = [(j, x["reward"][j] - penalty[j, k]) for j, k in cells]
    else:
        paid = {j: [penalty[j, k] for k in range(x["turn_count"][j])] for j in own}
        if o["episode_over"] == "first_turn":
            paid = {j: each[:1] for j, each in paid.items()}
        members = [(j, x["reward"][j] - mean(each)) for j, each in paid.items()]
    if len(members) == 1 and o["lone"] == "raw":
        return value if o["scale"] is None else divided(value, Fraction(1), o)
    if o["lone"] == "zero" and len({j for j, _ in members}) == 1:
        return ZERO
    others = [v for j, v in members if o["leave_out"] is None or j != cell[0]]
    return _against(value, others, [v for _, v in members], o)


def _step(cell, cells, returns, x, o):
    anchor = x["anchor"][cell[0]][cell[1]]
    met = [c for c in cells if anchor >= 0 and x["anchor"][c[0]][c[1]] == anchor]
    if o["leave_out"] is None:
        others = met
    elif o["leave_out"] == "turn":
        others = [c for c in met if c != cell]
    else:
        others = [c for c in met if c[0] != cell[0]]
    if not others and o["leave_out"] is not None:  # then all turns of the other trajectories
        met, others = cells, [c for c in cells if c[0] != cell[0]]
    value, pool = returns[cell], [returns[c] for c in met]
    return _against(value, [returns[c] for c in others], pool, o)


# --- PURE -----------------------------------------------------------------------------------------


def _steps(scores, o):
    """The scores by their softmin weights, or by the weights of the minimum alone."""
    lowest = min(scores, default=ZERO)
    if o["form"] == "softmin":
        powers = [exponential((lowest - v) / Fraction(o["temperature"])) for v in scores]
    else:
        powers = [Fraction(v == lowest) for v in scores]
    return [v * p / sum(powers) for v, p in zip(scores, powers, strict=True)]


def pure(x, o):
    rows = {}
    scores = {i: existing(x, "process_reward", i) for i in rows_of(x)}
    units = {i: [1] * len(row) for i, row in scores.items()}
    if o["baseline"] == "token":
        units = {i: existing(x, "turn_length", i) for i in scores}
    for own in groups_of(x):
        outcome = [ZERO] * len(own)
        if x["reward"] is not None:
            outcome = centered([x["reward"][i] for i in own], "leave_one_out", o["lone"])
        for i, bonus in zip(own, outcome, strict=True):
            others = [j for j in own if j != i]
            credit = _of_steps(i, others, scores, units, x, o)
            rows[i] = [v + Fraction(o["reward_weight"]) * bonus for v in credit]
    return table(x, rows)


def _of_steps(i, others, scores, units, x, o):
    if o["form"] == "suffix_min":
        returns = {j: [min(scores[j][k:]) for k in range(len(scores[j]))] for j in [i, *others]}
        pool = [(v, u) for j in others for v, u in zip(returns[j], units[j], strict=True)]
        if not sum(u for _, u in pool):
            return returns[i] if o["lone"] == "raw" else [ZERO] * len(returns[i])
        baseline = mean(*zip(*pool, strict=True))
        return [v - baseline for v in returns[i]]
    steps = {j: _steps(scores[j], o) for j in [i, *others]}
    size = {j: Fraction(bool(steps[j])) for j in others}
    if o["baseline"] == "token":
        size = {j: sum(units[j]) if x["length"] is None else x["length"][j] for j in others}
    there = [j for j in others if size[j] > 0]
    if not there:
        return discounted(steps[i]) if o["lone"] == "raw" else [ZERO] * len(steps[i])
    if o["baseline"] == "step":
        rate = mean([mean(steps[j]) for j in there])
    else:
        rate = sum(sum(steps[j]) for j in there) / sum(size[j] for j in there)
    return discounted([s - rate * u for s, u in zip(steps[i], units[i], strict=True)])
