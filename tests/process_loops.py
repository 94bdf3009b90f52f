"""Methods of process reward models as plain loops; see option_loops.py."""

import math

from option_loops import discounted, groups_of, rows_of, table

__all__ = ["hard_min_returns", "pure", "softmin_returns", "suffix_min_returns"]


def _steps(score, form, temperature):
    """The steps whose sums to the end are the return of that form."""
    if form == "softmin" and score:
        power = [math.exp((min(score) - v) / temperature) for v in score]
        return [v * p / sum(power) for v, p in zip(score, power, strict=True)]
    return [v / score.count(v) if v == min(score) else 0.0 for v in score]


def _min_returns(score, form, temperature):
    if form == "suffix_min":
        return [min(score[k:]) for k in range(len(score))]
    return discounted(_steps(score, form, temperature), 1)


def _of_process(form):
    def loop(x, o):
        cells = {}
        for i in rows_of({**x, "group": x["turn_count"]}):
            score = x["process_reward"][i][: x["turn_count"][i]]
            found = _min_returns(score, form, o.get("temperature"))
            cells |= {(i, k): g for k, g in enumerate(found)}
        return table(x, len(x["process_reward"][0]), cells)

    return loop


softmin_returns = _of_process("softmin")
hard_min_returns = _of_process("hard_min")
suffix_min_returns = _of_process("suffix_min")


def pure(x, o):
    cells, width = {}, len(x["process_reward"][0])
    counts = x["turn_count"]
    score = [row[:n] for row, n in zip(x["process_reward"], counts, strict=True)]
    unit = [[1.0] * n for n in counts]
    size = [float(n > 0) for n in counts]
    if o["baseline"] == "token":
        unit = [row[:n] for row, n in zip(x["turn_length"], counts, strict=True)]
        size = [sum(row) for row in unit]
        if x.get("length") and o["form"] != "suffix_min":
            size = x["length"]
    for own in groups_of(x):
        for i in own:
            others = [j for j in own if j != i]
            credit = _against(i, others, score, unit, size, o)
            outcome = 0.0
            if x.get("reward"):
                reward = x["reward"]
                outcome = reward[i] if o["lone"] == "raw" else 0.0
                if others:
                    outcome = reward[i] - sum(reward[j] for j in others) / len(others)
            cells |= {(i, k): a + o["reward_weight"] * outcome for k, a in enumerate(credit)}
    return table(x, width, cells)


def _against(i, others, score, unit, size, o):
    form, temperature = o["form"], o["temperature"]
    own = _min_returns(score[i], form, temperature)
    there = [j for j in others if size[j] > 0]
    if not there:
        return own if o["lone"] == "raw" else [0.0] * len(own)
    if form == "suffix_min":
        pairs = [
            (v, u)
            for j in there
            for v, u in zip(_min_returns(score[j], form, temperature), unit[j], strict=True)
        ]
        baseline = sum(v * u for v, u in pairs) / sum(u for _, u in pairs)
        return [v - baseline for v in own]
    earned = {j: sum(_steps(score[j], form, temperature)) for j in there}
    if o["baseline"] == "step":
        rate = sum(earned[j] / len(score[j]) for j in there) / len(there)
    else:
        rate = sum(earned.values()) / sum(size[j] for j in there)
    steps = _steps(score[i], form, temperature)
    return discounted([s - rate * u for s, u in zip(steps, unit[i], strict=True)], 1)
