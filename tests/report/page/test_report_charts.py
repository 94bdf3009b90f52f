import xml.etree.ElementTree as ET

from creditlib.report.page.charts import bar, bars_by_turn, shares


def rects(svg):
    return ET.fromstring(svg).iter("rect")


def test_bars_are_as_high_as_their_numbers():
    """A chart is 64 high: 1 of 4 is 16, 4 of 4 is 64. A turn without a number has no bar."""
    svg = bars_by_turn("grpo", [1.0, None, 4.0], 4.0)
    assert [float(rect.get("height")) for rect in rects(svg)] == [16, 64]
    titles = [rect.find("title").text for rect in rects(svg)]
    assert titles == ["turn 0: 1", "turn 2: 4"]


def test_many_turns_share_bars():
    found = list(rects(bars_by_turn("x", [2.0] * 400, 2.0)))
    assert len(found) == 80
    assert found[-1].find("title").text == "turns 395 to 399: 2"


def test_a_name_is_no_markup():
    svg = bars_by_turn('"><script>&', [1.0], 1.0)
    assert '"><script>&' in ET.fromstring(svg).get("aria-label")


def test_nothing_to_draw_is_no_error():
    assert list(rects(bars_by_turn("x", [], 0.0))) == []
    assert list(rects(bars_by_turn("x", [None, None], 0.0))) == []
    assert bar(None, 1.0) == bar(0.0, 0.0) == bar(float("nan"), 1.0) == ""
    assert ET.fromstring(shares([("signal", "with credit", 0)])).get("aria-label") == "no group"


def test_shares_fill_the_bar():
    svg = shares([("signal", "with credit", 3), ("silent", "without", 1)])
    assert [float(rect.get("width")) for rect in rects(svg)] == [75, 25]
