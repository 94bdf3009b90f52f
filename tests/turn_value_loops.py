"""Methods with values at turns, and `otb`, as plain loops; see option_loops.py.

Where a method has several results the loop returns a tuple.
"""

from fractions import Fraction

from option_loops import rows_of
from token_loops import _present, _returns

__all__ = ["hierarchical_gae", "otb", "turn_gae", "two_level_gae", "v_trace"]


def _rows(x):
    """(row, its number of turns, its bootstrap) of the rows that take part."""
    takes = x.get("valid") or [True] * len(x["turn_count"])
    last = x.get("bootstrap") or [0.0] * len(takes)
    return [(i, n, last[i]) for i, n in enumerate(x["turn_count"]) if takes[i]]


def _zeros(x):
    return [[0.0] * len(row) for row in x["turn_reward"]]


def turn_gae(x, o):
    credit, returns = _zeros(x), _zeros(x)
    for i, count, ahead in _rows(x):
        lam, later = o["lam"] * (x["row_lam"][i] if x.get("row_lam") else 1), 0.0
        for k in reversed(range(count)):
            value = x["turn_value"][i][k]
            delta = x["turn_reward"][i][k] + o["gamma"] * ahead - value
            credit[i][k] = later = delta + o["gamma"] * lam * later
            returns[i][k], ahead = later + value, value
    return credit, returns


def v_trace(x, o):
    credit, target = _zeros(x), _zeros(x)
    for i, count, end in _rows(x):
        value = [*x["turn_value"][i][:count], end]
        for k in range(count):
            # the sum of all later surprises, each with the ratios on the way to it
            target[i][k], carried = value[k], 1.0
            for j in range(k, count):
                ratio = x["ratio"][i][j]
                delta = x["turn_reward"][i][j] + o["gamma"] * value[j + 1] - value[j]
                target[i][k] += carried * min(o["rho_max"], ratio) * delta
                carried *= o["gamma"] * o["lam"] * min(o["c_max"], ratio)
        for k in range(count):
            after = target[i][k + 1] if k + 1 < count else end
            surprise = x["turn_reward"][i][k] + o["gamma"] * after - value[k]
            credit[i][k] = min(o["rho_max"], x["ratio"][i][k]) * surprise
    return credit, target


def hierarchical_gae(x, o):
    turns, segments = _zeros(x), _zeros(x)
    gamma = o["gamma"]
    for i, count, end in _rows(x):
        reward, low, high = (x[name][i] for name in ("turn_reward", "turn_value", "segment_value"))
        starts = [k for k in range(count) if k == 0 or x["starts"][i][k]]
        later = 0.0
        ends = [*starts[1:], count][: len(starts)]
        for start, stop in reversed(list(zip(starts, ends, strict=True))):
            after, inside = (high[stop] if stop < count else end), 0.0
            ahead = after
            for k in reversed(range(start, stop)):
                inside = reward[k] + gamma * ahead - low[k] + gamma * o["lam_turn"] * inside
                turns[i][k], ahead = inside, low[k]
            size = stop - start
            earned = sum(gamma**j * reward[start + j] for j in range(size))
            delta = earned + gamma**size * after - high[start]
            later = delta + gamma**size * o["lam_segment"] * later
            segments[i][start] = later
    return turns, segments


def two_level_gae(x, o):
    credit = [[0.0] * len(row) for row in x["turn"]]
    returns = [[0.0] * len(row) for row in x["turn"]]
    last = x.get("bootstrap") or [0.0] * len(x["turn"])
    for i, turn in enumerate(x["turn"]):
        written = [t for t, who in enumerate(turn) if who >= 0]
        # without discounts and values: the reward of each token with those that it collects
        args = x["token_reward"][i], [0.0] * len(turn), turn, _present(x, i), 0.0
        earned = _returns(*args, 0.0, 0.0)
        later, ahead = 0.0, last[i]
        for at in reversed(range(len(written))):
            t, value = written[at], x["value"][i][written[at]]
            ends = at + 1 == len(written)
            gamma, lam = o["gamma"], o["lam"]
            if ends or turn[written[at + 1]] != turn[t]:
                gamma, lam = o["turn_gamma"], o["turn_lam"]
                if o["restart"]:
                    gamma, lam = (o["gamma"] if ends else 0.0), 0.0
            later = earned[t][0] + gamma * ahead - value + gamma * lam * later
            credit[i][t], returns[i][t], ahead = later, later + value, value
    return credit, returns


def otb(x, o):
    credit = [[0.0] * len(row) for row in x["turn"]]
    at = {}
    for i in rows_of(x):
        zeros, turn = [0.0] * len(x["turn"][i]), x["turn"][i]
        found = _returns(x["token_reward"][i], zeros, turn, _present(x, i), 0.0, 1.0, 1.0)
        energy = Fraction(0)
        for place, t in enumerate(t for t, who in enumerate(turn) if who >= 0):
            energy += Fraction(x["energy"][i][t])
            here = at.setdefault((x["group"][i], place), [])
            here.append((i, t, Fraction(found[t][0]), energy))
    for members in at.values():
        total = sum(energy for *_, energy in members)
        mean = sum(energy * earned for *_, earned, energy in members) / total if total else None
        for i, t, earned, _ in members:
            alone = len(members) == 1 and o["lone"] == "raw"
            above = 0 if mean is None else earned - mean
            credit[i][t] = float(earned if alone else above)
    return credit
