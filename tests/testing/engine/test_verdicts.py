from creditlib.testing.engine.verdicts import Report, Verdict
from creditlib.testing.laws import LAWS


def verdict(law, state="broken", because=""):
    return Verdict(LAWS[law], state, 1, 0.1, f"{law} it is", "f()", because=because)


UNBIASED = verdict("the_expected_gradient_is_the_true_one")
ZERO_SUM = verdict("credit_sums_to_zero", because="credit_is_finite")
ORDER = verdict("order_does_not_matter")
FINITE = verdict("credit_is_finite")
KEPT = verdict("inputs_are_untouched", "kept")


def names(verdicts):
    return [each.law.name for each in verdicts]


def test_the_root_cause_stands_first_and_consequences_below_it():
    report = Report("mine", (UNBIASED, ORDER, ZERO_SUM, FINITE, KEPT))
    assert names(report.broken) == names([FINITE, ORDER, UNBIASED])
    assert report.consequences(FINITE) == ["credit_sums_to_zero"]
    assert str(report).splitlines()[:5] == [
        *("mine breaks 3 of 5 laws", "", "credit_is_finite: credit_is_finite it is", "    f()"),
        "    this also breaks credit_sums_to_zero",
    ]


def test_strict_decides_what_is_a_fault():
    every = (UNBIASED, ORDER, FINITE, KEPT)
    assert names(Report("mine", every, "contract").faults) == ["credit_is_finite"]
    assert names(Report("mine", every, "contract").unheld) == names([ORDER, UNBIASED])
    assert names(Report("mine", every, "invariance").unheld) == names([UNBIASED])
    assert Report("mine", every, "property").unheld == []


def test_what_is_no_fault_is_reported_without_code():
    assert str(Report("mine", (UNBIASED, KEPT), "invariance")) == (
        "mine keeps 1 laws; 1 property does not hold\n\n"
        "the_expected_gradient_is_the_true_one (property): "
        "the_expected_gradient_is_the_true_one it is"
    )
    both = Report("mine", (UNBIASED, ORDER, FINITE), "contract")
    assert str(both).startswith("mine breaks 1 of 3 laws; 2 further laws do not hold\n")
