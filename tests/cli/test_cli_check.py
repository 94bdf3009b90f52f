import json
import subprocess
import sys

import pytest
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
    assert "rloo: 1 kept; 0 not applicable" in found.output


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
        "creditlib: resolve: `name` must be a name of creditlib, of a plug-in, or "
        "'package.module:function', got 'rlo' (did you mean 'rloo'?).\n"
    )
    assert error_of(monkeypatch, capsys, "check", "rloo", "--signature", "veril") == (
        "creditlib: conformance_report: `signature` must be one of 'verl', 'skyrl', 'trl', got "
        "'veril'.\n"
    )
    assert error_of(monkeypatch, capsys, "check", "rloo", "--signature", "verl") == (
        "creditlib: conformance_report: `function` must be a function that takes "
        "token_level_rewards, values, reward_baselines, response_mask, index, old_log_probs, "
        "sum_pi_squared by name, got rloo(reward, group, valid, lone, backend).\n"
    )
    assert error_of(monkeypatch, capsys, "check", "rloo", "--law", "be_nice") == (
        "creditlib: check_estimator: `laws` must be names of laws, or laws made with "
        "`creditlib.testing.law`, got 'be_nice'.\n"
    )
    assert error_of(monkeypatch, capsys, "check", "rloo", "--option", "lone") == (
        "creditlib: check: `--option` must be name=value, got 'lone'.\n"
    )


def test_a_trainer_that_is_not_installed_is_one_sentence(monkeypatch, capsys):
    path = "no_such_trainer.core_algos:grpo"
    assert error_of(monkeypatch, capsys, "check", path, "--signature", "verl") == (
        f"creditlib: resolve: `name` must be an import path that loads, got '{path}' "
        "(ModuleNotFoundError: No module named 'no_such_trainer').\n"
    )


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
