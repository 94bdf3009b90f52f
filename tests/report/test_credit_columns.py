import pytest
import torch

import creditlib as cl
from creditlib.report.credit_columns import credit_columns, heading, name_of
from creditlib.rollouts import from_trajectories
from creditlib.vocabulary.messages import ContractError

BATCH = from_trajectories(
    [
        {
            "group": "a",
            "outcome": 1.0,
            "turns": [{"observation": "x"}, {"observation": "y"}],
        },
        {"group": "a", "outcome": 0.0, "turns": [{"observation": "x"}]},
        {"group": "b", "outcome": None, "turns": [{"observation": "x"}]},
    ]
)


def test_trajectory_credit_reaches_every_real_turn():
    (column,) = credit_columns(BATCH, ["grpo"], options={"grpo": {"scale": None}})
    assert column.reason == ""
    assert column.credit.tolist() == [0.5, -0.5, 0.0]
    assert column.turn_credit.tolist() == [[0.5, 0.5], [-0.5, 0.0], [0.0, 0.0]]


def test_turn_credit_is_what_apply_gives():
    (column,) = credit_columns(BATCH, [cl.gigpo], options={"gigpo": {"gamma": 0.5}})
    expected = cl.apply("gigpo", BATCH.tensors, gamma=0.5)
    assert column.name == "gigpo"
    assert torch.equal(column.turn_credit, expected)
    assert not torch.equal(column.turn_credit, cl.apply("gigpo", BATCH.tensors))


def test_the_first_of_several_results_is_the_credit():
    def pair(*, reward):
        return reward, -reward

    (column,) = credit_columns(BATCH, [pair])
    assert column.credit.tolist() == [1.0, 0.0, 0.0]


def test_reasons():
    def broken(*, reward):
        raise RuntimeError("no\nluck")

    def scalar(*, reward):
        return reward.sum()

    def text(*, reward):
        return "credit"

    columns = credit_columns(BATCH, ["pure", "gae", broken, scalar, text, "rloo"])
    assert [column.reason for column in columns] == [
        "pure needs `process_reward`, which is read from the turns' `process_reward`; these "
        "rollouts have no such key.",
        "gae works on tokens: it needs `token_reward`, `value`, `turn`, which rollout files do "
        "not have.",
        "broken failed: RuntimeError: no luck",
        "scalar must return float[batch] or float[batch turn], got ().",
        "text must return float[batch] or float[batch turn], got str.",
        "",
    ]
    assert [column.credit is None for column in columns] == [True] * 5 + [False]


def test_a_refusal_is_shown_as_it_is_and_a_stranger_on_one_line():
    def rude(*, reward):
        raise SystemExit("bye\n\x1b[2Jnow")

    gigpo, stranger = credit_columns(BATCH, ["gigpo", rude], options={"gigpo": {"gamma": "x"}})
    assert gigpo.reason.startswith("gigpo: `gamma` must be a number")
    assert "ContractError" not in gigpo.reason
    assert stranger.reason == "rude failed: SystemExit: bye [2Jnow"


def test_an_option_nobody_has_is_named_before_the_call():
    def none(*, reward):
        raise AssertionError

    def anything(*, reward, **options):
        return reward * options["gama"]

    options = {
        "gigpo": {"gama": 1},
        "maxrl": {"zzz": 1},
        "none": {"x": 1},
        "anything": {"gama": 2.0},
    }
    columns = credit_columns(BATCH, ["gigpo", "maxrl", none, anything], options=options)
    assert columns[0].reason == "gigpo has no option `gama`; did you mean `gamma`?"
    assert columns[1].reason.startswith("maxrl has no option `zzz`; it has ")
    assert "`reward`" not in columns[1].reason
    assert columns[2].reason == "none has no option `x`; it has `reward`."
    assert columns[3].credit.tolist() == [2.0, 0.0, 0.0]


def test_an_unknown_name_is_refused_with_the_near_one():
    with pytest.raises(ContractError, match="did you mean 'grpo'"):
        credit_columns(BATCH, ["grop"])


def test_names_and_headings():
    assert name_of("a.b:c") == "a.b:c"
    assert name_of(cl.rloo) == "rloo"
    assert heading("a.b:c") == "c"
    assert heading("grpo_process") == "grpo_process"
    assert heading("hard_min_returns") == "hard_\nmin_\nreturns"


# Outcomes 1, 0 and three rows that are not scored: a row that takes part would move the mean.
UNSCORED = from_trajectories(
    [
        {"group": "a", "outcome": outcome, "turns": [{"observation": "x"}] * turns}
        for outcome, turns in [(1.0, 2), (None, 1), (0.0, 1), (None, 3), (None, 1)]
    ]
)


def test_rows_without_an_outcome_take_no_part_in_a_function_that_knows_no_valid():
    """The mean of 1 and 0 is 1/2: credit 1/2 and -1/2. With three more zeros it would be 1/5."""

    def centered(*, reward):
        return reward - reward.mean()

    def spread(*, turn_reward, turn_count):
        assert turn_count.tolist() == [2, 1]
        return turn_reward - turn_reward.sum(1).mean()

    first, second = credit_columns(UNSCORED, [centered, spread])
    assert first.reason == second.reason == ""
    assert first.credit.tolist() == [0.5, 0.0, -0.5, 0.0, 0.0]
    assert first.turn_credit.tolist() == [
        [0.5, 0.5, 0.0],
        [0.0, 0.0, 0.0],
        [-0.5, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
    ]
    assert second.turn_credit.tolist() == [
        [-0.5, 0.5, 0.0],
        [0.0, 0.0, 0.0],
        [-0.5, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
    ]


def test_every_estimator_gives_what_it_gives_without_the_unscored_rows():
    kept = from_trajectories([UNSCORED.trajectories[row] for row in (0, 2)])
    names = ["grpo", "rloo", "maxrl", "gpg", "gigpo", "hard_min_returns", "opo", "remax"]
    for column in credit_columns(UNSCORED, names):
        (alone,) = credit_columns(kept, [column.name])
        assert alone.reason == column.reason
        if column.turn_credit is not None:
            assert torch.equal(column.turn_credit[[0, 2], :2], alone.turn_credit)
            assert not column.turn_credit[[1, 3, 4]].any()


def test_a_reason_names_the_key_that_fills_the_tensor_and_the_one_that_was_found():
    def timed(*, reward, duration):
        return reward

    turn = {"observaton": "x", "gold_logprob": -1.0, "second": 2.0}
    batch = from_trajectories([{"group": 0, "outcome": 1.0, "turns": [turn]}])
    columns = credit_columns(batch, ["gigpo", "igpo", timed, "opo", "remax"])
    assert [column.reason for column in columns] == [
        "gigpo needs `anchor`, which is read from the turns' `observation`; these rollouts have "
        "`observaton`.",
        "igpo needs `information_gain`, which is read from the turns' `gold_log_prob`; these "
        "rollouts have `gold_logprob`.",
        "timed needs `duration`, which is read from the turns' `seconds`; these rollouts have "
        "`second`.",
        "opo needs `length`, which is read from the trajectories' `length` or the turns' `tokens` "
        "or `token_count`; these rollouts have no such key.",
        "remax needs `baseline`, which no key of a rollout file fills.",
    ]
