import pytest

from creditlib.cli.typer_app import make_console, name_and_value


@pytest.mark.parametrize("text", ["lone", "=1", "lone="])
def test_a_pair_has_both_sides(text, refusal):
    assert name_and_value("check", "--option", "a=b=c") == ("a", "b=c")
    assert refusal(name_and_value, "check", "--option", text) == (
        f"check: `--option` must be name=value, got {text!r}."
    )


def test_a_pipe_gets_room_and_a_stated_width_is_kept(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert make_console().width == 120
    assert make_console(300).width == 300
    monkeypatch.setenv("COLUMNS", "77")
    assert make_console(300).width == 77
