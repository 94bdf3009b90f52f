"""Faults of weights by entropy, success, length and score direction, and of their recipes."""

from mutants.mutants_machine import Mutant, by_hand

ENTROPY = "weighting/test_entropy.py"
SUCCESS = "weighting/test_success.py"
GATE = "weighting/test_length_gate.py"
DELTA = "weighting/test_delta.py"
MARGIN = "ops/margin/test_margin.py"
RECIPES = "recipes/test_recipes_of_weights.py"

MUTANTS = [
    Mutant(
        "uncertain turns count more",
        "weighting/entropy.py",
        "torch.exp(-strength * place)",
        "torch.exp(strength * place)",
        "entropy_weight",
        by_hand(ENTROPY),
    ),
    Mutant(
        "entropies keep their unit",
        "weighting/entropy.py",
        "(x - lowest.view_as(x)) / gap, 0.0)",
        "x, 0.0)",
        "entropy_weight",
        by_hand(ENTROPY),
    ),
    Mutant(
        "entropies of other groups are compared",
        "weighting/entropy.py",
        "flat = [key[:, None].expand_as(x).flatten() for key in keys]",
        "flat = [torch.zeros_like(x, dtype=torch.int64).flatten() for _ in keys]",
        "entropy_weight",
        by_hand(ENTROPY),
    ),
    Mutant(
        "entropy weights are not conserved",
        "weighting/entropy.py",
        "return conserved(torch.exp(-strength * place), *keys, where=where, backend=backend)",
        "return torch.where(where, torch.exp(-strength * place), 0.0)",
        "entropy_weight",
        "weights_keep_the_total",
    ),
    Mutant(
        "a group counts as often as it has rows",
        "weighting/success.py",
        "relative(share, where=where, weight=1 / count, backend=backend)",
        "relative(share, where=where, backend=backend)",
        "grae_weight",
        by_hand(SUCCESS),
    ),
    Mutant(
        "a group without success is divided by eps",
        "weighting/success.py",
        "easy = torch.where(share > 0, batch / (root + eps), 0.0)",
        "easy = batch / (root + eps)",
        "grae_weight",
        by_hand(SUCCESS, "test_no_weight_is_far_from_one_whatever_a_reward_adds"),
    ),
    Mutant(
        "negative credit is damped too",
        "weighting/success.py",
        "damped = torch.where(credit > 0,",
        "damped = torch.where(credit != 0,",
        "grae_weight",
        by_hand(SUCCESS),
    ),
    Mutant(
        "the rate itself stands for its root",
        "weighting/success.py",
        "share.clamp(0.0, 1.0).sqrt()",
        "share.clamp(0.0, 1.0)",
        "grae_weight",
        by_hand(SUCCESS),
    ),
    Mutant(
        "the mean wrong answer counts rows that were cut off",
        "weighting/length_gate.py",
        "        wrong = wrong & ~truncated\n",
        "        wrong = wrong & (wrong | truncated)\n",
        "length_gate",
        by_hand(GATE),
    ),
    Mutant(
        "an equal length is longer",
        "weighting/length_gate.py",
        "full = longest > mean",
        "full = longest >= mean",
        "length_gate",
        by_hand(GATE),
    ),
    Mutant(
        "both forms of a missing side are one",
        "weighting/length_gate.py",
        '-torch.inf if unsolved == "weight" else torch.inf)',
        "-torch.inf)",
        "length_gate",
        by_hand(GATE, "test_where_one_side_is_missing_the_forms_of_the_authors_differ"),
    ),
    Mutant(
        "the spread is taken after the centroids moved",
        "ops/margin/reference.py",
        "        if left:  # the next pass",
        "        if left >= 0:  # the next pass",
        "delta_weight",
        by_hand(DELTA),
    ),
    Mutant(
        "a token is compared with its own side only",
        "ops/margin/reference.py",
        "    return found.mul_(1 - 2 * rows.side)\n",
        "    return found\n",
        "delta_weight",
        by_hand(DELTA),
    ),
    Mutant(
        "the score of a token does not fall with its probability",
        "weighting/delta.py",
        "scale = 1 - torch.exp(torch.where(where, wide(log_prob), 0.0))",
        "scale = torch.ones_like(mass)",
        "delta_weight",
        by_hand("seeds/test_seed_delta.py", "test_the_authors_numbers"),
    ),
    Mutant(
        "what the policy did not write is read",
        "ops/margin/reference.py",
        "            yield own.masked_fill_(~taken[:, None], 0.0)\n",
        "            yield own\n",
        "delta_weight",
        by_hand(MARGIN, "test_rows_on_no_side_change_no_bit"),
    ),
    Mutant(
        "the mean weight is that of all tokens and not of the written ones",
        "weighting/delta.py",
        "if conserve is None else conserved(x, where=where)",
        "if conserve is None else torch.where(where, x / x.mean(), 0.0)",
        "delta_weight",
        by_hand(DELTA),
    ),
    Mutant(
        "turns of failures are members of the mean",
        "recipes/weights/habc.py",
        'conserved(x, where=where, among="nonzero")',
        "conserved(x, where=where)",
        "habc_weight",
        by_hand(RECIPES, "test_habc"),
    ),
    Mutant(
        "demonstrations of failed rows are lost",
        "recipes/weights/habc.py",
        "torch.where(demonstrated, 1.0, x), 0.0)",
        "torch.where(demonstrated & solved[:, None], 1.0, x), 0.0)",
        "habc_weight",
        by_hand(RECIPES, "test_habc"),
    ),
    Mutant(
        "an order of joining is drawn like any integers",
        "testing/generate/random_arguments.py",
        "    return torch.where(real[:, None], order, -1)\n",
        "    return torch.where(real[:, None], order, 0)\n",
        "shapley",
        by_hand(
            "testing/generate/test_random_arguments.py",
            "test_each_order_names_every_turn_once_and_its_values_are_one_more",
        ),
    ),
    Mutant(
        "ids of tree nodes are changed one by one",
        "testing/generate/transforms.py",
        "    if name in _IDS:\n",
        '    if name == "group":\n',
        "gigpo",
        by_hand(
            "testing/generate/test_transforms.py",
            "test_a_perturbed_tensor_is_another_one_of_the_same_kind_and_range",
        ),
    ),
]
