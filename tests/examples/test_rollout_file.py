from pathlib import Path

import torch

from creditlib.rollouts import read, write
from examples.textworld.rollout_file import mixed, shortest_mixed_group, trajectories
from examples.textworld.train import Settings, train
from examples.textworld.world import World

SETTINGS = Settings(learning_rate=0.03, entropy=0.01, updates=1, turns=10)


def test_what_is_written_is_what_was_played(world: World, tmp_path: Path):
    played = next(train(world, "gigpo", [0, 1], SETTINGS))
    rows = range(len(played.reward) // 2)
    write(tmp_path / "played.jsonl", trajectories(world, played, rows, "gigpo/update-1"))
    tensors = read(tmp_path / "played.jsonl").tensors
    width = int(played.turn_count[list(rows)].max())
    assert torch.equal(tensors["reward"], played.reward[list(rows)])
    assert torch.equal(tensors["turn_count"], played.turn_count[list(rows)])
    assert torch.equal(tensors["turn_reward"], played.turn_reward[list(rows), :width])
    same = played.group[list(rows)]
    assert torch.equal(tensors["group"][:, None] == tensors["group"], same[:, None] == same)


def test_the_anchors_read_back_are_those_trained_with(world: World, tmp_path: Path):
    played = next(train(world, "gigpo", [0], SETTINGS))
    write(tmp_path / "played.jsonl", trajectories(world, played, range(8), "label"))
    back = read(tmp_path / "played.jsonl").tensors["anchor"]
    anchor = played.anchor[:8, : back.shape[1]]
    real = anchor.flatten() >= 0
    assert torch.equal(back.flatten() >= 0, real)
    back, anchor = back.flatten()[real], anchor.flatten()[real]
    assert torch.equal(back[:, None] == back, anchor[:, None] == anchor)


def test_a_turn_holds_the_room_and_the_command(world: World):
    played = next(train(world, "gigpo", [0], SETTINGS))
    lines = trajectories(world, played, range(16), "gigpo/update-1")
    assert [line["group"] for line in lines[::8]] == [f"gigpo/update-1/{g}" for g in world.games]
    assert [line["id"] for line in lines] == [str(number) for number in range(1, 9)] * 2
    start = lines[0]["turns"][0]
    assert start["observation"] == world.observations[0]
    assert start["text"] == world.commands[int(played.command[0, 0])]


def line(group: str, outcome: float, turns: int) -> dict[str, object]:
    return {"group": group, "outcome": outcome, "turns": [{}] * turns}


def test_mixed_is_won_and_lost():
    assert mixed([line("a", 1, 1), line("a", 0, 1)])
    assert not mixed([line("a", 0, 1), line("a", 0, 2)])


def test_the_rows_of_a_group_are_numbered_wherever_they_stand(world: World):
    played = next(train(world, "gigpo", [0], SETTINGS))
    lines = trajectories(world, played, [0, 8, 1, 9, 2], "label")
    assert [line["id"] for line in lines] == ["1", "1", "2", "2", "3"]


def test_a_mixed_group_is_preferred_to_a_shorter_one():
    lines = [line("won", 1, 1), line("won", 1, 1), line("mixed", 1, 4), line("mixed", 0, 4)]
    assert shortest_mixed_group(lines) == "mixed"
    assert shortest_mixed_group([*lines, line("other", 0, 2), line("other", 1, 2)]) == "other"
    assert shortest_mixed_group(lines[:2]) == "won"
