"""Laws of rows: rewards are conserved, nothing that differs is dropped, containers do not matter.

Random batches of trajectories with several rows, copies, rejected rows, unscored rows and rows that
`keep` leaves out.
"""

import copy
import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from creditlib.rows import credit_rows, credit_settings, read_rows
from creditlib.rows.columns import column_shapes, is_turn_column
from creditlib.testing import assert_close
from creditlib.vocabulary.messages import ContractError

SEEDS = st.integers(0, 2**32 - 1)
MANY = settings(max_examples=80)
RULES = ["last", "sum", "mean"]


def a_batch(seed, copies=True):
    """Rows as dictionaries; rewards are eighths, so that sums are exact."""
    rng = random.Random(seed)
    rows = []
    for number in range(rng.randint(1, 5)):
        for step in range(rng.randint(1, 4)):
            mask = [rng.randint(0, 1) for _ in range(6)]
            runs = max(sum(1 for i, x in enumerate(mask) if x and not (i and mask[i - 1])), 1)
            rows.append(
                {
                    "trajectory": f"t{number}",
                    "step": step,
                    "group": f"g{number % 2}",
                    "mask": mask,
                    "reward": rng.choice([None, 0.0, 0.0, rng.randint(-8, 8) / 8]),
                    "keep": rng.random() < 0.8,
                    "turn_reward": [rng.randint(-8, 8) / 8 for _ in range(runs)],
                    "anchor": [rng.choice(["hall", "attic", None]) for _ in range(runs)],
                }
            )
    for row in rng.sample(rows, min(len(rows), 2)) if copies else ():
        rows.insert(rng.randint(0, len(rows)), copy.deepcopy(row))
    return rows


def read(rows, rule, estimator="gigpo", **more):
    columns = {name: [row[name] for row in rows] for name in ("turn_reward", "anchor")}
    names = ("mask", "group", "reward", "trajectory", "step", "keep")
    return read_rows(
        **{name: [row[name] for row in rows] for name in names},
        columns=columns,
        outcome=rule,
        settings=credit_settings({"scale": None}, estimator=estimator),
        **more,
    )


def read_or_said(rows, rule):
    """The rows that are read, or the sentence that refuses them."""
    try:
        return read(rows, rule), ""
    except ContractError as error:
        return None, str(error)


def credit(rows, rule):
    found = read(rows, rule)
    return credit_rows(found, credit_settings({"scale": None}, estimator="gigpo")).advantage


def originals(rows):
    """The first row of each trajectory and step; of a kept one if there is one."""
    found = {}
    for row in sorted(rows, key=lambda row: not row["keep"]):
        found.setdefault((row["trajectory"], row["step"]), row)
    return list(found.values())


@MANY
@given(seed=SEEDS)
def test_the_sum_of_outcomes_is_the_sum_of_rewards(seed):
    """Of the original rows, kept or left out, of all trajectories that take part."""
    rows = a_batch(seed)
    found = read(rows, "sum")
    numbers = found.index.trajectory.tolist()
    part = {row["trajectory"] for row, own in zip(rows, numbers, strict=True) if own >= 0}
    earned = [row["reward"] or 0.0 for row in originals(rows) if row["trajectory"] in part]
    assert found.batch["reward"].sum().item() == math.fsum(earned)
    for name in {row["trajectory"] for row in rows} - part:  # the others have a reason
        own = [row for row in originals(rows) if row["trajectory"] == name]
        kept = [row for row in own if row["keep"]]
        unscored = all(row["reward"] is None for row in own)
        assert not kept or unscored or not any(any(row["mask"]) for row in kept)


@MANY
@given(seed=SEEDS)
def test_without_a_rule_the_outcome_is_all_there_is_or_the_call_is_refused(seed):
    """What is accepted is a reward that a row holds, and no other reward differs from it."""
    rows = [row for row in originals(a_batch(seed)) if row["trajectory"] == "t0"]
    found, sentence = read_or_said(rows, None)
    earned = {row["reward"] for row in rows} - {None, 0.0}
    if found is None:
        assert "`outcome`" in sentence
        assert len(earned) > 1 or not rows[-1]["reward"]
        return
    for total in found.batch["reward"].tolist():
        assert earned in (set(), {total})


@MANY
@given(seed=SEEDS, rule=st.sampled_from(RULES))
def test_a_permutation_of_rows_permutes_the_credit(seed, rule):
    rows = a_batch(seed)
    order = random.Random(seed).sample(range(len(rows)), len(rows))
    assert_close(credit([rows[at] for at in order], rule), credit(rows, rule)[order])


@MANY
@given(seed=SEEDS, rule=st.sampled_from(RULES))
def test_copies_change_nothing_and_are_credited_alike(seed, rule):
    rows = a_batch(seed, copies=False)
    again = random.Random(seed).choice(rows)
    found = credit([*rows, copy.deepcopy(again)], rule)
    assert_close(found[:-1], credit(rows, rule))
    assert found[-1].equal(found[rows.index(again)])


@MANY
@given(seed=SEEDS, name=st.sampled_from(["mask", "reward", "turn_reward", "anchor"]))
def test_what_is_dropped_equals_what_is_kept(seed, name):
    """A second row of a trajectory and step with one thing changed is never dropped in silence."""
    rows = [{**row, "keep": True} for row in a_batch(seed, copies=False)]
    again = copy.deepcopy(random.Random(seed).choice(rows))
    if name == "mask":
        again["mask"] = [1 - one for one in again["mask"]]
    elif name == "reward":
        again["reward"] = (again["reward"] or 0.0) + 0.125
    else:
        again[name][-1] = 9.0 if name == "turn_reward" else "cellar"
    for more in ([*rows, again], [again, *rows]):
        own = [row for row in rows if row["trajectory"] == again["trajectory"]]
        scored = any(row["reward"] is not None for row in own) and any(any(r["mask"]) for r in own)
        found, sentence = read_or_said(more, "sum")
        if found is None:
            assert "equal to row" in sentence
        else:
            assert name != "reward"
            assert not scored  # a trajectory that takes no part is not read


@MANY
@given(seed=SEEDS, rule=st.sampled_from(RULES))
def test_rows_left_out_take_nothing_from_their_trajectory(seed, rule):
    """Leaving out a row that earned nothing, of a trajectory that keeps a scored row, changes no
    outcome by "sum"; leaving out one that earned something changes none by any rule."""
    rows = [{**row, "keep": True} for row in originals(a_batch(seed))]
    row = random.Random(seed).choice(rows)
    before = read(rows, rule)
    others = [each for each in rows if each["trajectory"] == row["trajectory"] and each is not row]
    scored = [each for each in others if each["reward"] is not None and any(each["mask"])]
    if not scored or (not row["reward"] and rule != "sum"):
        return
    row["keep"] = False
    after = read(rows, rule)
    if len(before.batch["reward"]) == len(after.batch["reward"]):
        assert after.batch["reward"].equal(before.batch["reward"])
    assert not credit(rows, rule)[rows.index(row)].any()


def containers(values, form):
    """A list of rows in another container, if it can hold them."""
    if form == "objects":
        found = np.empty(len(values), dtype=object)
        found[:] = values
        return found
    if form == "array":
        return np.array(values)
    if form == "tensor":
        return torch.tensor(values)
    return values


@MANY
@given(seed=SEEDS, form=st.sampled_from(["objects", "array", "tensor"]), turns=st.integers(1, 3))
def test_containers_do_not_matter(seed, form, turns):
    """Lists, arrays of objects, arrays and tensors of rows with equally many turns."""
    rng = random.Random(seed)
    count = rng.randint(1, 6)
    mask = [[1, 0] * turns for _ in range(count)]
    text = form != "tensor"
    given = {
        "mask": mask,
        "group": [rng.randint(0, 1) for _ in range(count)],
        "reward": [rng.randint(0, 4) / 4 for _ in range(count)],
        "trajectory": list(range(count)),
        "step": [0] * count,
        "keep": [rng.random() < 0.9 for _ in range(count)],
        "token_reward": [[rng.randint(0, 4) / 4 for _ in row] for row in mask],
        "value": [[rng.randint(0, 4) / 4 for _ in row] for row in mask],
    }
    columns = {
        "anchor": [
            [rng.choice(["hall", "attic"]) if text else rng.randint(0, 1) for _ in range(turns)]
            for _ in range(count)
        ],
        "turn_reward": [[rng.randint(0, 4) / 4 for _ in range(turns)] for _ in range(count)],
        "invalid_action": [[rng.random() < 0.5 for _ in range(turns)] for _ in range(count)],
    }
    plane = "array" if form == "objects" else form
    planes = ("mask", "token_reward", "value")
    other = {n: containers(x, plane if n in planes else form) for n, x in given.items()}
    moved = {name: containers(x, form) for name, x in columns.items()}
    for name in ("gigpo", "discounted_return"):
        chosen = credit_settings({"gamma": 0.5}, estimator=name)
        first = read_rows(**given, columns=columns, settings=chosen)
        second = read_rows(**other, columns=moved, settings=chosen)
        assert credit_rows(first, chosen).advantage.equal(credit_rows(second, chosen).advantage)


@pytest.mark.parametrize("name", sorted(column_shapes()))
def test_every_column_comes_in_every_container(name):
    """As a list, an array and a tensor; two rows of two turns or two values of trajectories."""
    shape = column_shapes()[name]
    pair = [True, False] if shape.kind == "bool" else [-1, -2] if "log_prob" in name else [1, 2]
    table = [pair, pair[::-1]] if is_turn_column(shape) or len(shape.axes) > 1 else pair
    rows = {"mask": [[1, 0, 1]] * 2, "group": ["a", "a"], "reward": [1.0, 0.0]}
    found = [
        read_rows(**rows, columns={name: given}).batch[name].tolist()
        for given in (table, np.array(table), np.array(table, dtype=object), torch.tensor(table))
    ]
    assert all(each == found[0] for each in found)
