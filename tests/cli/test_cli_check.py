import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cli_runs import error_of, run

from creditlib.vocabulary.install_hint import install_hint

OWN = """
import numpy as np

def centered(token_level_rewards, response_mask, index, config=None):
    reward = token_level_rewards.double().sum(-1)
    for uid in set(index):
        mine = np.nonzero(index == uid)[0]
        if len(mine) > 1:
            reward[mine] = reward[mine] - reward[mine].mean()
    return (reward[:, None] * response_mask,) * 2
"""
LONE = ("--law", "lone_members_get_nothing")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A function in a file of the current directory, which an installed script does not see."""
    (tmp_path / "credit_in_verls_way.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "credit_in_verls_way", raising=False)
    return ("check", "credit_in_verls_way:centered", "--signature", "verl")


def test_a_function_that_keeps_its_laws_is_exit_code_0():
    found = run("check", "rloo", "--law", "credit_is_finite", "--examples", "5")
    assert found.exit_code == 0
    assert "rloo: 1 kept" in found.output


def test_a_broken_law_is_shown_and_exit_code_1(own):
    found = run(*own, *LONE, "--law", "credit_is_finite", "--examples", "30")
    assert found.exit_code == 1
    assert "centered: 1 kept, 1 broken" in found.output
    assert "demands: A group of one trajectory gets exactly zero credit." in found.output
    assert "np.array(['uid0'], dtype=object)" in found.output
    assert "https://github.com/volcengine/verl/issues/7581" in found.output


def test_a_reason_makes_it_a_design(own):
    found = run(*own, *LONE, "--skip", "lone_members_get_nothing=they are paid")
    assert found.exit_code == 0
    assert "they are paid" in found.output


def test_json_is_all_there_is(own):
    found = run(*own, *LONE, "--json")
    assert found.exit_code == 1
    read = json.loads(found.stdout)
    assert read["function"] == "credit_in_verls_way:centered"
    assert [verdict["state"] for verdict in read["verdicts"]] == ["broken"]


def test_options_seeds_and_seconds_are_passed():
    name = "the_expected_gradient_is_the_true_one"
    common = ("check", "grpo", "--law", name, "--seed", "3", "--seconds", "60")
    assert "1 by design" in run(*common).output
    assert "1 kept" in run(*common, "--option", "scale=None").output


def test_mistakes_are_one_sentence_and_exit_code_2(monkeypatch, capsys):
    assert error_of(monkeypatch, capsys, "check", "rlo") == (
        "creditlib: check: `function` must be a name of creditlib, of a plug-in, or "
        "'package.module:function', got 'rlo' (did you mean 'rloo'?).\n"
    )
    assert error_of(monkeypatch, capsys, "check", "rloo", "--signature", "veril") == (
        "creditlib: check: `--signature` must be one of 'verl', 'skyrl', 'trl', got 'veril' (did "
        "you mean 'verl'?).\n"
    )
    assert error_of(monkeypatch, capsys, "check", "rloo", "--signature", "verl") == (
        "creditlib: check: `function` must be a function that takes "
        "token_level_rewards, values, reward_baselines, response_mask, index, old_log_probs, "
        "sum_pi_squared by name, got rloo(reward, group, valid, lone, backend).\n"
    )
    assert error_of(monkeypatch, capsys, "check", "rloo", "--law", "be_nice") == (
        "creditlib: check: `--law` must be a name that `creditlib laws` lists, got 'be_nice'.\n"
    )
    wrong = "credit_is_finit=why not"
    assert error_of(monkeypatch, capsys, "check", "rloo", "--skip", wrong) == (
        "creditlib: check: `--skip` must be a name that `creditlib laws` lists, got "
        "'credit_is_finit' (did you mean 'credit_is_finite'?).\n"
    )
    assert error_of(monkeypatch, capsys, "check", "rloo", "--strict", "all") == (
        "creditlib: check: `--strict` must be one of 'contract', 'invariance', 'property', got "
        "'all'.\n"
    )
    assert error_of(monkeypatch, capsys, "check", "grpo", "-o", "scle=1") == (
        "creditlib: check: `--option scle` must be one of the arguments of grpo, got 1 (did you "
        "mean 'scale'?).\n"
    )
    assert error_of(monkeypatch, capsys, "check", "rloo", "--option", "lone") == (
        "creditlib: check: `--option` must be name=value, got 'lone'.\n"
    )


def test_a_trainer_that_is_not_installed_is_one_sentence(monkeypatch, capsys):
    path = "no_such_trainer.core_algos:grpo"
    assert error_of(monkeypatch, capsys, "check", path, "--signature", "verl") == (
        f"creditlib: check: `function` must be an import path that loads, got '{path}' "
        "(ModuleNotFoundError: No module named 'no_such_trainer'); it was looked for among the "
        f"installed packages and in {Path.cwd()}.\n"
    )


BIASED = """
import torch
from creditlib import rloo
from creditlib.vocabulary import Credit, Group, Reward

def at_least_zero(*, reward: Reward, group: Group) -> Credit:
    return rloo(reward=reward, group=group).clamp(min=0)

def half(*, reward: Reward, group: Group) -> Credit:
    return rloo(reward=reward, group=group).to(reward.dtype)
"""


@pytest.fixture
def biased(tmp_path, monkeypatch):
    """A module in the current folder."""
    (tmp_path / "credit_of_a_stranger.py").write_text(BIASED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "credit_of_a_stranger", raising=False)
    return "credit_of_a_stranger"


def test_strict_decides_the_exit_code(biased):
    few = ("--examples", "10")
    found = run("check", f"{biased}:at_least_zero", *few)
    assert found.exit_code == 0
    assert ", 2 do not hold; " in found.output
    assert "found: biased: " in found.output
    assert run("check", f"{biased}:at_least_zero", *few, "--strict", "property").exit_code == 1
    law = ("--law", "credit_sums_to_zero", *few)
    assert run("check", f"{biased}:at_least_zero", *law).exit_code == 1
    assert run("check", f"{biased}:at_least_zero", *law, "--strict", "contract").exit_code == 0


def test_pasted_lines_show_the_fault(biased, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # wide enough for the table
    law = "results_fit_their_inputs"
    output = run("check", f"{biased}:half", "--law", law).output
    lines = [line[4:] for line in output.splitlines() if line.startswith("    ")]
    text = "\n".join(lines[: [line.startswith("# ") for line in lines].index(True)])
    *before, last = ast.parse(text).body
    scope = {}
    exec(ast.unparse(ast.Module(before, [])), scope)
    assert eval(ast.unparse(last), scope).dtype is torch.bfloat16


def test_without_hypothesis_one_sentence_says_what_to_install():
    program = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "sys.argv = ['creditlib', 'check', 'rloo']\n"
        "from creditlib.cli import main; main()"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == (
        f"creditlib: check: the laws need hypothesis: {install_hint('laws')}.\n"
    )
