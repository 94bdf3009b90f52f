"""Another commit's tree comes and goes; the tree here is not touched."""

import subprocess
import sys

import pytest
import torch

from benchmarks import compare, worker
from benchmarks.work import Plan, Work

pytestmark = pytest.mark.usefixtures("allocator_left_alone")


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for number in ("1", "2"):
        (folder / "number").write_text(number)
        git(folder, "add", "number")
        git(folder, "commit", "--quiet", "--message", number)
    return folder


def test_a_worktree_of_the_other_commit_that_is_gone_afterwards(repository):
    with compare.worktree("HEAD~1", repository) as tree:
        assert (tree / "number").read_text() == "1"
        assert (repository / "number").read_text() == "2"
        assert len(git(repository, "worktree", "list").splitlines()) == 2
    assert not tree.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_commit_that_does_not_exist_is_an_error(repository):
    with (
        pytest.raises(subprocess.CalledProcessError),
        compare.worktree("no-such-commit", repository),
    ):
        pass


def test_the_commands(tmp_path):
    add, remove = compare.worktree_commands("v1", tmp_path)
    assert add == ["git", "worktree", "add", "--quiet", "--detach", str(tmp_path), "v1"]
    assert remove == ["git", "worktree", "remove", "--force", str(tmp_path)]


def test_the_line_takes_the_median_of_neighbours_ratios():
    # 10/20, 12/20, 9/30: the middle one is 0.5.
    text = compare.line("gae", [(10.0, 20.0), (12.0, 20.0), (9.0, 30.0)])
    assert text == "gae: 10 µs, was 20 µs; 0.50 of it (0.30 to 0.60)"


def test_a_side_answers_from_its_own_tree_with_the_benchmarks_here(tmp_path):
    side = compare.Side(compare.ROOT, tmp_path / "side", 1)
    try:
        assert float(side.ask("whiten 16x64 bool", 0.001)) > 0
        assert side.ask("no such row", 0.001) == "KeyError: no such row"
    finally:
        side.close()


def test_a_side_that_ended_says_so(tmp_path):
    (tmp_path / "tree" / "torch").mkdir(parents=True)
    (tmp_path / "tree" / "torch" / "__init__.py").write_text("raise SystemExit(0)\n")
    side = compare.Side(tmp_path / "tree", tmp_path / "side", 1)
    side._process.wait()
    try:
        assert side.ask("whiten 16x64 bool", 0.001) == "the process ended"
    finally:
        side.close()


def test_a_row_of_one_thread_is_answered_by_one(monkeypatch):
    seen = []
    x = torch.zeros(3)

    def call():
        seen.append(torch.get_num_threads())
        return x

    plan = Plan("op", "3", "one thread", "", lambda device: Work({}, call, (x,)), threads=1)
    monkeypatch.setattr(worker.grid, "plans", lambda: [plan])
    worker._works.clear()
    usual = torch.get_num_threads()
    assert float(worker.answer("0.0001 op 3 one thread")) > 0
    assert set(seen) == {1}
    assert torch.get_num_threads() == usual
    worker._works.clear()


def test_a_row_that_one_side_lacks_is_not_compared():
    class Without:
        def ask(self, key, seconds):
            return "AttributeError: gone"

    class With:
        def ask(self, key, seconds):
            return 1.0

    text = compare._row([With(), Without()], "gae", 3, 0.0)
    assert text == "gae: not comparable, there: AttributeError: gone"


def test_an_error_of_an_old_commit_is_an_answer(monkeypatch):
    def broken():
        raise AttributeError("no such function\nmore")

    monkeypatch.setattr(worker.grid, "plans", broken)
    worker._works.clear()
    assert worker.answer("0.1 gae") == "! AttributeError: no such function"
    assert sys.modules["benchmarks.worker"] is worker
