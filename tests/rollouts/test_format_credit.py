from format_files import EPISODE, GROUP, lines

from creditlib import rollouts
from creditlib.rollouts import FORMATS
from creditlib.rollouts.files import read_records
from creditlib.rollouts.format_credit import rows_with_credit

PLACED = [("x line 1", GROUP), ("x line 2", {**GROUP, "scores": [None, 0.0]})]


def test_credit_per_turn_per_trajectory_and_of_none():
    """Line 1: turns of 2 and 1 tokens get 1 and 2, the other trajectory 3; line 2: none, then 4."""
    found = list(rows_with_credit(FORMATS["atropos"], PLACED, [[1.0, 2.0], 3.0, None, [4.0]]))
    assert [row["advantages"] for row in found] == [
        [[0.0, 0.0, 1.0, 1.0, 0.0, 2.0], [0.0, 0.0, 3.0]],
        [[0.0] * 6, [0.0, 0.0, 4.0]],
    ]
    assert all("advantages" not in row for _, row in PLACED)


def test_a_file_comes_back_with_its_credit():
    path = lines(EPISODE, EPISODE)
    format = FORMATS[rollouts.read(path).format]
    written = list(rows_with_credit(format, read_records(path), [0.5, [1.0, -1.0]]))
    nodes = [row["traces"][0]["nodes"] for row in written]
    assert [[node.get("advantages") for node in each] for each in nodes] == [
        [None, [0.5, 0.5], None, [0.5]],
        [None, [1.0, 1.0], None, [-1.0]],
    ]


def test_credit_of_another_number_is_refused(refusal):
    def write(credit, name="atropos"):
        return list(rows_with_credit(FORMATS[name], PLACED, credit))

    wanted = "rows_with_credit: `credit` must be one item for each trajectory, got"
    assert refusal(write, [1.0, 1.0, 1.0]) == f"{wanted} fewer at x line 2."
    assert refusal(write, [1.0] * 5) == f"{wanted} more at the last row."
    assert refusal(write, [1.0], "chat") == (
        "rows_with_credit: `format` must be a format with a field for credit, got 'chat'."
    )
