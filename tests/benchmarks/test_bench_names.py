"""Uids and texts of the benchmark are what their rows say."""

from rapidfuzz.distance import Indel

from benchmarks.grid.names import _near_texts, fresh_rows, uids, unlike_texts


def test_uids_are_distinct_and_look_like_uuids():
    made = uids(1000)
    assert len(set(made)) == 1000
    assert {tuple(map(len, uid.split("-"))) for uid in made} == {(8, 4, 4, 4, 12)}


def test_texts_are_as_near_as_they_say():
    unlike, near = unlike_texts(20), _near_texts(200)
    assert {len(text) for text in unlike + near} == {700}
    assert all(Indel.normalized_similarity(unlike[0], other) < 0.7 for other in unlike[1:])
    # at most four characters of 700 differ from one of sixty texts
    assert all(
        max(Indel.normalized_similarity(text, kind) for kind in unlike_texts(60)) >= 1 - 4 / 700
        for text in near[:20]
    )


def test_fresh_texts_are_equal_and_never_the_same_objects():
    work = fresh_rows(60)
    first = [text for row in work.batch["texts"] for text in row]
    with work.before():
        second = [text for row in work.batch["texts"] for text in row]
    assert second == first
    assert not any(one is other for one, other in zip(first, second, strict=True))
