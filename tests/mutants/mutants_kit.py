"""Faults of the testing kit and of the command line: verdicts, printed lines, the import path."""

from mutants.mutants_machine import Mutant, by_hand

RUNNER = "testing/engine/test_runner.py"
CHECK = "testing/test_check.py"
LITERALS = "testing/engine/test_literals.py"

MUTANTS = [
    Mutant(
        "too few batches break a law",
        "testing/engine/runner.py",
        "        if self.done < law.minimum:\n",
        "        if self.done < 0:\n",
        "duration_weight",
        by_hand(CHECK, "test_too_few_examples_are_undecided"),
    ),
    Mutant(
        "what a few batches do not show is denied",
        "testing/engine/runner.py",
        "            self.sample(_FURTHER, seed)\n",
        "            self.sample(0, seed)\n",
        "rloo",
        by_hand(RUNNER, "test_before_a_rare_thing_is_denied_many_further_batches_are_drawn"),
    ),
    Mutant(
        "batches that shrink a counterexample are counted",
        "testing/engine/runner.py",
        "        if not self.failing:  # later examples only shrink the counterexample\n",
        "        if self.done >= 0:\n",
        "rloo",
        by_hand(RUNNER, "test_batches_are_counted_up_to_the_one_that_breaks_the_law"),
    ),
    Mutant(
        "each law that a NaN breaks is reported",
        "testing/engine/trial.py",
        'because or (NOT_FINITE if any(call.makes_nan() for call in calls) else "")',
        "because",
        "rloo",
        by_hand(CHECK, "test_one_nan_is_one_report"),
    ),
    Mutant(
        "a NaN hides a second fault",
        "testing/engine/runner.py",
        'found.append(again if again.state == "broken" and not again.because else verdict)',
        "found.append(verdict)",
        "rloo",
        by_hand(CHECK, "test_a_fault_behind_a_nan_is_found"),
    ),
    Mutant(
        "a property that does not hold is a fault",
        "testing/engine/verdicts.py",
        "return TIERS.index(verdict.law.tier) <= TIERS.index(self.strict)",
        "return True",
        "rloo",
        by_hand("testing/engine/test_verdicts.py", "test_strict_decides_what_is_a_fault"),
    ),
    Mutant(
        "a pasted tensor requires no gradient",
        "testing/engine/literals.py",
        '        more += ", requires_grad=True"\n',
        '        more += ""\n',
        "rloo",
        by_hand(LITERALS, "test_a_pasted_tensor_is_the_tensor"),
    ),
    Mutant(
        "a pasted tensor is contiguous",
        "testing/engine/literals.py",
        "    if not mine.clone().is_contiguous():",
        "    if mine is None:",
        "rloo",
        by_hand(LITERALS, "test_a_pasted_tensor_is_the_tensor"),
    ),
    Mutant(
        "a printed result does not say its dtype",
        "testing/engine/literals.py",
        'more = "" if x.dtype == torch.float32 else f", {x.dtype}"',
        'more = ""',
        "rloo",
        by_hand(LITERALS, "test_a_result_says_what_is_unusual"),
    ),
    Mutant(
        "an unknown option is left to the laws",
        "testing/option_names.py",
        "        if not (free or known or name in parameters):\n",
        "        if not known and free:\n",
        "grpo",
        by_hand("testing/test_option_names.py", "test_an_unknown_option_is_refused"),
    ),
    Mutant(
        "the current folder comes first",
        "cli/named_modules.py",
        "    sys.path.append(entry)\n",
        "    sys.path.insert(0, entry)\n",
        "grpo",
        by_hand("cli/test_cli_named_modules.py", "test_a_folder_is_last_and_gone_afterwards"),
    ),
    Mutant(
        "the current folder stays on the path",
        "cli/named_modules.py",
        "            sys.path.remove(entry)\n",
        "            pass\n",
        "grpo",
        by_hand("cli/test_cli_named_modules.py", "test_a_folder_is_last_and_gone_afterwards"),
    ),
    Mutant(
        "every `python -m` is taken for ours",
        "start.py",
        '    return name == "creditlib" or (',
        '    return name != "" or (',
        "grpo",
        by_hand("test_start.py", "test_the_command_is_told_from_other_programs"),
    ),
]
