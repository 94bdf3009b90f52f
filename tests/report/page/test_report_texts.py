import sys
import unicodedata

from creditlib.report.page.texts import PieceTable, as_text, visible


def text_of(table, numbers):
    return "".join(table.pieces[number] for number in numbers)


def test_no_character_of_unicode_stays_hidden():
    """What is left of controls, format signs and separators prints something, or joins letters."""
    suspects = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in HIDDEN]
    shown = visible("".join(suspects))
    shown.encode()
    left = {c for c in shown if unicodedata.category(c) in HIDDEN} - {"\n", "\t"}
    assert {c for c in left if unicodedata.category(c) != "Cf"} == set()
    # Signs of some scripts are format characters that print; joiners shape the letters beside them.
    assert {unicodedata.name(c).split()[0] for c in left - {"\u200c", "\u200d"}} <= SCRIPTS


HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
SCRIPTS = {"ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN"}


def test_plain_text_stays_as_it_is():
    for text in ("", "a\n\tb", "naïve", "日本語 🧑\u200d🚀", "שלום"):
        assert visible(text) == text
    assert visible("a\rb\r\n") == "a␍b\n"


def test_values_become_text():
    assert as_text("x") == "x"
    assert as_text([]) == "[]"
    assert as_text([{"role": "user", "content": None}]).startswith("[\n")
    assert as_text({"at": float("nan")}) == '{\n "at": NaN\n}'


def test_the_pieces_of_a_text_make_the_text():
    table = PieceTable(limit=1000)
    for text in ("", "one", "A. B? C!\n\nD. ", "\n", "a\x00b. c", "x. \n. y"):
        assert text_of(table, table.add(text)) == visible(text)
    assert len(table.pieces) == len(set(table.pieces))
    assert table.cut == 0


def test_a_long_text_loses_its_middle_and_says_so():
    table = PieceTable(limit=100)
    text = "".join(chr(0x4E00 + k) for k in range(1000))
    found = text_of(table, table.add(text))
    assert found == f"{text[:75]}\n… 900 characters left out …\n{text[-25:]}"
    table.add(text)
    assert table.cut == 1
    bare = PieceTable(limit=0)
    assert text_of(bare, bare.add("abc. d")) == "… 6 characters left out …"
