"""axe-core finds nothing on the report that keeps people from using it."""

from browser.chromium import axe_script, visit
from browser.report_files import small_page

AXE = "axe.run({resultTypes: ['violations']})"


def barriers(page):
    """The serious and critical faults that axe-core finds on a page, as it stands now."""
    return [
        f"{fault['id']}: {fault['help']}: {node['html']}"
        for fault in page.evaluate(AXE)["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def test_there_is_no_barrier(browser, tmp_path):
    with visit(browser, small_page(tmp_path), "#group=0&trajectory=0&turn=1") as page:
        page.wait_for_selector("#turn:not([hidden])")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        page.check("#numbers")
        page.evaluate(axe_script())
        assert barriers(page) == []
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 400, "height": 800})
        assert barriers(page) == []


def test_a_barrier_is_found(browser, tmp_path):
    file = tmp_path / "page.html"
    grey = "<p style='color: #999'>grey</p>"
    html = f"<!doctype html><html lang=en><title>x</title><select></select>{grey}"
    file.write_text(html, encoding="utf-8")
    with visit(browser, file) as page:
        page.evaluate(axe_script())
        found = " ".join(barriers(page))
    assert "select-name" in found
    assert "color-contrast" in found
