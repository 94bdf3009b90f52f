"""The pages of the documentation site: formulas, docstrings as Markdown, links, pictures."""

import doctest
import inspect
import re

import pytest

import creditlib as cl
from creditlib.vocabulary.argument_lines import argument_lines
from docs import figures
from docs.site import docstrings, formula, reference, stage
from docs.site.members import TOPICS, members

MEMBERS = members()
PAGES = reference.pages()


def test_helpers_do_what_they_say():
    assert doctest.testmod(formula).failed == 0
    assert doctest.testmod(formula).attempted > 0


# --- formulas -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("x[i]", "<var>x</var><sub><var>i</var></sub>"),
        ("x[i, turn[t]]", "<var>x</var><sub><var>i</var>, turn<sub><var>t</var></sub></sub>"),
        ("a^2 · b^(−1/2)", "<var>a</var><sup>2</sup> · <var>b</var><sup>−1/2</sup>"),
        ("sqrt(n − ddof)", '√<span class="root"><var>n</var> − <b>ddof</b></span>'),
        ("Σ_{k ≠ i} w_eps", "Σ<sub><var>k</var> ≠ <var>i</var></sub> w_eps"),
        ("min_j or rho_max", "min<sub><var>j</var></sub> or rho_max"),
        ("[k <= 1] · 1e-6", "[<var>k</var> &lt;= 1] · 1e-6"),
        ("a piece of x", "a piece of <var>x</var>"),
        ("(open[", "(open<sub></sub>"),
    ],
)
def test_a_formula_is_set_with_subscripts_powers_and_roots(text, html):
    assert formula.rendered(text, {"ddof"}) == html


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.place)
def test_no_bracket_is_left_open_in_a_formula_that_is_shown(member):
    for block in re.findall(
        r'<div class="formula".*?</div>', PAGES[f"reference/{member.place}.md"], re.DOTALL
    ):
        for tag in ("sub", "sup", "var", "b", "span"):
            assert block.count(f"<{tag}>") + block.count(f"<{tag} ") == block.count(f"</{tag}>")


# --- docstrings -----------------------------------------------------------------------------------


def test_the_parts_of_a_docstring_stand_under_their_headings():
    text = """Half of it, of `other`.
        A[i] = x[i]_2

    It says a_name and x < 3, from arXiv:1234.56789.

    Source: a paper.
    >>> 1
    1

    Degenerate cases: nothing gives 0.

    Returns:
        float[batch]; a number
            of a row.
    """
    parts = docstrings.parts_of(text.replace("\n    ", "\n"), set(), lambda name: f"<{name}>")
    assert [part.heading for part in parts] == ["", "Degenerate cases", "Returns", "Source"]
    found = {part.heading: part.text for part in parts}
    assert found[""].startswith("Half of it, of <other>.\n\n```{raw} html\n<div")
    assert "`a_name` and x \\< 3, from [arXiv:1234.56789](https://arxiv" in found[""]
    assert found["Returns"] == "`float[batch]`; a number of a row."
    assert found["Degenerate cases"] == "Nothing gives 0."


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.place)
def test_every_word_of_a_docstring_stands_on_the_page(member):
    page = PAGES[f"reference/{member.place}.md"]
    plain = re.sub(r"</?(?:var|sub|sup|b|span)\b[^>]*>|[\\`|]", "", page).lower()
    text = inspect.getdoc(member.thing) or ""
    text = re.sub(r"^(Raises|Breaks by design|Args|Options):$", "", text, flags=re.MULTILINE)
    lost = {word for word in re.findall(r"[A-Za-z_]{4,}", text) if word.lower() not in plain}
    assert lost == set()


# --- pages ----------------------------------------------------------------------------------------


def test_every_public_function_has_a_page_and_a_row():
    for name in cl.__all__:
        if callable(getattr(cl, name)):
            suffix = "-class" if isinstance(getattr(cl, name), type) else ""
            assert f"reference/{name}{suffix}.md" in PAGES
    for member in MEMBERS:
        table = PAGES[f"reference/{member.topic}-functions.md"]
        assert f"[`{member.name}`]({member.place}.md)" in table
    assert {member.topic for member in MEMBERS} == set(TOPICS)


def test_no_two_pages_have_one_name_where_case_is_not_told_apart():
    assert len({place.lower() for place in PAGES}) == len(PAGES) == len(MEMBERS) + len(TOPICS) + 2


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.place)
def test_every_argument_has_a_row_with_its_meaning(member):
    page = PAGES[f"reference/{member.place}.md"]
    if not (isinstance(member.thing, type) and issubclass(member.thing, Exception)):
        for line in argument_lines(member.thing):
            assert f"\n| `{line.name}` | " in page
            if line.kind == "option":
                assert f"`{line.default}`" in page or line.required


@pytest.mark.parametrize(
    ("page", "text", "staged"),
    [
        ("x.md", "[a](axes.md#b) ![c](plots/d.svg)", "[a](axes.md#b) ![c](plots/d.svg)"),
        ("x.md", "[a](../README.md) [b](https://x.org)", "[a](index.md) [b](https://x.org)"),
        ("x.md", "[a](estimators.md#grpo)", "[a](reference/grpo.md)"),
        ("x.md", "[a](recipes.md#a3) [b](#c)", "[a](reference/recipes.a3.md) [b](#c)"),
        ("trainers/x.md", "[a](../axes.md)", "[a](../axes.md)"),
        ("trainers/x.md", "[a](../../examples/loop.py)", "[a](../../../examples/loop.py)"),
        ("trainers/x.md", "```python\nx[i](axes.md)\n```\n", "```python\nx[i](axes.md)\n```\n"),
    ],
)
def test_a_link_leads_to_the_same_thing_from_where_a_page_is_staged(page, text, staged):
    assert stage.moved(text, stage.DOCS / page, stage.SOURCE / page) == staged


def test_another_page_or_another_setting_is_another_site():
    one = stage.fingerprint({"a.md": b"1"})
    assert one == stage.fingerprint({"a.md": b"1"}) != stage.fingerprint({"a.md": b"2"})
    assert one != stage.fingerprint({"a.md": b"1", "b.md": b""})


# --- pictures -------------------------------------------------------------------------------------


def test_a_picture_is_what_the_code_above_it_draws(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\n>>> figure = 1\n\n```\n\n![a](pictures/a.svg)\n![b](pictures/b.png)\n\n"
        "```python\n>>> figure = [\n...     2]\n\n```\n\n![c](pictures/c.svg)\n![d](plots/d.svg)\n"
    )
    found = [(file.name, figure) for file, figure in figures.drawn(page)]
    assert found == [("a.svg", 1), ("c.svg", [2])]
    page.write_text("![a](pictures/a.svg)\n")
    with pytest.raises(KeyError):
        list(figures.drawn(page))
