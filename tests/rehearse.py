"""Adds one of each kind of thing to a copy of the tree, as a contributor would, and checks it.

`python tests/rehearse.py` copies the tree into a temporary folder for each thing: an estimator, a
recipe, a law, a rollout format, a trainer, a preset, an operation. It writes the files that
CONTRIBUTING.md lists, and runs the tests and the page printer that a contributor would run. It
leaves out one fact to see that exactly one test fails. Then it deletes the copy, and prints the
files that the thing costs. `python tests/rehearse.py law preset` rehearses only these.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]

ESTIMATOR = '''"""Half of the leave-one-out advantage."""

from __future__ import annotations

from creditlib.algebra import relative
from creditlib.vocabulary import Credit, Group, Reward, Valid
from creditlib.vocabulary.contract import checked

__all__ = ["half_rloo"]


@checked
def half_rloo(*, reward: Reward, group: Group, valid: Valid | None = None) -> Credit:
    """Half of the distance of a reward to the mean of the other members of its group.

        A[i] = (reward[i] − Σ_{k ≠ i} reward[k] / (n − 1)) / 2

    Degenerate cases: a constant group and a group of one give exactly 0.

    Source: Ahmadian et al. 2024, arXiv:2402.14740, halved.
    Differs from verl: it is halved.

    >>> import torch
    >>> half_rloo(reward=torch.tensor([0.0, 1.0]), group=torch.tensor([7, 7]))
    tensor([-0.5000,  0.5000])
    """
    return relative(reward, group, valid=valid, center="leave_one_out") / 2
'''
ESTIMATOR_TEST = '''"""Half of RLOO by hand."""

import torch

import creditlib as cl


def test_by_hand():
    # the mean of the others is 1/2, 1/2 and 0: distances −1/2, −1/2 and 1, halved
    credit = cl.half_rloo(reward=torch.tensor([0.0, 0.0, 1.0]), group=torch.tensor([7, 7, 7]))
    assert credit.tolist() == [-0.25, -0.25, 0.5]
'''
RECIPE = '''"""The return of a turn among all turns of its group."""

from __future__ import annotations

from creditlib.algebra import relative, returns_to_go, valid_turns, wide
from creditlib.vocabulary import Group, TurnCount, TurnCredit, TurnReward, Valid, breaks
from creditlib.vocabulary.contract import checked

__all__ = ["pooled_returns"]


@checked
@breaks(
    "an_earlier_turn_changes_nothing_later",
    "long_trajectories_do_not_outvote_short_ones",
    "constant_groups_get_nothing",
    because="turns of different numbers are compared.",
)
@breaks("better_is_never_worse", because="a better turn raises the mean of the others.")
@breaks("the_expected_gradient_is_the_true_one", because="a turn is part of its own mean.")
def pooled_returns(
    *, turn_reward: TurnReward, group: Group, turn_count: TurnCount, valid: Valid | None = None
) -> TurnCredit:
    """The return of a turn minus the mean return of all turns of its group.

        A[i,k] = G[i,k] − mean of G over group(i);  G[i,k] = turn_reward[i,k] + G[i,k+1]

    Degenerate cases: a turn alone in its group gets exactly 0. Turns past `turn_count` get 0.

    Source: the baseline of Williams 1992.

    >>> import torch
    >>> one = torch.tensor([1, 1])
    >>> reward = torch.tensor([[1.0], [0.0]])
    >>> pooled_returns(turn_reward=reward, group=torch.tensor([0, 0]), turn_count=one)
    tensor([[ 0.5000],
            [-0.5000]])
    """
    where = valid_turns(turn_count, turn_reward.shape[1], valid)
    returns = returns_to_go(wide(turn_reward), where)
    return relative(returns, group, where=where)
'''
GOLDEN = """
import numpy as np
np.savez_compressed(
    "tests/recipes/golden/pooled_returns.npz",
    in_turn_reward=np.array([[1.0, 1.0], [0.0, 0.0]]),
    in_group=np.array([0, 0]),
    in_turn_count=np.array([2, 1]),
    out=np.array([[1.0, 0.0], [-1.0, 0.0]]),
    preset="",
    tolerance="golden",
    source="returns 2, 1 and 0 of three turns, minus their mean 1",
)
"""
LAW = '''"""A law of one's own, put to two estimators."""

import torch

from creditlib.testing import LawError, Trial, check_estimator, law
from creditlib.vocabulary import Credit, Reward


@law(needs=("reward",))
def credit_is_at_most_a_thousand(trial: Trial) -> None:
    """No credit lies beyond 1,000."""
    credit = trial(trial.batch(families=("two-valued",)))[0]
    if float(credit.abs().sum() if credit.numel() else 0) > 1000:
        trial.broken("a credit lies beyond 1,000")


def far(*, reward: Reward) -> Credit:
    return reward + 10_000


check_estimator("rloo", laws=[credit_is_at_most_a_thousand, "credit_is_finite"], examples=20)
try:
    check_estimator(far, laws=[credit_is_at_most_a_thousand], examples=20)
except LawError as broken:
    print(broken)
else:
    raise SystemExit("the law of our own found nothing")
'''
FORMAT = '''"""A quiz: one question, one answer, one score in each row."""

from __future__ import annotations

from collections.abc import Sequence

from creditlib.rollouts.rollout_format import Converted, RolloutFormat, Row

__all__ = ["QUIZ"]


def _convert(rows: Sequence[Row], places: Sequence[str]) -> Converted:
    found = [
        {
            "group": row["question"],
            "outcome": float(row["score"]),
            "turns": [{"text": row["answer"]}],
        }
        for row in rows
    ]
    return Converted(found, places)


QUIZ = RolloutFormat(
    "quiz", frozenset({"question", "answer", "score"}), _convert, written_by="a quiz"
)
'''
FORMAT_TEST = '''"""A quiz file is read."""

import json

from creditlib.rollouts import read


def test_a_quiz_is_recognized_and_read(tmp_path):
    file = tmp_path / "quiz.jsonl"
    rows = [{"question": "7*8", "answer": text, "score": text == "56"} for text in ("56", "54")]
    file.write_text("\\n".join(map(json.dumps, rows)))
    assert read(file).tensors["reward"].tolist() == [1, 0]
'''
TRAINER = '''"""A trainer that lies in the standard library, to show what an adapter is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from creditlib.integrations.patching import Hook, Trainer, replace_all

__all__ = ["TRAINER", "install"]

TRAINER = Trainer(
    name="calendar", package="torch", known=("any",), hooks=(Hook("calendar:isleap", ("year",)),)
)


def install(settings: Mapping[str, Any] | None = None) -> Callable[[], None]:
    """Wrap the hook; the returned function undoes it."""
    return replace_all(TRAINER, {TRAINER.hooks[0]: lambda original: lambda year: original(year)})
'''
TRAINER_TEST = '''"""The adapter of a stand-in installs and undoes itself."""

import calendar

from creditlib.integrations import rehearsal_trainer


def test_install_and_undo():
    before = calendar.isleap
    undo = rehearsal_trainer.install()
    assert calendar.isleap is not before
    assert calendar.isleap(2024)
    undo()
    assert calendar.isleap is before
'''
RECORD = (
    '{"package": "torch", "version": "any", "seen": "installed", '
    '"hooks": {"calendar:isleap": ["year"]}}\n'
)
PAGE = (
    "# A stand-in\n\nIt shows what the page of a trainer is: the line to add, and what differs.\n"
)

PRESET = '_Preset("grpo", eps=1e-3)'
REFERENCE = '''"""Twice a tensor."""

from __future__ import annotations

from torch import Tensor

__all__ = ["double"]


def double(x: Tensor) -> Tensor:
    """2 · x.

    >>> import torch
    >>> double(torch.tensor([1.0]))
    tensor([2.])
    """
    return 2 * x
'''
OPERATION = '''"""Twice a tensor."""

from creditlib.ops.backend.operation import Operation
from creditlib.ops.double import reference

__all__ = ["double"]

double = Operation(
    reference.double, schema="(Tensor x) -> Tensor", shape=lambda given: given["x"].clone()
)
'''
LOOPS = '''"""Twice a tensor, in numpy."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["double"]


def double(x: Tensor) -> Tensor:
    """2 · x."""
    return torch.from_numpy(x.numpy() * 2)
'''
OPERATION_TEST = '''"""Twice a tensor, on every backend."""

import torch

from creditlib.ops.backend.lookup import implementation_of
from creditlib.ops.double import double


def test_by_hand(backend):
    assert double(torch.tensor([1.0, -2.0])).tolist() == [2.0, -4.0]


def test_the_loops_are_found_by_their_name():
    assert implementation_of(double.reference, "numba").__module__.endswith("numba_loops")
    assert torch.compile(double, backend="eager")(torch.ones(2)).tolist() == [2.0, 2.0]
'''


class Copy:
    """A copy of the tree, and what a contributor did to it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.touched = folder, set[str]()
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)

    def write(self, name: str, text: str) -> None:
        """A new file."""
        file = self.folder / name
        assert not file.exists(), name
        file.write_text(text)
        self.touched.add(name)

    def add_line(self, name: str, after: str, line: str) -> None:
        """One line behind another one."""
        file = self.folder / name
        text = file.read_text()
        assert text.count(after) == 1, (name, after)
        file.write_text(text.replace(after, f"{after}\n{line}"))
        self.touched.add(name)

    def replace(self, name: str, old: str, new: str) -> None:
        """One entry of a table."""
        file = self.folder / name
        text = file.read_text()
        assert text.count(old) == 1, (name, old)
        file.write_text(text.replace(old, new))
        self.touched.add(name)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command with the copy's code."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True
        )

    def must(self, *arguments: str) -> str:
        """A command that must succeed."""
        done = self.python(*arguments)
        if done.returncode:
            raise SystemExit(
                f"{' '.join(arguments)} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
            )
        return done.stdout

    def test(self, *names: str) -> None:
        """Tests that must pass."""
        self.must("-m", "pytest", "-q", "-p", "no:cacheprovider", *names)

    def fails_once(self, *names: str) -> None:
        """Tests of which exactly one must fail: a fact was left out."""
        done = self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *names)
        failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
        if len(failed) != 1:
            raise SystemExit(f"one test should fail, {len(failed)} did:\n{done.stdout[-4000:]}")

    def pages(self) -> None:
        """Print the pages again; they are not edited by hand."""
        self.must("-m", "docs.print_pages")


STRUCTURE = ("tests/test_layering.py", "tests/test_mirror.py", "tests/test_public_api.py")


def estimator(copy: Copy) -> None:
    copy.write("creditlib/estimators/trajectory/half_rloo.py", ESTIMATOR)
    copy.write("tests/estimators/trajectory/test_half_rloo.py", ESTIMATOR_TEST)
    copy.add_line(
        "creditlib/estimators/__init__.py",
        "from creditlib.estimators.trajectory.gpg import gpg as gpg",
        "from creditlib.estimators.trajectory.half_rloo import half_rloo as half_rloo",
    )
    copy.fails_once("tests/test_docs.py", "-k", "printed or page")  # the pages were not printed
    copy.pages()
    copy.test("tests/estimators/trajectory/test_half_rloo.py", "tests/test_docs.py", *STRUCTURE)
    copy.test("tests/test_laws_of_estimators.py", "-k", "half_rloo")
    copy.must("-c", "import creditlib as cl; print(cl.half_rloo, cl.resolve('half_rloo'))")


def recipe(copy: Copy) -> None:
    copy.write("creditlib/recipes/turns/pooled_returns.py", RECIPE)
    copy.add_line(
        "creditlib/recipes/__init__.py",
        "from creditlib.recipes.turns.matchtir import matchtir as matchtir",
        "from creditlib.recipes.turns.pooled_returns import pooled_returns as pooled_returns",
    )
    copy.fails_once("tests/recipes", "-k", "golden")  # it has no golden numbers
    copy.must("-c", GOLDEN)
    copy.touched.add("tests/recipes/golden/pooled_returns.npz")
    copy.pages()
    copy.test("tests/recipes", "tests/test_docs.py", *STRUCTURE)


def law(copy: Copy) -> None:
    copy.write("own_law.py", LAW)
    assert "far breaks 1 of 1 laws" in copy.must("own_law.py")


def rollout_format(copy: Copy) -> None:
    copy.write("creditlib/rollouts/quiz.py", FORMAT)
    copy.write("tests/rollouts/test_quiz.py", FORMAT_TEST)
    copy.replace(
        "creditlib/rollouts/formats.py", "(CREDITLIB, VERL, TRL)", "(CREDITLIB, VERL, TRL, QUIZ)"
    )
    copy.add_line(
        "creditlib/rollouts/formats.py",
        "from creditlib.rollouts.creditlib_schema import CREDITLIB",
        "from creditlib.rollouts.quiz import QUIZ",
    )
    copy.test("tests/rollouts/test_quiz.py", *STRUCTURE[:2])
    assert "quiz" in copy.must("-m", "creditlib", "explain", "--help")


def trainer(copy: Copy) -> None:
    copy.write("creditlib/integrations/rehearsal_trainer.py", TRAINER)
    copy.write("tests/integrations/test_into_rehearsal_trainer.py", TRAINER_TEST)
    copy.fails_once("tests/integrations/test_recorded_signatures.py", "-k", "adapter_expects")
    copy.write("tests/integrations/signatures/rehearsal_trainer.json", RECORD)
    copy.write("docs/trainers/rehearsal_trainer.md", PAGE)
    copy.test(
        "tests/integrations/test_into_rehearsal_trainer.py",
        "tests/integrations/test_recorded_signatures.py",
        *STRUCTURE[:2],
    )
    assert "rehearsal_trainer" in copy.must("-m", "creditlib", "doctor", "rehearsal-trainer")


def preset(copy: Copy) -> None:
    copy.replace("creditlib/presets.py", '    "TRL_GRPO",', '    "REHEARSED",\n    "TRL_GRPO",')
    copy.add_line(
        "creditlib/presets.py", 'TRL_GRPO = _Preset("grpo", eps=1e-4)', f"REHEARSED = {PRESET}"
    )
    copy.fails_once("tests/test_presets.py")  # nothing proves its numbers
    copy.add_line("tests/test_presets.py", "WORKED = {", '    "REHEARSED": (UNBIASED + 1e-3, 0),')
    copy.pages()
    copy.test("tests/test_presets.py", "tests/test_docs.py")
    assert "`REHEARSED`" in (copy.folder / "docs" / "papers.md").read_text()


def operation(copy: Copy) -> None:
    (copy.folder / "creditlib" / "ops" / "double").mkdir()
    (copy.folder / "tests" / "ops" / "double").mkdir()
    copy.write("creditlib/ops/double/reference.py", REFERENCE)
    copy.write("creditlib/ops/double/__init__.py", OPERATION)
    copy.write("creditlib/ops/double/numba_loops.py", LOOPS)
    copy.fails_once("tests/test_mirror.py", "-k", "every_module")  # it has no test
    copy.write("tests/ops/double/test_double.py", OPERATION_TEST)
    copy.test("tests/ops/double", "creditlib/ops/double", *STRUCTURE[:2])


THINGS: dict[str, Callable[[Copy], None]] = {
    "an estimator": estimator,
    "a recipe": recipe,
    "a law": law,
    "a rollout format": rollout_format,
    "a trainer": trainer,
    "a preset": preset,
    "an operation": operation,
}


def main(wanted: list[str]) -> None:
    """Rehearse each thing in a copy of its own."""
    for name, add in THINGS.items():
        if wanted and not any(word in name for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            copy = Copy(Path(folder))
            add(copy)
            sys.stdout.write(f"{name}: {len(copy.touched)} files\n")
            for touched in sorted(copy.touched):
                sys.stdout.write(f"    {touched}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
