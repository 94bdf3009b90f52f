"""Whatever stands in rollouts is shown and not executed; a page with a hole fails these tests.

Texts count as shown if the page holds them letter by letter, without the characters that would hide
or reorder others: these stand there as visible signs.
"""

import re
import unicodedata

import pytest
from mutants.mutants_machine import Mutant, applied

from browser.chromium import visit
from browser.hostile_rollouts import PAYLOADS
from browser.report_files import hostile_page
from creditlib.report.page import assets, render

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp", "Cn")
SIGN = re.compile(r"⟨U\+[0-9A-F]+⟩|[\u2400-\u2421]|\s")
FRAGMENTS = (f"#{PAYLOADS[4]}", f"#group={PAYLOADS[0]}&turn={PAYLOADS[4]}", "#group=__proto__")
TURN = "#group={}&trajectory=0&turn=0"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return hostile_page(tmp_path_factory.mktemp("hostile"))


def letters(text):
    """A text without its signs, its white space, and what would be invisible."""
    plain = SIGN.sub("", text)
    return "".join(each for each in plain if unicodedata.category(each) not in HIDDEN)


def go(page, place):
    page.evaluate("place => { location.hash = place }", place)


def open_turn(page, place):
    """Everything that the page shows of a turn."""
    from playwright.sync_api import expect

    go(page, place)
    expect(page.locator("#link")).to_have_attribute("href", place)
    page.evaluate("document.querySelectorAll('#turn details').forEach(each => each.open = true)")
    return page.inner_text("#turn")


LINKS = """() => Array.from(document.querySelectorAll("[href], [src], [action]"),
    each => each.getAttribute("href") ?? each.outerHTML)"""
UNSEEN = r"""() => document.documentElement.outerHTML.match(
    /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu)"""


def check(browser, file, groups):
    """Visit a page of hostile rollouts and open turns of its first groups."""
    unseen = {each for each in file.read_text("utf-8") if unicodedata.category(each) in HIDDEN}
    assert unseen <= {"\n", "\t"}
    with visit(browser, file) as page:
        assert page.locator("#groups section.group").count() > 0
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        shown = [page.inner_text("#summary"), page.inner_text("#groups")]
        shown += [open_turn(page, TURN.format(group)) for group in range(groups)]
        assert {link[:1] for link in page.evaluate(LINKS)} == {"#"}
        assert page.evaluate(UNSEEN) is None
        assert page.title() == PAYLOADS[0]
    return letters("\n".join(shown))


def test_everything_is_shown_and_nothing_runs(browser, hostile):
    from playwright.sync_api import expect

    shown = check(browser, hostile, len(PAYLOADS))
    assert [text for text in PAYLOADS if letters(text) not in shown] == []
    assert shown.count(letters("key " + PAYLOADS[4])) == 1, "a note names the unknown key"
    with visit(browser, hostile, FRAGMENTS[0]) as page:
        for place in FRAGMENTS[1:]:
            go(page, place)
        page.fill("#search", PAYLOADS[4])
        expect(page.locator("#count")).to_contain_text("turns with this text")
        assert PAYLOADS[4] in page.locator("#groups h3 a").all_inner_texts()


def test_degenerate_groups_and_a_text_of_a_megabyte(browser, hostile):
    assert hostile.stat().st_size < 200_000
    long = len(PAYLOADS)
    no_turns, unscored, partly, wide, numbers = range(long + 1, long + 6)
    kinds = {
        no_turns: [],
        unscored: ["excluded"] * 2,
        partly: ["excluded", "zero"],
        numbers: ["minus", "minus", "plus"],  # outcomes −1e37 and 1e37
    }
    with visit(browser, hostile, viewport={"width": 400, "height": 800}) as page:
        assert "characters left out" in open_turn(page, TURN.format(long))
        assert "no outcome" in page.inner_text(f"[data-group='{unscored}'] h3")
        open_turn(page, TURN.format(wide))
        for section in page.locator("#groups section.group").all():
            section.scroll_into_view_if_needed()
            section.locator(".heat-map").first.wait_for()
        for number, expected in kinds.items():
            table = page.locator(f"section[data-group='{number}'] [data-estimator=grpo]")
            cells = table.locator("td[data-turn]:not(.none)").all()
            assert [each.get_attribute("class") for each in cells] == expected, number
        assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_what_gets_onto_the_page_anyway_may_not_run(browser, hostile):
    """The policy of the page stands behind the text: it refuses what a hole would let in."""
    attack = """() => {
      const script = document.createElement("script");
      script.textContent = "window.canary = 1";
      const image = document.createElement("img");
      image.setAttribute("onerror", "window.canary = 1");
      image.src = "https://canary.invalid/x.png";
      const link = document.createElement("a");
      link.href = "javascript:window.canary=1";
      document.body.append(script, image, link);
      link.click();
    }"""
    said = ""
    try:
        with visit(browser, hostile) as page:
            page.evaluate(attack)
    except AssertionError as error:
        said = str(error)
    for refused in ("inline script", "inline event handler", "JavaScript URL", "the image"):
        assert refused in said
    assert said.count("Content Security Policy") == len(said.split("\n")) == 4


# --- holes: each is put into the page, and the check above must find it ---------------------------

HTML = (
    "for (const each of children) typeof each === 'string' ? "
    "element.insertAdjacentHTML('beforeend', each) : element.append(each);"
)
HOLES = {
    "texts become elements": ("page.js", "element.append(...children);", HTML),
    "a group is a link": ("page.js", "{ href: `#group=${group.index}` }", "{ href: group.name }"),
    "the heading is markup": ("page.html.jinja", "<h1>{{ title }}", "<h1>{{ title | safe }}"),
    "a note is markup": ("page.html.jinja", "<li>{{ note }}", "<li>{{ note | safe }}"),
    "data end their element": ("assets.py", 'for sign in "<>&":', 'for sign in "":'),
    "a sign reorders others": ("texts.py", "_HIDDEN.sub(_sign, ", "str("),
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_is_found(browser, hole, tmp_path, monkeypatch):
    name, old, new = HOLES[hole]
    if name.endswith(".py"):
        mutant = Mutant(hole, f"report/page/{name}", old, new, "", "")
        with applied(mutant) as changed:
            assert changed
            assert finds_fault(browser, tmp_path)
        return
    asset = assets.asset

    def with_hole(wanted):
        text = asset(wanted)
        assert wanted != name or text.count(old) == 1
        return text.replace(old, new) if wanted == name else text

    monkeypatch.setattr(assets, "asset", with_hole)  # the template
    monkeypatch.setattr(render, "asset", with_hole)
    assert finds_fault(browser, tmp_path)


def finds_fault(browser, folder):
    try:
        check(browser, hostile_page(folder), 4)
    except AssertionError:
        return True
    return False
