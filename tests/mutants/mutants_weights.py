"""Faults of weights."""

from mutants.mutants_machine import Mutant, by_hand, core

MUTANTS = [
    Mutant(
        "weights are not normalised",
        "weighting/duration.py",
        "ratio = torch.where(mean > 0, x / mean, torch.ones_like(x))",
        "ratio = x",
        "duration_weight",
        "weights_keep_the_total",
    ),
    Mutant(
        "the cap comes after the mean",
        "weighting/duration.py",
        "        x = torch.minimum(x, cap * groups.group_mean(x, index, real))\n",
        "        weight = mean_one(x, index, real).clamp(max=cap)\n"
        "        return narrow(weight.view(duration.shape), duration)\n",
        "duration_weight",
        "weights_keep_the_total",
        {"cap": 0.8},
    ),
    Mutant(
        "slow turns count less",
        "weighting/duration.py",
        "x = wide(duration).reshape(-1)",
        "x = 1 / wide(duration).reshape(-1)",
        "duration_weight",
        core("duration_weights"),
    ),
    Mutant(
        "weights are centred on 0",
        "weighting/duration.py",
        "ratio = torch.where(mean > 0, x / mean, torch.ones_like(x))",
        "ratio = x - mean",
        "duration_weight",
        "weights_are_not_negative",
    ),
    Mutant(
        "weights are multiplied along the trajectory",
        "weighting/duration.py",
        "return narrow(mean_one(x, index, real).view(duration.shape), duration)",
        "return narrow(mean_one(x, index, real).view(duration.shape).cumprod(1), duration)",
        "duration_weight",
        "weights_keep_the_total",
    ),
    Mutant(
        "equal turns weigh a little less than 1",
        "weighting/duration.py",
        "torch.where(mean > 0, x / mean, torch.ones_like(x))",
        "torch.where(mean > 0, x / (mean + 1e-6), torch.ones_like(x))",
        "duration_weight",
        "equal_turns_weigh_one",
    ),
    Mutant(
        "what never finished weighs without bound",
        "weighting/completion.py",
        "x = torch.where(done > 0, begun / torch.where(done > 0, done, torch.ones_like(done)), 0)",
        "x = begun / done",
        "completion_weight",
        by_hand("weighting/test_completion.py", "test_a_kind_that_never_finished_weighs_nothing"),
    ),
    Mutant(
        "the completion rate itself is the weight",
        "weighting/completion.py",
        "begun, done = wide(started).reshape(-1), wide(finished).reshape(-1)",
        "begun, done = wide(finished).reshape(-1), wide(started).reshape(-1)",
        "completion_weight",
        by_hand("weighting/test_completion.py"),
    ),
    Mutant(
        "no cap is put on rates",
        "weighting/completion.py",
        "x = torch.minimum(x, cap * groups.group_mean(x, index, real))",
        "pass",
        "completion_weight",
        "every_argument_is_heard",
    ),
    Mutant(
        "the effective sample size counts padding",
        "weighting/sample_size.py",
        "ratio = steady_sum(x, count).square() /",
        "ratio = x.numel() * steady_sum(x, count) /",
        "effective_sample_size",
        by_hand("weighting/test_sample_size.py"),
    ),
]
