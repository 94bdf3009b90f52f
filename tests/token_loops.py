"""Methods of tokens as plain loops; see option_loops.py."""

import math

from option_loops import whitened

__all__ = ["discounted_return", "gae", "reinforce_plus_plus"]


def _returns(reward, value, turn, present, bootstrap, gamma, lam):
    """(advantage, return) of the tokens of one row, from its end."""
    written = [t for t, who in enumerate(turn) if who >= 0]
    result = {}
    if not written:
        return result
    read = [
        there and not math.isnan(r) for there, r in zip(present, reward, strict=True)
    ]  # a reward before the first token counts for it, one behind a token for that token
    following, advantage = bootstrap, 0.0
    for at in range(len(written) - 1, -1, -1):
        t = written[at]
        stop = written[at + 1] if at + 1 < len(written) else len(turn)
        start = 0 if at == 0 else t
        earned = sum(reward[u] for u in range(start, stop) if read[u])
        delta = earned + gamma * following - value[t]
        advantage = delta + gamma * lam * advantage
        result[t], following = (advantage, advantage + value[t]), value[t]
    return result


def _present(x, i):
    if x.get("present"):
        return x["present"][i]
    written = [t for t, who in enumerate(x["turn"][i]) if who >= 0]
    inside = range(written[0], written[-1] + 1) if written else ()
    return [t in inside for t in range(len(x["turn"][i]))]


def _tokens(x, o, value, lam):
    bootstrap = x.get("bootstrap") or [0.0] * len(x["turn"])
    found = []
    for i, turn in enumerate(x["turn"]):
        row = _returns(
            x["token_reward"][i], value[i], turn, _present(x, i), bootstrap[i], o["gamma"], lam
        )
        found.append([row.get(t, (0.0, 0.0)) for t in range(len(turn))])
    return [[[pair[part] for pair in row] for row in found] for part in (0, 1)]


def gae(x, o):
    advantages, returns = _tokens(x, o, x["value"], o["lam"])
    return [_whitened(advantages, x, o), returns] if o["whiten"] else [advantages, returns]


def discounted_return(x, o):
    return _tokens(x, o, [[0.0] * len(row) for row in x["turn"]], 1.0)[1]


def reinforce_plus_plus(x, o):
    returns = discounted_return(x, o)
    return [_whitened(returns, x, o), returns]


def _whitened(values, x, o):
    flat = [v for row in values for v in row]
    written = [int(who >= 0) for row in x["turn"] for who in row]
    width, white = len(x["turn"][0]), whitened(flat, written, o["eps"])
    return [white[k : k + width] for k in range(0, len(white), width)]


def distillation_credit(x, o):
    taught = x.get("taught") or [True] * len(x["turn"])
    rows = zip(x["log_prob"], x["teacher_log_prob"], x["turn"], taught, strict=True)
    return [
        [
            o["coefficient"] * (t - p) if who >= 0 and speaks else 0.0
            for p, t, who in zip(own, teacher, turn, strict=True)
        ]
        for own, teacher, turn, speaks in rows
    ]
