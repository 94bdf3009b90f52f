import json

import pytest
from cli_runs import error_of, run

TURN = {"observation": "7*8?", "text": "56"}
ROWS = [
    {"group": "7*8", "outcome": 1.0, "turns": [TURN]},
    {"group": "7*8", "outcome": 0.0, "turns": [TURN, {"observation": "15", "text": "15"}]},
    {"group": "6*6", "outcome": 1.0, "turns": [TURN]},
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rollouts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_report_writes_a_page_and_says_what_to_look_at(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = run("report", file, "-e", "grpo", "-e", "gigpo", "-e", "gae")
    assert found.exit_code == 0
    html = (tmp_path / "report.html").read_text("utf-8")
    size = len(html.encode()) / 1e3
    assert found.output.splitlines() == [
        f"wrote report.html ({size:.0f} kB).",
        "1 of 2 groups has credit that is not 0.",
        "Look first at this: 1 of 2 groups has no credit under any estimator.",
    ]
    assert "<h1>rollouts.jsonl</h1>" in html
    assert "gae works on tokens" in html


def test_report_passes_its_options_on(file, tmp_path):
    out = tmp_path / "page.html"
    out.write_text("old")
    words = ("--option", "grpo.scale=None", "--title", "My run", "--limit", "1")
    found = run("report", file, "-e", "grpo", "-o", out, *words)
    assert found.exit_code == 0
    html = out.read_text("utf-8")
    assert "<h1>My run</h1>" in html
    assert "The page shows 1 of 2 groups; a larger --limit shows more." in found.output
    assert "This page holds 1 of 2 groups" in html
    once = file.with_name("once.jsonl")
    once.write_text("".join(json.dumps({**row, "group": 0}) + "\n" for row in ROWS))
    cut = run("report", once, "-e", "grpo", "-o", out, "--limit", "2")
    assert "It shows a sample of 1 group; a larger --limit shows more trajectories." in cut.output
    whole = run("report", file, "-e", "grpo", "-o", out, "--option", "grpo.scale=None")
    assert whole.exit_code == 0
    assert '"credit":[[0.5]]' in out.read_text("utf-8")


def test_report_refuses_before_it_writes(file, tmp_path, monkeypatch, capsys):
    out = tmp_path / "page.html"

    def refusal(*words):
        return error_of(monkeypatch, capsys, "report", file, *words)

    assert refusal("-e", "gae", "-o", out) == (
        "creditlib: report: `--estimator` must be functions that give these rollouts credit, got "
        "none: gae works on tokens: it needs `token_reward`, `value`, `turn`, which rollout files "
        "do not have.\n"
    )
    assert refusal("-e", "grpo", "-o", tmp_path / "x" / "page.html") == (
        "creditlib: report: `--out` must be a file in a folder that exists, got "
        f"'{tmp_path}/x/page.html'.\n"
    )
    assert refusal("-e", "grpo", "-o", file).startswith(
        "creditlib: report: `--out` must be a file that ends in .html, got "
    )
    assert "did you mean 'grpo'" in refusal("-e", "grop", "-o", out)
    wrong = refusal("-e", "grpo", "-o", out, "--option", "grpo.scal=1")
    assert "did you mean 'scale'" in wrong
    assert not out.exists()
