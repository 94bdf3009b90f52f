import sys

import pytest
from audit_by_hand import audit

from creditlib.audit.result import Tiers
from creditlib.report import audit_figures
from creditlib.vocabulary.install_hint import install_hint
from creditlib.vocabulary.messages import ContractError


def test_the_heat_map_has_one_scale_centred_on_zero():
    """mine's credit is 1, -2 | .5, –: shares of 2 are .5, -1 | .25; the oracle's .5, 0 | -.5."""
    figure = audit_figures.credit_heat_map(audit())
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert [image.get_clim() for image in images[:3]] == [(-1, 1)] * 3
    oracle, mine = (image.get_array() for image in images[:2])
    assert oracle.filled(9).tolist() == [[1, 0], [-1, 9]]
    assert mine.filled(9).tolist() == [[0.5, -1], [0.25, 9]]


def test_pictures_are_made_of_what_is_there():
    assert list(audit_figures.figures(audit())) == ["credit", "bias", "learning", "path"]
    bare = audit(own=Tiers(), against={}, curves=(), heat_maps={})
    assert audit_figures.figures(bare) == {}


def test_a_picture_is_the_same_bytes_each_time():
    first, second = (audit_figures.as_svg(audit_figures.path_cosines(audit())) for _ in range(2))
    assert first == second
    assert first.startswith("<svg")


def test_the_oracle_is_the_ceiling():
    """SNR .5, half of the oracle's: the line stands at 1."""
    plot = audit_figures.bias_against_snr(audit()).axes[0]
    assert any(
        line.get_xdata() == [1.0, 1.0] for line in plot.lines if line.get_linestyle() == "--"
    )


def test_without_matplotlib_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ContractError) as caught:
        audit_figures.figures(audit())
    assert str(caught.value) == f"audit: pictures need matplotlib: {install_hint('plots')}."
