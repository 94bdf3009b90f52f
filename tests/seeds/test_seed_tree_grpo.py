"""Tree-GRPO against the authors' function; its lone rows keep their value."""

import pytest
import torch
from seed_numbers import LATER, assert_complete, batch, cases, compare

from creditlib import presets, recipes
from creditlib.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_backend")


def run(x, **options):
    return recipes.tree_grpo(reward=x["reward"], group=x["group"], tree=x["tree"], **options)


RUNS = {"credit": lambda x: run(x, **presets.TREE_GRPO)}


def test_every_output_is_compared():
    assert_complete("tree_grpo", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("tree_grpo", source, name, dtype, RUNS[name], "golden")


@pytest.mark.parametrize("source", LATER)
def test_by_default_only_lone_rows_differ(source):
    x, out = batch("tree_grpo", source)
    several = torch.tensor(
        [
            int(((x["group"] == g) & (x["tree"] == t)).sum()) > 1
            for g, t in zip(x["group"], x["tree"], strict=True)
        ]
    )
    found = run(x)
    assert_close(found[several], out["credit"][several], "golden")
    assert not found[~several].any()
