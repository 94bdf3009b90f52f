from creditlib.report.summary_parts import OutcomeShare


def test_a_range_is_named_by_its_ends():
    assert OutcomeShare(1 / 3, 1 / 3, 1, 0.5).label == "0.3333"
    assert OutcomeShare(-1.0, 2e6, 1, None).label == "-1 to 2e+06"
