import base64
import json
import zlib

import numpy as np

from creditlib.report.credit_columns import credit_columns
from creditlib.report.page.details import joins_observations, packed_details
from creditlib.report.reasons import discounted_returns, reads_of
from creditlib.report.summary import summarize
from creditlib.rollouts import from_trajectories

HALL = "A hall. It is dark."
ROWS = [
    {
        "group": "g",
        "outcome": 1.0,
        "turns": [
            {"observation": HALL, "text": "go", "reward": 0.25},
            {"observation": "An attic.", "text": "", "reward": 0.75},
        ],
    },
    {"group": "g", "outcome": 0.0, "turns": [{"observation": HALL, "text": "x", "reward": 0.0}]},
    {"group": "g", "outcome": None, "turns": []},
]


def unpacked(detail):
    return json.loads(zlib.decompress(base64.b64decode(detail), -15))


def batch():
    rollouts = from_trajectories(ROWS)
    return rollouts, summarize(rollouts, credit_columns(rollouts, ["grpo", "gigpo"])).by_group


def packed(room, rollouts=None, groups=None):
    standard, by_group = batch()
    rollouts, groups = rollouts or standard, groups or by_group
    reads = [reads_of("grpo"), reads_of("gigpo")]
    returns = {gamma: discounted_returns(rollouts, gamma) for gamma in (1.0, 0.95)}
    shown = [group.rows for group in groups]
    return packed_details(rollouts, groups, shown, reads, returns, room)


def test_details_hold_texts_rewards_and_peers():
    """Return with gamma 0.95: 0.25 + 0.95 · 0.75 = 0.9625; with 0 at the hall: mean 0.48125."""
    detail = unpacked(packed(100_000).details[0])
    first, second = detail["turns"][0]
    text = ["".join(detail["pieces"][number] for number in numbers) for numbers in first[:3]]
    assert text == [HALL, "go", ""]
    assert first[3:] == [0.25, 0, [1, 0.9625]]
    assert second[3:] == [0.75, 1, [0.75, 0.75]]
    assert detail["peers"][0] == [2, 2, [[0.5, 0.7071], [0.4812, 0.6806]]]
    assert detail["turns"][2] == []


def test_texts_are_cut_until_they_fit():
    draw = np.random.default_rng(0)
    rows = [
        {"group": g, "outcome": 1.0, "turns": [{"text": draw.bytes(3000).hex()}]} for g in range(9)
    ]
    rollouts = from_trajectories(rows)
    groups = summarize(rollouts, credit_columns(rollouts, ["grpo"])).by_group
    whole = packed(1_000_000, rollouts, groups)
    assert (whole.limit, whole.cut, whole.whole) == (20_000, 0, 9)
    for room, count in ((20_000, 9), (2_500, None)):
        found = packed(room, rollouts, groups)
        assert found.limit < 20_000
        assert sum(map(len, found.details)) <= room
        assert found.cut == found.whole
        assert 0 < found.whole <= (count or 8)
    left = unpacked(found.details[-1])
    assert left["pieces"] == ["… 6,000 characters left out …"]
    assert left["turns"][0][0][3] == 1, "the reward stays"
    assert packed(1, rollouts, groups).whole == 0


def test_of_a_group_that_is_too_large_some_trajectories_have_texts():
    """Each of 64 trajectories has 200 characters of its own, of which 4 bits are random."""
    draw = np.random.default_rng(0)
    rows = [{"group": 0, "outcome": 1.0, "turns": [{"text": draw.bytes(100).hex()}]}] * 64
    rows = [{**row, "turns": [{"text": draw.bytes(100).hex()}]} for row in rows]
    rollouts = from_trajectories(rows)
    groups = summarize(rollouts, credit_columns(rollouts, ["grpo"])).by_group
    found = packed(6_000, rollouts, groups)
    assert len(found.details[0]) <= 6_000
    assert (found.whole, found.part, found.cut) == (1, 32, 0)
    detail = unpacked(found.details[0])
    texts = ["".join(detail["pieces"][at] for at in turn[1]) for (turn,) in detail["turns"]]
    assert texts[:32] == [row["turns"][0]["text"] for row in rows[:32]]
    assert set(texts[32:]) == {"… 200 characters left out …"}


def test_peers_of_trajectories_that_are_left_out_count():
    """The page shows the second trajectory alone: its hall is also that of the first one."""
    rollouts, groups = batch()
    reads = [reads_of("grpo")]
    returns = {1.0: discounted_returns(rollouts, 1.0)}
    found = packed_details(rollouts, groups, [[1]], reads, returns, 100_000)
    detail = unpacked(found.details[0])
    assert len(detail["turns"]) == 1
    assert detail["peers"] == [[2, 2, [[0.5, 0.7071]]]], "the attic is not on the page"


def test_observations_are_joined_by_similarity_only():
    rows = [
        {"group": 0, "outcome": float(k), "turns": [{"observation": f"A dark hall, step {k}."}]}
        for k in range(3)
    ]
    near = from_trajectories(rows, similarity=0.5)
    assert joins_observations(near, [0, 1])
    assert not joins_observations(near, [0])
    assert not joins_observations(from_trajectories(rows), [0, 1, 2])
    assert not joins_observations(from_trajectories([{**rows[0], "turns": [{}]}]), [0])
