import pytest
import stand_ins

from creditlib.testing import LawError, check_agreement, conformance_report

# A mask alone cannot tell padding from a tool's last words: what counts every reward counts these.
COUNTS_ALL = {"padding_changes_nothing": "every reward counts, wherever it lies"}
UNSHAPED = {"rewards_are_never_lost": "only what lies on written tokens counts"}


@pytest.mark.parametrize(
    ("name", "signature", "skip"),
    [
        ("verl_right", "verl", COUNTS_ALL),
        ("verl_gae", "verl", UNSHAPED),
        ("skyrl_right", "skyrl", {}),
        ("trl_right", "trl", {}),
    ],
)
def test_a_right_estimator_keeps_every_law_of_its_convention(name, signature, skip):
    report = conformance_report(getattr(stand_ins, name), signature, skip=skip, examples=25)
    assert report.broken == [], str(report)
    assert len(report.of("kept")) >= 18


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("verl_narrow", "constant_groups_get_nothing"),
        ("verl_raw", "lone_members_get_nothing"),
        ("verl_right", "padding_changes_nothing"),
        ("verl_masked", "rewards_are_never_lost"),
        ("verl_gae", "rewards_are_never_lost"),
        ("verl_gae_of_all", "tool_output_changes_nothing"),
        ("verl_writes", "inputs_are_untouched"),
        ("verl_swallows", "unknown_options_are_refused"),
        ("verl_deaf", "every_argument_is_heard"),
        ("verl_alone", "missing_tensors_are_refused"),
        ("skyrl_counts_padding", "padding_changes_nothing"),
        ("trl_narrow", "constant_groups_get_nothing"),
        ("trl_counts_the_unscored", "excluded_trajectories_are_absent"),
    ],
)
def test_a_fault_is_caught_by_its_law(name, law):
    report = conformance_report(getattr(stand_ins, name), name.partition("_")[0], laws=[law])
    assert [verdict.law.name for verdict in report.broken] == [law]


def test_a_counterexample_is_a_call_of_the_trainer():
    report = conformance_report(stand_ins.verl_raw, laws=["lone_members_get_nothing"])
    code = report.broken[0].code
    assert "index = np.array(['uid" in code
    assert "verl_raw(" in code
    scope = {}
    exec(f"import torch, numpy as np\nfrom stand_ins import verl_raw\n{code}", scope)
    advantages, _ = scope["verl_raw"](
        scope["token_level_rewards"], scope["response_mask"], scope["index"]
    )
    assert advantages.abs().sum() > 0


def test_a_missing_argument_is_shown_as_it_was_left_out():
    report = conformance_report(stand_ins.verl_alone, laws=["missing_tensors_are_refused"])
    assert report.broken[0].sentence == "`index`=None raised no error"
    assert "index=None" in report.broken[0].code


def test_the_expectation_is_shown_through_the_convention():
    report = conformance_report(
        stand_ins.verl_narrow, laws=["the_expected_gradient_is_the_true_one"]
    )
    code = report.broken[0].code
    assert 'trainer_subject(verl_narrow, "verl", {}).call(' in code
    exec(f"from stand_ins import verl_narrow\n{code}", {})


def test_a_setting_that_nobody_reads_is_named():
    report = conformance_report(stand_ins.verl_deaf, laws=["every_argument_is_heard"], examples=60)
    assert report.broken[0].sentence == (
        "`config.norm_adv_by_std_in_grpo` changed no result in 300 batches"
    )


def test_what_a_convention_cannot_say_is_untried_with_the_reason():
    def of_one_size(rewards_per_func, num_generations):
        raise NotImplementedError

    report = conformance_report(of_one_size, "trl", laws=["lone_members_get_nothing"], examples=5)
    assert [verdict.state for verdict in report.verdicts] == ["untried"]
    report = conformance_report(
        stand_ins.skyrl_right, "skyrl", laws=["rewards_are_never_lost"], examples=5
    )
    # the estimator is not told where the policy wrote
    assert report.verdicts[0].state == "untried"
    assert report.verdicts[0].sentence


def test_the_laws_are_watched():
    seen = []
    names = ["credit_is_finite", "inputs_are_untouched"]
    conformance_report(
        "rloo", None, laws=names, examples=5, watch=lambda law: seen.append(law.name)
    )
    assert seen == names


def test_two_implementations_that_agree():
    report = check_agreement(
        stand_ins.verl_right, stand_ins.verl_swallows, signature="verl", examples=30
    )
    assert [verdict.state for verdict in report.verdicts] == ["kept"]
    assert report.name == "verl_right against verl_swallows"


def test_two_implementations_that_differ_for_a_lone_member():
    with pytest.raises(LawError) as caught:
        check_agreement(stand_ins.verl_right, stand_ins.verl_raw, signature="verl")
    (verdict,) = caught.value.report.broken
    assert verdict.sentence == "verl_right and verl_raw give different credit"
    lines = verdict.code.splitlines()
    assert sum(line.startswith("verl_right(") for line in lines) == 1
    assert sum(line.startswith("verl_raw(") for line in lines) == 1


def test_to_refuse_is_to_differ():
    def refuses_lone_members(token_level_rewards, response_mask, index):
        if min(map(len, stand_ins.groups(index)), default=2) < 2:
            raise ValueError("two at least")
        return stand_ins.verl_right(token_level_rewards, response_mask, index)

    with pytest.raises(
        LawError, match="refuses_lone_members refuses a batch that verl_right accepts"
    ):
        check_agreement(stand_ins.verl_right, refuses_lone_members, signature="verl")


def test_estimators_of_the_vocabulary_are_compared_too(refusal):
    assert check_agreement("rloo", "rloo", examples=10).broken == []
    with pytest.raises(LawError, match="remax and rloo give different credit"):
        check_agreement("remax", "rloo")
    assert refusal(check_agreement, "rloo", "duration_weight") == (
        "check_agreement: `reference` must be an implementation of what rloo computes, "
        "got duration_weight."
    )
