import torch

from creditlib.rows.row_sums import row_count


def test_rows_without_tokens():
    assert row_count(torch.zeros((2, 0), dtype=torch.bool)).tolist() == [0, 0]


def test_flags_are_counted_beyond_the_range_of_a_byte():
    assert row_count(torch.ones((1, 300), dtype=torch.bool)).tolist() == [300]
