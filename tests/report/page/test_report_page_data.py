import json

import numpy as np
import pytest

from creditlib.report.credit_columns import credit_columns
from creditlib.report.page.page_data import color_limit, group_data, printed
from creditlib.report.summary import summarize
from creditlib.rollouts import from_trajectories

HALL = "A hall. It is dark."
ROWS = [
    {
        "group": "<b>",
        "id": "won\x1b",
        "outcome": 1.0,
        "turns": [
            {"observation": HALL, "text": "go", "reward": 0.25},
            {"observation": "An attic.", "text": "", "reward": 0.75},
        ],
    },
    {"group": "<b>", "outcome": 0.0, "turns": [{"observation": HALL, "text": "x", "reward": 0.0}]},
    {"group": "<b>", "outcome": None, "turns": []},
]


def parts(names=("grpo", "gigpo")):
    rollouts = from_trajectories(ROWS)
    columns = credit_columns(rollouts, names)
    tables = [column.turn_credit.double().numpy() for column in columns]
    return rollouts, tables, summarize(rollouts, columns).by_group


def test_a_group_holds_what_its_heat_maps_need():
    rollouts, tables, (facts,) = parts()
    found = group_data(rollouts, tables, 7, facts, facts.rows)
    assert found["index"] == 7
    assert (found["name"], found["members"], found["mean"], found["std"]) == ("<b>", 2, 0.5, 0.7071)
    assert found["tags"] == []
    assert found["kinds"] == ["informative", "excluded"]
    won, lost, out = found["trajectories"]
    assert won["id"] == "won␛"
    assert lost["id"] == "#2"
    assert [each["turns"] for each in (won, lost, out)] == [2, 1, 0]
    assert won["credit"][0] == 0.7071, "one number for both turns"
    assert [len(each) for each in (won["credit"][1], lost["credit"][1], out["credit"][1])] == [
        2,
        1,
        0,
    ]
    assert out["outcome"] is None


def test_a_part_of_a_group_has_the_numbers_of_the_whole_group():
    rollouts, tables, (facts,) = parts()
    whole = group_data(rollouts, tables, 7, facts, facts.rows)
    found = group_data(rollouts, tables, 7, facts, [1])
    assert [each["id"] for each in found["trajectories"]] == ["#2"]
    assert found["trajectories"] == whole["trajectories"][1:2]
    for key in ("members", "mean", "std", "spread", "disagreement", "kinds", "order"):
        assert found[key] == whole[key]
    assert found["tags"] == ["1 of 3 shown"]
    assert found["facts"].startswith(
        "1 of 3 trajectories, drawn at random; the numbers are of the whole group · mean "
    )


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (0.1 + 0.2, 0.3),
        (-0.0, 0),
        (1e-9, 1e-09),
        (12345.678, 12350),
        (3.4e38, 3.4e38),
        (float("inf"), "Infinity"),
        (None, None),
    ],
)
def test_numbers_are_printed_with_four_digits(x, shown):
    assert printed(x) == shown
    assert json.loads(json.dumps(printed(x))) == shown


def test_one_extreme_does_not_bleach_the_others():
    usual = np.linspace(0.01, 1, 1000)[None]
    everywhere = np.ones((1, 1000), dtype=bool)
    assert color_limit([usual], everywhere) == 1.0
    extreme = usual.copy()
    extreme[0, 0], extreme[0, 1] = 1e6, np.inf
    assert 0.9 < color_limit([extreme], everywhere) <= 1.0
    assert color_limit([np.zeros((1, 2))], np.ones((1, 2), dtype=bool)) == 1.0
    assert color_limit([np.zeros((0, 0))], np.zeros((0, 0), dtype=bool)) == 1.0
