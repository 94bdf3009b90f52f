import numpy as np
import pytest
from credit_cases import plain, refusal, spread

from creditlib import rollouts
from creditlib.rollouts.crediting.credit_pass import Counts, merge_bucket_counts
from creditlib.rollouts.crediting.summary import counted

ROWS = [plain("a", 1.0), plain("a", 0.0), plain("a", None), plain("b", 1.0), plain("b", 1.0)]


def test_groups_are_counted_by_those_who_take_part(tmp_path):
    spread(tmp_path, [*ROWS, plain("c", 1.0), plain("c", None), plain("d", None)], files=3)
    found = rollouts.credit(tmp_path, "rloo")
    assert (found.groups, found.lone, found.constant, found.informative) == (3, 1, 1, 1)
    assert found.excluded == 3


def broken(*, reward):
    raise RuntimeError("no luck")


def wide(*, reward):
    return reward[:, None].repeat(1, 9)


def endless(*, reward):
    return reward / 0


@pytest.mark.parametrize(
    ("function", "fact"),
    [
        (broken, "broken, which raised RuntimeError: no luck"),
        (wide, "wide, which returned torch.float32 (3, 9)"),
        (endless, "endless, which returned a number that is not finite"),
    ],
)
def test_a_function_that_gives_no_credit_is_refused(function, fact, tmp_path):
    spread(tmp_path, [row for row in ROWS if row["outcome"] is not None][:3], files=1)
    text = refusal(tmp_path, function)
    assert text.startswith("credit: `estimators` must be functions that")
    assert fact in text


def test_counts_add_up():
    one = Counts(groups=1, lone=1, credit={"grpo": counted(np.ones(2, dtype=np.float32))})
    both = merge_bucket_counts([one, Counts(groups=2, constant=1), one])
    assert (both.groups, both.lone, both.constant) == (4, 2, 1)
    assert list(both.credit["grpo"].bins.values()) == [4]
