import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

from creditlib.inputs.text_bounds import (
    allowance,
    character_counts,
    reach,
    unlike_characters,
    window,
)

TEXT = st.text("abcd é漢😀\ud800", max_size=30)
THRESHOLD = st.sampled_from([1e-9, 0.1, 0.5, 2 / 3, 0.8, 0.9, 0.95, 1.0]) | st.floats(1e-3, 1)


def lengths_of(texts):
    return np.array([len(text) for text in texts], dtype=np.int64)


def counted(texts):
    return character_counts(texts, lengths_of(texts))


def test_characters_by_hand():
    """aab and abcc: one a, and two c, are only in one of them: 1 + 0 + 2 = 3, and so is d."""
    texts = ["aab", "abcc"]
    assert unlike_characters(counted(texts), slice(0, 1), slice(0, 2)).tolist() == [[0, 3]]
    assert Indel.distance(*texts) == 3


def test_a_window_by_hand():
    """Of 200 characters at 0.9 up to 2 · 0.1 · 200 = 40 may differ: 64 of the middle are kept."""
    assert window(200, 0.9) == (64, 64)
    assert 192 - 64 - 64 == 64  # 200 is cut like 192
    assert window(127, 0.99) is None
    assert window(128, 0.99) == (32, 32)


@given(st.lists(TEXT, min_size=2, max_size=6))
def test_characters_never_say_more_than_the_distance(texts):
    texts = sorted(texts, key=len)
    every = slice(0, len(texts))
    bound = unlike_characters(counted(texts), every, every)
    for i, a in enumerate(texts):
        for j, b in enumerate(texts):
            assert abs(len(a) - len(b)) <= bound[i, j] <= Indel.distance(a, b)


@given(TEXT, TEXT, st.integers(0, 9), st.integers(0, 9))
def test_no_window_is_further_apart_than_the_texts(a, b, front, behind):
    if min(len(a), len(b)) < front + behind:
        return
    cut = a[front : len(a) - behind], b[front : len(b) - behind]
    assert Indel.distance(*cut) <= Indel.distance(a, b)


@given(st.integers(0, 5000), THRESHOLD)
def test_a_window_fits_into_the_shortest_text(shortest, similarity):
    cut = window(shortest, similarity)
    if cut is not None:
        front, behind = cut
        assert front >= 0
        assert behind >= 0
        assert shortest - front - behind >= 64


@given(st.integers(0, 10**7), st.integers(0, 10**7), THRESHOLD)
def test_what_reaches_the_threshold_is_allowed(a, b, similarity):
    """The largest distance whose ratio reaches the threshold, at which a bound must not exclude."""
    short, long = sorted((a, b))
    total = short + long
    most = int((1 - similarity) * total) + 1
    while most > 0 and 1 - most / max(total, 1) < similarity - 1e-12:
        most -= 1
    share = allowance(np.array([short, long]), similarity)
    assert most <= share[0] + share[1]
    if long - short <= most:
        assert reach(np.array([short, long]), similarity)[0] == 2


def test_many_characters_share_counters_and_long_texts_are_counted_in_pieces():
    texts = sorted(["".join(map(chr, range(0x4E00, 0x4E00 + 500))), "a" * (1 << 20), "b"], key=len)
    counts = counted(texts)
    assert len(counts) <= 48
    assert counts.sum(0).tolist() == [1, 500, 1 << 20]
    bound = unlike_characters(counts, slice(0, 1), slice(0, 3))
    # b shares a counter with some of the 500; a does not share one with b
    assert bound.tolist() == [[0, 499, (1 << 20) + 1]]


@pytest.mark.parametrize("texts", [[], [""], ["", "a"]])
def test_texts_without_characters_have_no_counts(texts):
    counts = counted(texts)
    assert counts.sum() == len("".join(texts))
    assert counts.shape[1] == len(texts)
