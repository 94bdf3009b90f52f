"""Methods that compare turns, edges and branches with their peers as plain loops.

See option_loops.py.
"""

from fractions import Fraction

from option_loops import (
    discounted,
    exact,
    groups_of,
    mean,
    over,
    rows_of,
    scale_of,
    table,
    turns_of,
)

__all__ = ["action_margin", "branch_credit", "edge_credit", "grpo_process", "hgpo"]


def standing(mine, peers, values, o, left=None):
    """A value minus the mean of those in `left` (all peers without it), over the peers' scale."""
    if len(peers) == 1:
        gap, unit = values[mine] if o.get("lone") == "raw" else Fraction(0), Fraction(1)
    else:
        counted = [values[each] for each in (peers if left is None else left)]
        gap = values[mine] - mean(counted) if counted else Fraction(0)
        unit = scale_of([values[each] for each in peers], o["scale"], o["ddof"])
    return float(gap) if o["scale"] is None else over(gap, unit, o)


def members(cells, key):
    """The cells of each key, in order."""
    found = {}
    for cell in cells:
        found.setdefault(key(cell), []).append(cell)
    return list(found.values())


def returns(x, gamma):
    """The return of each real turn of each row that takes part."""
    found = {}
    for i in rows_of(x):
        earned = exact(x["turn_reward"][i][: x["turn_count"][i]])
        found |= {(i, k): g for k, g in enumerate(discounted(earned, Fraction(gamma)))}
    return found


def grpo_process(x, o):
    width, rows = len(x["turn_reward"][0]), rows_of(x)
    real = returns(x, 0)
    values = returns(x, o["gamma"]) if o["order"] == "sum_then_score" else dict(real)
    if o["ended"] == "zero":
        values = {(i, k): values.get((i, k), Fraction(0)) for i in rows for k in range(width)}
    keys = {
        "group": lambda cell: x["group"][cell[0]],
        "turn": lambda cell: (x["group"][cell[0]], cell[1]),
        "turn_of_batch": lambda cell: cell[1],
        "anchor": lambda cell: (x["group"][cell[0]], x["anchor"][cell[0]][cell[1]]),
    }
    known = [c for c in values if o["over"] != "anchor" or x["anchor"][c[0]][c[1]] >= 0]
    z = dict.fromkeys(values, 0.0)
    for peers in members(known, keys[o["over"]]):
        for mine in peers:
            left = {
                None: peers,
                "turn": [each for each in peers if each != mine],
                "trajectory": [each for each in peers if each[0] != mine[0]],
            }[o["leave_out"]]
            z[mine] = standing(mine, peers, values, o, left)
    if o["order"] == "score_then_sum":
        for i in rows:
            own = [cell for cell in z if cell[0] == i]
            summed = discounted([z[cell] for cell in own], o["gamma"])
            z |= dict(zip(own, summed, strict=True))
    return table(x, width, {cell: a for cell, a in z.items() if cell in real})


def hgpo(x, o):
    values, scores = returns(x, o["gamma"]), {}
    for size in range(1, o["history"] + 2):
        for peers in members(values, lambda cell, n=size: _window(x, cell, n)):
            if _window(x, peers[0], size) is None:
                continue
            for mine in peers:
                weight = (size + 1) ** o["length_weight"]
                a = standing(mine, peers, values, {**o, "lone": "zero"})
                scores.setdefault(mine, []).append((weight, a))
    if o["base"]:
        for mine, a in _outcomes(x, values, {**o, "ddof": 1}).items():
            scores.setdefault(mine, []).append((1.0, a))
    cells = {}
    for cell, found in scores.items():
        told = [(weight, a) for weight, a in found if a]
        total = sum(weight for weight, _ in told)
        cells[cell] = sum(weight * a for weight, a in told) / total if told else 0.0
    return table(x, len(x["turn_reward"][0]), cells)


def _window(x, cell, size):
    """The group and the last states of a turn, None where one is missing."""
    i, k = cell
    states = x["anchor"][i][max(k - size + 1, 0) : k + 1]
    known = len(states) == size and min(states) >= 0
    return (x["group"][i], *states) if known else None


def _outcomes(x, turns, o):
    """The standing of the outcome of the trajectory of each turn."""
    reward = exact(x["reward"])
    if o["base"] == "turn":
        cells = {cell: reward[cell[0]] for cell in turns}
        pools = members(turns, lambda cell: x["group"][cell[0]])
        return {mine: standing(mine, peers, cells, o) for peers in pools for mine in peers}
    of_row = {i: standing(i, own, reward, o) for own in groups_of(x) for i in own}
    return {cell: of_row[cell[0]] for cell in turns}


def action_margin(x, o):
    reward, small = exact(x["reward"]), Fraction(o["prior"]) + Fraction(1e-6)
    cells = {}
    for own in groups_of(x):
        seen = [(i, k) for i, k in turns_of(x, own) if x["anchor"][i][k] >= 0 <= x["action"][i][k]]
        g, b = {}, {}
        for state in members(seen, lambda cell: x["anchor"][cell[0]][cell[1]]):
            kinds = members(state, lambda cell: x["action"][cell[0]][cell[1]])
            for same in kinds if len(kinds) > 1 else []:
                gap = mean([reward[i] for i, _ in same]) - mean([reward[i] for i, _ in state])
                belief = Fraction(len(same)) / (len(same) + small)
                b |= dict.fromkeys(same, belief)
                g |= dict.fromkeys(same, belief * gap)
        for i in own:
            turns = [(i, k) for k in range(x["turn_count"][i])]
            ahead, mass = (
                discounted([part.get(cell, Fraction(0)) for cell in turns], Fraction(o["gamma"]))
                for part in (g, b)
            )
            for cell, total, z in zip(turns, ahead, mass, strict=True):
                cells[cell] = z / (z + small) * total
    return table(x, len(x["anchor"][0]), cells)


def edge_credit(x, o):
    reward, result = exact(x["reward"]), [[0.0] * len(row) for row in x["edge"]]
    for own in groups_of(x):
        holders = {
            e: [i for i in own if x["edge"][i][e]]
            for e in range(len(x["edge"][0]))
            if any(x["edge"][i][e] for i in own)
        }
        score = {e: mean([reward[i] for i in rows]) for e, rows in holders.items()}
        for e, rows in holders.items():
            for i in rows:
                result[i][e] = standing(e, list(score), score, {**o, "lone": "zero"})
    return result


def branch_credit(x, o):
    reward, own = exact(x["reward"]), {}
    for kind in members(rows_of(x), lambda i: (x["group"][i], x["branch_of"][i] >= 0)):
        own |= {i: standing(i, kind, reward, o) for i in kind}
    result = [[0.0] * len(row) for row in x["turn"]]
    for i in (i for i in own if x["branch_of"][i] < 0):
        branches = [j for j in own if x["branch_of"][j] == x["rollout"][i]]
        written = [t for t, turn in enumerate(x["turn"][i]) if turn >= 0]
        for number, t in enumerate(written, 1):
            # One that shares more tokens than there are shares all.
            sharing = [j for j in branches if x["branch_at"][j] >= number]
            more = sum(own[j] for j in sharing) / len(sharing) if sharing else 0.0
            result[i][t] = own[i] + more
    return result
