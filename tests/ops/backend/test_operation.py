"""An operation runs the implementation that is asked for."""

import torch

from creditlib.ops import returns
from creditlib.ops.backend.operation import Operation


def test_an_operation_without_a_schema_runs_its_reference(backend):
    double = Operation(lambda x, *, times=2: times * x)
    assert double(torch.tensor([1.0])).tolist() == [2]
    assert double(torch.tensor([1.0]), times=3, backend="torch").tolist() == [3]
    assert double.operators == {}


def test_an_operation_has_the_name_and_the_text_of_its_reference():
    assert returns.gae.__name__ == "gae"
    assert returns.gae.__doc__ == returns.gae.reference.__doc__
