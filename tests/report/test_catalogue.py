import io

import torch
from jaxtyping import Float
from rich.console import Console
from torch import Tensor

from creditlib.registry import public_functions
from creditlib.report.catalogue import Entry, catalogue, catalogue_table, level_of


def test_every_public_function_has_an_entry_that_says_what_it_credits():
    entries = catalogue()
    assert [entry.name for entry in entries] == list(public_functions())
    for entry in entries:
        assert entry.level in ("trajectory", "turn", "token", "batch"), entry.name
        assert entry.credits, entry.name
        assert entry.required, entry.name


def test_entries_by_hand():
    found = {entry.name: entry for entry in catalogue()}
    assert found["opo"] == Entry(
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
