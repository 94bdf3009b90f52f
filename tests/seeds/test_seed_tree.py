"""Trees of rollouts against AT²PO's functions, and the modes beside them in the authors' file."""

import pytest
from seed_numbers import LATER, assert_complete, cases, compare

import creditlib as cl
from creditlib import presets, recipes

pytestmark = pytest.mark.usefixtures("quick_backend")

CHILDREN = {"value": "child_mean"}


def leaves(x):
    """Rewards as z-scores in the tree, as the authors normalize them first."""
    return {**x, "reward": cl.grpo(reward=x["reward"], group=x["group"], ddof=0, eps=1e-6)}


def parent(x, **options):
    return cl.tree_credit(**leaves(x), **options)


RUNS = {
    "leaf_mean": lambda x: parent(x, against=None),
    "child_mean": lambda x: parent(x, against=None, **CHILDREN),
    "child_softmax": lambda x: recipes.at2po(**x),
    "child_softmax_root": lambda x: parent(x, value="child_softmax", against="root"),
    "leaf_mean_parent": parent,
    "child_mean_both": lambda x: parent(x, against="both", **CHILDREN),
    "raw_leaf_mean_parent": lambda x: cl.tree_credit(**x),
}
PRESETS = {
    "child_softmax": lambda x: parent(x, **presets.AT2PO_TREE),
    "child_mean_both": lambda x: (
        parent(x, **presets.SPO_TREE) + parent(x, **presets.TREE_RPO | {"against": "root"})
    ),
}


def test_every_output_is_compared():
    assert_complete("tree", RUNS)


@cases(RUNS, LATER)
def test_the_numbers(source, name, dtype):
    compare("tree", source, name, dtype, RUNS[name])


@cases(PRESETS, LATER)
def test_the_presets(source, name, dtype):
    compare("tree", source, name, dtype, PRESETS[name])
