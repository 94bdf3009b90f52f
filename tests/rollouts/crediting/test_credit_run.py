from pathlib import Path

from credit_cases import assert_equals_apply, lines, plain, spread, trajectories, written

from creditlib import rollouts
from creditlib.rollouts.crediting import run


def test_outputs_in_many_bundles_and_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_STRETCH", 5000)
    rows = spread(tmp_path, trajectories(13), files=9)
    found = rollouts.credit(tmp_path, ["gigpo", "duration_weight"], memory="30KB")
    assert_equals_apply(found, rows, ["gigpo", "duration_weight"])


def test_files_that_are_kept_do_not_shift_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_TASKS", 1)
    rows = spread(tmp_path, trajectories(14), files=5)
    found = rollouts.credit(tmp_path, "gigpo")
    for number in (1, 4):
        Path(found.outputs[number]).unlink()
    again = rollouts.credit(tmp_path, "gigpo", resume=True)
    assert len(again.kept) == 3
    assert_equals_apply(again, rows, ["gigpo"])


def test_a_file_of_bad_rows_only_has_an_output_without_credit(tmp_path):
    lines(tmp_path / "a.jsonl", plain("a", "x"), plain("a", "y"))
    lines(tmp_path / "b.jsonl", plain("a", 1.0), plain("a", 0.0))
    found = rollouts.credit(tmp_path, "rloo", skip_bad=True)
    assert written(found)["rloo"].to_pylist() == [None, None, 1.0, -1.0]
    assert found.bad == 2
