"""The term of a teacher against HyperEyes' function.

`branch` is 1 for failed rollouts, whose credit moves towards the teacher, and 0 for none. On solved
rollouts, branch -1, the authors subtract the same term: it is put together here, and is no option
of `distillation_credit`.
"""

import pytest
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl

pytestmark = pytest.mark.usefixtures("quick_backend")


def term(x, branch):
    tensors = {key: x[key] for key in ("log_prob", "teacher_log_prob", "turn")}
    return cl.distillation_credit(**tensors, taught=x["branch"] == branch, coefficient=0.05)


RUNS = {"advantage_out": lambda x: x["advantage"] + term(x, 1) - term(x, -1)}


def test_every_output_is_compared():
    assert_complete("distillation", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("distillation", source, name, dtype, RUNS[name])
