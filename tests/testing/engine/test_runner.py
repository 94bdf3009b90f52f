import random

import hypothesis
import numpy as np
import pytest
import torch

from creditlib import rloo
from creditlib.testing.engine.law import law
from creditlib.testing.engine.runner import Report, Verdict, run_law, run_laws, select_laws
from creditlib.testing.laws import LAWS
from creditlib.testing.subject import subject_of
from creditlib.vocabulary import Credit, Group, Reward

RLOO = subject_of("rloo", {})
FEW = select_laws(
    ["order_does_not_matter", "shifting_rewards_changes_nothing", "credit_is_finite"], LAWS
)


def batch_mean(*, reward: Reward, group: Group) -> Credit:
    return reward.detach() - reward.detach().mean()


def told(report):
    """A report without its seconds."""
    return [(v.law.name, v.state, v.examples, v.sentence, v.code) for v in report.verdicts]


def run(function=batch_mean, **more):
    laws = select_laws([*[each.name for each in FEW], "groups_are_independent"], LAWS)
    return run_laws(subject_of(function, {}), laws=laws, skip={}, examples=25, **more)


def rewards_drawn(**more):
    """The rewards of every batch of a run."""
    seen = []

    def watching(*, reward: Reward, group: Group) -> Credit:
        seen.append(reward.tolist())
        return rloo(reward=reward, group=group)

    run_law(LAWS["credit_is_finite"], subject_of(watching, {}), examples=20, **more)
    return seen


def test_two_runs_give_the_same_report_and_the_same_batches():
    assert told(run()) == told(run())
    assert str(run().verdicts[-1].sentence)
    assert str(rewards_drawn()) == str(rewards_drawn())
    assert str(rewards_drawn(seed=5)) == str(rewards_drawn(seed=5))


def test_another_seed_draws_other_batches():
    assert len({str(rewards_drawn(seed=seed)) for seed in (None, 1, 2)}) == 3


def test_global_generators_are_left_alone():
    def states():
        return torch.rand(2).tolist(), random.random(), np.random.rand()  # noqa: NPY002

    def seeded():
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002

    seeded()
    expected = states()
    seeded()
    run()
    assert states() == expected


def test_a_users_profile_of_hypothesis_changes_no_verdict():
    expected = told(run())
    before = hypothesis.settings.get_current_profile_name()
    hypothesis.settings.register_profile(
        "theirs", max_examples=1, phases=[], derandomize=True, print_blob=True
    )
    try:
        hypothesis.settings.load_profile("theirs")
        assert told(run()) == expected
    finally:
        hypothesis.settings.load_profile(before)


def test_a_verdict_is_one_of_six():
    @law(needs=("anchor",))
    def of_anchors(trial):
        """Nothing."""

    @law()
    def never(trial):
        """Nothing is ever drawn."""
        hypothesis.reject()

    @law(kind="some", finish=lambda subject, seen, examples: "not seen", minimum=31)
    def rare(trial):
        """Never seen."""
        trial.batch()

    laws = [*FEW, LAWS["groups_are_independent"], of_anchors, never, rare]
    skip = {"credit_is_finite": "why not"}
    verdicts = run_laws(subject_of(batch_mean, {}), laws=laws, skip=skip, examples=30).verdicts
    assert [verdict.state for verdict in verdicts] == [
        "kept",
        "kept",
        "by design",
        "broken",
        "not applicable",
        "untried",
        "undecided",
    ]
    assert verdicts[2].reason == "why not"
    assert verdicts[-2].sentence == "no batch drawn fits the law"
    assert (verdicts[0].examples, verdicts[-2].examples, verdicts[-1].examples) == (30, 0, 30)
    assert verdicts[-1].sentence == "not seen; this law needs 31 batches for a verdict"


def test_before_a_rare_thing_is_denied_many_further_batches_are_drawn():
    """One batch in 64 shows it: 60 batches may miss it."""

    def finish(subject, seen, examples):
        return "" if "it" in seen else f"not seen in {examples} batches"

    @law(kind="some", finish=finish, minimum=60)
    def rare(trial):
        trial.batch()
        if trial.draws.integer(0, 63) == 37:
            trial.has_effect("it")

    @law(kind="some", finish=finish, minimum=60)
    def never(trial):
        """Never seen."""
        trial.batch()

    assert {run_law(rare, RLOO, examples=60, seed=seed).state for seed in range(3)} == {"kept"}
    verdict = run_law(never, RLOO, examples=60)
    assert (verdict.state, verdict.examples) == ("broken", 300)
    assert verdict.sentence == "not seen in 300 batches"


@pytest.mark.parametrize("examples", [5, 40])
def test_batches_are_counted_up_to_the_one_that_breaks_the_law(examples):
    """The batches that only shrink a counterexample are not counted."""
    for name in ("groups_are_independent", "credit_is_finite"):
        verdict = run_law(LAWS[name], subject_of(batch_mean, {}), examples=examples)
        assert 1 <= verdict.examples <= examples


def test_a_report_says_what_is_broken_or_how_much_is_kept():
    kept = run_laws(RLOO, laws=FEW, skip={}, examples=5)
    assert str(kept) == "rloo keeps 3 laws"
    assert kept.broken == []
    broken = Report(
        "mine", (Verdict(FEW[0], "broken", 3, 0.1, "it depends", "x = 1\nmine(x)"), *kept.verdicts)
    )
    assert str(broken) == (
        "mine breaks 1 of 4 laws\n\norder_does_not_matter: it depends\n    x = 1\n    mine(x)"
    )


def test_without_seconds_left_every_law_still_gets_a_batch():
    report = run_laws(RLOO, laws=list(LAWS.values()), skip={}, examples=50, seconds=0)
    tried = report.of("kept")
    assert len(tried) > 20
    assert all(verdict.examples >= 1 for verdict in tried)
    assert all(verdict.examples < 50 for verdict in tried if verdict.law.kind == "each")


def test_watch_is_called_with_each_law_before_it_runs():
    names = []
    run_laws(RLOO, laws=FEW, skip={}, examples=1, watch=lambda each: names.append(each.name))
    assert names == [each.name for each in FEW]


def test_a_counterexample_that_is_not_shrunk_is_one_too():
    every = LAWS["groups_are_independent"]
    small, first = (
        run_law(every, subject_of(batch_mean, {}), shrink=each) for each in (True, False)
    )
    assert small.sentence == first.sentence
    assert len(small.code) <= len(first.code)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_breaks_only_sometimes_is_reported(seed):
    source = random.Random(seed)

    def noisy(*, reward: Reward, group: Group) -> Credit:
        return rloo(reward=reward, group=group) + source.choice((0.0, 1.0))

    for name in ("order_does_not_matter", "the_same_batch_gets_the_same_credit"):
        verdict = run_law(LAWS[name], subject_of(noisy, {}), seed=seed)
        assert verdict.state == "broken"
        assert verdict.sentence in (
            "credit depends on the order of rows",
            "a second call with the same batch gave other numbers",
            "the same batch gave different credit when it was tried again",
        )


def test_names_of_laws_are_chosen_in_their_order_and_unknown_ones_refused(refusal):
    assert [each.name for each in select_laws(["credit_is_finite"], LAWS)] == ["credit_is_finite"]
    assert select_laws(None, LAWS) == list(LAWS.values())
    assert select_laws([FEW[0]], {}) == [FEW[0]]
    assert refusal(select_laws, ["no_law"], LAWS) == (
        "check_estimator: `laws` must be names of laws, or laws made with `creditlib.testing.law`, "
        "got 'no_law'."
    )
    assert refusal(select_laws, ["order_does_not_mater"], LAWS).endswith(
        "got 'order_does_not_mater' (did you mean 'order_does_not_matter'?)."
    )
