"""Files of rollouts, and the pages that the command writes of them."""

from typer.testing import CliRunner

from browser.hostile_rollouts import FILE, PAYLOADS, hostile_rows, write_rows
from creditlib.cli import app
from docs.screenshots import SHIPPED, large_file

# Credit without division by a spread, so that it can be worked out in the head.
PLAIN = ("grpo.scale=null", "gigpo.scale=null", "gigpo.gamma=1")
HALL, ATTIC = "You are in the hall.\nA door leads up.", "You are in the attic.\nA door leads down."
LONG = " ".join(f"word{number}" for number in range(700))


def trajectory(group, outcome, *turns, **more):
    """A trajectory; each turn is (observation, action, reward)."""
    keys = ("observation", "text", "reward")
    made = [dict(zip(keys, turn, strict=True)) for turn in turns]
    return {"group": group, "outcome": outcome, "turns": made, **more}


def small_rows():
    """Six groups, each with something of its own; see test_report_in_browser.py for the numbers."""
    return [
        trajectory("plain", 1.0, (HALL, "up", 0.0), (ATTIC, "take the crown", 1.0), id="winner"),
        trajectory("plain", 0.0, (HALL, "wait", 0.0), (HALL, "wait", 0.0), id="loser"),
        trajectory("wide", 8.0, ("a shop", LONG, 8.0)),
        trajectory("wide", 0.0, ("a shop", "leave", 0.0)),
        trajectory("constant", 1.0, ("a yard", "dig", 1.0)),
        trajectory("constant", 1.0, ("a yard", "dig", 1.0)),
        trajectory("lone", 1.0, ("a well", "drink", 1.0)),
        trajectory("split", 1.0, ("a gate", "push", 0.0)),
        trajectory("split", 0.0, ("a gate", "pull", 2.0)),
        trajectory("unscored", 0.0, ("a cave", "sing", 0.0)),
        trajectory("unscored", 1.0, ("a cave", "hide", 0.2)),
        trajectory("unscored", None, ("a cave", "run", 0.0)),
    ]


def page_of(rollouts, page, *arguments, estimators=("grpo", "gigpo")):
    """Write the page of a file of rollouts with the command; the file of the page."""
    named = [word for name in estimators for word in ("-e", name)]
    words = ["report", rollouts, "-o", page, *named, *arguments]
    result = CliRunner().invoke(app.app, [str(word) for word in words])
    assert result.exit_code == 0, (result.output, result.exception)
    return page


def shipped_page(folder):
    """The page of the rollouts of the demo."""
    return page_of(SHIPPED, folder / "shipped.html")


def small_page(folder):
    """The page of six groups with plain numbers."""
    rollouts = write_rows(folder / "small.jsonl", small_rows())
    options = [word for option in PLAIN for word in ("--option", option)]
    return page_of(rollouts, folder / "small.html", *options)


def hostile_page(folder):
    """The page of hostile rollouts; its heading, the name of its file and its notes are hostile."""
    rollouts = write_rows(folder / FILE, hostile_rows())
    every = ("grpo", "gigpo", "opo")  # opo lacks a tensor, so its reason stands on the page
    return page_of(rollouts, folder / "x.html", "--title", PAYLOADS[0], estimators=every)


def large_page(folder, rows):
    """The page of generated trajectories of 25 turns on average."""
    return page_of(large_file(folder / "large", rows), folder / "large.html")
