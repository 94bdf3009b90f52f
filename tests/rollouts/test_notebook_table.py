from html.parser import HTMLParser

from creditlib.rollouts import from_trajectories
from creditlib.rollouts.notebook_table import notebook_table


class Page(HTMLParser):
    """The tags with their attributes, and the cells of the table."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.cells = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        assert attrs == []
        self.tags.append(tag)
        if tag in ("td", "tr"):
            self.cells.append("" if tag == "td" else "|")

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "td":
            self.cells[-1] += data


def test_counts_tensors_first_rows_and_notes():
    turns = [{"observation": {"door": 1}, "text": "open"}, {"observation": "x", "text": "go"}]
    rows = [{"group": "a", "id": str(k), "outcome": k / 2, "turns": turns} for k in range(7)]
    text = from_trajectories(rows, notes=("a note.",))._repr_html_()
    assert "<b>Rollouts: 7 rows, 1 group, 14 turns; format none</b>" in text
    assert "turn_reward float32 (7, 2); valid bool (7,)" in text
    cells = Page(text).cells
    assert cells[1:8] == ["|", "a", "0", "0", "2", '{"door": 1}', "open"]
    assert cells.count("|") == 1 + 5
    assert "<p>2 more rows</p><p>a note.</p>" in text


def test_an_empty_batch_and_a_row_without_turns_or_outcome():
    row = {"group": 7, "outcome": None, "turns": []}
    assert Page(notebook_table("1 row", {}, [row])).cells[2:] == ["7", "", "none", "0", "", ""]
    assert Page(notebook_table("0 rows", {}, [])).cells == ["|"]


def test_texts_are_escaped_shortened_and_one_line():
    bad = '<script>alert("x")</script>\x1b[2J\u202e' + "long " * 100_000
    row = {"group": bad, "id": bad, "outcome": 1.0, "turns": [{"observation": bad, "text": bad}]}
    page = Page(notebook_table(bad, {}, [row], [bad]))
    assert set(page.tags) <= {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert page.cells[2].startswith('<script>alert("x")</script> [2J long')
    assert len(page.cells[2]) == 60
    assert page.cells[2].endswith("…")
