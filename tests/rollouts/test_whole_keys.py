from creditlib.rollouts.whole_keys import keep_common_rewards, keep_whole_keys


def test_a_key_of_some_turns_is_left_out_and_noted():
    rows = [{"turns": [{"tokens": [1], "seconds": 1.0}]}, {"turns": [{"seconds": None}, {}]}]
    words = {"tokens": "`ids`", "seconds": "`time`", "reward": "`r`"}
    assert keep_whole_keys(rows, words) == [
        "tokens are left out: 2 of 3 turns have none from `ids`.",
        "seconds are left out: 2 of 3 turns have none from `time`.",
    ]
    assert rows == [{"turns": [{}]}, {"turns": [{}, {}]}]


def test_a_key_of_every_turn_stays_and_one_of_none_goes_silently():
    rows = [{"turns": [{"seconds": 0.0, "tokens": None}]}]
    assert keep_whole_keys(rows, {"seconds": "`time`", "tokens": "`ids`"}) == []
    assert rows == [{"turns": [{"seconds": 0.0}]}]
    assert keep_whole_keys([], {"seconds": "`time`"}) == []


def test_rewards_by_name_are_objectives_where_all_rows_have_the_same_names():
    rows = [
        {"outcome": 1.0, "rewards": {"a": 1.0, "b": 0.0}},
        {"outcome": None, "rewards": {}},
        {"outcome": 0.0, "rewards": {"a": 0.0, "b": None}},
    ]
    assert keep_common_rewards(rows) == ["rewards = a, b."]
    assert [row.get("rewards") for row in rows] == [[1.0, 0.0], None, [0.0, None]]


def test_rewards_of_several_kinds_are_left_out():
    rows = [{"outcome": 1.0, "rewards": {"a": 1.0}}, {"outcome": 1.0, "rewards": {"b": 1.0}}]
    assert keep_common_rewards(rows) == []
    assert rows == [{"outcome": 1.0}, {"outcome": 1.0}]
    rows = [{"outcome": 1.0, "rewards": {"a": 1.0}}, {"outcome": 1.0, "rewards": {}}]
    assert keep_common_rewards(rows) == []
