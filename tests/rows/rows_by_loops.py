"""Credit of random rows by plain loops: creditlib called directly, on tensors made by hand."""

from dataclasses import dataclass
from typing import Any

import torch
from random_rows import TOKENS, Row, runs_of

import creditlib as cl
from creditlib.vocabulary.annotations import tensors_of


@dataclass
class Trajectory:
    rows: list[Row]  # by step, without copies
    copies: list[tuple[int, int]]  # number of a row in the batch, number in `rows`


def trajectories(rows, plan):
    """Those that take part."""
    found: dict[Any, dict[int, list[int]]] = {}
    for number, row in enumerate(rows):
        if row.keep:
            who = row.trajectory if plan.named else number
            found.setdefault(who, {}).setdefault(row.step, []).append(number)
    for steps in found.values():
        order = sorted(steps)
        own = [rows[steps[step][0]] for step in order]
        members = [(number, place) for place, step in enumerate(order) for number in steps[step]]
        if outcome(own, plan.outcome) is None or not any(any(row.mask) for row in own):
            continue
        yield Trajectory(own, members)


def outcome(rows, rule):
    """The outcome of the rows of a trajectory by a rule, None if it is unscored."""
    scored = [row.reward for row in rows if not row.unscored]
    if rule == "last":
        return None if rows[-1].unscored else rows[-1].reward
    if not scored:
        return None
    return sum(scored) / (len(scored) if rule == "mean" else 1)


def turns_of(row):
    return max(len(runs_of(row.whole)), 1)


def tensors(found, plan):
    """The tensors of trajectories and turns."""
    width = max(sum(turns_of(row) for row in each.rows) for each in found)
    shaping = [sum(row.shaping for row in each.rows) if plan.shaped else 0.0 for each in found]
    reward = [
        outcome(each.rows, plan.outcome) + more for each, more in zip(found, shaping, strict=True)
    ]
    names, words = {"a": 1, "b": 2, "c": 3}, {"hall": 4, "attic": 9, "open": 4, "go": 9, None: -1}
    batch = {
        "reward": torch.tensor(reward),
        "group": torch.tensor([names[each.rows[0].group] for each in found]),
        "turn_count": torch.tensor([sum(turns_of(row) for row in each.rows) for each in found]),
        "length": torch.tensor([sum(sum(row.mask) for row in each.rows) for each in found]),
    }
    tables: dict[str, list[list[Any]]] = {}
    for each in found:
        line: dict[str, list[Any]] = {"turn_length": []}
        for row in each.rows:
            spans = runs_of(row.whole) or [(0, 0)]
            line["turn_length"] += [sum(row.mask[start:end]) for start, end in spans]
            for name, values in row.turns.items():
                own = values if isinstance(values, list) else [values]
                line.setdefault(name, []).extend(
                    [words[value] for value in own] if name in ("anchor", "action") else own
                )
        for name, values in line.items():
            empty = -1 if name in ("anchor", "action") else [-1, -1] if name == "cluster" else 0
            empty = False if name in ("invalid_action", "solved_turn") else empty
            fill = [empty] * (width - len(values))
            tables.setdefault(name, []).append(values + fill)
    batch |= {name: torch.tensor(table) for name, table in tables.items()}
    for name in found[0].rows[0].facts:
        batch[name] = torch.tensor([each.rows[-1].facts[name] for each in found])
    return batch


def by_loops(rows, plan):
    """The credit that creditlib gives when it is called without the frame."""
    result = [torch.zeros(2, len(row.mask)) for row in rows]
    found = list(trajectories(rows, plan))
    if not found:
        return result
    batch = tensors(found, plan)
    if plan.settings.name in TOKENS:
        return tokens_by_loops(found, batch, plan, result)
    names = {"weight": plan.settings.weight, "credit": plan.settings.estimator}
    got = {}
    for key, function in names.items():
        if function is not None:
            options = plan.settings.options if key == "credit" else {}
            taken = {name: x for name, x in batch.items() if name in tensors_of(function)}
            got[key] = function(**taken, **options)
    found_credit = got["credit"]
    credit, returns = found_credit if isinstance(found_credit, tuple) else (found_credit, None)
    if plan.settings.whiten:
        credit = cl.whiten(credit, batch["length" if credit.ndim == 1 else "turn_length"])
    if credit.ndim == 1 and (plan.settings.weight is not None):
        credit = credit[:, None].expand(got["weight"].shape)
    credit = credit * got.get("weight", 1.0)
    both = [credit, credit if returns is None else returns]
    for place, each in enumerate(found):
        before = [sum(turns_of(row) for row in each.rows[:n]) for n in range(len(each.rows))]
        for number, step in each.copies:
            row = rows[number]
            for turn, (start, end) in enumerate(runs_of(row.whole)):
                for token in range(start, end):
                    at = (place,) if credit.ndim == 1 else (place, before[step] + turn)
                    own = torch.stack([part[at] for part in both])
                    result[number][:, token] = own * row.mask[token]
    return result


def tokens_by_loops(found, batch, plan, result):
    width = max(len(each.rows[0].mask) for each in found)
    turn = torch.full((len(found), width), -1)
    trained = torch.zeros((len(found), width), dtype=torch.bool)
    present = torch.zeros((len(found), width), dtype=torch.bool)
    earned, value = torch.zeros(len(found), width), torch.zeros(len(found), width)
    for place, each in enumerate(found):
        row = each.rows[0]
        for number, (start, end) in enumerate(runs_of(row.whole)):
            for token in range(start, end):
                turn[place, token] = number  # a step, trained or not
        for token, wrote in enumerate(row.whole):
            trained[place, token] = bool(row.mask[token])
            value[place, token] = row.value[token]
            number = row.earned[token]
            if plan.by_token and number == number:
                earned[place, token] = number
            present[place, token] = bool(wrote) or bool(earned[place, token] != 0)
        if not plan.by_token:
            last = max(token for token, wrote in enumerate(row.whole) if wrote)
            earned[place, last] = batch["reward"][place]
    words = {"token_reward": earned, "turn": turn, "present": present, "value": value}
    function = plan.settings.estimator
    taken = {name: x for name, x in words.items() if name in tensors_of(function)}
    if "branch_of" in tensors_of(function):  # a method of trajectories as well
        names = ("reward", "group", "rollout", "branch_of", "branch_at")
        taken |= {name: batch[name] for name in names}
    if "turn_reward" in tensors_of(function):  # a method of turns as well
        taken |= {name: batch[name] for name in ("turn_reward", "turn_count")}
    answer = function(**taken, **plan.settings.options)
    advantage, returns = answer if isinstance(answer, tuple) else (answer, answer)
    if plan.settings.whiten:  # what a critic learns from stays as it is
        advantage = cl.whiten(advantage, trained)
    elif plan.settings.name == "reinforce_plus_plus":
        advantage = cl.whiten(returns, trained)
    for place, each in enumerate(found):
        for number, _ in each.copies:
            size = result[number].shape[1]
            both = torch.stack([advantage[place, :size], returns[place, :size]])
            result[number] = torch.where(trained[place, :size], both, 0.0)
    return result
