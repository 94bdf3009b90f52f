"""`python -m docs.screenshots` opens reports in Chromium and writes the pictures of docs/pictures.

It needs Debian's package chromium, and takes half a minute; a name, such as `report_dark`, writes
that picture alone. Each report is the page that `creditlib report` writes, of rollouts that ship
with the command or of generated ones.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from docs.print_pages.functions import ROOT

__all__ = [
    "FOLDER",
    "LARGE",
    "PICTURES",
    "SHIPPED",
    "browser_path",
    "large_file",
    "launched",
    "write_pictures",
]

FOLDER = ROOT / "docs" / "pictures"
SHIPPED = ROOT / "creditlib" / "cli" / "textworld_rollouts.jsonl"
LARGE = 5000  # trajectories, of 25 turns on average
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_WIDTH = 1280
_SCROLL = "selector => document.querySelector(selector).scrollIntoView()"
_TIMES = """() => {
  const loaded = performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd;
  const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN;
  return `painted after ${paint.toFixed()} ms, loaded and drawn after ${loaded.toFixed()} ms`;
}"""


@dataclass(frozen=True)
class Picture:
    """A window of a report: which rollouts, how high, where it is opened, what is done first."""

    large: bool = False
    height: int = 1000
    fragment: str = ""
    sort: str = "file"
    scheme: Literal["light", "dark"] = "light"


_TURN = "#group=0&trajectory=4&turn=12"  # the turn of the demo with the largest credit
PICTURES = {
    "report_demo": Picture(),
    "report_turn": Picture(fragment=_TURN),
    "report_dark": Picture(scheme="dark"),
    "report_5000": Picture(large=True, height=1200, sort="disagreement"),
}


def browser_path() -> str | None:
    """The Chromium of this machine, or None."""
    return shutil.which("chromium") or shutil.which("google-chrome")


@contextmanager
def launched() -> Generator[Any]:
    """A browser without a window, of playwright; it is closed behind the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=list(_FLAGS))
        yield browser
        browser.close()


def large_file(folder: Path, rows: int = LARGE) -> Path:
    """Generated rollouts of 8 to 42 turns, 25 on average, in groups of 8; an action is 4 words."""
    from benchmarks.files.data import Size, generate

    text = {"words": 4, "tokens": 1, "kind": "jsonl"}
    return generate(folder, Size(rows=rows, files=1, turns=42, straddle=0.0, **text))[0]


def _report(rollouts: Path, *options: str) -> Path:
    """The page that the command writes beside a file; it names the file without its folder."""
    from creditlib.cli.app import app

    page, here = rollouts.with_suffix(".html"), Path.cwd()
    words = ["report", rollouts.name, "-e", "grpo", "-e", "gigpo", "-o", page.name, *options]
    os.chdir(rollouts.parent)
    try:
        app(words, standalone_mode=False)
    finally:
        os.chdir(here)
    return page


def _small(png: bytes) -> bytes:
    """The same picture with a palette of 256 colours."""
    from PIL import Image

    out = BytesIO()
    image = Image.open(BytesIO(png)).convert("RGB")
    palette = image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette.save(out, "PNG", optimize=True)
    return out.getvalue()


def _taken(browser: Any, page: Path, picture: Picture) -> tuple[bytes, str]:
    """The picture, and how long the page took to open."""
    size = {"width": _WIDTH, "height": picture.height}
    window = browser.new_page(viewport=size, color_scheme=picture.scheme)
    window.goto(page.as_uri() + picture.fragment)
    window.wait_for_selector(".heat-map")
    took = window.evaluate(_TIMES)
    window.select_option("#sort", picture.sort)
    window.wait_for_selector("#turn:not([hidden])" if picture.fragment else "section .heat-map")
    window.evaluate(_SCROLL, ".group" if picture.fragment else ":root")
    png = window.screenshot()
    window.close()
    return _small(png), took


def write_pictures(browser: Any, out: Path, names: Sequence[str]) -> None:
    """Write the pictures of some names to a folder."""
    with tempfile.TemporaryDirectory() as folder:
        pages: dict[bool, Path] = {}
        if any(not PICTURES[name].large for name in names):
            pages[False] = _report(Path(shutil.copy(SHIPPED, folder)))
        if any(PICTURES[name].large for name in names):
            title = f"{LARGE:,} generated trajectories"
            pages[True] = _report(large_file(Path(folder) / "large"), "--title", title)
        for name in names:
            page = pages[PICTURES[name].large]
            png, took = _taken(browser, page, PICTURES[name])
            (out / f"{name}.png").write_bytes(png)
            told = f"of a page of {page.stat().st_size // 1000:,} kB, {took}"
            print(f"{name}.png: {len(png) // 1000} kB, {told}")


if __name__ == "__main__":
    with launched() as chromium:
        write_pictures(chromium, FOLDER, sys.argv[1:] or list(PICTURES))
