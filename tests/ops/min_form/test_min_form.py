"""Min-form credit on every backend: by hand, against the reference, and what changes no bit."""

import itertools

import pytest
import torch
from helpers import F64, assert_same

from creditlib.ops import min_form
from creditlib.ops.min_form import reference
from creditlib.testing import assert_close
from creditlib.vocabulary.contract import ContractError

FORMS = ["softmin", "hard_min", "suffix_min"]
PLAIN = {"temperature": 0.5, "reward_weight": 1.0, "lone": "zero", "baseline": "step"}
# Rows 0 to 2 are one group of scores 2, 1 and 3 and 5, 5; what does not exist is NaN.
SCORE = torch.tensor([[2.0, 1.0], [3.0, torch.nan], [5.0, 5.0]], dtype=F64)
GROUP, COUNT = torch.tensor([4, 4, 4]), torch.tensor([2, 1, 2])


def draws(seed, rows, turns):
    """Scores with ties and NaN where no turn is, and every optional argument."""
    draw = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.rand(shape, generator=draw, dtype=F64)

    count = torch.randint(0, turns + 1, (rows,), generator=draw)
    written = torch.arange(turns) < count[:, None]
    score = (random(rows, turns) * 8 - 4).round() / 4
    length = torch.randint(0, 4, (rows, turns), generator=draw).to(F64)
    valid = random(rows) < 0.8
    return {
        "score": torch.where(written & valid[:, None], score, torch.nan),
        "group": torch.randint(0, 1 + rows // 4, (rows,), generator=draw) * 10**17 - 10**16,
        "turn_count": count,
        "valid": valid,
        "turn_length": torch.where(written, length, torch.nan),
        "length": length.sum(1) + (random(rows) < 0.5),
        "reward": torch.where(valid, random(rows), torch.nan),
    }


def run(given, **options):
    """The credit on the backend of the test."""
    given = dict(given)
    score = given.pop("score")
    return min_form.min_form_credit(score, **given, **{**PLAIN, **options})


def expected(given, **options):
    return reference.min_form_credit(**given, **{**PLAIN, **options})


def padded(given, rows, turns):
    """The batch with rows that are not valid and turns that do not exist behind it."""
    result = {}
    for name, x in given.items():
        fill = {"valid": False, "group": int(given["group"][0]), "turn_count": turns}.get(name)
        fill = torch.nan if fill is None else fill
        width = (0, turns, 0, rows) if x.ndim == 2 else (0, rows)
        result[name] = torch.nn.functional.pad(x, width, value=fill)
    return result


@pytest.mark.usefixtures("backend")
def test_forms_by_hand():
    three = {"score": SCORE, "group": GROUP, "turn_count": COUNT}
    # hard steps 0, 1 | 3 | 2.5, 2.5: row means 1/2, 3, 5/2, others' means 11/4, 3/2, 7/4
    hard = run(three, form="hard_min")
    assert_close(hard, torch.tensor([[-4.5, -1.75], [1.5, 0], [1.5, 0.75]], dtype=F64))
    # minima still to come 1, 1 | 3 | 5, 5: the others' turns average 13/3, 12/4, 5/3
    value = run(three, form="suffix_min")
    assert_close(value, torch.tensor([[1 - 13 / 3] * 2, [0, 0], [5 - 5 / 3] * 2], dtype=F64))
    returns = min_form.min_returns(SCORE, COUNT, None)
    assert returns.tolist() == [[1, 1], [3, 0], [5, 2.5]]


@pytest.mark.usefixtures("backend")
def test_softmin_by_hand():
    # exp(0) = 1 and exp(−log 3) = 1/3: weights 3/4 and 1/4, steps 0 and log(3)/4
    three = torch.tensor(3.0, dtype=F64).log()
    score = torch.stack([torch.zeros_like(three), three])[None]
    found = min_form.min_returns(score, torch.tensor([2]), 1.0)
    assert_close(found, torch.stack([three / 4, three / 4])[None])
    # two rows: 0 and log(3)/4 of the first, 0 and 0 of the second, row means log(3)/8 and 0
    both = {"score": torch.cat([score, score * 0]), "group": torch.tensor([1, 1])}
    credit = run({**both, "turn_count": torch.tensor([2, 2])}, form="softmin", temperature=1.0)
    ours, theirs = [three / 4, three / 4], [-three / 4, -three / 8]
    assert_close(credit, torch.stack([torch.stack(ours), torch.stack(theirs)]))


@pytest.mark.usefixtures("backend")
def test_tokens_and_rewards_by_hand():
    lengths = torch.tensor([[1, 1], [4, 9], [2, 2]])
    three = {"score": SCORE, "group": GROUP, "turn_count": COUNT, "turn_length": lengths}
    # sums 1, 3, 5 over lengths 2, 4, 4: others' rates 8/8, 6/6, 4/6
    found = run(three, form="hard_min", baseline="token")
    assert_close(found, torch.tensor([[-1, 0], [-1, 0], [5 - 8 / 3, 2.5 - 4 / 3]], dtype=F64))
    # lengths 4, 4, 8 that count separators too: rates 8/12, 6/12, 4/8
    more = {**three, "length": torch.tensor([4, 4, 8])}
    found = run(more, form="hard_min", baseline="token")
    wanted = [[1 - 4 / 3, 1 - 2 / 3], [3 - 4 / 2, 0], [5 - 4 / 2, 2.5 - 2 / 2]]
    assert_close(found, torch.tensor(wanted, dtype=F64))
    # rewards 1, 0, 2 against the others' means 1, 3/2, 1/2, half of it
    reward = torch.tensor([1.0, 0.0, 2.0], dtype=F64)
    outcome = run({**more, "reward": reward}, form="hard_min", baseline="token", reward_weight=0.5)
    assert_close(outcome - found, torch.tensor([[0, 0], [-0.75, 0], [0.75, 0.75]], dtype=F64))


@pytest.mark.usefixtures("backend")
def test_rows_without_others_by_hand():
    # row 0 is alone, rows 1 and 2 are a pair of which one has no turn
    score = torch.tensor([[2.0, 1.0], [4.0, 4.0], [torch.nan, torch.nan]], dtype=F64)
    given = {
        "score": score,
        "group": torch.tensor([0, 9, 9]),
        "turn_count": torch.tensor([2, 2, 0]),
    }
    given["reward"] = torch.tensor([7.0, 3.0, 1.0], dtype=F64)
    assert run(given, form="suffix_min").tolist() == [[0, 0], [2, 2], [0, 0]]
    raw = run(given, form="suffix_min", lone="raw")
    assert raw.tolist() == [[1 + 7, 1 + 7], [4 + 2, 4 + 2], [0, 0]]
    raw = run(given, form="hard_min", lone="raw")
    assert raw.tolist() == [[1 + 7, 1 + 7], [4 + 2, 2 + 2], [0, 0]]


OPTIONS = list(itertools.product(FORMS, ["step", "token"], ["zero", "raw"]))


@pytest.mark.parametrize(("form", "baseline", "lone"), OPTIONS)
def test_against_the_reference(form, baseline, lone, backend):
    options = {"form": form, "baseline": baseline, "lone": lone, "reward_weight": 2.0}
    few = backend == "triton"
    for seed, (rows, turns) in enumerate([(1, 1), (9, 5)] if few else [(1, 1), (2, 1), (40, 7)]):
        given = draws(seed, rows, turns)
        optional = ("valid", "length", "reward")
        for chosen in itertools.product([True, False], repeat=0 if few else 3):
            absent = [x for x, there in zip(optional, chosen, strict=False) if not there]
            some = {x: y for x, y in given.items() if x not in absent}
            found = run(some, **options)
            assert found.dtype == F64
            wanted = expected(some, **options)
            assert_same(found.isnan(), wanted.isnan())
            assert_close(found.nan_to_num(9), wanted.nan_to_num(9))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("form", FORMS)
def test_padding_changes_no_bit(form):
    given = draws(3, 10, 6)
    found = run(given, form=form, baseline="token")
    wide = run(padded(given, 3, 11), form=form, baseline="token")
    assert_same(wide[:10, :6], found)
    assert not wide[10:].any()
    assert not wide[:, 6:].any()
    if form == "suffix_min":
        return
    heat = 0.5 if form == "softmin" else None
    returns = min_form.min_returns(given["score"], given["turn_count"], heat, valid=given["valid"])
    wanted = reference.min_returns(given["score"], given["turn_count"], heat, given["valid"])
    assert_close(returns, wanted)
    wide = padded(given, 3, 11)
    more = min_form.min_returns(wide["score"], wide["turn_count"], heat, valid=wide["valid"])
    assert_same(more[:10, :6], returns)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("baseline", ["step", "token"])
def test_equal_rows_stand_at_exactly_zero(form, baseline):
    for turns in (1, 3, 7):
        given = {"score": torch.full((5, turns), 0.1), "group": torch.zeros(5, dtype=torch.int64)}
        given["turn_count"] = torch.full((5,), turns)
        given["turn_length"] = torch.full((5, turns), 5)
        given["reward"] = torch.full((5,), 0.3)
        found = run(given, form=form, baseline=baseline)
        assert found.dtype == torch.float32
        assert not found.any()


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("kind", [torch.int8, torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_every_dtype_is_read_as_what_it_says(kind, dtype):
    given = draws(5, 6, 4)
    given["group"] = (given["group"] % 3).to(kind)
    given["turn_count"] = given["turn_count"].to(kind)
    for name in ("score", "turn_length", "length", "reward"):
        given[name] = given[name].to(dtype)
    found = run(given, form="softmin", baseline="token")
    assert found.dtype == torch.float32
    wanted = expected(given, form="softmin", baseline="token")
    assert_close(found.nan_to_num(9), wanted.nan_to_num(9))


@pytest.mark.usefixtures("backend")
def test_views_are_read_as_what_they_say():
    given = draws(6, 7, 5)
    wanted = run(given, form="softmin", baseline="token")
    spread = {}
    for name, x in given.items():
        apart = torch.stack([x, x], -1)[..., 0]
        spread[name] = apart.mT.contiguous().mT if x.ndim == 2 else apart
    assert not any(x.is_contiguous() for x in spread.values())
    assert_same(run(spread, form="softmin", baseline="token"), wanted)
    negative = torch._neg_view(-given["score"])
    assert_same(run({**given, "score": negative}, form="softmin", baseline="token"), wanted)
    before = {name: x.clone() for name, x in given.items()}
    run(given, form="softmin", baseline="token")
    assert all(torch.equal(given[x].nan_to_num(9), before[x].nan_to_num(9)) for x in given)


@pytest.mark.usefixtures("backend")
def test_counts_outside_the_turns_end_where_the_turns_do():
    given = {"score": SCORE.nan_to_num(4), "group": GROUP, "turn_count": torch.tensor([90, -3, 2])}
    inside = {**given, "turn_count": torch.tensor([2, 0, 2])}
    for form in FORMS:
        assert_same(run(given, form=form), run(inside, form=form))


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_stays_in_its_group(value):
    score = torch.tensor([[1.0, 2.0], [3.0, 1.0], [value, 1.0], [2.0, 2.0]], dtype=F64)
    given = {"group": torch.tensor([0, 0, 1, 1]), "turn_count": torch.full((4,), 2)}
    for form in FORMS:
        found = run({"score": score, **given}, form=form)
        alone = {name: x[:2] for name, x in {"score": score, **given}.items()}
        assert_same(found[:2], run(alone, form=form))


@pytest.mark.parametrize("form", FORMS)
def test_threads_and_neighbours_change_no_bit(form, monkeypatch, quick_backend):
    from creditlib.ops.backend import openmp

    monkeypatch.setattr(openmp, "FEW_TOKENS", 0)
    given = draws(8, 60, 9)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = run(given, form=form, baseline="token")
        torch.set_num_threads(4)
        assert_same(run(given, form=form, baseline="token"), one)
    finally:
        torch.set_num_threads(threads)
    # A group has the same credit in another batch.
    mine = given["group"] == given["group"][0]
    part = {name: x[mine] for name, x in given.items()}
    assert_same(run(part, form=form, baseline="token"), one[mine])


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_empty_shapes(shape):
    score, rows = torch.ones(shape), torch.zeros(shape[0], dtype=torch.int64)
    given = {"score": score, "group": rows, "turn_count": rows, "reward": rows.float()}
    for form in FORMS:
        assert_same(run(given, form=form), score)
        assert_same(run({**given, "turn_length": score}, form=form, baseline="token"), score)
    assert_same(min_form.min_returns(score, rows, None), score)


@pytest.mark.parametrize("wrong", ["turn_length", "reward", "valid", "group", "score"])
def test_wrong_sizes_are_refused_when_an_operator_runs(wrong):
    given = {"score": torch.ones(2, 3), "group": GROUP[:2], "turn_count": COUNT[:2]}
    given |= {"turn_length": torch.ones(2, 3), "reward": torch.ones(2)}
    given["valid"] = torch.tensor([True, True])
    given[wrong] = torch.ones(5) if wrong == "score" else given[wrong][:1]
    operator = min_form.min_form_credit.operators["torch"]
    score = given.pop("score")
    options = {**PLAIN, "form": "softmin"}
    with pytest.raises(ContractError, match=f"min_form_credit: `{wrong}` must be"):
        operator(score, **given, **options)
