"""The chart: a line a function, where most peers are; shapes besides colours; the same bytes."""

from dataclasses import replace

from benchmarks import rivals
from benchmarks.results import Row

OURS = Row(
    op="gae",
    shape="2x3",
    variant="full",
    contestant="creditlib",
    side="ours",
    p50_us=20.0,
    floor_us=10.0,
    moved_bytes=100,
)
LARGER = replace(OURS, shape="4x6", moved_bytes=400)


def peer(row, name, p50=40.0):
    return replace(row, contestant=name, side="peer", p50_us=p50)


def keys(rows):
    return {name: [row.contestant for row in each] for name, each in rivals.chosen(rows).items()}


def test_a_function_has_the_largest_input_with_most_peers():
    two = [OURS, peer(OURS, "verl loop"), peer(OURS, "slime chunked")]
    one = [LARGER, peer(LARGER, "verl loop")]
    assert list(keys([*two, *one])) == ["gae, 2x3"]
    assert list(keys([*two[:2], *one])) == ["gae, 4x6"]


def test_rows_without_peers_of_a_series_or_of_one_thread_are_left_out():
    series = replace(OURS, axis="tokens")
    single = replace(OURS, variant="full, one thread")
    refused = replace(peer(OURS, "verl loop"), p50_us=None)
    own = peer(OURS, "estimator alone with to_tokens")
    rows = [OURS, own, refused, series, peer(series, "verl"), single, peer(single, "verl")]
    assert keys(rows) == {}
    assert keys([replace(each, device="cuda") for each in (OURS, peer(OURS, "verl"))]) == {}


def test_the_picture_names_everybody_and_is_the_same_each_time(tmp_path):
    rows = [OURS, peer(OURS, "verl loop"), peer(OURS, "verl vectorised", 30.0)]
    rows += [peer(OURS, "somebody loop")]
    (path,) = rivals.draw(rows, tmp_path, "box")
    text = path.read_text()
    assert path.name == "box-peers.svg"
    assert all(f">{name}</text>" in text for name in ("creditlib", "floor", "verl", "somebody"))
    assert text.count(">verl</text>") == 1
    (again,) = rivals.draw(rows, tmp_path / "again", "box")
    assert again.read_text() == text
    assert len(text) < 100_000
    assert rivals.draw([OURS], tmp_path, "box") == []


def test_no_two_peers_look_alike():
    marks = [*rivals.MARKS.values(), rivals.OURS, rivals.OTHER]
    assert len(set(marks)) == len(marks)
    shapes = [shape for _, shape in marks]
    assert len(set(shapes)) == len(shapes)
