import io

from rich.console import Console

from creditlib.report.credit_columns import credit_columns
from creditlib.report.explain_summary import SummaryLines
from creditlib.report.summary import summarize
from creditlib.rollouts import from_trajectories

TURN = {"observation": "a door"}


def shown(estimators, rows=None, width=100):
    rows = rows or [("a", 1.0, 2), ("a", 0.0, 1), ("b", 1.0, 1), ("c", 1.0, 1), ("c", 1.0, 1)]
    rollouts = from_trajectories(
        [
            {"group": group, "outcome": outcome, "turns": [TURN] * turns}
            for group, outcome, turns in rows
        ]
    )
    columns = credit_columns(rollouts, estimators)
    part = SummaryLines(summarize(rollouts, columns), columns)
    console = Console(file=io.StringIO(), width=width)
    console.print(part)
    text = console.file.getvalue()
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_counts_and_where_credit_goes():
    found = shown(["rloo"])
    assert found[0] == "5 trajectories, 3 groups, 6 turns"
    assert found[1] == "groups: 1 with a signal, 1 constant, 1 lone"
    assert found[5:9] == [
        "all turns 0.500",  # 1, 1, 1, 0, 0, 0
        "turns 0 to 1 ▄█",  # (1 + 1) / 5 and 1
        "outcome 0 (1) 1.000",
        "outcome 1 (4) 0.400",  # 1, 1, 0, 0, 0
    ]


def test_excluded_trajectories_and_groups():
    found = shown(["rloo"], [("a", 1.0, 1), ("a", None, 1), ("b", None, 1)])
    assert found[0] == "3 trajectories, of which 2 without an outcome, 2 groups, 3 turns"
    assert found[1] == "groups: 0 with a signal, 0 constant, 1 lone, 1 excluded"


def test_disagreement_of_two_estimators():
    def opposite(*, reward):
        return 0.5 - reward

    found = shown(["rloo", opposite], [("a", 1.0, 2), ("a", 0.0, 1), ("b", 0.5, 1)])
    # rloo gives 1, 1, -1, 0 and the other -0.5, -0.5, 0.5, 0; 0 has no sign.
    assert "rloo and opposite: opposite signs at 75.0% of turns, rank correlation -1.00" in found


def test_few_pairs_are_shown_of_many_and_the_others_counted():
    found = shown(["rloo", "grpo", "maxrl", "gpg"])
    assert sum("opposite signs at" in line for line in found) == 3
    assert "3 more pairs disagree less or equally." in found


def test_findings_come_with_what_to_do():
    found = " ".join(shown(["rloo"]))
    assert "- 1 of 3 groups has one trajectory only. Sample several trajectories" in found


def test_a_narrow_terminal_splits_the_estimators_and_cuts_no_number():
    names = ["rloo", "grpo", "maxrl", "gpg"]
    found = shown(names, width=36)
    assert found.count("mean |credit|") > 1
    assert not any("…" in line for line in found)
