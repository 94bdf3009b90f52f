import torch

from creditlib.audit.ranking import USNR, Mean, below, mean_usnr
from creditlib.audit.result import Tiers
from creditlib.audit.rows import QualityRow
from creditlib.testing import assert_close

ROWS = (
    QualityRow("a", USNR, 0.2, 0.1, 0.3),
    QualityRow("b", USNR, 0.4, 0.0, 0.8),
    QualityRow("c", USNR, None, None, None),
    QualityRow("a", "leakage", 9.0, 9.0, 9.0),
)


def test_by_hand():
    """(.2 + .4) / 2 = .3; the halves are .1 and .4: √(.01 + .16) / 2 = .2062."""
    mean = mean_usnr(Tiers(quality=ROWS), ["a", "b", "c"])
    half = (0.01 + 0.16) ** 0.5 / 2
    assert_close(torch.tensor(mean[:3]), torch.tensor([0.3, 0.3 - half, 0.3 + half]))
    assert mean.tasks == ("a", "b")


def test_no_task_has_no_mean():
    assert mean_usnr(Tiers(quality=ROWS), ["c"]) is None
    assert mean_usnr(Tiers(), ["a"]) is None


def test_below_is_beyond_both_intervals():
    """Halves .1 and .1: √(.02) = .1414; .3 - .45 + .1414 < 0, and .3 - .43 + .1414 > 0."""
    own = Mean(0.3, 0.2, 0.4, ())
    assert below(own, Mean(0.45, 0.35, 0.55, ()))
    assert not below(own, Mean(0.43, 0.33, 0.53, ()))
    assert not below(Mean(0.45, 0.35, 0.55, ()), own)
