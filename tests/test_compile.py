"""Every public function under torch.compile(fullgraph=True): the same numbers, no graph break.

Exempt, because they run on the host by design: `ids`, `anchor_ids`, `find_milestones` (Python
objects in), `place_rows` (counts trajectories), `diagnose`, `check_batch` (numbers and sentences
out), `apply` and `resolve` (look names up), `anneal` (a number of numbers), `distributed.gathered`
(talks to other processes), `match_reward` (matches with NumPy and SciPy; it refuses to be traced).
"""

import pytest
import torch
from helpers import NEEDS, ON_HOST

import creditlib as cl
from creditlib.inputs import layouts
from creditlib.registry import public_functions
from creditlib.testing import random_arguments
from creditlib.vocabulary.annotations import tensors_of

HOST = {
    "ids",
    "anchor_ids",
    "tensors",
    "find_milestones",
    "diagnose",
    "check_batch",
    "apply",
    "resolve",
    "anneal",
}
HOST |= {"place_rows", "turns_from_rows", "trajectories_from_rows", "rows_from_turns", *ON_HOST}
SMALL = {"batch": 6, "turns": 3, "tokens": 9}
MASK = torch.tensor([[False, True, True, False], [True, False, True, True]])
LENGTH, OFFSETS = torch.tensor([4, 2]), torch.tensor([0, 4, 6])
TURN = torch.tensor([[-1, 0, 0, -1, 1], [-1, -1, 0, 1, 2]])
CREDIT = torch.tensor([[1.0, 2.0, 0.0], [3.0, 4.0, 5.0]])

OTHERS = {
    "to_tokens of trajectories": (cl.to_tokens, (CREDIT[:, 0], TURN), {}),
    "to_tokens of turns": (cl.to_tokens, (CREDIT, TURN), {"weight": TURN + 0.5}),
    "to_tokens packed": (
        cl.to_tokens,
        (CREDIT, torch.tensor([0, 1, -1, 2, 0, 1])),
        {"offsets": OFFSETS},
    ),
    "per_turn": (cl.per_turn, (CREDIT[:, 0], torch.tensor([2, 1])), {"turns": 3}),
    "per_turn of turns": (cl.per_turn, (CREDIT, torch.tensor([2, 3])), {}),
    "contrast of rows": (
        cl.contrast,
        (),
        {"reward": torch.tensor([0.0, 1.0, 1.0]), "group": torch.tensor([0, 0, 1])},
    ),
    "contrast of turns": (
        cl.contrast,
        (),
        {
            "turn_reward": CREDIT,
            "group": torch.tensor([0, 0]),
            "turn_count": torch.tensor([3, 2]),
            "anchor": torch.tensor([[5, 6, -1], [5, 6, 7]]),
        },
    ),
    "macro_actions": (layouts.macro_actions, (TURN,), {"size": 2}),
    "turn_values": (layouts.turn_values, (TURN + 0.5, TURN, 3), {"at": "before"}),
    "turn_ends": (layouts.turn_ends, (TURN,), {}),
    "thoughts": (
        layouts.thoughts,
        (torch.tensor([[1, 1, 0], [2, 3, 3]]), torch.tensor([2, 3]), TURN),
        {},
    ),
    "turn_sum": (cl.turn_sum, (TURN + 0.5, TURN, 3), {}),
    "turn_sum packed": (
        cl.turn_sum,
        (torch.arange(6), torch.tensor([0, 1, -1, 2, 0, 1]), 3),
        {"offsets": OFFSETS},
    ),
    "whiten": (cl.whiten, (CREDIT, CREDIT > 0), {}),
    "whitening_stats": (cl.whitening_stats, (CREDIT, torch.tensor([[3, 1, 0], [1, 2, 9]])), {}),
    "turns_from_mask": (layouts.turns_from_mask, (MASK,), {}),
    "turns_from_mask packed": (
        layouts.turns_from_mask,
        (torch.tensor([True, True, False, True, True, False]),),
        {"offsets": OFFSETS},
    ),
    "count_turns": (layouts.count_turns, (TURN,), {}),
    "turn_length": (layouts.turn_length, (TURN, 3), {}),
    "turn_length packed": (
        layouts.turn_length,
        (torch.tensor([0, 1, -1, 2, 0, 1]), 3),
        {"offsets": OFFSETS},
    ),
    "turns_from_mask of integers": (layouts.turns_from_mask, (MASK.long(),), {}),
    "offsets_of": (layouts.offsets_of, (LENGTH,), {}),
    "offsets_of a mask": (layouts.offsets_of, (), {"present": MASK}),
    "rows_of": (layouts.rows_of, (OFFSETS, 6), {}),
    "pack": (layouts.pack, (CREDIT.repeat(1, 2), LENGTH), {"tokens": 6}),
    "pack left": (layouts.pack, (CREDIT.repeat(1, 2), LENGTH), {"tokens": 6, "side": "left"}),
    "pack present": (layouts.pack, (TURN[:, :4],), {"present": MASK, "tokens": 5}),
    "unpack present": (layouts.unpack, (torch.arange(5),), {"present": MASK}),
    "unpack": (layouts.unpack, (torch.arange(6), OFFSETS), {"width": 5}),
    "unpack left": (layouts.unpack, (torch.arange(6), OFFSETS), {"width": 5, "side": "left"}),
    "gae packed": (
        cl.gae,
        (),
        {
            "token_reward": torch.arange(6.0),
            "value": torch.ones(6),
            "turn": torch.tensor([0, -1, 1, -1, -1, 0]),
            "gamma": 0.9,
            "lam": 0.8,
            "bootstrap": torch.ones(2),
            "offsets": OFFSETS,
        },
    ),
}
# Options that take another path through the code.
PATHS = {
    "grpo: median": ("grpo", {"center": "median", "scale": "mad"}),
    "grpo: batch": ("grpo", {"scale_over": "batch", "eps_at": "floor"}),
    "gigpo: leave out": ("gigpo", {"leave_out": "trajectory", "scale": None}),
    "gigpo: over turns": ("gigpo", {"episode_over": "turn", "lone": "raw"}),
    "grpo_process: turns": (
        "grpo_process",
        {"over": "turn", "ended": "zero", "scale": "mad", "leave_out": "trajectory"},
    ),
    "tree_credit: children": ("tree_credit", {"value": "child_softmax", "against": "both"}),
    "combine: log_sigmoid": ("combine", {"how": "log_sigmoid", "weights": (1.0, 0.5, 2.0)}),
    "hgpo: base": ("hgpo", {"base": "turn", "history": 1}),
    "a3: official": ("a3", {"residual": "first_turn", "median": "low"}),
    "istar: first steps": ("istar", {"baseline": "first_turn"}),
    "r3l: soft": ("r3l", {"soft": 0.5, "full": 1.0}),
    "igpo: separate": ("igpo", {"pool": "separate"}),
    "pure: suffix_min": ("pure", {"form": "suffix_min", "baseline": "token"}),
    "duration: group": ("duration_weight", {"over": "group", "cap": 2.0}),
}


def assert_compiles(function, *args, **kwargs):
    torch._dynamo.reset()
    eager = function(*args, **kwargs)
    compiled = torch.compile(function, fullgraph=True, backend="eager")(*args, **kwargs)
    eager, compiled = (x if isinstance(x, tuple) else (x,) for x in (eager, compiled))
    assert all(map(torch.equal, compiled, eager))
    assert len(compiled) == len(eager)


COMPILED = sorted(public_functions().keys() - ON_HOST)


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize(
    "optional",
    [
        pytest.param(False, id="required", marks=pytest.mark.nightly),
        pytest.param(True, id="optional"),
    ],
)
def test_a_public_function_compiles_whole(name, optional):
    function = public_functions()[name]
    arguments = random_arguments(function, optional=optional, **SMALL)
    assert_compiles(function, **arguments, **NEEDS.get(name, {}))


@pytest.mark.parametrize("case", OTHERS)
def test_the_way_to_tokens_and_layouts_compile_whole(case):
    function, args, kwargs = OTHERS[case]
    assert_compiles(function, *args, **kwargs)


@pytest.mark.parametrize("case", PATHS)
def test_other_options_compile_whole(case):
    name, options = PATHS[case]
    function = public_functions()[name]
    assert_compiles(function, **random_arguments(function, optional=True, **SMALL), **options)


def test_a_whole_recipe_compiles():
    def recipe(reward, group, turn_reward, anchor, turn_count, duration, turn):
        outcome = cl.per_turn(cl.grpo(reward=reward, group=group), turn_count, anchor.shape[1])
        credit = outcome + 0.5 * cl.gigpo(
            reward=reward,
            group=group,
            turn_reward=turn_reward,
            anchor=anchor,
            turn_count=turn_count,
            episode_weight=0.0,
        )
        return cl.to_tokens(
            credit * cl.duration_weight(duration=duration, turn_count=turn_count), turn
        )

    batch = random_arguments(cl.gigpo, **SMALL)
    batch |= random_arguments(cl.duration_weight, **SMALL) | random_arguments(cl.gae, **SMALL)
    names = ("reward", "group", "turn_reward", "anchor", "turn_count", "duration", "turn")
    assert_compiles(recipe, *(batch[name] for name in names))


def test_nothing_public_is_left_out():
    """A function that takes tensors is compiled above or named in the list of exemptions."""
    covered = {function.__name__ for function, _, _ in OTHERS.values()} | set(COMPILED)
    public = {name: getattr(cl, name) for name in cl.__all__}
    public |= {name: getattr(layouts, name) for name in layouts.__all__}
    functions = {name for name, thing in public.items() if hasattr(thing, "__code__")}
    assert functions - covered == HOST
    assert not [name for name in HOST & covered if tensors_of(public[name])]


@pytest.mark.filterwarnings("ignore:Dynamo does not know how to trace")
def test_a_function_of_the_host_refuses_a_graph_in_a_sentence():
    """Outside of a whole graph it runs, uncompiled, between two graphs."""
    given = random_arguments(cl.match_reward, **SMALL)

    def twice(**x):
        return 2 * cl.match_reward(**x)

    torch._dynamo.reset()
    with pytest.raises(torch._dynamo.exc.Unsupported):
        torch.compile(twice, fullgraph=True, backend="eager")(**given)
    assert torch.equal(torch.compile(twice, backend="eager")(**given), twice(**given))


WIDTHS = (5, 6, 7, 9, 11, 13, 14, 17, 19, 23, 29, 31)


@pytest.mark.parametrize("backend", ["torch", "numba"])
@pytest.mark.parametrize(
    "name", ["discounted_return", "gae", "reinforce_plus_plus", "gigpo", "pure"]
)
def test_a_graph_serves_every_width(name, backend, monkeypatch):
    """A reference that walks columns would be compiled again for each, up to torch's limit of 8."""
    if backend == "numba":
        pytest.importorskip("numba")
    monkeypatch.setattr("creditlib.ops.backend.dispatch.default_backend", lambda device: backend)
    graphs = []

    def count(graph, _):
        graphs.append(graph)
        return graph.forward

    torch._dynamo.reset()
    function = public_functions()[name]
    compiled = torch.compile(function, fullgraph=True, backend=count)
    for width in WIDTHS:
        arguments = random_arguments(function, batch=6, turns=width, tokens=3 * width)
        found = compiled(**arguments, **NEEDS.get(name, {}))
        expected = function(**arguments, **NEEDS.get(name, {}))
        pairs = zip(*(x if isinstance(x, tuple) else (x,) for x in (found, expected)), strict=True)
        assert all(torch.equal(ours, eager) for ours, eager in pairs)
    assert len(graphs) <= 3


def test_a_graph_break_is_seen():
    def waits(x):
        return x * int(x.sum()) if x.sum() > 0 else x

    with pytest.raises(torch._dynamo.exc.Unsupported):
        assert_compiles(waits, torch.ones(2))
