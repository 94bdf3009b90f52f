import re
from pathlib import Path

import pytest
from audit_by_hand import audit

from creditlib.report.audit_page import as_html, as_markdown, check_file, write_page
from creditlib.vocabulary.messages import ContractError

HOSTILE = "<script>alert(1)</script>|$x$"


@pytest.fixture(scope="module")
def page():
    return as_html(audit(HOSTILE))


def test_the_page_asks_for_nothing(page):
    addresses = set(re.findall(r"https?://[^\s\"'<>]+", page))
    assert all(each.startswith("http://www.w3.org/") for each in addresses)  # names, not requests
    assert not re.search(r"<(?:script|link|iframe)\b|@import|url\((?!#)", page)
    sources = re.findall(r"<img[^>]* src=\"([^\"]{22})", page)
    assert sources == ["data:image/png;base64,"]
    assert set(re.findall(r"xlink:href=\"(.)", page)) <= {"#"}


def test_names_are_escaped(page):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<h1>What &lt;script&gt;" in page


def test_the_title_is_escaped():
    assert "<title>What a &lt; b is worth" in as_html(audit("a < b", heat_maps={}, curves=()))


def test_markdown_has_the_table_and_the_sentences():
    text = as_markdown(audit(HOSTILE))
    assert "| 1 | &lt;script>alert(1)&lt;/script>\\|$x$ | 50 [42.9, 57.1] | 0.950 door |" in text
    assert "- **door**: The groups do not tell" in text
    assert "| key | 3 | – | 0.0000 | 5.0e-01 |" in text


def test_a_file_is_replaced(tmp_path):
    file = tmp_path / "page.md"
    file.write_text("old")
    write_page(audit(), file)
    assert file.read_text().startswith("# What mine is worth")


def test_one_picture_is_a_png(tmp_path):
    file = tmp_path / "page.png"
    write_page(audit(curves=(), heat_maps={}), file)
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("x.gif", "-o` must be a file with one of the suffixes .html, .md, .png, got 'x.gif'."),
        ("no/x.md", "-o` must be a file in a folder that exists, got 'no/x.md'."),
    ],
)
def test_files_that_cannot_be_written_are_refused(name, sentence):
    with pytest.raises(ContractError) as caught:
        check_file(Path(name))
    assert str(caught.value) == f"audit: `{sentence}"
