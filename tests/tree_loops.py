"""Credit of trees of rollouts as plain loops, with nodes as tuples. See option_loops.py."""

import math
from fractions import Fraction

from option_loops import exact, groups_of, mean, rows_of, table

__all__ = ["tree_credit"]


def tree_credit(x, o):
    """The value of each node is worked out from its rows or its children, by recursion."""
    reward, counts, rows = exact_rewards(x), x["turn_count"], {}
    for i in rows_of(x):
        for k in range(counts[i] + 1):
            rows.setdefault(path(x, i, k), []).append(i)

    def value(node):
        own, depth = rows[node], len(node) - 1
        further = {path(x, i, depth + 1) for i in own if counts[i] > depth}
        if o["value"] == "leaf_mean" or not further:
            return mean([reward[i] for i in own])
        weight = {child: Fraction(1) for child in further}
        if o["value"] == "child_softmax":
            entropy = {c: [x["turn_entropy"][i][depth] for i in rows[c]] for c in further}
            weight = {c: Fraction(math.exp(sum(h) / len(h))) for c, h in entropy.items()}
        return sum(w * value(c) for c, w in weight.items()) / sum(weight.values())

    credit = {}
    for own in groups_of(x):
        for i in own:
            for k in range(counts[i]):
                if len(own) == 1:
                    credit[i, k] = float(reward[i]) if o["lone"] == "raw" else 0.0
                    continue
                here, before, root = (value(path(x, i, at)) for at in (k + 1, k, 0))
                taken = {"parent": before, "root": root, "both": before + root, None: 0}
                times = 2 if o["against"] == "both" else 1
                credit[i, k] = float(times * here - taken[o["against"]])
    return table(x, len(x["node"][0]), credit)


def exact_rewards(x):
    """Rewards as fractions; those of rows that do not take part are not read."""
    taken = set(rows_of(x))
    return exact([r if i in taken else 0 for i, r in enumerate(x["reward"])])


def path(x, i, depth):
    """The node of a row at a depth: its group, and the ids of its turns up to there."""
    return (x["group"][i], *x["node"][i][:depth])
