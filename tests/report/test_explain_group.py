import io
import random
import re

import pytest
from rich.console import Console

from creditlib.report.credit_columns import credit_columns
from creditlib.report.explain_choice import choose_groups
from creditlib.report.explain_group import GroupRows
from creditlib.report.explain_layout import credit_scales
from creditlib.report.summary import summarize
from creditlib.rollouts import from_trajectories

HALL = "You are in a long hall."
MANY = ["grpo", "rloo", "gigpo", "maxrl", "gpg", "hard_min_returns", "suffix_min_returns"]


def batch():
    return from_trajectories(
        [
            {
                "group": "kitchen",
                "id": "a",
                "outcome": 1.0,
                "turns": [
                    {"observation": f"{HALL} The door [bold]\nis closed.", "text": "open door"},
                    {"observation": f"{HALL} The door [bold]\nis open.", "text": "go " * 60},
                ],
            },
            {"group": "kitchen", "outcome": 0.0, "turns": [{"observation": "x", "text": "wait"}]},
            {"group": "cellar", "outcome": None, "turns": []},
            {"group": "seen", "outcome": 1.0, "turns": [{"observation": f"{HALL} A"}]},
            {"group": "seen", "outcome": 0.0, "turns": [{"observation": f"{HALL} B"}]},
            {"group": "seen", "outcome": None, "turns": [{"observation": f"{HALL} C"}]},
        ]
    )


def rows(rollouts, name, estimators=("rloo", "gigpo"), **options):
    columns = credit_columns(rollouts, estimators)
    group = choose_groups(summarize(rollouts, columns), [name])[0]
    return GroupRows(rollouts, group, credit_scales(columns), **options)


def shown(part, width=120, color=None, encoding="utf-8"):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    terminal = color is not None
    console = Console(file=file, width=width, force_terminal=terminal, color_system=color)
    console.print(part)
    file.seek(0)
    return file.read()


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_a_row_per_turn_with_credit_side_by_side():
    assert lines(shown(rows(batch(), "kitchen"), width=160)) == [
        "group kitchen: 2 trajectories",
        "turn observation action reward rloo gigpo",
        "a: outcome 1, 2 turns",
        "0 You are in a long hall. The door [bold] is closed. open door 0 +1.000 │███ +0.707 │███",
        "1 … open. go go go go go go go go go go go go go go go … 1 +1.000 │███ +0.707 │███",
        "#2: outcome 0, 1 turn",
        "0 x wait 0 -1.000 ███│ -0.707 ███│",
    ]


def test_a_trajectory_that_takes_no_part_and_one_without_turns():
    found = lines(shown(rows(batch(), "cellar")))
    assert found[0] == "group cellar: 1 trajectory, none takes part"
    assert found[2] == "#3: no outcome, takes no part, no turns"
    found = lines(shown(rows(batch(), "seen")))
    assert found[6:8] == ["#6: no outcome, takes no part, 1 turn", "0 … C 0 0 │ 0 │"]


def test_first_observations_show_where_the_trajectories_differ():
    found = lines(shown(rows(batch(), "seen")))
    assert [found[k].split()[:3] for k in (3, 5)] == [["0", "…", "A"], ["0", "…", "B"]]


def long_batch():
    turn = {"observation": HALL, "reward": 0.0}
    rewards = [0.0, 9.0, 0.0, 5.0, 0.0, 7.0]
    return from_trajectories(
        [
            {"group": 0, "id": "low", "outcome": -1.0, "turns": [turn]},
            {
                "group": 0,
                "id": "high",
                "outcome": 21.0,
                "turns": [{**turn, "reward": reward} for reward in rewards],
            },
            {"group": 0, "id": "middle", "outcome": 2.0, "turns": [turn]},
        ]
    )


def own(*, turn_reward):
    return turn_reward


def test_the_best_and_the_worst_trajectory():
    found = lines(shown(rows(long_batch(), 0, ["rloo"], ends=True)))
    # rloo: -1 - 11.5 = -12.5; 21 - 0.5 = 20.5; 2 - 10 = -8.
    assert found[2] == "high: outcome 21, 6 turns, largest mean credit under rloo"
    assert found[9] == "low: outcome -1, 1 turn, smallest mean credit under rloo"
    assert len(found) == 11


def test_the_turns_with_the_largest_credit_in_their_order():
    found = lines(shown(rows(long_batch(), 0, [own], ends=True, top=2)))
    assert [line.split()[0] for line in found[3:5]] == ["1", "5"]
    assert found[5] == "… 4 more turns have smaller or equal |credit|"


def test_equal_trajectories_are_said_to_be_equal():
    rollouts = from_trajectories([{"group": 0, "outcome": 1.0, "turns": [{}]} for _ in range(3)])
    found = lines(shown(rows(rollouts, 0, ["rloo"], ends=True)))
    assert found[0] == "group 0: 3 trajectories, equal outcomes"
    assert found[2] == "#1: outcome 1, 1 turn, equal mean credit under rloo"
    assert found[4].startswith("#3: ")


def test_colour_by_sign():
    text = shown(rows(batch(), "kitchen", ["rloo"]), color="256")
    assert re.search(r"\x1b\[94m *\+1\.000", text)
    assert re.search(r"\x1b\[38;5;208m *-1\.000", text)


@pytest.mark.parametrize("width", [44, 50, 60, 72, 80, 100, 120, 200])
def test_no_number_and_no_text_is_lost_at_any_width(width):
    part = rows(batch(), "kitchen", MANY)
    text = shown(part, width)
    assert max(map(len, text.splitlines())) <= width
    signed = re.compile(r"[+-]\d+\.\d{3}")
    assert sorted(signed.findall(text)) == sorted(signed.findall(shown(part, 400)))
    for word in ("open door", "wait", "… open."):
        assert text.count(word) == 1


def test_a_narrow_terminal_gives_up_bars_then_the_place_beside_the_numbers():
    part = rows(batch(), "kitchen")
    assert "│" in shown(part, 80)
    assert "│" not in shown(part, 60)
    assert "observation" in shown(part, 60)
    narrow = shown(part, 50)
    assert "observation" not in narrow
    assert "     saw: You are in a long hall. The door [bold]…" in narrow.splitlines()
    assert "     did: open door" in narrow.splitlines()
    assert shown(part, part.width).count("│") == 6


def test_estimators_that_do_not_fit_stand_in_further_parts():
    text = lines(shown(rows(batch(), "kitchen", MANY), 44))
    assert "grpo, rloo, gigpo, maxrl, as many as fit." in text
    assert "as many as fit. Texts: in the first part." in " ".join(text)


def test_rows_differ_at_80_columns():
    """Each turn of a walk is told apart from the one before it by its texts."""
    dice = random.Random(1)
    places = ["hall", "cellar", "attic", "garden"]
    walk = [places[0]]
    while len(walk) < 20:
        walk.append(dice.choice([place for place in places if place != walk[-1]]))
    turns = [
        {"observation": f"{HALL * 4} Behind it is the {place}.", "text": "go"} for place in walk
    ]
    rollouts = from_trajectories([{"group": 0, "outcome": 1.0, "turns": turns}])
    found = [line[:40] for line in shown(rows(rollouts, 0), 80).splitlines()[4:-1]]
    assert [line.split()[2].rstrip(".") for line in found] == walk[1:]


def test_an_ascii_terminal_has_ascii_bars():
    assert "0 -1.000 ###|" in " ".join(shown(rows(batch(), "kitchen"), encoding="ascii").split())


def test_wide_characters_keep_the_columns():
    turns = [{"observation": "部屋" * 30, "text": "é" * 3}, {"observation": "x", "text": "y"}]
    rollouts = from_trajectories([{"group": 0, "outcome": 1.0, "turns": turns}])
    console = Console(file=io.StringIO(), width=80)
    printed = shown(rows(rollouts, 0), 80).splitlines()[3:5]
    assert len({console.measure(line).maximum for line in printed}) == 1


def test_escape_codes_of_a_rollout_do_not_reach_the_terminal():
    turn = {"observation": "\x1b[2Jx", "text": "a\x07\tb\u202e"}
    rollouts = from_trajectories(
        [{"group": "g\x1b[2J", "id": "i\x9b", "outcome": 1.0, "turns": [turn]}]
    )
    text = shown(rows(rollouts, "g\x1b[2J", ["grpo"]))
    assert all(c.isprintable() or c == "\n" for c in text)
    assert lines(text)[3] == "0 [2Jx a b 1 0 │"


def test_credit_that_is_not_finite_is_printed():
    def broken(*, reward):
        return reward / 0

    rollouts = from_trajectories(
        [{"group": 0, "outcome": outcome, "turns": [{}]} for outcome in (1.0, 0.0, -1.0)]
    )
    found = " ".join(shown(rows(rollouts, 0, [broken], ends=True)).split())
    assert "inf" in found
    assert "#1: outcome 1" in found
