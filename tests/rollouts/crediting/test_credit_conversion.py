import pyarrow
from credit_cases import lines, refusal

from creditlib import rollouts
from creditlib.rollouts import Converted, RolloutFormat
from creditlib.rollouts.crediting.conversion import Reading, scan_together
from creditlib.rollouts.crediting.sources import expand, open_sources

READING = Reading(frozenset({"reward", "group", "valid"}), False, {})


def _pairs(rows, places):
    """Two rows are one trajectory; it stands at the second one."""
    found = [
        {"group": b["task"], "outcome": b["won"], "turns": [{"text": "x"}] * 2} for b in rows[1::2]
    ]
    return Converted(found, places[1::2], ["two rows are one trajectory."])


PAIRS = RolloutFormat("pairs", frozenset({"task", "won"}), _pairs)


def test_the_rows_of_the_output_are_those_of_the_file(tmp_path):
    rows = [{"task": "a", "won": won} for won in (0.0, 1.0, 0.0, 0.25)]
    ((source,), _) = open_sources(expand(lines(tmp_path / "a.jsonl", *rows)), PAIRS, False)
    (part,), notes = scan_together([source], READING)
    assert part.labels.to_pydict() == {
        "row": [0, 1, 2, 3],
        "group": [None, "a", None, "a"],
        "trajectory": [None] * 4,
    }
    assert part.columns["index"].to_pylist() == [1, 3]
    assert notes == ["two rows are one trajectory."]
    found = rollouts.credit(tmp_path / "a.jsonl", "rloo", format=PAIRS)
    assert found.notes == ("two rows are one trajectory.",)
    table = pyarrow.parquet.read_table(found.outputs[0])
    assert table["rloo"].to_pylist() == [None, 0.75, None, -0.75]


def _many(rows, places):
    """A row holds all trajectories of a group."""
    found = [(row["task"], won, place) for row, place in zip(rows, places, strict=True)
             for won in row["wins"]]  # fmt: skip
    turns = [{"text": "x"}]
    return Converted(
        [{"group": task, "outcome": won, "turns": turns} for task, won, _ in found],
        [place for _, _, place in found],
    )


MANY = RolloutFormat("many", frozenset({"task", "wins"}), _many)


def test_a_row_that_holds_several_trajectories_has_a_row_for_each(tmp_path):
    path = lines(tmp_path / "a.jsonl", {"task": 1, "wins": [0, 1]}, {"task": 2, "wins": [1, 1, 4]})
    found = rollouts.credit(path, "rloo", format=MANY)
    assert pyarrow.parquet.read_table(found.outputs[0]).select(["row", "rloo"]).to_pydict() == {
        "row": [0, 0, 1, 1, 1],
        "rloo": [-1.0, 1.0, -1.5, -1.5, 3.0],
    }
    text = refusal(path, "rloo", format=MANY, stitch=True)
    assert "rows of the format many, which hold several trajectories" in text


def test_rows_that_no_format_knows_are_counted(tmp_path):
    rows = [{"task": 1, "wins": [0, 1]}, {"task": 1, "wins": None}, {"task": 1}]
    path = lines(tmp_path / "a.jsonl", *rows, "{")
    found = rollouts.credit(path, "rloo", format=MANY, skip_bad=True)
    assert (found.trajectories, found.bad) == (2, 3)
    assert "`wins` must be in every row, got none" in refusal(
        lines(path, *rows[:1], rows[2]), "rloo", format=MANY, overwrite=True
    )
