import pytest
import torch

import creditlib as cl
from benchmarks.contract_cost import FUNCTIONS, OPTIONS, check_only, microseconds
from creditlib.testing import random_arguments


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.__name__)
def test_the_check_is_that_of_the_function(function):
    call, given = check_only(function), random_arguments(function)
    given.update(OPTIONS.get(function.__name__, {}))
    assert isinstance(call(**given), torch.Tensor)
    with pytest.raises(cl.ContractError) as ours:
        call(**given, sclae=None)
    with pytest.raises(cl.ContractError) as own:
        function(**given, sclae=None)
    assert str(ours.value) == str(own.value)


def test_a_time_is_positive():
    assert microseconds(cl.grpo, padding=0.0, calls=1) > 0
