"""Laws of what every adapter does: rows of a trainer in, credit of every token out.

Random ragged batches with steps, gaps, copies, rejected, unscored and padding rows go through
`read_rows` and `credit_rows`, for every estimator there is.
"""

import copy
import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_rows import NAN, OURS, TURNS, a_batch, arguments, runs_of
from rows_by_loops import by_loops, trajectories

from creditlib.rows import credit_rows, credit_settings, outcome_of, read_rows
from creditlib.testing import agree

SEEDS, SIZES = st.integers(0, 2**32 - 1), st.integers(1, 12)
FEW = settings(max_examples=10)


def credit(rows, plan, left=0, right=0, **more):
    """Advantages of each row, as long as the row."""
    found = credit_rows(read_rows(**arguments(rows, plan, left, right)), plan.settings, **more)
    longest = max((len(row.mask) for row in rows), default=0)
    for x in (found.advantage, found.returns):
        assert x.dtype == torch.float32
        assert x.shape == (len(rows), left + right + longest)
    return [
        torch.stack([found.advantage[i], found.returns[i]])[:, left : left + len(row.mask)]
        for i, row in enumerate(rows)
    ]


def part(rows, plan):
    """Numbers of the rows that take part."""
    return {number for each in trajectories(rows, plan) for number, _ in each.copies}


def same(found, wanted):
    assert len(found) == len(wanted)
    for number, (x, y) in enumerate(zip(found, wanted, strict=True)):
        assert x.isfinite().all(), (number, x)
        assert agree(x, y), (number, x, y)


each_estimator = pytest.mark.parametrize("name", OURS)
each_of_turns = pytest.mark.parametrize("name", TURNS)


@each_estimator
@FEW
@given(seed=SEEDS, size=SIZES)
def test_the_answer_is_that_of_creditlib_called_directly(name, seed, size):
    rows, plan = a_batch(seed, size, name)
    same(credit(rows, plan), by_loops(rows, plan))


@each_estimator
@FEW
@given(seed=SEEDS, size=SIZES)
def test_rows_without_names_are_trajectories(name, seed, size):
    rows, plan = a_batch(seed, size, name, copies=False, steps=False)
    plan.named = False
    same(credit(rows, plan), by_loops(rows, plan))


@each_estimator
@FEW
@given(seed=SEEDS, size=SIZES)
def test_another_order_of_rows_gives_the_same_in_that_order(name, seed, size):
    rows, plan = a_batch(seed, size, name)
    order = random.Random(seed + 1).sample(range(len(rows)), len(rows))
    found = credit([rows[number] for number in order], plan)
    before = credit(rows, plan)
    same(found, [before[number] for number in order])


@each_estimator
@FEW
@given(seed=SEEDS, size=SIZES)
def test_rows_without_part_are_as_if_deleted_and_get_nothing(name, seed, size):
    rows, plan = a_batch(seed, size, name)
    members = part(rows, plan)
    found = credit(rows, plan)
    for number, x in enumerate(found):
        assert number in members or not x.any()
    left = [number for number in range(len(rows)) if number in members]
    same([found[number] for number in left], credit([rows[number] for number in left], plan))
    if not plan.by_token:  # such rows are not read: their columns may hold anything
        for number in set(range(len(rows))) - members:
            rows[number].turns = dict.fromkeys(rows[number].turns, [NAN] * 9)
            if plan.settings.name != "branch_credit":  # it cannot do without its columns
                rows[number].facts = dict.fromkeys(rows[number].facts)
            rows[number].shaping = NAN
        same(credit(rows, plan), found)


@each_estimator
@FEW
@given(seed=SEEDS, size=SIZES)
def test_a_copy_changes_no_baseline_and_is_credited_as_its_original(name, seed, size):
    rows, plan = a_batch(seed, size, name)
    plan.named = True
    rng = random.Random(seed + 1)
    number, at = rng.randrange(len(rows)), rng.randint(0, len(rows))
    before = credit(rows, plan)
    more = [*rows[:at], copy.deepcopy(rows[number]), *rows[at:]]
    found = credit(more, plan)
    same([*found[:at], *found[at + 1 :]], before)
    assert agree(found[at], before[number])


def split(row, rng):
    """The row cut at a gap into two of the same trajectory; the score is that of the last."""
    spans = runs_of(row.whole)
    turn = rng.randint(1, len(spans) - 1)
    cut = rng.randint(spans[turn - 1][1], spans[turn][0])
    first, last = copy.deepcopy(row), copy.deepcopy(row)
    for name in ("whole", "mask", "value", "earned"):
        setattr(first, name, getattr(row, name)[:cut])
        setattr(last, name, getattr(row, name)[cut:])
    first.turns = {name: values[:turn] for name, values in row.turns.items()}
    last.turns = {name: values[turn:] for name, values in row.turns.items()}
    first.shaping, last.shaping = row.shaping - 1.0, 1.0
    first.unscored = True  # only the last needs a score
    last.step = row.step + 1
    return first, last


@each_of_turns
@FEW
@given(seed=SEEDS, size=SIZES)
def test_a_row_may_be_cut_into_steps_at_a_gap(name, seed, size):
    rows, plan = a_batch(seed, size, name, copies=False)
    plan.named, plan.by_token = True, False
    rng = random.Random(seed + 1)
    before, many, origin = credit(rows, plan), [], []
    for number, row in enumerate(rows):
        row.step *= 10
        pieces = [row]
        if len(runs_of(row.whole)) > 1:
            clean = [0.0 if x != x and not wrote else x
                     for x, wrote in zip(row.earned, row.mask, strict=True)]  # fmt: skip
            pieces = list(split(row, rng))
            if pieces[1].earned:  # the score of the whole row lies on its last piece
                pieces[1].earned = [0.0] * len(pieces[1].earned)
                pieces[1].earned[-1] = sum(clean)
        many += pieces
        origin += [(number, place) for place in range(len(pieces))]
    order = rng.sample(range(len(many)), len(many))
    found = credit([many[place] for place in order], plan)
    joined = [torch.cat([x for _, x in sorted(
        (origin[place][1], found[at]) for at, place in enumerate(order) if origin[place][0] == n
    )], 1) for n in range(len(rows))]  # fmt: skip
    same(joined, before)


@each_estimator
@FEW
@given(seed=SEEDS, size=SIZES, left=st.integers(0, 3), right=st.integers(0, 3))
def test_padding_columns_change_nothing(name, seed, size, left, right):
    rows, plan = a_batch(seed, size, name)
    same(credit(rows, plan, left, right), credit(rows, plan))


@each_estimator
@FEW
@given(seed=SEEDS, size=SIZES)
def test_longer_tool_output_changes_nothing(name, seed, size):
    rows, plan = a_batch(seed, size, name)
    rng, before = random.Random(seed + 1), credit(rows, plan)
    kept, where = [], {}
    for row in rows:
        old = list(range(len(row.mask)))
        gaps = [at for at in old if not row.whole[at]]
        chosen = where.setdefault((row.trajectory, row.step), rng.choices(gaps or [-1], k=2))
        for at in sorted(chosen, reverse=True):  # a copy gets the same
            for _ in range(3 if gaps else 0):
                row.whole.insert(at, 0)
                row.mask.insert(at, 0)
                row.earned.insert(at, rng.choice([0.0, NAN]))
                row.value.insert(at, 99.0)
                old.insert(at, -1)
        kept.append([at for at, was in enumerate(old) if was >= 0])
    found = credit(rows, plan)
    same([x[:, at] for x, at in zip(found, kept, strict=True)], before)


@pytest.mark.parametrize("name", ["grpo", "rloo"])
@settings(max_examples=60)
@given(seed=SEEDS, size=SIZES, score=st.sampled_from([100.3, 0.1, 0.7, 1e6 + 0.3, -3.3]))
def test_equal_rewards_in_a_group_give_exactly_nothing(name, seed, size, score):
    rows, plan = a_batch(seed, size, name)
    plan.shaped = plan.by_token = False
    plan.outcome = random.Random(seed).choice(["last", "mean", "same"])
    raw = "raw" in plan.settings.options.values()  # a preset that keeps a lone member's reward
    plan.settings = credit_settings(
        {"lone": "zero"} if raw else plan.settings.options, estimator=name
    )
    for row in rows:
        row.earned = [0.0] * len(row.mask)
        row.earned[-1:] = [score * (1 + "abc".index(row.group))][: len(row.mask)]
        row.unscored |= not row.mask
    for x in credit(rows, plan):
        assert not x.any()


@each_estimator
@FEW
@given(seed=SEEDS, size=SIZES)
def test_what_a_trainer_holds_is_not_written_to(name, seed, size):
    rows, plan = a_batch(seed, size, name)
    held = arguments(rows, plan)
    before = copy.deepcopy({key: x for key, x in held.items() if key != "settings"})
    options = dict(plan.settings.options)
    if plan.by_token:
        outcome_of(held["token_reward"], held["mask"])
    found = credit_rows(read_rows(**held), plan.settings)
    for x in (found.advantage, found.returns):
        x.fill_(7.0)  # nor is what it gets a view of it
    for key, x in before.items():
        if isinstance(x, torch.Tensor):
            assert torch.equal(held[key].nan_to_num(7.5), x.nan_to_num(7.5)), key
        else:
            assert repr(held[key]) == repr(x), key
    assert plan.settings.options == options


@each_estimator
@FEW
@given(seed=SEEDS, size=SIZES)
def test_gathering_from_one_process_changes_nothing(name, seed, size):
    rows, plan = a_batch(seed, size, name)
    for x, y in zip(credit(rows, plan, gather=True), credit(rows, plan), strict=True):
        assert torch.equal(x, y)
