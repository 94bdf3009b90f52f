import functools
import sys

import pytest
import torch
from helpers import NEEDS, Fields

import creditlib as cl
from creditlib.registry import plugins, public_functions
from creditlib.testing import random_arguments
from creditlib.vocabulary import Reward, Valid

BATCH = {
    "reward": torch.tensor([0.0, 1.0, 5.0]),
    "group": torch.tensor([3, 3, 4]),
    "uid": ["a", "a", "b"],
    "response": torch.zeros(3, 9),
}
AS_TENSORS = "`creditlib.tensors` makes tensors of lists, arrays and columns"
PLUGIN = """
import torch


def double(*, reward):
    return 2 * reward


number = 3
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A distribution that lies on the path with entry points of the group."""
    (tmp_path / "mycredit.py").write_text(PLUGIN)
    info = tmp_path / "mycredit-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mycredit\nVersion: 1.0\n")
    lines = [
        "[creditlib.estimators]",
        "double = mycredit:double",
        "extra = mycredit:double [fast]",
        "number = mycredit:number",
        "gone = mycredit:gone",
        "grpo = mycredit:double",
        "missing = nowhere_at_all:double",
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("mycredit", None)


def test_ours_are_found_by_name():
    assert all(cl.resolve(name) is function for name, function in public_functions().items())


def test_every_public_function_is_an_attribute_of_the_package_or_a_recipe():
    places = {**vars(cl.recipes), **vars(cl)}
    assert all(places[name] is function for name, function in public_functions().items())


def test_a_function_stands_for_itself():
    def mine():
        return None

    assert cl.resolve(mine) is mine


def test_an_import_path_is_followed():
    assert cl.resolve("creditlib.estimators.turn.gigpo:gigpo") is cl.gigpo
    assert cl.resolve("creditlib:to_tokens") is cl.to_tokens


def test_an_entry_point_is_found_by_its_name(installed):
    reward = torch.tensor([1.0])
    assert torch.equal(cl.apply("double", {"reward": reward}), torch.tensor([2.0]))
    assert torch.equal(cl.apply("extra", {"reward": reward}), torch.tensor([2.0]))


def test_a_plugin_cannot_take_the_name_of_one_of_ours(installed):
    assert cl.resolve("grpo") is cl.grpo


def test_plugins_lists_each_with_its_fault(installed):
    found = {plugin.name: plugin for plugin in plugins()}
    assert found["double"].function is not None
    assert found["double"].error is None
    assert found["number"].error == "int is not callable"
    assert found["missing"].error == "ModuleNotFoundError: No module named 'nowhere_at_all'"
    assert found["gone"].error.startswith("AttributeError: ")
    assert all(found[name].function is None for name in ("number", "missing", "gone"))


def test_a_plugin_that_is_no_function_is_refused(installed, refusal):
    assert refusal(cl.resolve, "number") == (
        "resolve: `name` must be a function, got 'mycredit:number', which is int."
    )


WANTED = "resolve: `name` must be a name of creditlib, of a plug-in, or 'package.module:function'"


def test_a_misspelt_name_is_refused_with_the_nearest(refusal):
    assert refusal(cl.resolve, "gigop") == f"{WANTED}, got 'gigop' (did you mean 'gigpo'?)."


def test_a_misspelt_plugin_is_refused_with_the_nearest(installed, refusal):
    assert refusal(cl.resolve, "duoble") == f"{WANTED}, got 'duoble' (did you mean 'double'?)."


def test_a_name_like_no_other_is_refused_without_a_guess(refusal):
    assert refusal(cl.resolve, "zzzzzz") == f"{WANTED}, got 'zzzzzz'."


def test_what_is_neither_name_nor_function_is_refused(refusal):
    assert refusal(cl.resolve, 5) == "resolve: `name` must be a name or a function, got int."


def test_an_import_path_that_does_not_load_is_refused(refusal):
    assert refusal(cl.resolve, "nowhere_at_all:f") == (
        "resolve: `name` must be an import path that loads, "
        "got 'nowhere_at_all:f' (ModuleNotFoundError: No module named 'nowhere_at_all')."
    )
    assert refusal(cl.resolve, "creditlib:nothing") == (
        "resolve: `name` must be an import path that loads, "
        "got 'creditlib:nothing' (AttributeError: module 'creditlib' has no attribute 'nothing')."
    )


@pytest.fixture
def rude(tmp_path, monkeypatch):
    """A third-party module whose import ends in what its name says."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rude_exit.py").write_text("raise SystemExit('bye\\n\\x1b[31mnow')\n")
    (tmp_path / "rude_fault.py").write_text("raise RuntimeError('no\\nluck')\n")


def test_whatever_an_import_raises_is_one_line(rude, refusal):
    wanted = "resolve: `name` must be an import path that loads, got"
    assert (
        refusal(cl.resolve, "rude_exit:f") == f"{wanted} 'rude_exit:f' (SystemExit: bye [31mnow)."
    )
    assert refusal(cl.resolve, "rude_fault:f") == (
        f"{wanted} 'rude_fault:f' (RuntimeError: no luck)."
    )


def test_whatever_a_plugin_raises_is_one_line(rude, tmp_path):
    info = tmp_path / "rude-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rude\nVersion: 1.0\n")
    lines = ["[creditlib.estimators]", "leaves = rude_exit:f", "fails = rude_fault:f"]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    found = {plugin.name: plugin.error for plugin in plugins()}
    assert found["leaves"] == "SystemExit: bye [31mnow"
    assert found["fails"] == "RuntimeError: no luck"


def test_apply_takes_what_the_signature_names_and_leaves_the_rest():
    expected = cl.grpo(reward=BATCH["reward"], group=BATCH["group"], scale=None)
    assert torch.equal(cl.apply("grpo", BATCH, scale=None), expected)
    assert torch.equal(expected, torch.tensor([-0.5, 0.5, 0.0]))


def test_apply_passes_an_optional_tensor_the_mapping_has():
    batch = {**BATCH, "valid": torch.tensor([True, False, True])}
    assert torch.equal(cl.apply("rloo", batch), torch.zeros(3))


def test_apply_does_not_read_options_from_the_mapping():
    assert torch.equal(
        cl.apply("grpo", {**BATCH, "eps": 9.0, "scale": None}), cl.apply("grpo", BATCH)
    )


def test_an_option_that_names_a_tensor_replaces_the_mappings():
    replaced = cl.apply("grpo", BATCH, group=torch.tensor([0, 0, 0]), scale=None)
    assert torch.equal(replaced, torch.tensor([-2.0, -1.0, 3.0]))


def test_a_missing_tensor_is_refused_with_what_is_there(refusal):
    assert refusal(cl.apply, "gigpo", BATCH) == (
        "gigpo: `turn_reward` must be float[batch turn], "
        "got nothing; given: `group`, `response`, `reward`, `uid`; "
        "`outcome_at_last_turn` makes it from `reward`."
    )
    assert refusal(cl.apply, "grpo", {}) == (
        "grpo: `reward` must be float[batch], got nothing; given: nothing."
    )


def test_a_required_tensor_held_as_something_else_is_refused(refusal):
    assert refusal(cl.apply, "grpo", {**BATCH, "group": BATCH["uid"]}) == (
        f"grpo: `group` must be int[batch], got list; {AS_TENSORS}."
    )


def test_an_optional_tensor_held_as_something_else_is_refused_not_dropped(refusal):
    assert refusal(cl.apply, "grpo", {**BATCH, "valid": [True, False, True]}) == (
        f"grpo: `valid` must be bool[batch], got list; {AS_TENSORS}."
    )


def test_none_for_an_optional_tensor_is_its_absence():
    assert torch.equal(cl.apply("grpo", {**BATCH, "valid": None}), cl.apply("grpo", BATCH))


def test_apply_takes_partials(refusal):
    configured = functools.partial(cl.grpo, scale=None)
    assert torch.equal(cl.apply(configured, BATCH), cl.apply("grpo", BATCH, scale=None))
    assert refusal(cl.apply, configured, {}).startswith("grpo: `reward` must be float[batch]")


def test_apply_takes_a_mapping_that_behaves_like_a_tensordict():
    batch = Fields(reward=BATCH["reward"], group=BATCH["group"])
    assert torch.equal(cl.apply("grpo", batch), cl.apply("grpo", BATCH))


def patient(*, reward: Reward, seconds, valid: Valid | None = None, rate: float = 0.5):
    return reward - rate * seconds


def test_a_third_party_estimator_needs_no_registration(refusal):
    batch = {**BATCH, "seconds": torch.tensor([2.0, 0.0, 4.0])}
    assert torch.equal(cl.apply(patient, batch), torch.tensor([-1.0, 1.0, 3.0]))
    assert torch.equal(cl.apply(patient, batch, rate=1.0), torch.tensor([-2.0, 1.0, 1.0]))
    assert refusal(cl.apply, patient, BATCH) == (
        "patient: `seconds` must be given, "
        "got nothing; given: `group`, `response`, `reward`, `uid`."
    )


def test_a_tensor_that_bears_an_options_name_is_left_alone():
    """`baseline` is a tensor of remax and an option of pure: one batch may serve both."""
    batch = random_arguments(cl.pure) | {"baseline": torch.zeros(12)}
    assert torch.equal(cl.apply("pure", batch), cl.pure(**random_arguments(cl.pure)))


def test_an_option_in_the_mapping_is_not_taken(refusal):
    batch = {"reward": torch.ones(1), "turn_count": torch.tensor([1]), "turns": 2}
    wanted = "outcome_at_last_turn: `turns` must be given as an option, got int."
    assert refusal(cl.apply, "outcome_at_last_turn", batch) == wanted


def test_what_is_no_mapping_is_refused(refusal):
    wanted = "apply: `mapping` must be tensors by name, got list."
    assert refusal(cl.apply, "grpo", [torch.ones(1)]) == wanted


def test_a_module_is_called_with_what_its_forward_names():
    class Halved(torch.nn.Module):
        def forward(self, *, reward, group):
            return cl.grpo(reward=reward, group=group) / 2

    batch = {"reward": torch.tensor([0.0, 1.0]), "group": torch.tensor([0, 0]), "other": 1}
    assert torch.equal(cl.apply(Halved(), batch), cl.apply("grpo", batch) / 2)


def test_a_function_with_types_for_the_checker_only(tmp_path, monkeypatch):
    (tmp_path / "late.py").write_text(
        "from __future__ import annotations\n"
        "def f(*, reward: Tensor, group: Tensor): return reward + group\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    batch = {"reward": torch.ones(1), "group": torch.ones(1)}
    assert cl.apply("late:f", batch) == 2


def rank_of(*, reward: Reward, group=None):
    """An estimator that has never heard of `valid`: the share of rewards that are not larger."""
    return (reward[:, None] >= reward[None]).float().mean(1)


def test_rows_that_take_no_part_are_deleted_for_a_function_without_valid():
    """Of rewards 1, 0 and 0.5 the shares are 3/3, 1/3 and 2/3; the row of 9 is left out."""
    valid = torch.tensor([True, True, False, True])
    batch = {"reward": torch.tensor([1.0, 0.0, 9.0, 0.5]), "valid": valid}
    credit = cl.apply(rank_of, batch)
    torch.testing.assert_close(credit, torch.tensor([1.0, 1 / 3, 0.0, 2 / 3]))
    with_group = cl.apply(rank_of, batch, group=torch.arange(4))
    assert torch.equal(with_group, credit)
    whole = cl.apply(rank_of, {**batch, "valid": torch.ones(4, dtype=torch.bool)})
    assert torch.equal(whole, rank_of(reward=batch["reward"]))


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_every_function_gives_excluded_rows_nothing_and_takes_nothing_from_them(name):
    """NaN, infinity and wrong counts in a row that takes no part change no other row."""
    function = public_functions()[name]
    clean = random_arguments(function, optional=False, batch=8)
    valid = torch.ones(8, dtype=torch.bool)
    valid[3] = False
    kept = {key: x[valid] for key, x in clean.items()}
    wrong = {key: x.clone() for key, x in clean.items()}
    for x in wrong.values():
        if x.is_floating_point():
            x[3] = torch.nan
    expected = cl.apply(name, {**kept, "valid": valid[valid]}, **options_for(name))
    found = cl.apply(name, {**wrong, "valid": valid}, **options_for(name))
    for ours, alone in zip(as_tuple(found), as_tuple(expected), strict=True):
        if ours.ndim == 0:  # a statistic of the rows that take part
            assert torch.equal(ours, alone)
            continue
        assert not ours[3].any()
        torch.testing.assert_close(ours[valid], alone, rtol=0, atol=0)


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


def options_for(name):
    return NEEDS.get(name, {})


def test_packed_rows_are_left_out_by_the_function_itself(refusal):
    batch = {
        "token_reward": torch.zeros(3),
        "turn": torch.tensor([0, 0, 0]),
        "offsets": torch.tensor([0, 2, 3]),
        "valid": torch.tensor([True, False]),
    }
    assert refusal(cl.apply, "discounted_return", batch, gamma=1.0) == (
        "discounted_return: `valid` must be true in every packed row, got rows left out; "
        "name `valid` in the signature of the function."
    )


def test_a_tensor_without_a_row_for_each_trajectory_is_refused_where_rows_are_left_out(refusal):
    batch = {"reward": torch.ones(2), "valid": torch.tensor([True, False, True])}
    assert refusal(cl.apply, rank_of, batch) == (
        "rank_of: `reward` must be one row for each trajectory, "
        "got torch.float32 (2,) where `valid` has batch 3."
    )


def test_an_option_says_that_a_near_miss_is_something_else():
    batch = {**BATCH, "valids": torch.ones(3)}
    assert torch.equal(cl.apply("grpo", batch, valid=None), cl.apply("grpo", BATCH))
