import json
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from creditlib.rollouts import read
from creditlib.vocabulary.messages import ContractError
from examples.textworld import run
from examples.textworld.games import RECIPES, Game
from examples.textworld.rollout_file import mixed, trajectories
from examples.textworld.train import SETTINGS, train
from examples.textworld.world import join


def test_the_whole_demo_in_small(tmp_path: Path, games: dict[str, Game]):
    console = Console(width=120, record=True, quiet=False, force_terminal=False)
    out = tmp_path / "rollouts.jsonl"
    with console.capture() as capture:
        result = run(seeds=2, updates=2, out=out, console=console, recipes=[RECIPES[4]])
    text = capture.get()
    assert list(result.curves) == ["grpo", "gigpo"]
    assert all(curve.shape == (2, 2) for curve in result.curves.values())
    assert torch.equal(result.curves["grpo"][:, 0], result.curves["gigpo"][:, 0])
    assert f"  creditlib report {out} -e grpo -e gigpo\n" in text
    assert text.endswith(f"  creditlib explain {out} -e grpo -e gigpo -g {result.group}\n")
    assert len(text.splitlines()) <= 50
    for expected in ("training grpo", "training gigpo", "1–1", "all", "paired seeds", "seconds"):
        assert expected in text
    assert "With grpo's settings for both, " in " ".join(text.split())
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert {one["group"] for one in lines} == {
        f"{name}/update-{update}/quest-2" for name in ("grpo", "gigpo") for update in (1, 2)
    }
    both = mixed([one for one in lines if one["group"] == result.group])
    rule = "the shortest group with both outcomes:" if both else "the shortest group:"
    assert f"The terminal shows {rule}" in text
    end = text.index("rollouts are in")
    assert text.index("1–1") < text.index("paired seeds") < end  # the result, then the offer
    assert len(read(out).trajectories) == len(lines) == 32
    world = join([games["quest-2"]])
    played = next(train(world, "grpo", [0], SETTINGS["grpo"]))
    assert lines[:8] == trajectories(world, played, range(8), "grpo/update-1")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seeds": 1}, "demo: `seeds` must be at least 2, got 1."),
        ({"updates": 0}, "demo: `updates` must be at least 1, got 0."),
        ({"out": Path("out.txt")}, "demo: `out` must end in .jsonl, got 'out.txt'."),
    ],
)
def test_bad_options_are_refused_before_anything_is_played(
    options: dict[str, Any], sentence: str, tmp_path: Path
):
    with pytest.raises(ContractError) as caught:
        run(**{"out": tmp_path / "rollouts.jsonl", **options})
    assert str(caught.value) == sentence


def test_games_have_names_of_their_own():
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES) == 6
