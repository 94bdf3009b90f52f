"""What a reader does with the report, in a real browser.

The numbers of the small page, worked out by hand. All credit is relative to a mean and not divided.
Group "plain", outcomes 1 and 0 with mean 0.5: GRPO gives 1 − 0.5 = 0.5 and −0.5. GiGPO adds how
much better the return of a turn is than the mean of those from one observation. From the hall start
three turns with returns 1, 0 and 0, mean 1/3: 0.5 + 2/3 = 1.167 and −0.5 − 1/3 = −0.8333. From the
attic starts one turn: 0.5. In "split" GiGPO has the opposite sign: returns 0 and 2 with mean 1 give
0.5 − 1 = −0.5 and −0.5 + 1 = 0.5. In "wide" credit is 4 and −4, 8 and −8.
"""

import json

import pytest

import creditlib as cl
from browser.chromium import visit
from browser.hostile_rollouts import write_rows
from browser.report_files import HALL, LONG, PLAIN, page_of, shipped_page, small_page, trajectory
from creditlib import rollouts
from docs.screenshots import SHIPPED

NAMES = ["plain", "wide", "constant", "lone", "split", "unscored"]
BY_SPREAD = ["wide", "plain", "unscored", "split", "constant", "lone"]
FILTERS = {
    "informative": ["plain", "wide", "split", "unscored"],
    "silent": ["constant", "lone"],
    "disagreement": ["split"],
    "constant": ["constant"],
    "lone": ["lone"],
    "excluded": ["unscored"],
    "all": NAMES,
}
CONTEXT = ("reward", "group", "turn_reward", "turn_count", "valid", "anchor")
FIRST_OF_SORT = {"disagreement": "split", "lone": "lone", "size": "unscored"}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_page(tmp_path_factory.mktemp("small"))


def cell(group, trajectory, turn, estimator="grpo"):
    """The selector of a turn in the heat-map of an estimator."""
    return (
        f"section[data-group='{group}'] [data-estimator={estimator}] "
        f"[data-trajectory='{trajectory}'] [data-turn='{turn}']"
    )


def names(page):
    """The groups as they are listed."""
    return page.locator("#groups section.group h3 a").all_inner_texts()


def draw_all(page):
    """Scroll through the groups: heat-maps are drawn when they come near."""
    for section in page.locator("#groups section.group").all():
        section.scroll_into_view_if_needed()
        section.locator(".heat-map").first.wait_for()


def focused(page, selector):
    return page.locator(f"{selector}:focus")


def credit_of(file, options=()):
    """The rollouts of a file, and the credit that `apply` gives each of their turns."""
    batch = rollouts.read(file)
    given = {"grpo": {}, "gigpo": {}}
    for option in options:
        name, value = option.split("=")
        estimator, argument = name.split(".")
        given[estimator][argument] = json.loads(value)
    found = {name: cl.apply(name, batch.tensors, **given[name]) for name in given}
    found["grpo"] = found["grpo"][:, None].expand_as(found["gigpo"])  # one number for all turns
    return batch, found


def same(text, number):
    """Whether the page prints a number: four digits of it, with the sign in front."""
    return float(text) == float(f"{number:.4g}")


def assert_numbers(page, batch, credit):
    """Every number of the data and of every heat-map is that of `apply`, to the printed digit."""
    data = json.loads(page.locator("#data").text_content())
    assert [each["name"] for each in data["estimators"]] == list(credit)
    cells = page.evaluate(
        "() => Array.from(document.querySelectorAll('td[data-credit]'), td => "
        "[td.closest('.group').dataset.group, td.closest('table').dataset.estimator,"
        " td.parentNode.dataset.trajectory, td.dataset.turn, td.dataset.credit].join())"
    )
    drawn = dict(each.rsplit(",", 1) for each in cells)
    turns = batch.tensors["turn_count"].tolist()
    expected = 0
    rows = list(batch.groups.values())
    for group in data["groups"]:
        members = zip(group["trajectories"], rows[group["index"]], strict=True)
        for place, (held, row) in enumerate(members):
            assert held["turns"] == turns[row]
            for number, (name, values) in enumerate(credit.items()):
                kept = held["credit"][number]
                for turn in range(turns[row]):
                    value = values[row, turn].item()
                    assert same(kept[turn] if isinstance(kept, list) else kept, value)
                    assert same(drawn[f"{group['index']},{name},{place},{turn}"], value)
                    expected += 1
    assert len(drawn) == expected
    return len(data["groups"])


def test_every_number_is_that_of_apply(browser, small, tmp_path):
    for page_file, file, options in (
        (shipped_page(tmp_path), SHIPPED, ()),
        (small, small.with_suffix(".jsonl"), PLAIN),
    ):
        batch, credit = credit_of(file, options)
        with visit(browser, page_file) as page:
            draw_all(page)
            assert assert_numbers(page, batch, credit) == len(batch.groups)
            page.click("#diagnostics summary")
            for number, (name, values) in enumerate(credit.items()):
                own = values[:, 0] if name == "grpo" else values
                context = {key: batch.tensors[key] for key in CONTEXT}
                for metric, value in cl.diagnose(own, **context).items():
                    shown = page.locator(f"[data-metric='{metric}'] td.n").nth(number)
                    assert shown.inner_text() == f"{value:.4g}", metric


def test_a_sample_of_groups_has_the_credit_of_the_whole_batch(browser, small, tmp_path):
    options = [word for option in PLAIN for word in ("--option", option)]
    file = small.with_suffix(".jsonl")
    sample = page_of(file, tmp_path / "sample.html", *options, "--limit", 4)
    with visit(browser, sample) as page:
        draw_all(page)
        assert 1 <= assert_numbers(page, *credit_of(file, PLAIN)) < 6
        assert "of 6 groups" in page.inner_text("#sample")
        assert page.inner_text("#informative") == "4", "the summary is of all groups"


def test_the_page_is_one_file_with_a_short_script(small):
    html = small.read_text("utf-8")
    assert html.count("<script") == 2, "the data and the code"
    code = html[html.rindex("<script>") : html.rindex("</script>")]
    assert code.count("\n") <= 300


def test_the_first_screen(browser, small):
    with visit(browser, small) as page:
        told = {key: page.inner_text(f"#{key}") for key in ("informative", "lone", "constant")}
        assert told == {"informative": "4", "lone": "1", "constant": "1"}
        assert [page.inner_text(f"#{key}") for key in ("empty", "excluded")] == ["0", "1"]
        # Opposite signs: the 2 turns of "split", of 13 turns that take part; 2/13 = 15.4 %.
        assert page.locator("#pairs td.n").first.inner_text().strip() == "15.4 %"
        assert page.locator("#findings li").count() > 0
        top = page.locator("#diagnostics").bounding_box()
        assert top["y"] < 800, "the numbers above fit the first screen"


def test_sort_filter_and_search(browser, small):
    from playwright.sync_api import expect

    with visit(browser, small) as page:
        assert names(page) == NAMES
        page.select_option("#sort", "spread")
        assert names(page) == BY_SPREAD
        for order, first in FIRST_OF_SORT.items():
            page.select_option("#sort", order)
            assert names(page)[0] == first
        page.select_option("#sort", "file")
        for kind, expected in FILTERS.items():
            page.select_option("#filter", kind)
            assert names(page) == expected
            assert page.inner_text("#count") == f"{len(expected)} of 6 groups"
        for text, found, turns in (
            ("ATTIC", ["plain"], "1 turn"),
            ("winner", ["plain"], "0 turns"),
            ("dig", ["constant"], "2 turns"),
            ("nowhere", [], "0 turns"),
        ):
            page.fill("#search", text)
            expect(page.locator("#count")).to_have_text(
                f"{len(found)} of 6 groups, {turns} with this text"
            )
            assert names(page) == found
        page.fill("#search", "take the crown")
        expect(page.locator("#count")).to_have_text("1 of 6 groups, 1 turn with this text")
        hits = page.locator("td.hit")
        expect(hits).to_have_count(2)
        assert [hit.get_attribute("data-turn") for hit in hits.all()] == ["1", "1"]
        page.fill("#search", "")
        expect(page.locator("#count")).to_have_text("6 of 6 groups")


def test_a_turn_and_its_peers(browser, small):
    from playwright.sync_api import expect

    with visit(browser, small) as page:
        page.click(cell(0, 0, 0, "gigpo"))
        turn = page.locator("#turn")
        turn.wait_for()
        assert page.locator("[aria-selected=true]").count() == 2
        rows = {
            name: turn.locator(f"tr[data-estimator={name}]").inner_text()
            for name in ("grpo", "gigpo")
        }
        assert rows["grpo"].split()[:2] == ["grpo", "+0.5"]
        assert "the 2 outcomes of its group have mean 0.5" in rows["grpo"]
        assert rows["gigpo"].split()[:2] == ["gigpo", "+1.167"]
        # Returns 1, 0, 0: squares of the distances 4/9 + 1/9 + 1/9 = 2/3, over 2, root 0.5774.
        assert "mean 0.3333, spread 0.5774" in rows["gigpo"]
        assert turn.locator("[data-part=observation] pre").inner_text() == HALL
        assert "Reward of this turn 0 · outcome 1" in turn.inner_text()
        peers = turn.locator("[data-part=peers] li")
        assert [peer.inner_text() for peer in peers.all()] == [
            "trajectory loser, turn 0: credit -0.5, -0.8333",
            "trajectory loser, turn 1: credit -0.5, -0.8333",
        ]
        peers.nth(1).locator("a").click()
        expect(page.locator("#link")).to_have_attribute("href", "#group=0&trajectory=1&turn=1")
        assert "-0.8333" in turn.locator("tr[data-estimator=gigpo]").inner_text()
        assert "Nothing changed." in turn.locator("[data-part=observation]").inner_text()
        page.go_back()
        expect(page.locator("#turn-name")).to_have_text("Turn 0 of trajectory winner")
        page.get_by_text("Next turn").click()
        expect(page.locator("#turn-name")).to_have_text("Turn 1 of trajectory winner")
        fresh = turn.locator("[data-part=observation] > pre").inner_text()
        assert "You are in the attic." in fresh
        page.click("#close")
        assert turn.is_hidden()
        assert focused(page, cell(0, 0, 1)).count() == 1


def test_why_names_options_and_similar_observations(browser, tmp_path):
    """Two halls that differ in a number are one with a similarity of 0.5, and two without."""
    rows = [
        trajectory("g", outcome, (f"You are in a long dark hall, step {step}", "go", outcome))
        for step, outcome in enumerate((1.0, 0.0))
    ]
    file = write_rows(tmp_path / "near.jsonl", rows)
    options = ("--option", "gigpo.leave_out=trajectory", "--option", "gigpo.scale=None")
    near = page_of(file, tmp_path / "near.html", *options, "--similarity", "0.5")
    exact = page_of(file, tmp_path / "exact.html")
    for page_file, compared, ending, head in (
        (
            near,
            "the 2 turns of 2 trajectories from observations this similar have mean 0.5",
            "Options: leave_out='trajectory', scale=None.",
            "Other turns from observations this similar: 1",
        ),
        (
            exact,
            "No other turn of its group starts from this observation.",
            "from this observation.",
            "Other turns from this observation: 0",
        ),
    ):
        with visit(browser, page_file, "#group=0&trajectory=0&turn=0") as page:
            page.wait_for_selector("#turn:not([hidden])")
            why = page.inner_text("#turn tr[data-estimator=gigpo]")
            assert compared in why
            assert why.endswith(ending)
            assert "Options" not in page.inner_text("#turn tr[data-estimator=grpo]")
            assert head in page.inner_text("#turn [data-part=peers]")


def test_the_numbers_above_a_heat_map_are_not_cut(browser, tmp_path):
    """The last number stands above the last turn and is wider than a cell."""
    turns = [("a hall", "go", 0.0)] * 41
    file = write_rows(tmp_path / "wide.jsonl", [trajectory("g", x, *turns) for x in (1.0, 0.0)])
    right = """() => {
      const tick = [...document.querySelectorAll(".tick")].at(-1), range = document.createRange();
      range.selectNodeContents(tick);
      const right = (each) => each.getBoundingClientRect().right;
      return [tick.textContent, right(tick.closest(".scroll")) - right(range)];
    }"""
    window = {"viewport": {"width": 1280, "height": 800}}
    with visit(browser, page_of(file, tmp_path / "wide.html"), **window) as page:
        page.wait_for_selector(".heat-map")
        text, room = page.evaluate(right)
        assert text == "40"
        assert room >= 0


def test_long_texts_are_folded(browser, small):
    with visit(browser, small) as page:
        page.click(cell(1, 0, 0))
        action = page.locator("#turn [data-part=action]")
        action.wait_for()
        assert "word699" not in action.inner_text()
        action.locator("summary").click()
        assert LONG in action.locator("details pre").inner_text()


def test_links_open_what_they_name(browser, small):
    from playwright.sync_api import expect

    place = "#group=4&trajectory=1&turn=0"
    with visit(browser, small, place, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.wait_for_selector("#turn:not([hidden])")
        assert page.locator("[aria-selected=true]").count() == 2
        # GRPO −0.5 and GiGPO 0.5.
        values = page.locator("#turn td.n").all_inner_texts()
        assert values == ["-0.5", "+0.5"]
        page.click("#copy")
        page.get_by_text("Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == small.as_uri() + place
    with visit(browser, small, "#group=5") as page:
        assert page.locator("#turn").is_hidden()
        page.wait_for_selector("[data-group='5'] .heat-map")
        for place in ("#group=99", "#group=0&trajectory=7&turn=0", "#group=0&trajectory=0&turn=-1"):
            page.select_option("#filter", "informative")
            page.select_option("#filter", "all")
            expect(page.locator("#count")).to_have_text("6 of 6 groups")
            page.evaluate("place => { location.hash = place }", place)
            expect(page.locator("#count")).to_contain_text("not on this page")
        assert names(page) == NAMES


def test_a_keyboard_is_enough(browser, small):
    from playwright.sync_api import expect

    with visit(browser, small) as page:
        page.keyboard.press("Tab")
        assert focused(page, ".skip").count() == 1
        seen = []
        for _ in range(60):
            page.keyboard.press("Tab")
            seen.append(
                page.evaluate("document.activeElement.id || document.activeElement.tagName")
            )
            if focused(page, cell(0, 0, 0)).count():
                break
        assert {"sort", "filter", "search", "numbers"} <= set(seen)
        assert focused(page, cell(0, 0, 0)).count() == 1
        for key, place in (
            *(("ArrowRight", (0, 0, 1)), ("ArrowDown", (0, 1, 1)), ("Home", (0, 1, 0))),
            *(("ArrowUp", (0, 0, 0)), ("End", (0, 0, 1)), ("ArrowLeft", (0, 0, 0))),
        ):
            page.keyboard.press(key)
            assert focused(page, cell(*place)).count() == 1, key
        page.keyboard.press("Enter")
        page.wait_for_selector("#turn:not([hidden])")
        expect(page.locator("#turn")).to_be_focused()
        page.keyboard.press("Escape")
        assert page.locator("#turn").is_hidden()
        assert focused(page, cell(0, 0, 0)).count() == 1
        page.focus("#sort")
        page.keyboard.type("largest s")
        assert page.input_value("#sort") == "spread"
        assert names(page) == BY_SPREAD


LIGHTNESS = """() => {
  const style = getComputedStyle(document.body);
  const light = (color) => Math.max(...color.match(/\\d+/g).slice(0, 3).map(Number));
  return [light(style.backgroundColor), light(style.color)];
}"""


def test_narrow_dark_and_printed(browser, small):
    with visit(browser, small, viewport={"width": 400, "height": 800}) as page:
        draw_all(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.locator("td[data-credit]").first.click()
        page.wait_for_selector("#turn:not([hidden])")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        box = page.locator("#turn").bounding_box()
        assert box["x"] >= 0
        assert box["width"] <= 400
        paper, ink = page.evaluate(LIGHTNESS)
        assert paper > 240 > 60 > ink
        page.emulate_media(color_scheme="dark")
        paper, ink = page.evaluate(LIGHTNESS)
        assert ink > 200 > 60 > paper
        page.emulate_media(media="print")
        paper, ink = page.evaluate(LIGHTNESS)
        assert paper > 240 > 60 > ink, "paper is white on a dark system too"
        assert page.locator("#controls").is_hidden()
        assert page.locator(".heat-map").first.is_visible()


def test_printing_draws_every_group(browser, small):
    with visit(browser, small, viewport={"width": 400, "height": 300}) as page:
        assert page.locator(".group:not(.drawn)").count() > 0
        assert page.pdf().startswith(b"%PDF")
        assert page.locator(".group:not(.drawn)").count() == 0
