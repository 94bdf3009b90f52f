"""Each list of CONTRIBUTING.md is followed in a copy of the tree, and leads to what it promises."""

import pytest
import rehearse


@pytest.mark.nightly
@pytest.mark.parametrize("thing", rehearse.THINGS)
def test_a_thing_is_added_as_the_list_says(thing, capsys):
    rehearse.main([thing])
    assert f"{thing}: " in capsys.readouterr().out
