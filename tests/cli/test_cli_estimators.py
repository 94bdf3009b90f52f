from cli_runs import run

from creditlib.registry import public_functions


def test_estimators_lists_every_public_function():
    found = run("estimators")
    assert found.exit_code == 0
    assert set(public_functions()) <= set(found.output.split())
