import numpy as np
import pyarrow
import pytest

from creditlib.rollouts.crediting.groups import batches, checked_groups, split_by_group
from creditlib.vocabulary.messages import ContractError


def table(group, check=None, name=None):
    rows = len(group)
    return pyarrow.table(
        {
            "group": group,
            "check": check or group,
            "name": name or [-1] * rows,
            "file": np.zeros(rows, dtype=np.int32),
            "place": np.arange(1, rows + 1),
        }
    )


def place(file, number):
    return f"{file} line {number}"


def test_buckets_keep_groups_whole_and_rows_in_order():
    whole = table([5, 2, 5, 3, 2, 9])
    found = dict(split_by_group(whole, 3))
    assert {key: part["place"].to_pylist() for key, part in found.items()} == {
        0: [4, 6],
        2: [1, 2, 3, 5],
    }
    assert [part for _, part in split_by_group(whole, 1)] == [whole]


def test_batches_hold_whole_groups_and_all_rows_once():
    rng = np.random.default_rng(0)
    group, count = rng.integers(0, 30, 200), rng.integers(0, 9, 200)
    found = batches(group, count, cells=100)
    assert sorted(np.concatenate(found).tolist()) == list(range(200))
    assert len(found) > 5
    owners = [set(group[rows].tolist()) for rows in found]
    assert sum(map(len, owners)) == len(set(group.tolist()))
    for rows, own in zip(found, owners, strict=True):
        assert (np.diff(rows) > 0).all()
        assert len(rows) * count[rows].max() <= 100 or len(own) == 1


def test_a_doubled_id_of_a_group_is_refused_or_its_copy_left_out():
    doubled = table([1, 1, 2, 1], name=[7, 8, 7, 7])
    with pytest.raises(ContractError, match="in 0 line 1 and in 0 line 4"):
        checked_groups(doubled, place, skip_bad=False)
    kept, sentences = checked_groups(doubled, place, skip_bad=True)
    assert kept["place"].to_pylist() == [1, 2, 3]
    assert len(sentences) == 1
    nameless = table([1, 1])
    assert checked_groups(nameless, place, skip_bad=False) == (nameless, [])


def test_groups_whose_ids_collide_are_refused():
    with pytest.raises(ContractError, match="free of hash collisions"):
        checked_groups(table([1, 1], check=[5, 6]), place, skip_bad=True)
