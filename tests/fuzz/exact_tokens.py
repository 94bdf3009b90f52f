"""Results of tokens in exact fractions, written from the docstrings; see exact.py.

A batch holds its rows as lists of tokens, whatever the layout. A reward of None is no reward.
"""

from fractions import Fraction

from fuzz.exact import ZERO, whitened

__all__ = ["discounted_return", "gae", "reinforce_plus_plus", "to_tokens", "turn_sum"]


def earned(x, i):
    """(written token, its reward and those that count for it) of a row, in order."""
    turn, found = x["turn"][i], []
    written = [t for t, who in enumerate(turn) if who >= 0]
    for t in range(len(turn)):
        if turn[t] >= 0:
            found.append([t, ZERO])
        read = x["present"][i][t] if x["present"] else written and written[0] <= t <= written[-1]
        if not read or x["token_reward"][i][t] is None or not written:
            continue
        if t < written[0]:  # it counts for the first written token, which is still to come
            found.append([written[0], x["token_reward"][i][t]])
        else:
            found[-1][1] += x["token_reward"][i][t]
    sums = {}
    for t, reward in found:
        sums[t] = sums.get(t, ZERO) + reward
    return sorted(sums.items())


def gae(x, o):
    gamma, lam = Fraction(o["gamma"]), Fraction(o["lam"])
    advantages = [[ZERO] * len(row) for row in x["turn"]]
    returns = [[ZERO] * len(row) for row in x["turn"]]
    for i in range(len(x["turn"])):
        following, ahead = x["bootstrap"][i] if x["bootstrap"] else ZERO, ZERO
        for t, reward in reversed(earned(x, i)):
            value = x["value"][i][t]
            ahead = reward + gamma * following - value + gamma * lam * ahead
            advantages[i][t], returns[i][t], following = ahead, ahead + value, value
    return advantages, returns


def discounted_return(x, o):
    nothing = [[ZERO] * len(row) for row in x["turn"]]
    return gae({**x, "value": nothing, "bootstrap": None}, {**o, "lam": 1})[1]


def reinforce_plus_plus(x, o):
    returns = discounted_return(x, o)
    flat = [v for row in returns for v in row]
    written = [int(who >= 0) for row in x["turn"] for who in row]
    found = iter(whitened(flat, written, o["eps"]))
    return [[next(found) for _ in row] for row in returns], returns


def to_tokens(x, o):
    result = []
    for i, turn in enumerate(x["turn"]):
        row = []
        for t, who in enumerate(turn):
            credit = (
                x["credit"][i]
                if not isinstance(x["credit"][i], list) or who < 0
                else (x["credit"][i][who])
            )
            factor = x["weight"][i][t] if x["weight"] else 1
            row.append(credit * factor if who >= 0 else ZERO)
        result.append(row)
    return result


def turn_sum(x, o):
    result = []
    for values, turn in zip(x["x"], x["turn"], strict=True):
        row = [ZERO] * o["turns"]
        for v, who in zip(values, turn, strict=True):
            if who >= 0:
                row[who] += v
        result.append(row)
    return result
