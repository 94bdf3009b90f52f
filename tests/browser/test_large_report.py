"""A file of 5,000 trajectories: its page is small, opens, and says what it leaves out."""

import re

from browser.chromium import visit
from browser.hostile_rollouts import write_rows
from browser.report_files import large_page, page_of, trajectory
from docs.screenshots import LARGE


def test_a_large_file_becomes_a_small_page(browser, tmp_path):
    page_file = large_page(tmp_path, LARGE)
    assert page_file.stat().st_size < 3e6
    with visit(browser, page_file) as page:
        assert "5,000 trajectories" in page.inner_text("#top")
        assert "250 of 625 groups (2,000 of 5,000 trajectories)" in page.inner_text("#sample")
        page.wait_for_selector(".group.drawn")
        assert page.locator(".group.drawn").count() < 10, "groups far below are drawn later"
        page.click("#more")
        last = page.locator(".group").last
        last.scroll_into_view_if_needed()
        last.locator("td[data-credit]").first.click()
        page.wait_for_selector("#turn:not([hidden])")
        assert page.locator("#turn [data-part=action] pre").inner_text()


def test_a_wrong_group_key_makes_a_small_page(browser, tmp_path):
    """All 2,500 trajectories in one group: 200 are shown, with the numbers of the whole group.

    Outcomes are 1 and 0 in turn: credit without division by a spread is 0.5 and −0.5.
    """
    from playwright.sync_api import expect

    rows = [
        trajectory("g", float(row % 2), *[(f"room {row % 7}", f"do {row}", 0.0)] * 3)
        for row in range(2500)
    ]
    file = write_rows(tmp_path / "one.jsonl", rows)
    page_file = page_of(file, tmp_path / "one.html", "--option", "grpo.scale=None")
    assert page_file.stat().st_size < 3e6
    with visit(browser, page_file) as page:
        assert "One group holds 2,500 of the 2,500 trajectories." in page.inner_text("#findings")
        assert "200 of 2,500 trajectories" in page.inner_text("#sample")
        group = page.locator(".group.drawn")
        assert "200 of 2,500 shown" in group.locator("h3").inner_text()
        assert "200 of 2,500 trajectories, drawn at random" in group.locator(".facts").inner_text()
        credit = group.locator("[data-estimator=grpo] td[data-credit]")
        found = {each.get_attribute("data-credit") for each in credit.all()}
        assert found == {"+0.5", "-0.5"}
        group.locator("td[data-credit]").first.click()
        page.wait_for_selector("#turn:not([hidden])")
        assert "the 2500 outcomes of its group have mean 0.5" in page.inner_text("#turn")
        # 2,500 = 357 · 7 + 1: each room has 357 trajectories or 358, and 3 turns of each.
        others = page.locator("[data-part=peers] h3")
        expect(others).to_have_text(re.compile("this observation: 1,07[03]"))


def test_more_rows_come_in_steps(browser, tmp_path):
    """A group of 500 trajectories: 40 at first, then 200 at a time."""
    rows = [trajectory("g", float(row % 2), ("a hall", "go", 0.0)) for row in range(500)]
    file = write_rows(tmp_path / "rows.jsonl", rows)
    with visit(browser, page_of(file, tmp_path / "rows.html")) as page:
        table = page.locator(".group.drawn [data-estimator=grpo] tbody tr")
        button = page.locator(".maps button")
        for count, text in (
            (40, "Show 200 of 460 more trajectories"),
            (240, "Show 200 of 260 more trajectories"),
            (440, "Show 60 more trajectories"),
        ):
            assert table.count() == count
            assert button.inner_text() == text
            button.click()
        assert table.count() == 500
        assert button.is_hidden()
        places = [row.get_attribute("data-trajectory") for row in table.all()]
        assert places == [str(number) for number in range(500)]
        assert page.locator("td[tabindex='0']").count() == 2, "one for each heat map"
    with visit(browser, tmp_path / "rows.html", "#group=0&trajectory=321&turn=0") as page:
        page.wait_for_selector("#turn:not([hidden])")
        assert page.locator("[aria-selected=true]").count() == 2
