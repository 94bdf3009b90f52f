import io

import pytest
from rich.console import Console

from creditlib.report import explain
from creditlib.report.explain import select_groups
from creditlib.rollouts import from_trajectories
from creditlib.vocabulary.messages import ContractError


def shown(*args, width=120, color=None, **options):
    console = Console(
        file=io.StringIO(), width=width, force_terminal=color is not None, color_system=color
    )
    console.print(explain(*args, **options))
    return console.file.getvalue()


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def batch():
    return from_trajectories(
        [
            {
                "group": "kitchen",
                "id": "a",
                "outcome": 1.0,
                "turns": [
                    {"observation": "door [bold]\nclosed", "text": "open door"},
                    {"observation": {"door": "open"}, "text": "go " * 60},
                ],
            },
            {"group": "kitchen", "outcome": 0.0, "turns": [{"observation": "x", "text": "wait"}]},
            {"group": "cellar", "outcome": None, "turns": []},
            {"group": 7, "outcome": 3.0, "turns": [{"observation": "x", "text": "dig"}]},
            {"group": 8, "outcome": 2.0, "turns": [{"observation": "x", "text": "dig"}]},
        ],
        notes=("a note.",),
    )


def test_one_row_per_turn_with_credit_side_by_side():
    found = lines(shown(batch(), ["rloo", "gigpo"], groups=["kitchen"]))
    assert found[0] == "group kitchen: 2 trajectories"
    assert found[1] == "trajectory outcome turn observation text reward rloo gigpo"
    assert found[3] == "a 1 0 door [bold] closed open door 0 +1.000 +0.707"
    assert found[4].startswith('1 {"door": "open"} go go ')
    assert found[4].endswith("go g… 1 +1.000 +0.707")
    assert found[5] == "#2 0 0 x wait 0 -1.000 -0.707"
    assert found[6] == "a note."
    assert found[7] == "whole batch"


def test_a_trajectory_without_turns_and_a_row_without_outcome():
    found = lines(shown(batch(), ["rloo"], groups=["cellar"]))
    assert found[0] == "group cellar: 1 trajectory"
    assert found[3] == "#3 none -"


def test_the_first_groups_and_how_many_more():
    text = shown(batch(), ["grpo"])
    assert "group 7: 1 trajectory" in text
    assert "group 8" not in text
    assert "1 more group: `groups=[...]` or `limit=None`." in text
    everything = shown(batch(), ["grpo"], limit=None)
    assert "group 8" in everything
    assert "more group" not in everything


def test_credit_is_that_of_the_whole_batch():
    options = {"grpo": {"scale_over": "batch"}}
    alone = from_trajectories(batch().trajectories[:2])
    whole = lines(shown(batch(), ["grpo"], groups=["kitchen"], options=options))[3]
    assert whole != lines(shown(alone, ["grpo"], options=options))[3]


def test_estimators_that_cannot_are_named_and_the_others_shown():
    reason = (
        "igpo needs `information_gain`, which is read from the turns' `gold_log_prob`; these "
        "rollouts have no such key."
    )
    found = lines(shown(batch(), ["igpo", "grpo"], groups=["kitchen"], width=200))
    assert found[0] == reason
    assert found[2] == "trajectory outcome turn observation text reward grpo"


def test_without_any_credit_there_are_reasons_and_notes_only():
    found = lines(shown(batch(), ["pure", "gae"], groups=["kitchen"], width=200))
    assert [line.split()[0] for line in found] == ["pure", "gae", "a"]


def test_colour_by_sign():
    text = shown(batch(), ["rloo"], groups=["kitchen"], color="standard")
    assert "\x1b[32m+1.000" in text
    assert "\x1b[31m-1.000" in text


def test_numbers_keep_their_width_in_a_narrow_terminal():
    text = shown(batch(), ["grpo", "rloo", "gigpo", "maxrl"], groups=["kitchen"], width=80)
    assert lines(text)[3].endswith("+0.707 +1.000 +0.707 +1.000")
    assert max(map(len, text.splitlines())) <= 80


MANY = ["grpo", "rloo", "gigpo", "maxrl", "gpg", "hard_min_returns", "suffix_min_returns"]


def test_texts_give_way_before_the_estimators_are_spread_over_tables():
    wide = explain(batch(), MANY, groups=["kitchen"])
    whole = lines(shown(batch(), MANY, groups=["kitchen"], width=wide.width))
    assert any("observa" in line for line in whole)
    without = shown(batch(), MANY, groups=["kitchen"], width=wide.width - 1)
    assert "observ" not in without
    assert without.count("group kitchen") == without.count("whole batch") == 1


@pytest.mark.parametrize("width", [44, 50, 60, 72])
def test_no_number_is_cut_in_a_narrow_terminal(width):
    text = shown(batch(), MANY, groups=["kitchen"], width=width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert text.count("group kitchen") > 1
    words = text.split()
    whole = shown(batch(), MANY, groups=["kitchen"], width=400).split()
    signed = [word for word in whole if word[0] in "+-" and word[1:2].isdigit()]
    assert sorted(signed) == sorted(w for w in words if w[0] in "+-" and w[1:2].isdigit())


def test_whether_there_is_any_credit():
    assert explain(batch(), ["gae", "rloo"]).credited
    assert not explain(batch(), ["gae", "pure"]).credited


def test_escape_codes_of_a_rollout_do_not_reach_the_terminal():
    turn = {"observation": "\x1b[2Jx", "text": "a\x07\tb"}
    rollouts = from_trajectories([{"group": 0, "outcome": 1.0, "turns": [turn]}])
    assert lines(shown(rollouts, ["grpo"]))[3] == "#1 1 0 [2Jx a b 1 0"


def test_groups_are_found_by_value_then_by_text():
    rollouts = from_trajectories(
        [{"group": group, "outcome": 1.0, "turns": [{}]} for group in (7, "7", 8)]
    )
    assert select_groups(rollouts, [7], None) == {7: [0]}
    assert select_groups(rollouts, ["7"], None) == {"7": [1]}
    assert select_groups(rollouts, ["8"], None) == {8: [2]}
    with pytest.raises(ContractError) as caught:
        select_groups(rollouts, ["9"], None)
    assert str(caught.value) == (
        "explain: `group` must be one of the file's groups, 7, '7', 8, got '9'."
    )
