import numpy as np
import pyarrow
import pytest

from creditlib.rollouts import arrow_values
from creditlib.rollouts.arrow_values import UnknownFormError


def test_scores_are_numbers_and_nan_is_told_from_null():
    values, nan = arrow_values.scores(pyarrow.array([1.5, None, float("nan")]), True)
    assert np.isnan(values).tolist() == [False, True, True]
    assert nan.tolist() == [False, False, True]
    assert arrow_values.scores(pyarrow.array([True, None]), True)[0][0] == 1.0
    assert np.isnan(arrow_values.scores(pyarrow.nulls(2), True)[0]).all()


@pytest.mark.parametrize(
    ("values", "flag"), [(["1"], True), ([1e39], True), ([float("inf")], True), ([True], False)]
)
def test_what_is_no_score_is_unknown(values, flag):
    with pytest.raises(UnknownFormError):
        arrow_values.scores(pyarrow.array(values), flag)


def test_lists_and_counts():
    lists, size = arrow_values.objectives(pyarrow.array([[1.0, None], [0.0, 2.0]]))
    assert size == 2
    assert np.isnan(lists.to_pylist()[0][1])
    assert arrow_values.integers(pyarrow.array([1, 0], pyarrow.int16())).tolist() == [1, 0]
    for wrong in ([[1.0], [1.0, 2.0]], [None, [1.0]]):
        with pytest.raises(UnknownFormError):
            arrow_values.objectives(pyarrow.array(wrong))
    for wrong in ([-1], [1.0], [None, 1]):
        with pytest.raises(UnknownFormError):
            arrow_values.integers(pyarrow.array(wrong))
    assert arrow_values.text(pyarrow.array([1, 2])).to_pylist() == ["1", "2"]
    assert not arrow_values.some(pyarrow.nulls(2))
