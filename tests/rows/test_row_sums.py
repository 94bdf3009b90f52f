import torch

from creditlib.rows.row_sums import row_any, row_count, row_sum


def test_rows_without_tokens():
    flags = torch.zeros((2, 0), dtype=torch.bool)
    assert row_any(flags).tolist() == [False, False]
    assert row_count(flags).tolist() == [0, 0]
    assert row_sum(torch.zeros(2, 0)).tolist() == [0.0, 0.0]


def test_flags_are_counted_beyond_the_range_of_a_byte():
    flags = torch.ones((1, 300), dtype=torch.bool)
    assert row_count(flags).tolist() == [300]
    assert row_any(flags).tolist() == [True]


def test_sums_are_in_float64():
    """1 is lost beside 2**24 in float32."""
    x = torch.tensor([[2.0**24, 1.0]])
    assert row_sum(x).tolist() == [2.0**24 + 1]
