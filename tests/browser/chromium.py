"""One Chromium, and visits to a page on which nothing may go wrong."""

import importlib.util
import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from docs.screenshots import browser_path


def missing():
    """Why no test can open a page here, in one sentence, or an empty text."""
    for package in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            return f"Pages are not tested: `{package}` of the extra `test` is not installed."
    if browser_path() is None:
        return "Pages are not tested: no Chromium is installed (Debian's package chromium)."
    return ""


def needed():
    """Skip the test where no page can be opened; fail where CREDITLIB_BROWSER is "required"."""
    if reason := missing():
        if os.environ.get("CREDITLIB_BROWSER") == "required":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def axe_script():
    """The source of axe-core, which finds what people with impairments cannot use."""
    package = importlib.util.find_spec("axe_playwright_python")
    assert package is not None
    return (Path(str(package.origin)).parent / "axe.min.js").read_text("utf-8")


@contextmanager
def visit(browser, where, fragment="", **window):
    """A page in a window of its own; at its end, whatever went wrong meanwhile fails the test.

    `where` is a file, or the address of a site: pages below it belong to it.
    Wrong is: a request for anything else, a message on the console, an exception, a dialog,
    a second window, a download, and a mark that a payload of hostile_rollouts.py left.
    """
    wrong = []
    site = isinstance(where, str)
    own = where if site else where.as_uri()
    context = browser.new_context(**window)
    context.set_default_timeout(10_000)

    def answer(route):
        wanted = route.request.url.partition("#")[0]
        if wanted.startswith(own) if site else wanted == own:
            route.continue_()
        else:
            wrong.append(f"request for {wanted}")
            route.abort()

    def dialog(shown):
        wrong.append(f"dialog: {shown.message}")
        shown.dismiss()

    context.route("**/*", answer)
    context.on("console", lambda message: wrong.append(f"console: {message.text}"))
    context.on("weberror", lambda error: wrong.append(f"exception: {error.error}"))
    context.on("dialog", dialog)
    page = context.new_page()
    context.on("page", lambda other: wrong.append(f"window: {other.url}"))
    page.on("download", lambda download: wrong.append(f"download: {download.url}"))
    page.on("websocket", lambda socket: wrong.append(f"request for {socket.url}"))
    try:
        page.goto(own + fragment, wait_until="load")
        yield page
        wrong += page.evaluate(_MARKS)
        assert page.url.startswith(own), "the page went elsewhere"
        assert not wrong, "\n".join(wrong)
    except BaseException:
        print(*wrong, sep="\n")  # where the page went wrong before a test noticed
        raise
    finally:
        context.close()


_MARKS = """() => [
  ...("canary" in window ? ["a payload ran"] : []),
  ...Array.from(document.querySelectorAll("[data-canary]"), found => "element: " + found.outerHTML),
]"""
