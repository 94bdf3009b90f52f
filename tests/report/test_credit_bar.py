import math

import pytest

from creditlib.report.credit_bar import BAR_WIDTH, credit_bar, spark_line


@pytest.mark.parametrize(
    ("value", "bar"),
    [
        (6.0, "   │███"),
        (5.0, "   │██▌"),  # 5 of 6 halves
        (-6.0, "███│   "),
        (-1.0, "  ▐│   "),
        (1e-9, "   │▌  "),  # any credit but 0 is seen
        (0.0, "   │   "),
        (math.nan, "   │   "),
        (math.inf, "   │   "),
        (60.0, "   │███"),
    ],
)
def test_a_bar_starts_at_zero_in_the_middle(value, bar):
    assert credit_bar(value, 6.0) == bar


def test_bars_have_one_width_whatever_is_drawn():
    for value in (-7.0, -0.4, 0.0, 0.4, 7.0, math.nan):
        for largest in (0.0, 1.0, math.inf):
            for ascii_only in (False, True):
                bar = credit_bar(value, largest, ascii_only=ascii_only)
                assert len(bar) == BAR_WIDTH
                assert bar.isascii() or not ascii_only


def test_a_line_of_bars_takes_means():
    # 4 values in 2 bars: means 1.0 and 0.5, so 7 and 3.5 of 7 levels.
    assert spark_line([1.0, 1.0, 0.0, 1.0], 2) == "█▅"
    assert spark_line([1.0, None, None, None], 2) == "█ "
    assert spark_line([], 3) == ""
    assert spark_line([0.0, 0.0], 3) == "▁▁"
