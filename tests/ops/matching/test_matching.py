"""Matchings by hand and against all permutations."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from creditlib.ops.matching import exact, greedy, transport
from creditlib.testing.tolerances import tolerance

pytest.importorskip("scipy")
_, NEAR = tolerance(torch.float64)


def total(table, columns):
    return sum(table[row, column] for row, column in enumerate(columns) if column >= 0)


def test_by_hand():
    # Greedy takes 0.9 first, and 0.7 with 0.0 is no pair: 0.9. The optimum is 0.8 + 0.7.
    table = np.array([[0.9, 0.8], [0.7, 0.0]])
    assert greedy(table).tolist() == [0, -1]
    assert exact(table).tolist() == [1, 0]
    # Ties: the first row, then the first column.
    assert greedy(np.full((2, 3), 0.5)).tolist() == [0, 1]
    assert exact(np.zeros((2, 2))).tolist() == [-1, -1]
    for match in (exact, greedy):
        assert match(np.zeros((0, 2))).tolist() == []
        assert match(np.zeros((2, 0))).tolist() == [-1, -1]


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 4), columns=st.integers(1, 4))
def test_against_all_permutations(seed, rows, columns):
    draw = np.random.default_rng(seed)
    table = draw.integers(0, 5, (rows, columns)) / 4
    wide = np.zeros((rows, columns + rows))  # as many columns of 0 as rows: nobody has to match
    wide[:, :columns] = table
    best = max(
        total(wide, columns_of)
        for columns_of in itertools.permutations(range(columns + rows), rows)
    )
    assert abs(total(table, exact(table)) - best) <= NEAR
    found = greedy(table)
    assert total(table, found) <= best + NEAR
    assert len(set(found[found >= 0])) == (found >= 0).sum()


def plans(tables, rows, columns):
    return transport(np.array(tables), np.array(rows), np.array(columns), 0.1)


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 4), columns=st.integers(1, 4))
def test_a_plan_pays_at_most_the_largest_similarity(seed, rows, columns):
    table = np.random.default_rng(seed).random((rows, columns))
    assert plans([table], [rows], [columns]).sum() <= table.max() + NEAR
    # All similarities equal: each row moves its margin.
    found = plans([np.full((rows, columns), 0.5)], [rows], [columns])
    assert np.abs(found - 0.5 / rows).max() <= NEAR


@given(seed=st.integers(0, 10**6))
def test_a_plan_does_not_depend_on_other_tables_or_padding(seed):
    draw = np.random.default_rng(seed)
    tables = draw.random((3, 4, 5))
    rows, columns = draw.integers(0, 5, 3), draw.integers(0, 6, 3)
    together = plans(tables, rows, columns)
    for k in range(3):
        own = tables[k : k + 1, : rows[k], : columns[k]]
        alone = plans(own, rows[k : k + 1], columns[k : k + 1])
        assert np.abs(together[k, : rows[k]] - alone[0]).max(initial=0) <= NEAR
        assert not together[k, rows[k] :].any()
