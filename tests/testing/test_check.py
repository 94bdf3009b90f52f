import re
import subprocess
import sys

import pytest
import torch

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


def in_no_convention(function, **more):
    return conformance_report(function, None, **more)


ALLOWED = "names of laws, or laws made with `creditlib.testing.law`"
BAD = {
    "unannotated": (
        lambda: check_estimator(by_groups),
        "`function` must be a function with annotated tensors, such as `reward: Reward`, "
        "got by_groups without any.",
    ),
    "a misspelt law": (
        lambda: check_estimator(rloo, laws=["credit_is_finit"]),
        f"`laws` must be {ALLOWED}, got 'credit_is_finit' (did you mean 'credit_is_finite'?).",
    ),
    "a misspelt law to skip": (
        lambda: check_estimator(rloo, skip={"credit_is_finit": "it is late"}),
        "`skip` must be names of laws, got 'credit_is_finit' (did you mean 'credit_is_finite'?).",
    ),
    "a tier that is none": (
        lambda: check_estimator(rloo, strict="contracts"),
        "`strict` must be one of 'contract', 'invariance', 'property', got 'contracts' "
        "(did you mean 'contract'?).",
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


def own(*, reward: Reward, group: Group, power: float = 1.0) -> Credit:
    raise AssertionError("nothing is run")


OPTIONS = {
    "an unknown option of ours": (
        "grpo",
        {"scle": 1},
        "grpo: `scle` must be one of its arguments, got 1 (did you mean 'scale'?).",
    ),
    "an unknown option of a stranger's": (
        own,
        {"pwer": 2.0},
        "own: `pwer` must be one of its arguments, got 2.0 (did you mean 'power'?).",
    ),
    "nothing near": (
        own,
        {"no_such": 1},
        "own: `no_such` must be one of its arguments, got 1; it has `power`.",
    ),
    "a tensor's name": (
        own,
        {"reward": 3},
        "own: `reward` must be left to the laws, which draw it, got the option 3.",
    ),
    "a value that is no choice": (
        "grpo",
        {"scale": "sdt"},
        "grpo: `scale` must be one of 'std', 'mad', 'mean', None, got 'sdt' (did you mean 'std'?).",
    ),
    "a value out of range": (
        "gae",
        {"gamma": 7, "lam": 1.0},
        "gae: `gamma` must be a number in [0, 1], got 7; write 0.07 for 7 %.",
    ),
}


@pytest.mark.parametrize("check", [check_estimator, parametrize_with_laws, in_no_convention])
@pytest.mark.parametrize("case", OPTIONS)
def test_a_wrong_option_is_refused_before_anything_runs(case, check, refusal):
    function, options, sentence = OPTIONS[case]
    assert refusal(check, function, options=options) == sentence


def test_a_function_of_any_keywords_and_a_settings_object_take_any_name(refusal):
    def free(*, reward: Reward, group: Group, **kwargs) -> Credit:
        return rloo(reward=reward, group=group)

    assert (
        check_estimator(free, options={"x": 1}, laws=["credit_is_finite"], examples=2).broken == []
    )
    wrong = {"options": {"config.gamma": 0.5}}
    assert refusal(check_estimator, rloo, **wrong).startswith("rloo: `config.gamma` must be one of")


def test_an_option_of_a_trainers_function_is_refused_too(refusal):
    def in_verls_way(token_level_rewards, response_mask, index, f_norm=1.0):
        raise AssertionError("nothing is run")

    assert refusal(conformance_report, in_verls_way, options={"f_nrom": 1.0}) == (
        "in_verls_way: `f_nrom` must be one of its arguments, got 1.0 (did you mean 'f_norm'?)."
    )


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


def lopsided(*, reward: Reward, group: Group) -> Credit:
    """Every contract and invariance is kept; the credit of a group does not sum to zero."""
    credit = rloo(reward=reward, group=group)
    return credit.clamp(min=0)


def test_a_property_that_does_not_hold_is_reported_and_is_no_fault():
    report = check_estimator(lopsided, examples=20)
    assert (report.faults, report.strict) == ([], "invariance")
    assert {verdict.law.tier for verdict in report.unheld} == {"property"}
    assert re.search(
        r"keeps \d+ laws; 2 properties do not hold\n\n"
        r"credit_sums_to_zero \(property\): the credit of a group sums to 1\n\n"
        r"the_expected_gradient_is_the_true_one \(property\): biased: [\d.]+ % of the expected",
        str(report),
    ), str(report)


def test_strict_decides_what_is_a_fault():
    with pytest.raises(LawError, match="breaks 2 of"):
        check_estimator(lopsided, examples=20, strict="property")
    with pytest.raises(LawError, match="breaks 1 of 1 laws"):  # named laws are demanded
        check_estimator(lopsided, examples=20, laws=["credit_sums_to_zero"])
    laws = ["credit_sums_to_zero"]
    assert check_estimator(lopsided, examples=20, laws=laws, strict="invariance").unheld
    with pytest.raises(LawError):
        check_estimator(over_the_batch, examples=20)
    report = check_estimator(over_the_batch, examples=20, strict="contract")
    assert re.match(r"over_the_batch keeps \d+ laws; \d+ further laws do not hold\n", str(report))


def over_the_batch(*, reward: Reward, group: Group) -> Credit:
    """The groups are ignored."""
    return rloo(reward=reward, group=torch.zeros_like(group)) + 0 * group.sum()


def over_the_others(*, reward: Reward, group: Group) -> Credit:
    """0 / 0 for a group of one trajectory."""
    same = (group[:, None] == group).double()
    others = same.sum(1) - 1
    with torch.no_grad():
        # Sums of differences: equal rewards give exactly 0, on every processor.
        gap = reward.double()[:, None] - reward.double()
        credit = (gap * same).sum(1) / others
    return credit.to(torch.promote_types(reward.dtype, torch.float32))


def test_one_error_is_one_report():
    def always(*, reward: Reward, group: Group) -> Credit:
        raise ValueError("not today")

    def never_empty(*, reward: Reward, group: Group) -> Credit:
        if not len(reward):
            raise ValueError("there is nothing")
        if len(reward) > 3:
            raise ValueError("too many")
        return rloo(reward=reward, group=group)

    for function, names in (
        (always, ["every_batch_is_taken"]),
        (never_empty, ["every_batch_is_taken", "no_trajectories_no_credit"]),
    ):
        with pytest.raises(LawError) as caught:
            check_estimator(function, strict="property", examples=25)
        assert [verdict.law.name for verdict in caught.value.report.broken] == names


def test_one_nan_is_one_report():
    with pytest.raises(LawError) as caught:
        check_estimator(over_the_others, strict="property", examples=30)
    report = caught.value.report
    assert [verdict.law.name for verdict in report.broken] == ["credit_is_finite"]
    assert report.consequences(report.broken[0]) == ["lone_members_get_nothing"]
    assert str(report).endswith("\n    this also breaks lone_members_get_nothing")


def test_a_fault_behind_a_nan_is_found():
    """The smallest lone member has the reward 0 and gets 0 / 0; others get 1 or -1."""

    def sign_of_lone_members(*, reward: Reward, group: Group) -> Credit:
        same = (group[:, None] == group).sum(1)
        x = reward.detach()
        return rloo(reward=reward, group=group) + torch.where(same == 1, x / x.abs(), 0).float()

    with pytest.raises(LawError) as caught:
        check_estimator(sign_of_lone_members, strict="property", examples=40)
    report = caught.value.report
    found = {verdict.law.name: verdict for verdict in report.broken}
    assert next(iter(found)) == "credit_is_finite"
    assert "lone_members_get_nothing" in found
    assert found["lone_members_get_nothing"].code.endswith("# [1]")


def test_one_wrong_dtype_is_one_report_and_the_root_cause_stands_first():
    def half(*, reward: Reward, group: Group) -> Credit:
        return rloo(reward=reward, group=group).to(reward.dtype) + (reward.detach().mean() > 9)

    with pytest.raises(LawError) as caught:
        check_estimator(half, strict="property", examples=60)
    report = caught.value.report
    assert [report.broken[0].law.name, report.broken[0].law.tier] == [
        "results_fit_their_inputs",
        "contract",
    ]
    assert report.consequences(report.broken[0]) == ["half_precision_is_computed_in_single"]
    tiers = [verdict.law.tier for verdict in report.broken]
    assert tiers == sorted(tiers)  # contract, invariance, property


def test_too_few_examples_are_undecided():
    report = check_estimator("duration_weight", examples=3)
    (verdict,) = report.of("undecided")
    assert (verdict.law.name, verdict.examples) == ("every_argument_is_heard", 3)
    assert re.fullmatch(
        r".* changed no result in 3 batches; this law needs 60 batches for a verdict",
        verdict.sentence,
    )
    assert report.broken == []


def test_a_case_of_pytest_follows_the_tier():
    def case(function, law, **more):
        (found,) = parametrize_with_laws(function, laws=[law], **more).args[1]
        return found.values[0]

    with pytest.raises(LawError):
        case(lopsided, "credit_sums_to_zero")()
    with pytest.raises(pytest.xfail.Exception, match="property: the credit of a group sums to 1"):
        case(lopsided, "credit_sums_to_zero", strict="contract")()
    with pytest.raises(pytest.skip.Exception, match=r"undecided: .* changed no result"):
        case("duration_weight", "every_argument_is_heard", examples=2)()


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
