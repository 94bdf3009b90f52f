"""Faults of the exact tier and of the facts: what is 0, what moves, what is counted."""

from mutants.mutants_machine import Mutant, by_hand

EXACT = "audit/test_expected_gradient.py"
FACTS = "audit/test_fact_sheet.py"
INVARIANCES = "audit/test_invariances.py"
COSTS = "audit/test_costs.py"

MUTANTS = [
    Mutant(
        "a cosine of rounding is told",
        "audit/expected_gradient.py",
        "_ROUNDING * float(self._weighted(credit).abs().sum())",
        "0.0 * float(self._weighted(credit).abs().sum())",
        "rloo",
        by_hand(EXACT, "test_a_constant_credit_leaves_rounding_and_no_cosine"),
    ),
    Mutant(
        "every group counts the same",
        "audit/expected_gradient.py",
        "return turns * (self.probability / of.size)[:, None]",
        "return turns * (self.probability.mean() / of.size)",
        "rloo",
        by_hand(EXACT, "test_one_turn_by_hand"),
    ),
    Mutant(
        "the SNR is that of a group",
        "audit/fact_sheet.py",
        "return power / noise / n",
        "return power / noise",
        "rloo",
        by_hand(FACTS, "test_one_more_rollout_by_hand"),
    ),
    Mutant(
        "what is refused is not heard",
        "audit/fact_sheet.py",
        "    except ValueError:\n        return True",
        "    except ValueError:\n        return False",
        "rloo",
        by_hand(FACTS, "test_a_refusal_is_heard"),
    ),
    Mutant(
        "no group gets other rows",
        "audit/invariances.py",
        "    order[:size] = order[-size:]\n",
        "    order[:size] = order[:size]\n",
        "rloo",
        by_hand(INVARIANCES, "test_no_and_yes[groups_alone]"),
    ),
    Mutant(
        "what is nearly 0 is 0 in a constant group",
        "audit/invariances.py",
        "cast(batch, dtype)).credit == 0).all())",
        "cast(batch, dtype)).credit.abs() < 2).all())",
        "rloo",
        by_hand(INVARIANCES, "test_no_and_yes[constant_groups]"),
    ),
    Mutant(
        "rollouts of each turn are counted once",
        "audit/costs.py",
        "each * (turns if source.per",
        "each * (1.0 if source.per",
        "rloo",
        by_hand(COSTS, "test_calls_of_every_turn"),
    ),
]
