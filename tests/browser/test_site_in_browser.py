"""The documentation site in a real browser: its search, and the way of a first visitor.

`make docs` builds the site; the tests are skipped where it was not built of today's sources.
"""

import functools
import os
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from browser.chromium import visit
from docs.site import reference
from docs.site.stage import BUILT_OF, SITE, fingerprint, sources


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    """Where the site is served; it must have been built of the sources there are."""
    if not BUILT_OF.is_file() or BUILT_OF.read_text() != fingerprint(sources(reference.pages())):
        reason = "The site is not tested: `make docs` has not built it of these sources."
        if os.environ.get("CREDITLIB_BROWSER") == "required":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    handler = functools.partial(Quiet, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


SEARCHES = {
    "tool output": "tool_output.html",
    "lone": "lone_and_constant_groups.html",
    "constant group": "lone_and_constant_groups.html",
    "several ranks": "several_ranks.html",
    "read_rows": "reference/rows.read_rows.html",
    "turn_reward": "vocabulary.html",
}


def test_a_search_by_keyboard_finds_the_right_page_first(browser, address):
    with visit(browser, address) as page:
        for words, target in SEARCHES.items():
            page.goto(address)
            page.keyboard.press("/")  # the search field
            page.keyboard.type(words)
            page.keyboard.press("Enter")
            page.wait_for_function("document.querySelector('.search-summary')?.innerText")
            first = page.locator("#search-results ul.search li > a").first
            assert first.get_attribute("href").partition("?")[0] == target, words
            first.focus()
            page.keyboard.press("Enter")
            page.wait_for_url(f"{address}{target}**")


def test_a_first_visitor_reaches_grpo_on_his_own_tensors_in_three_clicks(browser, address):
    with visit(browser, address) as page:
        page.get_by_role("main").get_by_role("link", name="Start here").first.click()
        page.get_by_role("main").get_by_role("link", name="ten lines in your own loop").click()
        code = page.locator("#ten-lines-in-your-own-loop")
        assert "cl.grpo(reward=reward, group=group)" in code.inner_text()
        code.get_by_role("link", name="grpo", exact=True).click()
        page.wait_for_url(f"{address}reference/grpo.html")
        for heading in ("Tensors", "Options", "Degenerate cases", "Example", "Source"):
            assert page.get_by_role("heading", name=heading).count() == 1
        assert page.locator(".formula sub").count() > 0


def test_every_page_fits_a_narrow_window_and_has_its_picture(browser, address):
    """Wide tables and formulas scroll by themselves; no page scrolls sideways."""
    with visit(browser, address, viewport={"width": 400, "height": 800}) as page:
        for name in ("index", "start", "vocabulary", "gallery", "reference/gigpo"):
            page.goto(f"{address}{name}.html")
            assert page.evaluate("document.documentElement.scrollWidth") <= 400, name
            unseen = "[...document.images].filter(each => !each.naturalWidth).map(each => each.src)"
            assert page.evaluate(unseen) == []
