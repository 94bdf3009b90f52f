import dataclasses
import io
import json
import sys

import torch
from jaxtyping import Float
from rich.console import Console
from torch import Tensor

from creditlib.registry import Plugin, public_functions
from creditlib.report.catalogue import (
    Entry,
    catalogue,
    catalogue_as_json,
    catalogue_table,
    level_of,
    plugin_entries,
    selected,
)


def test_every_public_function_has_an_entry_that_says_what_it_credits():
    entries = catalogue()
    assert [entry.name for entry in entries] == list(public_functions())
    for entry in entries:
        assert entry.level in ("trajectory", "turn", "token", "batch"), entry.name
        assert entry.credits, entry.name
        assert entry.required, entry.name


def test_entries_by_hand():
    found = {entry.name: entry for entry in catalogue()}
    assert dataclasses.replace(found["opo"], options=()) == Entry(
        name="opo",
        level="trajectory",
        credits="How much better a trajectory's reward is than the length-weighted mean of its "
        "group",
        required=("reward", "group", "length"),
        optional=("valid",),
        paper="2505.23585",
    )
    assert found["opo"].needs == "reward, group, length, [valid]"
    assert found["gigpo"].level == "turn"
    assert found["duration_weight"].level == "turn"
    assert found["gae"].level == "token"
    assert found["effective_sample_size"].level == "batch"
    assert [found[name].kind for name in ("opo", "vpr", "duration_weight", "overlong_penalty")] == [
        "estimator",
        "recipe",
        "weight",
        "shaper",
    ]
    assert found["opo"].options[0].endswith("; 'zero' | 'raw'; default 'zero'.")


def test_the_level_of_a_strangers_function_comes_from_its_annotations():
    def turnwise(*, x: Tensor) -> Float[Tensor, "batch turn"]:
        return x

    def pair(*, x: Float[Tensor, "batch token"]) -> tuple[Tensor, Tensor]:
        return x, x

    def silent(x):
        return x

    def share(*, x: Float[Tensor, "batch turn"]) -> Float[Tensor, ""]:
        return x.mean()

    functions = (turnwise, pair, silent, share)
    assert [level_of(function) for function in functions] == ["turn", "token", "", "batch"]
    assert share(x=torch.ones(1, 1)) == 1
    assert torch.equal(turnwise(x=torch.zeros(1)), silent(torch.zeros(1)))
    assert len(pair(x=torch.zeros(1))) == 2


def test_the_table_fits_80_columns_and_cuts_no_name():
    console = Console(file=io.StringIO(), width=80)
    console.print(catalogue_table())
    text = console.file.getvalue()
    words = set(text.replace(",", " ").split())
    for entry in catalogue():
        assert entry.name in words
        assert {*entry.required, *(f"[{name}]" for name in entry.optional)} <= words
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_entries_are_selected_by_kind_level_and_tensor(refusal):
    entries = catalogue()
    turns = selected(entries, level="turn", needs="anchor")
    assert {"gigpo", "action_margin"} <= {entry.name for entry in turns}
    assert all(entry.level == "turn" for entry in turns)
    assert all("anchor" in entry.required + entry.optional for entry in turns)
    # An optional tensor is read, too.
    assert "vpr" in [entry.name for entry in selected(entries, kind="recipe", needs="anchor")]
    assert selected(entries) == entries
    assert selected(entries, kind="plug-in") == []
    assert refusal(selected, entries, needs="anchr") == (
        "selected: `needs` must be a tensor that a function of the list reads, got 'anchr' (did "
        "you mean 'anchor'?)."
    )


def test_plugins_stand_in_the_list_with_what_is_wrong(monkeypatch):
    def mine(*, x: Float[Tensor, "batch turn"]) -> Float[Tensor, "batch turn"]:
        """Half of it.

        Args:
            x: what it halves.
        """
        return x / 2

    offered = [
        Plugin("mine", "pkg:mine", mine, None),
        Plugin("lost", "pkg:lost", None, "ImportError: no\n\x1b[2Jluck"),
        Plugin("grpo", "pkg:grpo", mine, None),
    ]
    module = sys.modules["creditlib.report.catalogue"]  # the package has a function of this name
    monkeypatch.setattr(module, "plugins", lambda: offered)
    found = plugin_entries()
    assert [entry.kind for entry in found] == ["plug-in"] * 3
    assert (found[0].level, found[0].credits, found[0].required) == ("turn", "Half of it", ("x",))
    assert found[1].error == "it does not load: ImportError: no [2Jluck"
    assert found[2].error == "creditlib's own grpo has the same name"
    console = Console(file=io.StringIO(), width=80)
    console.print(catalogue_table(found))
    assert "turn, plug-in" in console.file.getvalue()
    assert json.loads(catalogue_as_json(found))[0]["required"] == ["x"]
    assert torch.equal(mine(x=torch.ones(1, 1)), torch.full((1, 1), 0.5))
