import ast

import numpy as np
import pytest
import torch

from creditlib.testing.engine.counterexample import code_of, literal
from creditlib.testing.engine.trial import BrokenError, Call
from creditlib.testing.subject import subject_of

VALUES = [
    torch.tensor([0.1, -2.5e-8, 1e30, 10000.3]),
    torch.tensor([0.1, 1 / 3], dtype=torch.float64),
    torch.tensor([0.1, 3.0], dtype=torch.bfloat16),
    torch.tensor([[True, False], [False, False]]),
    torch.tensor([[1, -1], [2**40, 0]]),
    torch.tensor(2.5),
    torch.zeros(0),
    torch.zeros(0, dtype=torch.int64),
    torch.zeros(0, dtype=torch.bool),
    torch.zeros(2, 0),
    torch.zeros(0, 3, dtype=torch.float64),
    torch.tensor([float("nan"), float("inf"), -float("inf")]),
    torch.tensor([3, 4], dtype=torch.int32),
]


@pytest.mark.parametrize("x", VALUES, ids=lambda x: f"{x.dtype}-{tuple(x.shape)}")
def test_a_pasted_tensor_is_the_tensor(x):
    again = eval(literal(x))
    assert (again.dtype, again.shape) == (x.dtype, x.shape)
    assert torch.equal(again.nan_to_num(7), x.nan_to_num(7))


def test_single_numbers_are_as_short_as_they_can_be_told_apart():
    assert literal(torch.tensor([0.1, 2.0])) == "torch.tensor([0.1, 2.0])"
    double = literal(torch.tensor([0.1], dtype=torch.float64))
    assert double == "torch.tensor([0.1], dtype=torch.float64)"


def test_arrays_and_plain_values_are_literals_too():
    assert literal(np.array(["a", "b"], dtype=object)) == "np.array(['a', 'b'], dtype=object)"
    assert literal(None) == "None"
    assert literal("std") == "'std'"


HALF = (torch.tensor([0.5]),)


def calls(*batches, results=HALF, options=None):
    return tuple(Call(batch, options or {}, results) for batch in batches)


def test_a_second_call_states_only_what_is_other():
    first = {"reward": torch.tensor([1.0]), "group": torch.tensor([0])}
    second = {"reward": torch.tensor([2.0]), "group": torch.tensor([0])}
    broken = BrokenError("s", subject_of("rloo", {}), calls(first, second))
    assert code_of(broken).splitlines() == [
        "reward = torch.tensor([1.0])",
        "group = torch.tensor([0])",
        "rloo(reward=reward, group=group)",
        "# [0.5]",
        "reward = torch.tensor([2.0])",
        "rloo(reward=reward, group=group)",
        "# [0.5]",
    ]


def test_an_error_is_a_comment_of_one_line():
    batch = {"reward": torch.tensor([1.0])}
    broken = BrokenError("s", subject_of("rloo", {}), calls(batch, results="ValueError: a\nb"))
    assert code_of(broken).splitlines()[-1] == "# raises ValueError: a"


def test_a_call_of_many_arguments_is_wrapped_and_can_be_read_by_python():
    names = [f"a_rather_long_name_{number}" for number in range(9)]
    options = {name: number for number, name in enumerate(names)}
    batch = {"reward": torch.tensor([1.0])}
    code = code_of(BrokenError("s", subject_of("rloo", {}), calls(batch, options=options)))
    assert max(map(len, code.splitlines())) <= 97
    call = ast.parse(code).body[1].value
    assert [keyword.arg for keyword in call.keywords] == ["reward", *names]


def test_lines_of_its_own_are_taken_as_they_are():
    assert code_of(BrokenError("s", subject_of("rloo", {}), (), "some = 'code'")) == "some = 'code'"
