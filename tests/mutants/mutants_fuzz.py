"""Faults that random batches against exact numbers find (tests/fuzz)."""

from mutants.mutants_machine import Mutant, by_hand


def fuzz(function: str) -> str:
    """The killer that compares a function with exact fractions."""
    return by_hand("fuzz/test_fuzz.py", f"test_numbers_are_exact[{function}]")


MUTANTS = [
    Mutant(
        "the deviation has the other ddof",
        "ops/groups/reference.py",
        "group_count(index, where).to(gap.dtype) - ddof",
        "group_count(index, where).to(gap.dtype) - (1 - ddof)",
        "grpo",
        fuzz("grpo"),
    ),
    Mutant(
        "the mean of a group counts one member more",
        "ops/groups/reference.py",
        "shifted - value_sum / weight_sum",
        "shifted - value_sum / (weight_sum + 1)",
        "rloo",
        fuzz("rloo"),
    ),
    Mutant(
        "a trajectory without tokens counts as one token",
        "estimators/trajectory/opo.py",
        "weight=length, lone=lone",
        "weight=length.clamp(min=1), lone=lone",
        "opo",
        fuzz("opo"),
    ),
    Mutant(
        "rewards below 0 are divided by their deviation",
        "estimators/trajectory/maxrl.py",
        'scale="mean", eps=eps',
        'scale="mean" if bool((reward >= 0).all()) else "std", eps=eps',
        "maxrl",
        fuzz("maxrl"),
    ),
    Mutant(
        "a row without a score weighs in the whitening",
        "estimators/trajectory/gdpo.py",
        "    weight = torch.where(scored.any(1), weight, torch.zeros_like(weight))\n",
        "",
        "gdpo",
        fuzz("gdpo"),
    ),
    Mutant(
        "the whitening divides by the total weight, without the one",
        "ops/whiten/reference.py",
        "square / (mass - 1)",
        "square / mass",
        "whiten",
        fuzz("whiten"),
    ),
    Mutant(
        "a gain at the last turn enters the pool",
        "estimators/turn/igpo.py",
        "gains = valid_turns(turn_count - 1, turns, valid)",
        "gains = valid_turns(turn_count, turns, valid)",
        "igpo",
        fuzz("igpo"),
    ),
    Mutant(
        "the gains of a turn are divided by the root of one turn more",
        "estimators/turn/a2tgpo.py",
        "left = (turn_count[:, None] - 1 - position)",
        "left = (turn_count[:, None] - position)",
        "a2tgpo",
        fuzz("a2tgpo"),
    ),
    Mutant(
        "an anchor of 0 is no anchor",
        "estimators/turn/gigpo.py",
        "met = where & (anchor >= 0)",
        "met = where & (anchor > 0)",
        "gigpo",
        fuzz("gigpo"),
    ),
    Mutant(
        "a trajectory whose steps add up to 0 is no peer",
        "ops/min_form/reference.py",
        "groups.relative(rate, (group,), rows, center=",
        "groups.relative(rate, (group,), rows & (rate != 0), center=",
        "pure",
        fuzz("pure"),
    ),
    Mutant(
        "the cap is a number of seconds",
        "algebra/peers.py",
        "torch.minimum(value, cap * (value - gap))",
        "torch.minimum(value, cap + 0 * (value - gap))",
        "duration_weight",
        fuzz("duration_weight"),
    ),
    Mutant(
        "the median deviation is a standard deviation",
        "estimators/turn/grpo_process.py",
        '{"scale": scale, "ddof"',
        '{"scale": "std" if scale == "mad" else scale, "ddof"',
        "grpo_process",
        fuzz("grpo_process"),
    ),
    Mutant(
        "a reward on an absent token counts",
        "ops/returns/reference.py",
        "counts = counts & (present | gaps.where)",
        "counts = counts & (present | gaps.where | (gaps.previous >= 0))",
        "discounted_return",
        fuzz("discounted_return"),
    ),
    Mutant(
        "the bootstrap is that of the row before",
        "ops/returns/reference.py",
        "each = bootstrap.to(value.dtype)",
        "each = bootstrap.to(value.dtype).roll(1)",
        "gae",
        fuzz("gae"),
    ),
    Mutant(
        "tokens that nobody wrote enter the whitening of returns",
        "ops/returns/reference.py",
        "standardize(plain, turn >= 0, eps, first)",
        "standardize(plain, turn >= -1, eps, first)",
        "reinforce_plus_plus",
        fuzz("reinforce_plus_plus"),
    ),
    Mutant(
        "the weight of an unwritten token is kept",
        "ops/tokens/reference.py",
        "result.mul_(weight.to(result.dtype)).masked_fill_(turn < 0, 0)",
        "result.mul_(weight.to(result.dtype))",
        "to_tokens",
        fuzz("to_tokens"),
    ),
    Mutant(
        "sums of turns overflow in the dtype of their values",
        "ops/tokens/reference.py",
        "kept = torch.where(where, wide(x), torch.zeros_like(wide(x)))",
        "kept = torch.where(where, wide(x + x) / 2, torch.zeros_like(wide(x)))",
        "turn_sum",
        fuzz("turn_sum"),
    ),
]
