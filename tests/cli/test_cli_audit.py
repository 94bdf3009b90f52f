import json
import sys
from pathlib import Path

import pytest
from cli_runs import error_of, run

from creditlib.audit.learning_curves import LEARNING_TASKS
from creditlib.audit.ranking import USNR
from creditlib.audit.result import Audit, Tiers
from creditlib.audit.rows import QualityRow
from creditlib.audit.tasks import TASKS
from creditlib.audit.training_path import PATH_TASKS
from creditlib.cli.audit import fails
from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import ContractError

SIZES = ("--groups", "20", "--seeds", "1", "--updates", "2", "--quick")
SMALL = ("--task", "recovery", *SIZES)
OWN = '''
from creditlib.audit import Outcome, Task


def step(state, turn, action):
    """Three doors; behind each, only one action goes on. The smell tells which one it was."""
    right = action == turn % 2
    signals = {"smell": 1.0 if right else -1.0}
    if turn == 2:
        return [Outcome(1.0, None, reward=float(right), success=right, signals=signals)]
    return [Outcome(1.0, state + right, signals=signals)]


def doors():
    return Task.from_step(step, 0, lambda state, turn: turn, name="doors")


MADE = doors()


def nose(*, smell, turn_count, strength=1.0):
    """Credit is what it smells like, more so in short trajectories."""
    print("sniffing")
    return strength * smell / turn_count[:, None]


def wrong(*, smell):
    return smell[:, :2]
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A stranger's file in the current folder, which an installed script does not see."""
    (tmp_path / "stranger_of_audit.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "stranger_of_audit", raising=False)
    return ("audit", "stranger_of_audit:nose", "--task", "stranger_of_audit:doors", *SIZES)


def test_a_strangers_estimator_and_task_are_audited_with_no_registration(own):
    found = run(*own, "--against", "rloo", "--json", "-O", "strength=2.0")
    assert found.exit_code == 0
    read = json.loads(found.stdout)
    assert read["estimator"] == "stranger_of_audit:nose"
    assert read["options"] == {"strength": 2.0}
    assert list(read["against"]) == ["rloo"]
    assert list(read["tasks"]) == ["doors"]
    assert {row["task"] for row in read["exact"]} == {"doors"}
    assert read["facts"]["heard"]["smell"] is True
    task = ("--task", "stranger_of_audit:MADE", *own[4:])
    made = json.loads(run(*own[:2], *task, "--against", "rloo", "--json").stdout)
    assert made["against"]["rloo"] == read["against"]["rloo"]


def test_the_table_the_sentences_and_the_page(own, tmp_path):
    found = run(*own, "--against", "rloo", "-o", "page.md")
    assert found.exit_code == 0
    for words in ("1  stranger_of_audit:nose", "doors: Its gradient", "Ranked by", "Written: "):
        assert words in found.stdout
    assert "stranger_of_audit:nose" in (tmp_path / "page.md").read_text()


def test_json_is_all_there_is_and_one_seed_one_report():
    first, second = (
        json.loads(run("audit", "grpo", "--against", "rloo", *SMALL, "--json").stdout)
        for _ in range(2)
    )
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert [round(row["scale"], 4) for row in first["exact"]] == [0.7071, 1.1547]


def test_options_go_to_the_estimator_that_they_name():
    given = ("--against", "grpo", "--against", "rloo", *SMALL, "--json", "-O", "scale=None")
    read = json.loads(run("audit", "grpo", *given).stdout)
    assert [read["estimator"], *read["against"]] == ["grpo(scale=None)", "grpo", "rloo"]
    assert round(read["exact"][0]["scale"], 4) == 0.5
    assert round(read["against"]["grpo"]["exact"][0]["scale"], 4) == 0.7071


def test_an_estimator_below_another_one_is_exit_code_1():
    given = ("--against", "rloo", *SMALL, "--groups", "100", "--json")
    found = run("audit", "rloo", *given, "--fail-under", "usnr=oracle")
    assert found.exit_code == 1
    assert found.stderr == "creditlib: the uSNR of rloo is below that of oracle.\n"
    assert list(json.loads(found.stdout)["against"]) == ["oracle"]
    assert run("audit", "oracle", *given, "--fail-under", "usnr=rloo").exit_code == 0


def rows(**usnr):
    return Tiers(quality=tuple(QualityRow(task, USNR, *each) for task, each in usnr.items()))


def test_fails_by_hand():
    """On a, the only common task: .2 ± .1 and .5 ± .1: .2 - .5 + .1414 < 0; b does not count."""
    own = rows(a=(0.2, 0.1, 0.3), b=(9.0, 9.0, 9.0))
    tasks = {"a": {}, "b": {}}
    better, near = rows(a=(0.5, 0.4, 0.6)), rows(a=(0.3, 0.2, 0.4))
    found = Audit("mine", own, {"better": better, "near": near, "none": rows()}, (), tasks, {})
    assert fails(found, "better")
    assert not fails(found, "near")
    with pytest.raises(ContractError, match="which has a uSNR on none of them"):
        fails(found, "none")


def test_mistakes_are_one_sentence_and_exit_code_2(own, monkeypatch, capsys):
    def error(*args):
        text = error_of(monkeypatch, capsys, "audit", *args)
        assert text.startswith("creditlib: ")
        assert text.count("\n") == 1
        return text

    assert "got 'rlo' (did you mean 'rloo'?)" in error("rlo", *SMALL)
    assert "got 'rlo' (did you mean 'rloo'?)" in error("grpo", "--against", "rlo", *SMALL)
    assert "audit: `--task` must be one of 'key_door'" in error("rloo", "--task", "room")
    assert "(did you mean 'rooms'?)" in error("rloo", "--task", "room")
    assert "no task has `smell`" in error("stranger_of_audit:nose", *SMALL)
    assert "got a result of shape [16, 2]" in error("stranger_of_audit:wrong", *own[2:])
    assert "`--task` must be an import path that loads" in error("rloo", "--task", "no_such:task")
    assert "suffixes .html, .md, .png, got 'x.gif'" in error("rloo", "-o", "x.gif")
    assert "a file in a folder that exists" in error("rloo", "-o", "no/x.md")
    assert "must be usnr=NAME, since no other" in error("rloo", "--fail-under", "leakage=grpo")
    assert "which is audited itself" in error("rloo", *SMALL, "--fail-under", "usnr=rloo")
    assert "rloo, grpo, gigpo and a dot before it" in error("rloo", "-O", "gae.lam=1")
    assert "pass gamma=…" in error("gae", *SMALL)
    assert "got effective_sample_size, a statistic" in error("effective_sample_size", *SMALL)


def test_without_matplotlib_only_pictures_are_refused(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = error_of(monkeypatch, capsys, "audit", "rloo", "-o", str(tmp_path / "x.html"))
    assert text == f"creditlib: audit: pictures need matplotlib: {install_hint('plots')}.\n"
    page = tmp_path / "x.md"
    assert run("audit", "rloo", "--against", "grpo", *SMALL, "-o", page).exit_code == 0
    assert Path(page).is_file()


@pytest.mark.nightly
def test_the_full_audit_has_all_tiers_on_all_tasks(tmp_path):
    page = tmp_path / "page.html"
    read = json.loads(run("audit", "gigpo", "--json", "-o", page).stdout)
    assert [read["estimator"], *read["against"]] == ["gigpo", "rloo", "grpo"]
    assert {row["task"] for row in read["quality"]} == set(TASKS)
    assert {row["task"] for row in read["path"]} == set(PATH_TASKS)
    assert {row["task"] for row in read["learning"]} == set(LEARNING_TASKS)
    rooms = next(row for row in read["exact"] if (row["task"], row["n"]) == ("rooms", 2))
    assert [round(rooms["scale"], 3), round(rooms["cosine"], 4)] == [1.866, 0.9759]
    assert page.read_text().count("<figure>") == 4
