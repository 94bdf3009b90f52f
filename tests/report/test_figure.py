import io
import sys

import numpy as np
import pytest

import creditlib as cl
from creditlib.report import figure
from creditlib.rollouts import from_trajectories
from creditlib.vocabulary.messages import ContractError

matplotlib = pytest.importorskip("matplotlib")


RUN = "figure: `estimators` must be estimators that can run on these rollouts, got"


def batch():
    turn = {"observation": "x"}
    return from_trajectories(
        [
            {"group": "a", "id": "low $x$", "outcome": 0.0, "turns": [turn] * 3},
            {"group": "a", "id": "high", "outcome": 1.0, "turns": [turn]},
            {"group": "a", "outcome": None, "turns": [turn] * 2},
            {"group": "b", "outcome": 1.0, "turns": [turn]},
        ]
    )


def cells(panel):
    """The colours of a panel, [row turn rgba]."""
    return np.asarray(panel.collections[0].get_array())


def drawn(*args, **options):
    found = figure(*args, **options)
    found.canvas.draw()
    return found


def test_a_panel_for_each_estimator_with_rows_by_outcome():
    found = drawn(batch(), ["rloo", "gigpo"])
    first, second, _ = found.axes
    assert [first.get_title(), second.get_title()] == ["rloo", "gigpo"]
    assert [label.get_text() for label in first.get_yticklabels()] == [
        "high: 1",
        "low $x$: 0",
        "#3: none",
    ]
    assert first.get_ylim() == second.get_ylim() == (2.5, -0.5)  # the first row is on top
    assert cells(first).shape == (3, 3, 4)


def test_one_scale_centred_on_zero():
    found = drawn(batch(), ["rloo", "grpo"])
    first, second, bar = found.axes
    assert bar.get_ylim() == (-1.0, 1.0)  # rloo's ±1 is the largest credit
    assert cells(first)[0, 0] == pytest.approx(np.array(matplotlib.colors.to_rgba("#0c3057")))
    assert cells(first)[1, 0] == pytest.approx(np.array(matplotlib.colors.to_rgba("#7a3306")))
    # grpo's ±0.707 has a paler colour than rloo's ±1 on the same scale.
    assert cells(second)[0, 0, :3].sum() > cells(first)[0, 0, :3].sum()


def test_zero_missing_and_excluded_turns_are_told_apart():
    panel = drawn(batch(), ["rloo"], group="a").axes[0]
    missing, excluded = cells(panel)[0, 1], cells(panel)[2, 0]
    assert missing == pytest.approx(np.array(matplotlib.colors.to_rgba("#e4e4e4")))
    assert excluded == pytest.approx(np.array(matplotlib.colors.to_rgba("#a8a8a8")))
    hatched = [patch.get_width() for patch in panel.patches if patch.get_hatch()]
    assert sorted(hatched) == [0, 0, 2]
    zero = cells(drawn(batch(), ["rloo"], group="b").axes[0])[0, 0]
    assert zero == pytest.approx(np.array((1.0, 1.0, 1.0, 1.0)))
    labels = [text.get_text() for text in drawn(batch(), ["rloo"]).legends[0].get_texts()]
    assert labels == ["no turn", "excluded: no outcome"]


def test_credit_that_is_not_finite_is_black_and_does_not_stretch_the_scale():
    def broken(*, reward):
        return 1 / reward

    found = drawn(batch(), [broken], group="a")
    assert found.axes[-1].get_ylim() == (-1.0, 1.0)
    assert cells(found.axes[0])[1, 0] == pytest.approx(np.array((0.0, 0.0, 0.0, 1.0)))
    assert found.legends[0].get_texts()[-1].get_text() == "not finite"


def test_colours_are_those_of_the_credit_of_apply():
    rollouts = batch()
    credit = cl.apply("gigpo", rollouts.tensors)[:2]
    largest = float(credit.abs().max())
    panel = drawn(rollouts, ["gigpo"], group="a").axes[0]
    colors = ("#7a3306", "#c9560a", "#f3b98d", "#ffffff", "#a9c8e6", "#1a5fa8", "#0c3057")
    scale = matplotlib.colors.LinearSegmentedColormap.from_list("x", colors, N=257)
    expected = scale((credit[0].numpy() / largest + 1) / 2)
    assert cells(panel)[1] == pytest.approx(np.array(expected))


def test_colours_differ_for_a_colour_blind_reader():
    """Positive is bluer and negative redder at every size, and size is lightness on both sides."""
    found = drawn(batch(), ["rloo"])
    scale = found.axes[-1]._colorbar.cmap
    share = np.linspace(0.1, 1.0, 10)
    plus, minus = scale(0.5 + share / 2), scale(0.5 - share / 2)
    assert (plus[:, 2] > plus[:, 0]).all()
    assert (minus[:, 0] > minus[:, 2]).all()
    weights = np.array([0.2126, 0.7152, 0.0722])
    for side in (plus, minus):
        assert (np.diff(side[:, :3] @ weights) < 0).all()


def test_cells_are_vectors_and_many_are_one_picture():
    assert not drawn(batch(), ["rloo"]).axes[0].collections[0].get_rasterized()
    rows = [{"group": 0, "outcome": float(k), "turns": [{}] * 200} for k in range(101)]
    found = figure(from_trajectories(rows), ["rloo"])
    assert found.axes[0].collections[0].get_rasterized()
    assert found.axes[0].get_ylabel() == "trajectories by outcome"


def test_it_is_saved_as_pdf_and_svg_with_texts():
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure(batch(), ["rloo"]).savefig(buffer, format="svg")
    assert ">low $x$: 0<" in buffer.getvalue().decode()
    buffer = io.BytesIO()
    figure(batch(), ["rloo"]).savefig(buffer, format="pdf")
    assert buffer.getvalue().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("estimators", "options", "sentence"),
    [
        (["gae"], {}, f"{RUN} gae works on tokens: it needs `token_reward`"),
        ([], {}, f"{RUN} none."),
        (["rloo"], {"group": "c"}, "figure: `group` must be one of the file's groups, 'a', 'b', "),
    ],
)
def test_what_cannot_be_drawn_is_refused(estimators, options, sentence):
    with pytest.raises(ContractError) as caught:
        figure(batch(), estimators, **options)
    assert str(caught.value).startswith(sentence)


def test_a_missing_matplotlib_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ContractError, match=r"^figure: pictures need matplotlib: pip install "):
        figure(batch(), ["rloo"])
