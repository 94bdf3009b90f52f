import torch

from creditlib.diagnostics import diagnose
from creditlib.report.findings import MEANINGS, findings, meaning_of
from creditlib.report.summary_parts import EstimatorFacts, Pair

COUNTS = {
    "trajectories": 8,
    "turns": 20,
    "excluded": 0,
    "groups": 4,
    "lone": 0,
    "constant": 0,
    "informative": 4,
    "empty": 0,
    "largest": 2,
}


def facts(name="grpo", not_finite=0, **metrics):
    named = {key.replace("__", "/"): value for key, value in metrics.items()}
    return EstimatorFacts(name, 0.5, (), (), not_finite, named)


def sentences(counts=None, estimators=(), pairs=()):
    return [each.sentence for each in findings({**COUNTS, **(counts or {})}, estimators, pairs)]


def test_a_good_batch_has_no_finding():
    good = facts(anchor__met=0.9, reward__unplaced_max=0.0)
    assert sentences(estimators=[good], pairs=[Pair("grpo", "gigpo", 20, 0.01, 0.9)]) == []


def test_every_fault_has_its_sentence_and_what_to_do():
    counts = {"informative": 1, "constant": 2, "lone": 1, "excluded": 3}
    bad = facts(not_finite=2, anchor__met=0.2, reward__unplaced_max=0.5)
    pair = Pair("grpo", "gigpo", 20, 0.25, None)
    assert sentences(counts, [bad], [pair]) == [
        "3 of 4 groups have no credit under any estimator.",
        "2 of 4 groups have equal outcomes only.",
        "1 of 4 groups has one trajectory only.",
        "3 of 8 trajectories have no outcome and take no part.",
        "grpo gives 2 of 20 turns credit that is not finite.",
        "The rewards of the turns do not sum to the outcome: they differ by up to 0.5.",
        "20% of the turns start from an observation that another turn of the group has.",
        "grpo and gigpo give 25% of the turns credit of opposite signs.",
    ]
    for each in findings({**COUNTS, **counts}, [bad], [pair]):
        assert each.advice.endswith(".")


def texts(number):
    """Every finding on counts of 1 or 2, with its advice."""
    counts = {"informative": 4 - number, "constant": number, "lone": number, "excluded": number}
    bad = facts(not_finite=number, anchor__met=0.2)
    pair = Pair("grpo", "gigpo", number, 1.0, None)
    return [" ".join(each) for each in findings({**COUNTS, **counts}, [bad], [pair])]


def test_one_is_singular_and_two_are_plural():
    one, two = texts(1), texts(2)
    assert one == [
        "1 of 4 groups has no credit under any estimator. It costs sampling and teaches nothing. "
        "`creditlib credit --filter informative` writes groups with credit only.",
        "1 of 4 groups has equal outcomes only. Choose prompts of medium difficulty, use larger "
        "groups, or use rewards of turns.",
        "1 of 4 groups has one trajectory only. Sample several trajectories per prompt, or check "
        "the key of the group.",
        "1 of 8 trajectories has no outcome and takes no part. Find out why there is no outcome. "
        "Failures that are left out make the policy look better than it is.",
        "grpo gives 1 of 20 turns credit that is not finite. Do not train on it: look for NaN or "
        "infinity in rewards, and for a division by 0.",
        "20% of the turns start from an observation that another turn of the group has. Below a "
        "third, credit among equal states is mostly 0. Use a similarity below 1, or remove "
        "counters and times from observations.",
        "grpo and gigpo give the turn credit of opposite signs. Read it: at most one of the two "
        "teaches the right thing there.",
    ]
    changes = [
        ("1 of 4 groups has no", "2 of 4 groups have no"),
        ("It costs sampling and teaches", "They cost sampling and teach"),
        ("1 of 4 groups has", "2 of 4 groups have"),
        (
            "1 of 8 trajectories has no outcome and takes",
            "2 of 8 trajectories have no outcome and take",
        ),
        ("gives 1 of 20", "gives 2 of 20"),
        ("give the turn", "give 100% of the turns"),
        ("Read it", "Read some of these turns"),
    ]
    for old, new in changes:
        one = [text.replace(old, new) for text in one]
    assert one == two
    whole = {"trajectories": 1, "turns": 1, "excluded": 1, "groups": 1, "lone": 1, "informative": 0}
    assert sentences(whole, [facts(not_finite=1, anchor__met=0.0)]) == [
        "1 of 1 group has no credit under any estimator.",
        "1 of 1 group has one trajectory only.",
        "1 of 1 trajectory has no outcome and takes no part.",
        "grpo gives 1 of 1 turn credit that is not finite.",
        "No turn starts from an observation that another turn of the group has.",
    ]


def test_one_group_with_most_of_many_trajectories_is_asked_about():
    asked = ["One group holds 101 of the 201 trajectories."]
    assert sentences({"trajectories": 201, "largest": 101}) == asked
    assert sentences({"trajectories": 201, "largest": 100}) == []
    assert sentences({"trajectories": 200, "largest": 200}) == [], "one prompt, sampled often"


def test_without_outcomes_that_is_all_there_is_to_say():
    told = sentences({"groups": 0, "informative": 0, "excluded": 8})
    assert told == ["No trajectory has an outcome: nothing takes part."]


def test_every_metric_of_diagnose_has_its_meaning():
    turns = torch.ones(2, 2)
    metrics = diagnose(
        turns,
        reward=turns[:, 0],
        group=torch.tensor([0, 0]),
        turn_reward=turns,
        turn_count=torch.tensor([2, 2]),
        anchor=torch.zeros(2, 2, dtype=torch.int64),
    )
    assert all(meaning_of(name).sentence and meaning_of(name).advice for name in metrics)
    assert set(MEANINGS) <= set(metrics)
    assert meaning_of("term/mine").sentence == ""
