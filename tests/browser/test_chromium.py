"""The visit itself: whatever goes wrong on a page fails the test that visits it."""

import shutil

import pytest

from browser.chromium import needed, visit

WRONG = {
    "console: gone": "<script>console.error('gone')</script>",
    "exception: gone": "<script>throw Error('gone')</script>",
    "dialog: gone": "<script>alert('gone')</script>",
    "request for https://gone.invalid/x.png": "<img src=https://gone.invalid/x.png>",
    "request for file:///gone.css": "<link rel=stylesheet href=file:///gone.css>",
    "request for wss://gone.invalid/": "<script>new WebSocket('wss://gone.invalid/')</script>",
    "window: about:blank": "<script>open('about:blank')</script>",
    "a payload ran": "<script>window.canary = 1</script>",
    "element: <b data-canary": "<b data-canary>bold</b>",
}
POLICY = "<meta http-equiv=content-security-policy content=\"default-src 'none'\">"
ELSEWHERE = "<meta http-equiv=refresh content='0;url=about:blank'>"


def said(browser, path, body, goes_to=None):
    """The sentences with which a visit to a page of such a body fails."""
    path.write_text(f"<!doctype html><title>x</title>{body}", encoding="utf-8")
    try:
        with visit(browser, path) as page:
            page.wait_for_url(goes_to or path.as_uri())
    except AssertionError as error:
        return str(error)
    return ""


def test_a_visit_fails_if_anything_goes_wrong(browser, tmp_path):
    sentences = said(browser, tmp_path / "page.html", "".join(WRONG.values()))
    assert [each for each in WRONG if each not in sentences] == []
    assert "console: Executing inline script" in said(
        browser, tmp_path / "refused.html", POLICY + "<script>1</script>"
    )
    assert said(browser, tmp_path / "clean.html", "<b>bold</b>") == ""


def test_a_page_that_goes_elsewhere_fails_the_visit(browser, tmp_path):
    assert "elsewhere" in said(browser, tmp_path / "page.html", ELSEWHERE, "about:blank")


def test_a_machine_without_a_browser_skips_or_fails_in_one_sentence(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("CREDITLIB_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium is installed"):
        needed()
    monkeypatch.setenv("CREDITLIB_BROWSER", "required")
    with pytest.raises(pytest.fail.Exception, match="no Chromium is installed"):
        needed()
