from creditlib.rollouts.creditlib_schema import CREDITLIB


def test_rows_are_trajectories_already():
    rows, places = [{"turns": [], "group": 1}], ["x.jsonl line 1"]
    assert CREDITLIB.matches(rows[0])
    assert CREDITLIB.convert(rows, places) == (rows, places, ())
