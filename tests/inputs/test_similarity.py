import random
from fractions import Fraction
from itertools import permutations

import pytest
import rapidfuzz.process
import torch
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Indel

import creditlib as cl
from creditlib.inputs import similarity as module
from creditlib.inputs.similarity import classes, join_similar
from creditlib.vocabulary.install_hint import install_hint

TEXTS = st.lists(st.text("ab", max_size=7), max_size=9, unique=True)
THRESHOLDS = st.sampled_from([0.1, 0.2, 0.5, 0.6, 0.75, 0.8, 0.9, 1.0])


def common(a, b):
    """Length of the longest common subsequence, by the textbook table."""
    best = [0] * (len(b) + 1)
    for x in a:
        row = [0]
        for j, y in enumerate(b):
            row.append(best[j] + 1 if x == y else max(best[j + 1], row[j]))
        best = row
    return best[-1]


def similar(a, b, threshold):
    """2 · common / total >= threshold, in exact fractions."""
    return 2 * common(a, b) >= Fraction(str(threshold)) * (len(a) + len(b))


def brute_force(texts, threshold):
    """Every pair compared, classes merged until nothing changes."""
    label = {text: text for text in texts}
    for a in texts:
        for b in texts:
            if similar(a, b, threshold):
                keep, drop = sorted((label[a], label[b]))
                label = {text: keep if at == drop else at for text, at in label.items()}
    return label


@given(TEXTS, THRESHOLDS)
def test_classes_equal_brute_force_over_all_pairs(texts, threshold):
    assert classes(texts, threshold) == brute_force(texts, threshold)


def all_pairs(texts, threshold):
    """The definition: rapidfuzz on every pair, classes merged."""
    label = {text: text for text in texts}
    for a in texts:
        for b in texts:
            if Indel.normalized_similarity(a, b) >= threshold - 1e-12 and label[a] != label[b]:
                keep, drop = sorted((label[a], label[b]))
                label = {text: keep if at == drop else at for text, at in label.items()}
    return label


def changed(text, count, letters, rng):
    """A text `count` insertions, deletions or replacements away."""
    found = list(text)
    for _ in range(count):
        at, kind = rng.randrange(len(found) + 1), rng.randrange(3)
        if kind == 0:
            found.insert(at, rng.choice(letters))
        elif found:
            found[at % len(found) : at % len(found) + 1] = rng.choice(letters) if kind == 1 else ""
    return "".join(found)


def texts_near_the_threshold(threshold, length, letters, rng):
    """Unlike texts, texts just within and just beyond the threshold of others, an empty one."""
    found = ["".join(rng.choices(letters, k=max(0, length + rng.randrange(-5, 6)))) for _ in "abc"]
    allowed = 2 * (1 - threshold) * length
    for _ in range(9):
        share = rng.choice([0.3, 0.5, 0.52, 0.7, 1.0])
        found.append(changed(rng.choice(found), 1 + int(allowed * share), letters, rng))
    found += ["", found[0][::-1], "".join(sorted(found[1])), found[2][: length // 2]]
    return sorted(set(found), key=lambda text: rng.random())


ALPHABETS = ["ab", "abcdefgh ", "aä漢字😀\ud800", "abcdefghijklmnopqrstuvwxyz ABC0123"]


@pytest.mark.parametrize("few", [2, 24])  # few texts are compared at once; not with 2
@pytest.mark.parametrize("length", [0, 7, 90, 300, 700])
@pytest.mark.parametrize("threshold", [1e-13, 1e-7, 0.3, 0.6, 2 / 3, 0.8, 0.9, 0.95, 1])
def test_classes_equal_those_of_all_pairs_near_the_threshold(threshold, length, few):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW", few)
        for seed, letters in enumerate(ALPHABETS):
            texts = texts_near_the_threshold(threshold, length, letters, random.Random(seed))
            assert classes(texts, threshold) == all_pairs(texts, threshold)


@pytest.mark.parametrize("front", [True, False])
def test_a_text_with_more_at_one_end_is_similar(front):
    """d = 60 of 600 + 660 characters: 1 - 60/1260 > 0.95; windows of one length differ by 120."""
    text = unlike(1, 700)[0][:600]
    more = "0123456789" * 6
    longer = more + text if front else text + more
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW", 2)
        found = classes(["another", text, longer], 0.95)
    assert found[text] == found[longer]


def test_a_chain_of_long_texts_is_one_class():
    """Each step changes 10 of 600 characters: 2 · 590 / 1200 >= 0.98, the ends have 0 in common."""
    chain = ["b" * k + "a" * (600 - k) for k in range(0, 601, 10)]
    assert set(classes(chain, 0.98).values()) == {"a" * 600}
    assert len(set(classes(chain, 0.99).values())) == len(chain)


def unlike(count, length=300):
    """Words in random order: any two texts have about half of their characters in common."""
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=5)) for _ in range(200)]
    return [" ".join(rng.choices(words, k=length // 6)) for _ in range(count)]


def test_joining_is_transitive():
    """a~b and b~c put a and c into one class, though a and c are not similar: 2·2/6 < 0.8."""
    texts = ["aab", "aabb", "abbb"]
    assert not similar("aab", "abbb", 0.75)
    assert set(classes(texts, 0.75).values()) == {"aab"}


def test_no_order_of_texts_matters():
    texts = ["open door", "open doors", "open the doors", "close window", ""]
    expected = classes(texts, 0.8)
    assert len(set(expected.values())) == 3
    assert all(classes(order, 0.8) == expected for order in permutations(texts))


def test_no_order_of_rows_matters():
    rows = [["room 1", "hall"], ["room 2"], ["hal", "room 33"], [None, "roam 1"]]
    group = [0, 0, 1, 1]
    expected = cl.anchor_ids(rows, group=group, similarity=0.7)
    for order in permutations(range(4)):
        shuffled = cl.anchor_ids(
            [rows[i] for i in order], group=[group[i] for i in order], similarity=0.7
        )
        assert torch.equal(shuffled, expected[list(order)])


def test_groups_are_independent():
    rows = [["door 1"], ["door 2"], ["door 3"]]
    assert join_similar(rows, ["p", "q", "q"], 0.8) == [["door 1"], ["door 2"], ["door 2"]]


def test_a_link_through_another_group_does_not_join():
    """aaaa ~ aabb ~ bbbb at 0.5, but the middle one belongs to another prompt."""
    assert join_similar([["aaaa"], ["aabb"], ["bbbb"]], None, 0.5) == [["aaaa"]] * 3
    kept = join_similar([["aaaa"], ["aabb"], ["bbbb"]], [0, 1, 0], 0.5)
    assert kept == [["aaaa"], ["aabb"], ["bbbb"]]


@pytest.mark.parametrize(("a", "b", "ratio"), [("aa", "aaa", 0.8), ("a", "a" + "b" * 18, 0.1)])
def test_a_pair_that_reaches_the_threshold_exactly_is_joined(a, b, ratio):
    assert set(classes([a, b], ratio).values()) == {a}
    assert set(classes([a, b], ratio + 0.01).values()) == {a, b}


def test_threshold_one_joins_only_equal_texts():
    assert classes(["a", "b", "ab"], 1) == {"a": "a", "b": "b", "ab": "ab"}


@pytest.fixture
def compared(monkeypatch):
    """Pairs of lengths whose texts were compared as a whole."""
    pairs = []
    real = rapidfuzz.process.cdist

    def counting(rows, columns, **options):
        if options["scorer"] is Indel.normalized_similarity:
            pairs.extend((len(a), len(b)) for a in rows for b in columns)
        return real(rows, columns, **options)

    monkeypatch.setattr(rapidfuzz.process, "cdist", counting)
    return pairs


def test_lengths_that_cannot_reach_the_threshold_are_never_compared(compared):
    """At 0.8 a text of n letters can only match one of up to (2 − 0.8)/0.8 · (n + 1) letters."""
    classes(["a" * n for n in (2, 3, 4, 10, 15, 16, 40)], 0.8)
    assert {(2, 3), (10, 15)} <= set(compared)
    assert all(long <= 1.51 * (short + 1) for short, long in compared)
    assert (16, 40) not in compared


def test_no_pair_is_compared_twice_and_no_text_with_itself(compared):
    # nothing is similar: 9 · 8 / 2 pairs, each from the shorter one
    classes([letter * n for letter, n in zip("abcdefghi", [8, 9, 10] * 3, strict=True)], 0.8)
    assert len(compared) == 9 * 8 / 2
    across = [pair for pair in compared if pair[0] != pair[1]]
    assert sorted(across) == sorted([(8, 9), (8, 10), (9, 10)] * 9)


def test_unlike_texts_are_told_apart_by_bounds(compared):
    """All but the first text: without bounds it were 200 · 199 / 2 = 19,900 comparisons."""
    texts = unlike(200)
    assert set(classes(texts, 0.95).values()) == set(texts)
    assert len(compared) <= 199 + 199


def test_what_is_joined_is_not_compared_again(compared):
    """One class of n texts takes n − 1 comparisons, c classes at most n · c: never n · n."""
    classes([f"the room with door number {n:04}" for n in range(200)], 0.8)
    assert len(compared) == 199
    compared.clear()
    classes([f"{place * 9} {n:03}" for n in range(100) for place in ("hall", "attic")], 0.9)
    assert len(compared) <= 200 * 2


def test_a_text_met_often_is_compared_once(compared):
    """Twice the visits, the same comparisons: only distinct texts of a group are compared."""
    rows = [["hall 1", "hall 2"], ["hall 2", "attic"]]
    cl.anchor_ids(rows, group=[0, 0], similarity=0.8)
    once = len(compared)
    compared.clear()
    cl.anchor_ids([row * 50 for row in rows] * 3, group=[0] * 6, similarity=0.8)
    assert len(compared) == once > 0


WRONG = [0, -0.5, 1.5, float("nan"), "0.9"]


@pytest.mark.parametrize("value", WRONG)
def test_a_threshold_outside_its_range_is_refused(value, refusal):
    assert refusal(cl.anchor_ids, [["a"]], similarity=value) == (
        f"anchor_ids: `similarity` must be a number in (0, 1], got {value!r}."
    )


def test_only_texts_can_be_similar(refusal):
    assert refusal(cl.anchor_ids, [["a", 3]], similarity=0.9) == (
        "anchor_ids: `observations` must be texts or None with `similarity`, got int."
    )


def test_each_trajectory_needs_its_group(refusal):
    assert refusal(cl.anchor_ids, [["a"], ["b"]], similarity=0.9, group=[0]) == (
        "anchor_ids: `group` must be one id for each of the 2 trajectories, got 1."
    )


def test_without_rapidfuzz_the_extra_is_named(monkeypatch, refusal):
    monkeypatch.setitem(__import__("sys").modules, "rapidfuzz.distance", None)
    assert refusal(cl.anchor_ids, [["a"]], similarity=0.9) == (
        "anchor_ids: `similarity` must be left out, or the extra installed: "
        f"{install_hint('anchors')}, got 0.9 "
        "(import of rapidfuzz.distance halted; None in sys.modules)."
    )
