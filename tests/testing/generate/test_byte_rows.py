"""Groups and branches of trajectories from bytes, by hand."""

from creditlib.testing.generate.byte_rows import HEAD, branches_of, groups_of, row_of


def raw(group, lead=0, tail=0):
    """A trajectory of one turn with one token."""
    return bytes([group, 0, 0, lead, tail]) + bytes(HEAD - 5)


def test_a_group_is_joined_or_begun():
    # 0: that of the row before; 1: a new one; 2: that of row 0 (2 // 3 = 0).
    assert groups_of([raw(0), raw(1), raw(0), raw(2)], 0) == [0, 1, 1, 0]
    assert groups_of([raw(0), raw(1), raw(1)], 2) == [0, 0, 1]


def test_a_branch_is_of_a_rollout_from_the_start():
    # An odd tail // 3 makes a branch of a rollout of its group; ids are 3, 8 and 13.
    rows = [row_of(raw(0)), row_of(raw(0, lead=3, tail=3)), row_of(raw(0, tail=3))]
    found = branches_of(rows, [0, 0, 0])
    assert found == {"rollout": [3, 8, 13], "branch_of": [-1, 3, 3], "branch_at": [0, 1, 0]}
    assert branches_of(rows, [0, 1, 2])["branch_of"] == [-1, -1, -1]
