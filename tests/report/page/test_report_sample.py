import random

from creditlib.report.page.sample import sampled_groups


def groups_of(sizes):
    rows = iter(range(sum(sizes)))
    return [[next(rows) for _ in range(size)] for size in sizes]


def sampled(sizes, limit, per_row=100, numbers=1, **seed):
    found = [numbers] * sum(sizes)
    return sampled_groups(groups_of(sizes), found, limit=limit, per_row=per_row, **seed)


def test_all_groups_are_taken_where_they_fit():
    assert sampled([2, 3], 5) == {0: [0, 1], 1: [2, 3, 4]}


def test_a_sample_is_of_whole_groups_and_the_same_each_time():
    sizes = [3, 1, 4, 1, 5, 9, 2, 6]
    found = sampled(sizes, 12)
    assert found == sampled(sizes, 12) != sampled(sizes, 12, seed=1)
    assert all(rows == groups_of(sizes)[group] for group, rows in found.items())
    assert list(found) == sorted(found)
    assert sum(map(len, found.values())) <= 12


def test_numbers_limit_a_sample_too():
    """Three groups of one trajectory with 5 numbers each; 3 trajectories may have 12 numbers."""
    assert len(sampled([1, 1, 1], 3, per_row=4, numbers=5)) == 2


def test_of_a_group_that_exceeds_a_limit_some_trajectories_are_drawn():
    (rows,) = sampled([5000], 2000).values()
    assert len(rows) == 200
    assert rows == sorted(set(rows))
    assert rows[-1] > 4000, "from the whole group"
    assert len(sampled([50], 20)[0]) == 20
    # 200 trajectories may have 2000 numbers, and each has 25.
    assert len(sampled([2000], 2000, per_row=10, numbers=25)[0]) == 80
    assert len(sampled([1], 1, per_row=1, numbers=9)[0]) == 1, "one is always taken"
    assert sampled([], 1) == {}


def test_a_large_group_leaves_room_for_the_others():
    """200 of 9000 and 100 groups of 8 are 1000 trajectories, wherever the large one stands."""
    for place in (0, 50, 100):
        sizes = [8] * 100
        sizes.insert(place, 9000)
        found = sampled(sizes, 2000)
        assert len(found) == 101
        assert len(found[place]) == 200


def test_limits_hold_for_any_sizes():
    draw = random.Random(0)
    for seed in range(50):
        sizes = [draw.choice((1, 3, 8, 40, 500)) for _ in range(draw.randrange(1, 20))]
        numbers = [draw.randrange(8) for _ in range(sum(sizes))]
        found = sampled_groups(groups_of(sizes), numbers, limit=60, per_row=7, seed=seed)
        rows = [row for each in found.values() for row in each]
        assert 0 < len(rows) <= 60
        assert sum(numbers[row] for row in rows) <= 60 * 7
