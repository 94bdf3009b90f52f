"""Workers pinned to prompts need weights of duration, and free ones do not."""

from creditlib.audit.miniatures import claims


def test_workers_of_both_schedulers():
    found = claims("c", seeds=2)
    assert [result.passed for result in found] == [True, True]
    assert [result.control for result in found] == [False, True]
    assert claims("c", seeds=2) == found
