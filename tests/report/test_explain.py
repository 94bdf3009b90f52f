import io
from html.parser import HTMLParser

import pytest
from rich.console import Console

from creditlib.report import explain
from creditlib.rollouts import from_trajectories
from creditlib.vocabulary.messages import ContractError


def shown(*args, width=120, **options):
    console = Console(file=io.StringIO(), width=width)
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


def titles(text):
    return [line.partition(":")[0] for line in lines(text) if line.startswith("group ")]


def test_a_summary_then_the_group_with_the_largest_spread():
    found = lines(shown(batch(), ["rloo", "gigpo"]))
    assert found[0] == "5 trajectories, of which 1 without an outcome, 4 groups, 5 turns"
    assert "a note." in found
    assert titles("\n".join(found)) == ["group kitchen"]
    assert found.index("a note.") < found.index("group kitchen: 2 trajectories")
    assert found[-1] == "3 more groups, and all trajectories: `groups=[...]` or `limit=None`."


def test_a_screen_holds_a_large_batch():
    turns = [{"observation": f"room {k}", "text": "go"} for k in range(30)]
    rows = [
        {"group": group, "outcome": float(k == 0), "turns": turns}
        for group in range(40)
        for k in range(8)
    ]
    text = shown(from_trajectories(rows), ["grpo", "gigpo"], width=80)
    assert len(text.splitlines()) <= 40
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("25 more turns have smaller or equal |credit|") == 2


def test_groups_that_are_named_are_shown_whole_without_the_summary():
    text = shown(batch(), ["rloo"], groups=[8, "kitchen"])
    assert titles(text) == ["group 8", "group kitchen"]
    assert lines(text)[0] == "group 8: 1 trajectory"
    assert "#2: outcome 0, 1 turn" in text


def test_all_groups_with_the_diagnostics_below():
    text = shown(batch(), ["rloo"], limit=None, sort="name")
    assert titles(text) == ["group 7", "group 8", "group cellar", "group kitchen"]
    assert lines(text).index("whole batch") > lines(text).index("group kitchen: 2 trajectories")
    assert "more group" not in text


@pytest.mark.parametrize(("top", "turns"), [(None, 5), (2, 2), (0, 8)])
def test_the_turns_of_the_first_screen(top, turns):
    rows = [
        {"group": 0, "outcome": outcome, "turns": [{"text": "dig"}] * 8} for outcome in (0.0, 1.0)
    ]
    assert shown(from_trajectories(rows), ["rloo"], top=top).count("dig") == 2 * turns


def test_credit_is_that_of_the_whole_batch():
    options = {"grpo": {"scale_over": "batch"}}
    alone = from_trajectories(batch().trajectories[:2])
    whole = lines(shown(batch(), ["grpo"], groups=["kitchen"], options=options))[3]
    assert whole != lines(shown(alone, ["grpo"], groups=["kitchen"], options=options))[3]


def test_estimators_that_cannot_are_named_first_and_the_others_shown():
    reason = (
        "igpo needs `information_gain`, which is read from the turns' `gold_log_prob`; these "
        "rollouts have no such key."
    )
    found = lines(shown(batch(), ["igpo", "grpo"], groups=["kitchen"], width=200))
    assert found[0] == reason
    assert found[2] == "turn observation action reward grpo"


def test_without_any_credit_there_are_reasons_and_notes_only():
    found = explain(batch(), ["pure", "gae"])
    assert not found.credited
    assert [reason.split()[0] for reason in found.reasons] == ["pure", "gae"]
    said = lines(shown(batch(), ["pure", "gae"], groups=["kitchen"], width=200))
    assert [line.split()[0] for line in said] == ["pure", "gae", "a"]


@pytest.mark.parametrize("width", [40, 44, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width):
    many = ["grpo", "rloo", "gigpo", "maxrl", "hard_min_returns", "suffix_min_returns"]
    text = shown(batch(), many, limit=None, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "dig" in text


def test_the_width_holds_every_part():
    found = explain(batch(), ["grpo", "rloo", "gigpo"], limit=None)
    text = shown(batch(), ["grpo", "rloo", "gigpo"], limit=None, width=found.width)
    assert "saw: " not in text
    assert "│" in text
    assert text.count("whole batch") == 1


def test_a_wrong_number_of_turns_is_refused():
    with pytest.raises(ContractError) as caught:
        explain(batch(), ["grpo"], top=-1)
    assert str(caught.value) == "explain: `top` must be a whole number, at least 0, got -1."


def test_print_shows_the_lines_and_the_name_is_short():
    found = explain(batch(), ["rloo"])
    assert str(found) == shown(batch(), ["rloo"], width=100)
    assert repr(found) == "Explanation(1 group)"
    assert repr(explain(batch(), ["rloo"], limit=None)) == "Explanation(4 groups)"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attrs):
        self.found.add((tag, *(name for name, _ in attrs)))


def test_a_notebook_shows_the_lines_and_runs_nothing():
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    turn = {"observation": bad, "text": bad}
    rollouts = from_trajectories(
        [{"group": bad, "id": bad, "outcome": k, "turns": [turn]} for k in (0.0, 1.0)]
    )
    page = explain(rollouts, ["grpo"])._repr_html_()
    tags = Tags()
    tags.feed(page)
    assert tags.found <= {("pre", "style"), ("span", "style")}
    assert "&lt;script&gt;alert(1)" in page
    assert "+0.707" in page
