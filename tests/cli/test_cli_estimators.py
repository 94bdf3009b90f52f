import json

from cli_runs import error_of, run

from creditlib.cli import estimators
from creditlib.registry import public_functions
from creditlib.report.catalogue import Entry

STRANGER = Entry("softmax_share", "turn", "A share", ("anchor",), (), "", kind="plug-in")


def test_estimators_lists_every_public_function():
    found = run("estimators")
    assert found.exit_code == 0
    assert set(public_functions()) <= set(found.output.split())


def test_plugins_of_installed_packages_stand_at_the_end(monkeypatch):
    monkeypatch.setattr(estimators, "plugin_entries", lambda: [STRANGER])
    read = json.loads(run("estimators", "--json").stdout)
    assert [each["name"] for each in read] == [*public_functions(), "softmax_share"]
    assert "turn, plug-in" in run("estimators", "--kind", "plug-in").output


def test_the_list_is_cut_down_by_kind_level_and_tensor():
    line = ("estimators", "--kind", "weight", "--level", "turn", "--needs", "duration", "--json")
    (found,) = json.loads(run(*line).stdout)
    assert (found["name"], found["kind"], found["level"]) == ("duration_weight", "weight", "turn")
    assert found["required"] == ["duration", "turn_count"]
    assert any(line.startswith("over: the turns whose weights") for line in found["options"])
    nothing = run("estimators", "--kind", "weight", "--level", "batch", "--needs", "duration")
    assert nothing.exit_code == 0
    assert nothing.output == "No function is of this kind and level and reads this tensor.\n"


def test_a_tensor_that_nobody_reads_is_one_sentence(monkeypatch, capsys):
    assert error_of(monkeypatch, capsys, "estimators", "--needs", "anchr") == (
        "creditlib: estimators: `--needs` must be a tensor that a function of the list reads, got "
        "'anchr' (did you mean 'anchor'?).\n"
    )
