import re
import subprocess
import sys

import pytest

from creditlib import rloo
from creditlib.testing import (
    LawError,
    Trial,
    check_estimator,
    conformance_report,
    law,
    parametrize_with_laws,
)
from creditlib.testing.check import check_skip
from creditlib.testing.laws import LAWS
from creditlib.vocabulary import Credit, Group, Reward


def by_groups(reward, group):
    return rloo(reward=reward, group=group)


def broken_laws(function, **more):
    """The sentences of the laws that a function breaks."""
    with pytest.raises(LawError) as caught:
        check_estimator(function, **{"examples": 15, **more})
    return {verdict.law.name: verdict.sentence for verdict in caught.value.report.broken}


ALLOWED = "names of laws, or laws made with `creditlib.testing.law`"
BAD = {
    "unannotated": (
        lambda: check_estimator(by_groups),
        "`function` must be a function with annotated tensors, such as `reward: Reward`, "
        "got by_groups without any.",
    ),
    "a law that is none, to skip": (
        lambda: check_estimator(rloo, skip={"gravity": "it is late"}),
        "`skip` must be names of laws, got 'gravity'.",
    ),
    "a law that is none": (
        lambda: check_estimator(rloo, laws=["gravity"]),
        f"`laws` must be {ALLOWED}, got 'gravity'.",
    ),
    "something else than a law": (
        lambda: check_estimator(rloo, laws=[len]),
        f"`laws` must be {ALLOWED}, got <built-in function len>.",
    ),
    "something else than a law for pytest": (
        lambda: parametrize_with_laws(rloo, laws=[3]),
        f"`laws` must be {ALLOWED}, got 3.",
    ),
    "no reason": (
        lambda: check_estimator(rloo, skip={"credit_sums_to_zero": " "}),
        "`skip` must be a reason for credit_sums_to_zero, got ' '.",
    ),
    "no reason for pytest": (
        lambda: parametrize_with_laws(rloo, skip={"credit_sums_to_zero": ""}),
        "`skip` must be a reason for credit_sums_to_zero, got ''.",
    ),
    "a tensor that it does not take": (
        lambda: check_estimator(rloo, require=["anchor"]),
        "`require` must be names of its tensors, got 'anchor'.",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_call_is_refused_in_one_sentence(case, refusal):
    call, sentence = BAD[case]
    assert refusal(call) == f"check_estimator: {sentence}"


def test_a_function_that_does_not_exist_is_refused(refusal):
    assert refusal(check_estimator, "grop").startswith("resolve: `name` must be a name of")


def test_an_option_that_does_not_exist_is_the_functions_own_error():
    said = broken_laws(rloo, options={"no_such": 1}, laws=["every_batch_is_taken"])
    assert said == {
        "every_batch_is_taken": "a valid batch was refused: TypeError: rloo() got an unexpected "
        "keyword argument 'no_such'"
    }


def test_what_is_right_gives_its_report():
    report = check_estimator(rloo, examples=5, laws=["credit_is_finite", "credit_sums_to_zero"])
    assert [verdict.state for verdict in report.verdicts] == ["kept", "kept"]
    assert check_skip(None) == {}


def test_what_is_skipped_is_not_tried():
    def tilted(*, reward: Reward, group: Group) -> Credit:
        return rloo(reward=reward, group=group) + 1

    skip = {"credit_sums_to_zero": "everybody gets one", "lone_members_get_nothing": "the same"}
    said = broken_laws(tilted, skip=skip)
    assert set(said) == {
        "constant_groups_get_nothing",
        "no_credit_lies_beyond_the_spread",
        "scaling_rewards_scales_or_changes_nothing",
    }


TEST_FILE = """
from creditlib import grpo, rloo
from creditlib.testing import parametrize_with_laws
from creditlib.vocabulary import Credit, Group, Reward


@parametrize_with_laws(rloo, examples=3, skip={"credit_sums_to_zero": "only for show"})
def test_rloo(law):
    law()


@parametrize_with_laws("grpo", examples=3, options={"scale": None})
def test_grpo(law):
    law()


def batch_mean(*, reward: Reward, group: Group) -> Credit:
    return reward.detach() - reward.detach().mean()


@parametrize_with_laws(batch_mean, examples=25)
def test_batch_mean(law):
    law()
"""


def test_laws_are_cases_of_pytest_and_skipped_ones_say_why(tmp_path):
    (tmp_path / "test_mine.py").write_text(TEST_FILE)
    options = ["-q", "-rs", "-p", "no:cacheprovider", "-p", "no:xdist"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_mine.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    failed = re.findall(r"test_batch_mean\[(\w+)\] _", run.stdout)
    assert "groups_are_independent" in failed
    assert not re.search(r"_ test_(rloo|grpo)\[", run.stdout)
    assert re.search(r"SKIPPED \[1\] .*: only for show", run.stdout)
    assert "batch_mean breaks 1 of 1 laws" in run.stdout
    assert "batch_mean(reward=reward, group=group)" in run.stdout


def test_there_is_a_case_for_each_law_that_applies():
    mark = parametrize_with_laws(rloo)
    names = [case.id for case in mark.args[1]]
    assert mark.args[0] == "law"
    assert names == [name for name in LAWS if name in names]
    assert "weights_keep_the_total" not in names


@law("our notes of May", needs=("reward",))
def credit_is_at_most_one(trial: Trial) -> None:
    """No credit is larger than 1."""
    if any(float(part.abs().max()) > 1 for part in trial(trial.batch())):
        trial.broken("a credit is larger than 1")


def test_a_users_law_is_run_beside_ours():
    laws = [credit_is_at_most_one, "credit_is_finite"]
    assert broken_laws(rloo, laws=laws, examples=100) == {
        "credit_is_at_most_one": "a credit is larger than 1"
    }
    skip = {"credit_is_at_most_one": "rewards are unbounded"}
    report = check_estimator(rloo, laws=laws, skip=skip, examples=5)
    assert [verdict.state for verdict in report.verdicts] == ["by design", "kept"]


def test_a_users_law_is_a_case_of_pytest_and_a_row_of_a_report():
    (case,) = parametrize_with_laws(rloo, laws=[credit_is_at_most_one]).args[1]
    assert case.id == "credit_is_at_most_one"
    with pytest.raises(LawError, match="a credit is larger than 1"):
        case.values[0]()
    report = conformance_report(rloo, None, laws=[credit_is_at_most_one])
    assert [verdict.law for verdict in report.broken] == [credit_is_at_most_one]


def test_a_users_law_is_not_one_of_ours():
    assert "credit_is_at_most_one" not in LAWS
